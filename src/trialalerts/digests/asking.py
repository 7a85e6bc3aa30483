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

__all__ = ["Answers", "Asker", "Found", "Served"]

log = structlog.get_logger()

_MOST_KEPT = 20_000
_MOST_FOUND = 100_000


@dataclass(slots=True, eq=False)
class Found:
    """What a preference brings: candidates of a window as bits. ``number`` is its selection, None until it is stored.

    The same bits are the same object, so that they are looked up once (a number of a kilobyte takes its time).
    """

    kind: SelectionKind
    bits: int
    number: int | None = None


@dataclass(slots=True)
class Served:
    """A subscriber whose turn it is.

    ``parts`` is what each preference (its id) brings, ``changed`` tells whether any of it is a change; ``introduced``
    are the preferences for which what is open was looked up.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    parts: list[tuple[int, Found]]
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
        self._changes = _Window(SelectionKind.CHANGES, changes, today)
        self._open = _Window(SelectionKind.OPEN, still_open, today) if still_open is not None else None
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

    def numbers(self, found: Found) -> list[int]:
        """Return what its bits stand for, ascending: numbers of changes, or of items that are open."""
        window = self._changes if found.kind is SelectionKind.CHANGES else self._open
        return window.numbers(found.bits) if window else []

    def _covers(self, cursor: int) -> bool:
        return self._open is not None if cursor == NEVER_SERVED else cursor >= self._after

    def _answer(self, served: Served, row: Any) -> bool:
        """Add what one preference brings; return whether there is a window for it."""
        preference, is_new = row[4], row[5]
        newcomer = served.cursor == NEVER_SERVED
        if not newcomer and (found := self._changes.found(row)):
            served.parts.append((preference, found))
            served.changed = True
        if newcomer or is_new:
            if self._open is None:
                return False
            if found := self._open.found(row):
                served.parts.append((preference, found))
            if is_new:
                served.introduced += (preference,)
        return True


class _Window:
    """A window that is asked with the rows as they come out of the database."""

    def __init__(self, kind: SelectionKind, index: WindowIndex, today: date) -> None:
        self._kind = kind
        self._index = index
        self._answers: dict[tuple[Any, ...], Found | None] = {}
        self._of_bits: dict[int, Found] = {}
        self._today = today
        self._filters: dict[str, tuple[int, frozenset[str]]] = {"": (index.every, frozenset())}
        self._regions: dict[str, tuple[RegionKind, str | None, str | None]] = {}
        named = [candidate.seq or candidate.subject.item_id for candidate in index.candidates]
        self._named = np.array(named, dtype=np.int64)

    def found(self, row: Any) -> Found | None:
        """Return what the preference of a row brings, None where that is nothing."""
        if row[8] is not None:  # a place: nearly everybody has one of their own
            return self._looked_up(row)
        key = (row[1], row[6], row[7], row[11])
        try:
            return self._answers[key]
        except KeyError:
            if len(self._answers) >= _MOST_FOUND:
                self._answers.clear()
            found = self._answers[key] = self._looked_up(row)
            return found

    def _looked_up(self, row: Any) -> Found | None:
        bits = self._wanted(row)
        if self._kind is SelectionKind.CHANGES:
            bits &= self._index.after(row[1])
        if not bits:
            return None
        try:
            return self._of_bits[bits]
        except KeyError:
            if len(self._of_bits) >= _MOST_FOUND:
                self._of_bits.clear()
                self._answers.clear()
            found = self._of_bits[bits] = Found(self._kind, bits)
            return found

    def _wanted(self, row: Any) -> int:
        _, _, _, _, _, _, area, region, latitude, longitude, radius, filters = row
        met, excluded = self._filters.get(filters) or self._read_filters(filters)
        there = self._regions.get(region) or self._read_region(region)
        return self._index.wanted(area, excluded, (*there, latitude, longitude, radius), met)

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
        found = self._filters[text] = (self._index.filters(filters, self._today), frozenset(excluded))
        return found

    def _read_region(self, text: str) -> tuple[RegionKind, str | None, str | None]:
        kind, country, subdivision = text.split("|")
        found = self._regions[text] = (RegionKind(kind), country or None, subdivision or None)
        return found
