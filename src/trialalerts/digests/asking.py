"""Owns what each subscriber of a page is told: their preferences asked of the windows, as plain numbers.

Nothing here stores or orders anything. A preference is a few look-ups and ANDs; texts that came before are known again
(see :class:`~trialalerts.digests.due.DueRow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import structlog

from trialalerts.digests.tables import SelectionKind
from trialalerts.matching.index import Filters, WindowIndex, numbers_of
from trialalerts.subscribers.tables import NEVER_SERVED, RegionKind

__all__ = ["Answers", "Asker", "Part", "Served"]

log = structlog.get_logger()

_MOST_KEPT = 20_000

Part = tuple[int, SelectionKind, int]
"""What a preference (its id) brings: candidates of the window of changes, or of what is open, as bits."""


@dataclass(slots=True)
class Served:
    """A subscriber whose turn it is.

    ``parts`` is what each preference brings, ``changed`` tells whether any of it is a change; ``introduced`` are the
    preferences for which what is open was looked up.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    parts: list[Part]
    changed: bool = False
    introduced: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a page comes to: who is served now, and who could not be."""

    served: list[Served]
    failed: list[int]


class Asker:
    """Asks the windows of a round: the changes above ``after``, and what is open now (None: nobody needs it)."""

    def __init__(self, *, changes: WindowIndex, still_open: WindowIndex | None, after: int, today: date) -> None:
        self._changes = _Window(changes, today)
        self._open = _Window(still_open, today) if still_open is not None else None
        self._after = after

    def ask(self, rows: Sequence[Any]) -> Answers:
        """Return what the people of these rows (:class:`~trialalerts.digests.due.DueRow`) are told.

        Somebody may have confirmed, or come back with an older cursor, after the windows were read: they are left
        out, the next round has windows for them. A fault in one subscriber's matching harms only that one: it is
        recorded, they stay due, the rest goes on.
        """
        people: dict[int, Served | None] = {}
        failed = []
        for row in rows:
            who = row[0]
            try:
                served = people[who]
            except KeyError:
                served = people[who] = Served(who, row[1], row[2], []) if self._covers(row[1]) else None
            if served is None or row[4] is None:
                continue
            try:
                if not self._answer(served, row):
                    people[who] = None
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the digests of all others
                log.error("digest.failed", subscriber=who, error=type(error).__name__)
                people[who] = None
                failed.append(who)
        return Answers(served=[served for served in people.values() if served is not None], failed=failed)

    def numbers(self, kind: SelectionKind, bits: int) -> list[int]:
        """Return what these bits stand for, ascending: numbers of changes, or of items that are open."""
        window = self._changes if kind is SelectionKind.CHANGES else self._open
        return window.numbers(bits) if window else []

    def _covers(self, cursor: int) -> bool:
        return self._open is not None if cursor == NEVER_SERVED else cursor >= self._after

    def _answer(self, served: Served, row: Any) -> bool:
        """Add what one preference brings; return whether there is a window for it."""
        preference, is_new = row[4], row[5]
        newcomer = served.cursor == NEVER_SERVED
        if not newcomer and (bits := self._changes.wanted(row) & self._changes.index.after(served.cursor)):
            served.parts.append((preference, SelectionKind.CHANGES, bits))
            served.changed = True
        if newcomer or is_new:
            if self._open is None:
                return False
            if bits := self._open.wanted(row):
                served.parts.append((preference, SelectionKind.OPEN, bits))
            if is_new:
                served.introduced += (preference,)
        return True


class _Window:
    """A window that is asked with the rows as they come out of the database."""

    def __init__(self, index: WindowIndex, today: date) -> None:
        self.index = index
        self._today = today
        self._filters: dict[str, tuple[int, frozenset[str]]] = {"": (index.every, frozenset())}
        self._areas: dict[tuple[str, frozenset[str]], int] = {}
        self._regions: dict[str, tuple[int | None, tuple[RegionKind, str | None, str | None]]] = {}
        named = [candidate.seq or candidate.subject.item_id for candidate in index.candidates]
        self._named = np.array(named, dtype=np.int64)

    def wanted(self, row: Any) -> int:
        """Return what the preference of a row asks for, as bits."""
        _, _, _, _, _, _, area, region, latitude, longitude, radius, filters = row
        met = self._filters.get(filters)
        if met is None:
            met = self._read_filters(filters)
        key = (area, met[1])
        bits = self._areas.get(key)
        if bits is None:
            bits = self._areas[key] = self.index.area(*key)
        if not bits:
            return 0
        known = self._regions.get(region)
        if known is None:
            known = self._read_region(region)
        there, parsed = known
        return bits & met[0] & (self.index.region((*parsed, latitude, longitude, radius)) if there is None else there)

    def numbers(self, bits: int) -> list[int]:
        """Return the numbers by which the candidates of these bits are known, ascending."""
        found: list[int] = np.sort(self._named[numbers_of(bits)]).tolist()
        return found

    def _read_filters(self, text: str) -> tuple[int, frozenset[str]]:
        born_on, sex, healthy, *lists = text.split("|")
        phases, item_kinds, change_kinds, excluded = (tuple(orjson.loads(each)) for each in lists)
        filters = Filters(
            born_on=date.fromisoformat(born_on) if born_on else None,
            sex=sex or None,
            healthy_volunteer=bool(healthy),
            phases=phases,
            item_kinds=item_kinds,
            change_kinds=change_kinds,
        )
        if len(self._filters) > _MOST_KEPT:
            self._filters.clear()
        found = self._filters[text] = (self.index.filters(filters, self._today), frozenset(excluded))
        return found

    def _read_region(self, text: str) -> tuple[int | None, tuple[RegionKind, str | None, str | None]]:
        kind, country, subdivision = text.split("|")
        parsed = (RegionKind(kind), country or None, subdivision or None)
        place = parsed[0] is RegionKind.PLACE
        found = self._regions[text] = (None if place else self.index.region((*parsed, None, None, None)), parsed)
        return found
