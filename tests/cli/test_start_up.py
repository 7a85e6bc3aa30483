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
    "words",
    [
        ["subscribers", "list"],
        ["subscribers", "list", "--search", "anna", "--count"],
        ["subscribers", "list", "--area", "MS"],
    ],
    ids=" ".join,
)
def test_a_list_of_people_loads_nothing_for_numbers_requests_mails_and_the_log(
    installation: Installation, words: list[str]
) -> None:
    assert _loaded(installation, words, ["numpy", "alembic", "httpx", "jinja2", "structlog"]) == []


def test_a_mailbox_that_nobody_has_costs_nothing(installation: Installation) -> None:
    assert _loaded(installation, ["run", "--once", "--no-poll"], ["sqlmodel", "imapclient"]) == ["sqlmodel"]


def test_libraries_come_without_their_own_command_lines_and_printers(installation: Installation) -> None:
    names = ["httpx", "structlog", "rich", "click", "pygments"]
    assert _loaded(installation, ["run", "--once", "--no-poll"], names) == ["httpx", "structlog"]


def test_the_doctor_loads_what_renders_mails_only_for_templates_of_ones_own(installation: Installation) -> None:
    assert _loaded(installation, ["doctor"], ["sqlmodel", "jinja2", "css_inline"]) == ["sqlmodel"]
