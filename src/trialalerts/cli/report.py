"""``trialalerts report``: what happened in the last days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["EPILOG", "command"]

EPILOG = "Examples: trialalerts report --days 30; trialalerts report --html report.html"


def command(
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far to look back.")] = 7,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count, and print or write the report."""
    from dataclasses import asdict

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table, write_file
    from trialalerts.operations.report import as_html, make_report

    ctx = open_context()
    with ctx.db.read() as session:
        report = make_report(session, now=ctx.clock.now(), days=days)
    if html is not None:
        write_file(html, as_html(report))
        show(f"{html}: written")
    elif as_json:
        show_json(asdict(report))
    else:
        show_table(("section", "what", "figure"), report.rows(), title=f"The last {days} days")
