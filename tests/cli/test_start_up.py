"""Commands load only what they need: start-up time is a promise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from tests.installation import Installation

_PROGRAM = """
import sys
for words in {commands}:
    sys.argv[1:] = words
    from trialalerts.cli.main import main
    try: main()
    except SystemExit as ended:
        if ended.code == 2: raise
print([name for name in {names} if name in sys.modules], file=sys.stderr)
"""


def _loaded(installation: Installation, commands: Sequence[list[str]], names: list[str]) -> list[str]:
    """Return which of these modules are loaded when these commands have run, in a process of their own."""
    program = _PROGRAM.format(commands=commands, names=names)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=installation.folder, capture_output=True, text=True, check=True
    )
    told: list[str] = eval(done.stderr.splitlines()[-1])  # noqa: S307 - our own words
    return told


def test_a_list_of_people_loads_nothing_for_numbers_requests_mails_and_the_log(installation: Installation) -> None:
    commands = [
        ["subscribers", "list"],
        ["subscribers", "list", "--search", "anna", "--count"],
        ["subscribers", "list", "--area", "MS"],
    ]
    assert _loaded(installation, commands, ["numpy", "alembic", "httpx", "jinja2", "structlog"]) == []


def test_a_round_loads_no_mailbox_that_nobody_has_and_no_librarys_own_command_line_or_printer(
    installation: Installation,
) -> None:
    names = ["sqlmodel", "imapclient", "httpx", "structlog", "rich", "click", "pygments"]
    assert _loaded(installation, [["run", "--once", "--no-poll"]], names) == ["sqlmodel", "httpx", "structlog"]


def test_the_doctor_loads_what_renders_mails_only_for_templates_of_ones_own(installation: Installation) -> None:
    assert _loaded(installation, [["doctor"]], ["sqlmodel", "jinja2", "css_inline"]) == ["sqlmodel"]
