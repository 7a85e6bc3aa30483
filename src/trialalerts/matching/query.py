"""The query that a preference makes: area, excluded areas, region and filters.

Composing reads the filters of a preference as one text, put together by the database (:func:`filters_text`): what was
read once is known again. Text and reader stand side by side here, so that a further filter is written in one place.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import orjson

from trialalerts.subscribers.tables import Preference, RegionKind

__all__ = ["Filters", "PreferenceQuery", "RegionKey", "filters_text", "read_filters"]

RegionKey = tuple[RegionKind, str | None, str | None, float | None, float | None, float | None]
"""kind, country, subdivision, latitude, longitude, radius in km"""


class Filters(NamedTuple):
    """What a preference asks of an item beside area and region; what is empty or None asks nothing.

    ``topics`` are topic ids of which an item needs one; ``audience`` is whom an article is to be written for.
    """

    born_on: date | None = None
    sex: str | None = None
    healthy_volunteer: bool = False
    phases: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audience: str | None = None


class PreferenceQuery(NamedTuple):
    """All that matching knows of a preference."""

    area: str
    excluded: frozenset[str]
    region: RegionKey
    filters: Filters

    @classmethod
    def of(cls, row: Preference) -> PreferenceQuery:
        """Return the query of a row, stored or not."""
        return cls(
            area=row.area_id,
            excluded=frozenset(row.excluded_areas),
            region=(row.region_kind, row.country, row.subdivision, row.latitude, row.longitude, row.radius_km),
            filters=Filters(
                born_on=row.born_on,
                sex=row.sex,
                healthy_volunteer=row.healthy_volunteer,
                phases=tuple(row.phases),
                item_kinds=tuple(row.item_kinds),
                change_kinds=tuple(row.change_kinds),
                topics=tuple(row.topics),
                audience=row.audience,
            ),
        )


_WORDS = ("born_on", "sex", "audience")
_LISTS = ("phases", "item_kinds", "change_kinds", "topics", "excluded_areas")


def filters_text(row: str) -> str:
    """Return the SQL that makes the text of a preference's filters, ``row`` being its alias; empty where it has none.

    The cast makes both databases give a list alike.
    """
    nothing = [
        f"NOT {row}.healthy_volunteer",
        *(f"{row}.{name} IS NULL" for name in _WORDS),
        *(f"CAST({row}.{name} AS TEXT) = '[]'" for name in _LISTS),
    ]
    parts = [
        f"CASE WHEN {row}.healthy_volunteer THEN '1' ELSE '' END",
        *(f"coalesce(CAST({row}.{name} AS TEXT), '')" for name in _WORDS),
        *(f"CAST({row}.{name} AS TEXT)" for name in _LISTS),
    ]
    joined = " || '|' || ".join(parts)
    return f"CASE WHEN {' AND '.join(nothing)} THEN '' ELSE {joined} END"


def read_filters(text: str) -> tuple[Filters, frozenset[str]]:
    """Return the filters and the excluded areas that a text of :func:`filters_text` stands for."""
    if not text:
        return Filters(), frozenset()
    healthy, born_on, sex, audience, *lists = text.split("|")
    phases, item_kinds, change_kinds, topics, excluded = (tuple(orjson.loads(each)) for each in lists)
    filters = Filters(
        born_on=date.fromisoformat(born_on) if born_on else None,
        sex=sex or None,
        healthy_volunteer=bool(healthy),
        phases=phases,
        item_kinds=item_kinds,
        change_kinds=change_kinds,
        topics=topics,
        audience=audience or None,
    )
    return filters, frozenset(excluded)
