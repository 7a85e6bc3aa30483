"""The commands on regions: search, import."""

from __future__ import annotations

from typing import Annotated

import typer

from trialalerts.cli.context import open_context
from trialalerts.cli.output import show, show_json, show_table
from trialalerts.plurals import counted

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Places that a preference can follow: search, import."
)


@app.command(epilog="Example: trialalerts regions search 'leeds, gb'")
def search(
    text: Annotated[
        str, typer.Argument(help="A town, a subdivision, a country, a postcode, or its beginning.", metavar="TEXT")
    ],
    *,
    limit: Annotated[int, typer.Option(help="The most places to list.", min=1, max=1000)] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the places that TEXT may mean, the likeliest first; every label can be used as --region."""
    from trialalerts.vocabulary.places.regions import search_places

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


@app.command("import", epilog="Example: trialalerts regions import --country GB")
def import_file(
    file: Annotated[
        str | None,
        typer.Argument(
            help="Postcodes as GeoNames has them (https://download.geonames.org/export/zip/): text, gzip or zip; a "
            "file or an address.",
            metavar="FILE|URL",
        ),
    ] = None,
    *,
    country: Annotated[
        str | None,
        typer.Option(
            help="Only the postcodes of this country; without FILE its file is fetched from GeoNames.", metavar="CODE"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import postcodes, so that people can name one as their region; those of the same countries are replaced.

    Of a postcode that tells the street only the part that tells the district is kept, to about a kilometre. All of a
    file is taken or, where a line is none of postcodes, nothing.
    """
    from trialalerts.cli.progress import show_progress
    from trialalerts.vocabulary.places.postcodes.download import checked_country, postcode_file
    from trialalerts.vocabulary.places.postcodes.search import import_postcodes

    only = checked_country(country) if country else None
    ctx = open_context()
    with (
        postcode_file(file, only, ctx.settings.http, ctx.clock) as path,
        show_progress("regions import", quiet=json) as progress,
        ctx.db.write() as session,
    ):
        count = import_postcodes(session, path, progress, only=only)
        ctx.note("regions.imported", "postcodes", new=", ".join(count.stored), session=session)
    if json:
        elsewhere = {"elsewhere": count.elsewhere} if only else {}
        show_json({"stored": count.stored, "skipped": count.skipped, **elsewhere})
        return
    total = sum(count.stored.values())
    others = f", {counted(count.elsewhere, 'line')} of other countries left out" if count.elsewhere else ""
    stored = f"{counted(total, 'postcode')} of {', '.join(count.stored)} stored"
    show(f"{stored}, {counted(count.skipped, 'line')} skipped{others}")
