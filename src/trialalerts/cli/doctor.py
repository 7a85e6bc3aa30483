"""``trialalerts doctor``: what is wrong, and what mends it."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["EPILOG", "command"]

EPILOG = "Example: trialalerts doctor. It ends with 1 where something is broken, so that a monitor can call it."


def command(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Examine everything and print what was found, the worst first."""
    from dataclasses import asdict

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.operations.doctor import examine

    ctx = open_context()
    found = examine(ctx.settings, ctx.db, ctx.clock)
    if as_json:
        show_json([asdict(check) for check in found])
    else:
        show_table(("", "found", "remedy"), [(check.level, check.what, check.remedy) for check in found])
    raise typer.Exit(1 if any(check.level == "broken" for check in found) else 0)
