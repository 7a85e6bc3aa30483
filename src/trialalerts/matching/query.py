"""The query that a preference makes: area, excluded areas, region and filters.

Composing reads the filters of a preference as one text, put together by the database (:func:`filters_text`): what was
read once is known again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from trialalerts.subscribers.filters import FILTERS, Filters
from trialalerts.subscribers.tables import Preference, RegionKind

__all__ = [
    "MatchSet",
    "PreferenceQuery",
    "RegionKey",
    "SelectionKind",
    "filters_text",
    "group_members",
    "read_filters",
]

RegionKey = tuple[RegionKind, str | None, str | None, float | None, float | None, float | None]
"""kind, country, subdivision, latitude, longitude, radius in km"""


def group_members(codes: str | None) -> list[tuple[RegionKind, str, str | None]]:
    """Return what a group of regions is made of, each as kind, country and subdivision: “AT CH US-CA”."""
    return [
        (RegionKind.SUBDIVISION, code[:2], code) if "-" in code else (RegionKind.COUNTRY, code, None)
        for code in (codes or "").split()
    ]


class PreferenceQuery(NamedTuple):
    """All that matching knows of a preference. With an ``item`` that trial alone is asked for, and nothing else."""

    area: str
    excluded: frozenset[str]
    region: RegionKey
    filters: Filters
    item: int | None = None

    @classmethod
    def of(cls, row: Preference) -> PreferenceQuery:
        """Return the query of a row, stored or not."""
        values: dict[str, Any] = {each.name: getattr(row, each.name) for each in FILTERS}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(
            area=row.area_id,
            excluded=frozenset(row.excluded_areas),
            region=(row.region_kind, row.country, row.subdivision, row.latitude, row.longitude, row.radius_km),
            filters=Filters(**values),
            item=row.item_id,
        )


def filters_text(row: str) -> str:
    """Return the SQL that makes the text of a preference's filters, ``row`` being its alias; empty for none."""
    pairs = [_sql(f"{row}.{each.name}", each.empty) for each in FILTERS]
    nothing, texts = (" AND ".join(pair[0] for pair in pairs), " || '|' || ".join(pair[1] for pair in pairs))
    return f"CASE WHEN {nothing} THEN '' ELSE {texts} END"


def _sql(column: str, empty: object) -> tuple[str, str]:
    """Return when a filter asks nothing, and its text; the cast makes both databases give a list alike."""
    text = f"CAST({column} AS TEXT)"
    if empty == ():
        return f"{text} = '[]'", text
    if empty is False:
        return f"NOT {column}", f"CASE WHEN {column} THEN '1' ELSE '' END"
    return f"{column} IS NULL", f"coalesce({text}, '')"


def read_filters(text: str) -> tuple[Filters, frozenset[str]]:
    """Return the filters and the excluded areas that a text of :func:`filters_text` stands for."""
    if not text:
        return Filters(), frozenset()
    values: dict[str, Any] = {}
    for each, part in zip(FILTERS, text.split("|"), strict=True):
        values[each.name] = tuple(orjson.loads(part)) if each.parted else each.loaded(part) if part else each.empty
    filters = Filters(**values)
    return filters, frozenset(filters.excluded_areas)


class SelectionKind(StrEnum):
    """What the numbers of a match set are: of changes, of items that were open, of trials that were silent for long."""

    CHANGES = "changes"
    OPEN = "open"
    SILENT = "silent"


@dataclass(slots=True, eq=False)
class MatchSet:
    """What a preference brings: candidates of a window as bits. ``number`` is its selection, None until it is stored.

    Of a silent trial the bits are the number of its item.

    The same bits are the same object, so that they are looked up once (a number of a kilobyte takes its time).
    """

    kind: SelectionKind
    bits: int
    number: int | None = None
