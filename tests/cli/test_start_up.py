"""Commands load only what they need: start-up time is a promise."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.installation import Installation

_NEEDS = "import sys; sys.argv[1:] = {words}; from trialalerts.cli.main import main\n"
_THEN = (
    "try: main()\nexcept SystemExit: pass\nprint([name for name in {names} if name in sys.modules], file=sys.stderr)"
)


def _loaded(installation: Installation, words: list[str], names: list[str]) -> list[str]:
    """Return which of these modules a command has loaded, in a process of its own."""
    program = _NEEDS.format(words=words) + _THEN.format(names=names)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=installation.folder, capture_output=True, text=True, check=True
    )
    told: list[str] = eval(done.stderr.splitlines()[-1])  # noqa: S307 - our own words
    return told


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["subscribers", "list"], []),
        (["subscribers", "list", "--search", "anna", "--count"], []),
        (["subscribers", "list", "--area", "MS"], ["numpy"]),
    ],
    ids=lambda value: " ".join(value) or "nothing",
)
def test_a_list_of_people_loads_numbers_and_trials_only_where_they_are_asked_for(
    installation: Installation, words: list[str], needed: list[str]
) -> None:
    assert _loaded(installation, words, ["numpy", "alembic", "httpx", "jinja2"]) == needed


def test_a_mailbox_that_nobody_has_costs_nothing(installation: Installation) -> None:
    assert _loaded(installation, ["run", "--once", "--no-poll"], ["sqlmodel", "imapclient"]) == ["sqlmodel"]
