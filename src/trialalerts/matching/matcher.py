"""The matcher: one reading of what changed and of what is shown, asked by any number of preferences.

Composing asks with the rows of the database as they come, a million of them: texts that came before are known again,
and a preference is a few look-ups and ANDs. The preview asks the same matcher; an estimate asks the same index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol

import numpy as np

from trialalerts.matching.bits import numbers_of
from trialalerts.matching.index import Miss, WindowIndex
from trialalerts.matching.query import MatchSet, PreferenceQuery, RegionKey, SelectionKind, read_filters
from trialalerts.matching.shown import sought
from trialalerts.subscribers.tables import Preference, RegionKind

__all__ = ["Matcher", "PreferenceRow", "missed", "query_of", "wanted", "wanted_together"]

_MOST_KEPT = 20_000
_MOST_FOUND = 100_000


class PreferenceRow(Protocol):
    """A preference as composing reads it: ``region`` and ``filters`` are texts that stand for several columns.

    ``region`` is kind, country and subdivision with bars between; ``filters`` see
    :func:`~trialalerts.matching.query.filters_text`. With an ``item_id`` all of this means nothing: one trial is
    followed.
    """

    @property
    def area_id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...
    @property
    def radius_km(self) -> float | None: ...
    @property
    def filters(self) -> str: ...
    @property
    def item_id(self) -> int | None: ...


class Matcher:
    """Answers what preferences bring: of what changed, and of what is shown as it is.

    Args:
        changes: what changed.
        shown: what an introduction shows; None: nobody needs it.
        today: the day on which ages count.
        queries: who may be introduced, where ``shown`` holds only what these ask for; None: anybody.
    """

    def __init__(
        self,
        *,
        changes: WindowIndex,
        shown: WindowIndex | None,
        today: date,
        queries: Collection[PreferenceQuery] | None = None,
    ) -> None:
        self.changes = _Window(SelectionKind.CHANGES, changes, today)
        self.shown = _Window(SelectionKind.OPEN, shown, today) if shown is not None else None
        self._queries = None if queries is None else set(map(sought, queries))

    def introduces(self, row: PreferenceRow) -> bool:
        """Tell whether all is read that an introduction shows for a preference."""
        if self.shown is None:
            return False
        return self._queries is None or sought(query_of(row)) in self._queries

    def not_told_before(self, found: Sequence[MatchSet]) -> list[MatchSet | None]:
        """Return, of what each of somebody's preferences brings, what is news to that person; None: nothing."""
        of_changes = [each.bits for each in found if each.kind is SelectionKind.CHANGES]
        kept = iter(self.changes.index.gains.not_told_before(of_changes))
        return [self.changes.match_set(next(kept)) if e.kind is SelectionKind.CHANGES else e for e in found]

    def numbers(self, found: MatchSet) -> list[int]:
        """Return what its bits stand for, ascending: numbers of changes, or of items that are shown."""
        if found.kind is SelectionKind.SILENT:
            return [found.bits]
        window = self.changes if found.kind is SelectionKind.CHANGES else self.shown
        return window.numbers(found.bits) if window else []


class _Window:
    """An index that is asked with rows as they come out of the database."""

    def __init__(self, kind: SelectionKind, index: WindowIndex, today: date) -> None:
        self.index = index
        self._kind = kind
        self._today = today
        self._of_bits: dict[int, MatchSet] = {}
        self._filters: dict[str, tuple[int, frozenset[str]]] = {"": (index.every, frozenset())}
        self._regions: dict[str, int] = {}
        self._named = np.array(index.numbers, dtype=np.int64)
        self._ascending = bool((self._named[1:] >= self._named[:-1]).all())
        self.announced = index.announced & ~index.gains.told_before

    def found(self, within: int, row: PreferenceRow) -> MatchSet | None:
        """Return what a preference brings ``within`` these candidates; None: nothing."""
        if row.item_id is not None:
            return self.match_set(self.index.trial(row.item_id) & within)
        if row.radius_km is not None:  # around a place: nearly everybody has one of their own; any distance has none
            region: RegionKey | int = _region_of(row)
        else:
            known = self._regions.get(row.region)
            region = self._read_region(row) if known is None else known
        # Whole answers are not remembered: to find one again takes as long as to work it out.
        met, excluded = self._filters.get(row.filters) or self._read_filters(row.filters)
        return self.match_set(self.index.wanted(row.area_id, excluded, met, region) & within)

    def match_set(self, bits: int) -> MatchSet | None:
        """Return what these bits are; None: nothing."""
        if not bits:
            return None
        try:
            return self._of_bits[bits]
        except KeyError:
            if len(self._of_bits) >= _MOST_FOUND:
                self._of_bits.clear()
            found = self._of_bits[bits] = MatchSet(self._kind, bits)
            return found

    def numbers(self, bits: int) -> list[int]:
        """Return the numbers by which the candidates of these bits are known, ascending."""
        found = self._named[numbers_of(bits)]
        numbers: list[int] = (found if self._ascending else np.sort(found)).tolist()
        return numbers

    def _read_filters(self, text: str) -> tuple[int, frozenset[str]]:
        filters, excluded = read_filters(text)
        if len(self._filters) > _MOST_KEPT:
            self._filters.clear()
        found = self._filters[text] = (self.index.filters(filters, self._today), excluded)
        return found

    def _read_region(self, row: PreferenceRow) -> int:
        bits = self._regions[row.region] = self.index.region(_region_of(row))
        return bits


def query_of(row: PreferenceRow) -> PreferenceQuery:
    """Return the query of a row."""
    filters, excluded = read_filters(row.filters)
    region = _region_of(row)
    return PreferenceQuery(area=row.area_id, excluded=excluded, region=region, filters=filters, item=row.item_id)


def wanted(index: WindowIndex, preference: Preference, today: date) -> int:
    """Return the candidates that meet a preference, as bits of the index; ``today`` is the day on which ages count."""
    return wanted_together(index, [preference], today)[0]


def wanted_together(index: WindowIndex, preferences: Sequence[Preference], today: date) -> list[int]:
    """Return the candidates that meet each preference of one person, who is told nothing that another one told."""
    found = [_met(index, PreferenceQuery.of(preference), today) for preference in preferences]
    return index.gains.not_told_before(found) if index.gains else found


def missed(index: WindowIndex, query: PreferenceQuery, today: date) -> dict[Miss, int]:
    """Return, by what of a query they do not meet, the candidates that miss it, as bits of the index.

    A candidate is wanted (:func:`wanted`) where it misses nothing.
    """
    if query.item is not None:
        return {Miss.TRIAL: index.every & ~index.trial(query.item)}
    about = index.area(query.area, frozenset())
    met = {
        Miss.AREA: about,
        Miss.EXCLUDED: index.every & ~about | index.area(query.area, query.excluded),
        Miss.PLACE: index.region(query.region) | index.for_followers,
        Miss.FOLLOWERS: index.every & ~index.for_followers,
        **index.by_filter(query.filters, today),
    }
    return {miss: index.every & ~bits for miss, bits in met.items()}


def _met(index: WindowIndex, query: PreferenceQuery, today: date) -> int:
    if query.item is not None:
        return index.trial(query.item)
    return index.wanted(query.area, query.excluded, index.filters(query.filters, today), query.region)


def _region_of(row: PreferenceRow) -> RegionKey:
    """Return the region of a row. Where no radius says how near, coordinates only measure."""
    kind, country, subdivision = row.region.split("|")
    place = (row.latitude, row.longitude, row.radius_km) if row.radius_km is not None else (None, None, None)
    return (RegionKind(kind), country or None, subdivision or None, *place)
