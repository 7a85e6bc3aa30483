"""``trialalerts report``: what happened in the last days."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trialalerts.cli.context import Context

__all__ = ["EPILOG", "command"]

EPILOG = "Examples: trialalerts report --days 30; trialalerts report --html report.html; trialalerts report --by source"


def command(
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far to look back.")] = 7,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", metavar="FILE")] = None,
    by: Annotated[
        str | None, typer.Option(help="Count people by: area, region, language, source.", metavar="WHAT")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count, and print or write the report; with --by, how many people are written to, in groups of at least ten."""
    from dataclasses import asdict

    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json, show_table, write_file
    from trialalerts.operations.counting.report import as_html, make_report

    ctx = open_context()
    if by is not None:
        _show_shares(ctx, by, as_json=as_json)
        return
    with ctx.db.read() as session:
        report = make_report(session, now=ctx.clock.now(), days=days)
    if html is not None:
        write_file(html, as_html(report))
        show(f"{html}: written")
    elif as_json:
        show_json(asdict(report))
    else:
        show_table(("section", "what", "figure"), report.rows(), title=f"The last {days} days")


def _show_shares(ctx: Context, by: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.operations.counting.shares import FEWEST, ShareBy, count_shares
    from trialalerts.subscribers.choices import one_of

    what = ShareBy(one_of(by, [each.value for each in ShareBy], "way to count people"))
    with ctx.db.read() as session:
        shares = count_shares(session, what)
    if as_json:
        show_json(asdict(shares))
        return
    show_table(
        (what.value, "people"), [(group.what, group.people) for group in shares.groups], title=f"By {what.value}"
    )
    show(f"{shares.people} people are written to; {shares.smaller} groups of fewer than {FEWEST} are not named")
