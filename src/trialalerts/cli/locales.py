"""``trialalerts locales``: is every word there in every language?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trialalerts.operations.translations import Untranslated

__all__ = ["app"]

_SHOWN = 20

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _noun() -> None:
    """Languages: what is missing in each?"""


@app.command(epilog="Example: trialalerts locales check. It ends with 1 where something is missing.")
def check(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON: all of it.")] = False) -> None:
    """Say per language what English has and it has not: phrases of mails and pages, names of areas and topics.

    Plural forms count one by one, and words in {braces} must be the same. Your own folders count, over the shipped
    files: templates.folder, vocabulary.area_names, vocabulary.disease_areas, vocabulary.topics.
    """
    from trialalerts.cli.context import settings_of
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.operations.translations import check_translations

    checked = check_translations(settings_of())
    if as_json:
        show_json([vars(lack) for lack in checked.missing])
    elif checked.missing:
        show_table(("language", "where", "what", "fault"), _shortened(checked.missing))
    else:
        extent = ", ".join(f"{where} {count:,}" for where, count in checked.extent.items())
        show(f"Nothing is missing in {', '.join(checked.languages)} (phrases and names: {extent}).")
    raise typer.Exit(1 if checked.missing else 0)


def _shortened(lacks: Iterable[Untranslated]) -> Iterator[tuple[str, str, str, str]]:
    """Give the rows of the table: a language that has nothing would else fill it with a thousand names."""
    rows = defaultdict(list)
    for lack in lacks:
        rows[lack.language, lack.where].append((lack.language, lack.where, lack.what, lack.fault))
    for (language, where), all_rows in rows.items():
        yield from all_rows[:_SHOWN]
        if len(all_rows) > _SHOWN:
            yield language, where, f"and {len(all_rows) - _SHOWN:,} more", "--json shows all"
