"""``trialalerts doctor``: what is wrong, why it matters, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialalerts.operations.checks import DoctorCheck

__all__ = ["EPILOG", "command"]

EPILOG = (
    "Examples: trialalerts doctor; trialalerts doctor --send-to me@example.org. It ends with 1 where something is "
    "broken, so that a monitor can call it."
)


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    send_to: Annotated[
        str | None, typer.Option(help="Send a real mail to this address, too.", metavar="ADDRESS")
    ] = None,
) -> None:
    """Examine everything and print what was found, the worst first, why it matters, and what mends it.

    Transports, the web address and the records of the mail domains in the DNS are asked, for three seconds in all.
    """
    from dataclasses import asdict

    from trialalerts.cli.output import is_terminal, show_json, show_table

    found = _found(send_to)
    if as_json:
        show_json([asdict(check) for check in found])
    elif is_terminal():
        _show_to_people(found)
    else:
        rows = [(check.level, check.what, check.remedy, check.why) for check in found]
        show_table(("", "found", "remedy", "why it matters"), rows)
    raise typer.Exit(1 if any(check.level == "broken" for check in found) else 0)


def _found(send_to: str | None) -> list[DoctorCheck]:
    from trialalerts.cli.context import open_context, settings_of
    from trialalerts.errors import DatabaseBehind, DatabaseTooNew, DatabaseUnavailable, DatabaseUnusable
    from trialalerts.operations.doctor import examine, examine_without_database
    from trialalerts.operations.trial_mail import send_test_mail
    from trialalerts.subscribers.addresses import checked_address

    address = checked_address(send_to) if send_to is not None else None
    try:
        ctx = open_context()
        sent = [] if address is None else [send_test_mail(ctx.settings, ctx.db, address, now=ctx.clock.now())]
        return [*sent, *examine(ctx.settings, ctx.db, ctx.clock)]
    except (DatabaseBehind, DatabaseTooNew, DatabaseUnavailable, DatabaseUnusable) as error:
        return examine_without_database(settings_of(), error)


def _show_to_people(found: Sequence[DoctorCheck]) -> None:
    """Print each thing as a short paragraph: four columns would be too narrow to read.

    Long lines are left to the terminal, so that a record can be copied whole.
    """
    from rich.console import Console
    from rich.text import Text

    console, styles = Console(highlight=False), {"broken": "bold red", "look": "bold yellow", "good": "green"}
    for check in found:
        console.print(Text.assemble((f"{check.level:<7}", styles[check.level]), check.what), soft_wrap=True)
        for sign, words in (("why: ", check.why), ("→ ", check.remedy)):
            if words:
                console.print(Text(f"       {sign}{words}"), soft_wrap=True)
