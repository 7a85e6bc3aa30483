"""Owns the commands on regions: search."""

from __future__ import annotations

from typing import Annotated

import typer

from trialalerts.cli.context import open_context
from trialalerts.cli.output import show_json, show_table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Places that a preference can follow: search.")


@app.callback()
def regions() -> None:
    """Look for the places that a preference can follow."""


@app.command(epilog="Example: trialalerts regions search 'leeds, gb'")
def search(
    text: Annotated[str, typer.Argument(help="A town, a subdivision or a country, or its beginning.", metavar="TEXT")],
    *,
    limit: Annotated[int, typer.Option(help="The most places to list.", min=1, max=1000)] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the places that TEXT may mean, the likeliest first; every label can be used as --region."""
    from trialalerts.vocabulary.regions import search_places

    with open_context().db.read() as session:
        hits = search_places(session, text, limit=limit)
    rows = [
        {
            "label": hit.label,
            "kind": hit.place.kind.value,
            "country": hit.place.country,
            "subdivision": hit.place.id if hit.place.kind.value == "subdivision" else hit.place.subdivision,
            "population": hit.place.population,
        }
        for hit in hits
    ]
    if json:
        show_json(rows)
        return
    show_table(("label", "kind", "country", "subdivision", "population"), [tuple(row.values()) for row in rows])
