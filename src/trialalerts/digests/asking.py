"""What each subscriber of a page is told: their preferences asked of the windows, as plain numbers.

Nothing here stores or orders anything. A preference is a few look-ups and ANDs; texts that came before are known again
(see :class:`~trialalerts.digests.due.DueRow`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import structlog

from trialalerts.digests.tables import SelectionKind
from trialalerts.matching.index import WindowIndex, numbers_of
from trialalerts.matching.query import RegionKey, read_filters
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
    are the preferences for which what is open was looked up. A ``newcomer`` who follows something gets a first digest
    whatever it brings.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    parts: list[tuple[int, Found]]
    changed: bool = False
    introduced: tuple[int, ...] = ()
    newcomer: bool = False

    @property
    def is_told(self) -> bool:
        """Whether a digest is written."""
        return self.newcomer or bool(self.parts)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a page comes to: who is served now, and who could not be."""

    served: list[Served]
    failed: list[int]


class Asker:
    """Asks the windows of a round: changes, and what is open now.

    Args:
        changes: the changes of the round.
        still_open: what an introduction shows; None: nobody needs it.
        after: the changes are those above this number, for who was served before.
        began: the same for newcomers; by default there are none of whom it is known when they confirmed.
        upto: the last change of the round.
        today: the day on which ages count.
        introducing: whether first digests go out; else what is new to somebody waits.
    """

    def __init__(
        self,
        *,
        changes: WindowIndex,
        still_open: WindowIndex | None,
        after: int,
        today: date,
        began: int | None = None,
        upto: int | None = None,
        introducing: bool = True,
    ) -> None:
        self.window = changes
        self._changes = _Window(SelectionKind.CHANGES, changes, today)
        self._open = _Window(SelectionKind.OPEN, still_open, today) if still_open is not None else None
        self._after = after
        self._began = after if began is None else began
        self._upto = upto
        self._introducing = introducing

    def ask(self, rows: Sequence[Any]) -> Answers:
        """Return what the people of these rows (:class:`~trialalerts.digests.due.DueRow`) are told.

        Somebody may have confirmed, or come back with an older cursor, after the windows were read: they are left
        out, the next round has windows for them. A fault in one subscriber's matching harms only that one: it is
        recorded, they stay due, the rest goes on.
        """
        people: dict[int, Served | None] = {}
        failed = []
        changes, still_open = self._changes, self._open
        changed, opened = changes.found, still_open.found if still_open else None
        everything = still_open.every if still_open else 0
        for row in rows:
            who, cursor, schedule, _, preference, is_new, area, region, latitude, longitude, radius, filters, began = (
                row
            )
            newcomer = cursor == NEVER_SERVED
            try:
                served = people[who]
            except KeyError:
                covered = self._covers_newcomer(began) if newcomer else cursor >= self._after
                served = people[who] = Served(who, cursor, schedule, []) if covered else None
            if served is None or preference is None:
                continue
            try:
                within = self._new_changes(cursor, began) if newcomer or is_new else changes.after(cursor)
                if found := changed(within, area, region, latitude, longitude, radius, filters):
                    served.parts.append((preference, found))
                    served.changed |= not newcomer
                if newcomer or (is_new and self._introducing):
                    if opened is None:
                        people[who] = None
                        continue
                    if found := opened(everything, area, region, latitude, longitude, radius, filters):
                        served.parts.append((preference, found))
                    served.introduced += (preference,) if is_new else ()
                    served.newcomer = newcomer
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the digests of all others
                log.error("digest.failed", subscriber=who, error=type(error).__name__)
                people[who] = None
                failed.append(who)
        told = [served for served in people.values() if served is not None]
        self._leave_out_what_was_told(told if changes.gains else ())
        return Answers(served=told, failed=failed)

    def _leave_out_what_was_told(self, people: Iterable[Served]) -> None:
        """Leave out what gained areas where somebody follows what it was about before."""
        for served in people:
            of_changes = [found.bits for _, found in served.parts if found.kind is SelectionKind.CHANGES]
            kept = iter(self._changes.gains.not_told_before(of_changes))
            parts = []
            for preference, found in served.parts:
                left = self._changes.of_bits(next(kept)) if found.kind is SelectionKind.CHANGES else found
                if left is not None:
                    parts.append((preference, left))
            served.parts = parts
            served.changed &= any(found.kind is SelectionKind.CHANGES for _, found in parts)

    def _covers_newcomer(self, began: int | None) -> bool:
        """Tell whether the windows hold all that is new to somebody who confirmed after the change ``began``."""
        if self._open is None or not self._introducing:
            return False
        return began is None or (self._began <= began and (self._upto is None or began <= self._upto))

    def _new_changes(self, cursor: int, began: int | None) -> int:
        """Return the changes that count for a preference that is new, as bits.

        What baselines brought is among what is open, and nothing was told by the preference before. While
        introductions wait, so do the changes of what these will show: trials that are open, and articles.
        """
        if cursor == NEVER_SERVED:
            return self._changes.after(began) & self._changes.announced if began is not None else 0
        within = self._changes.after(cursor)
        return within & (self._changes.announced if self._introducing else self._changes.over)

    def numbers(self, found: Found) -> list[int]:
        """Return what its bits stand for, ascending: numbers of changes, or of items that are open."""
        window = self._changes if found.kind is SelectionKind.CHANGES else self._open
        return window.numbers(found.bits) if window else []


class _Window:
    """A window that is asked with the rows as they come out of the database."""

    def __init__(self, kind: SelectionKind, index: WindowIndex, today: date) -> None:
        self._kind = kind
        self._index = index
        self._of_bits: dict[int, Found] = {}
        self._today = today
        self._filters: dict[str, tuple[int, frozenset[str]]] = {"": (index.every, frozenset())}
        self._regions: dict[str, int] = {}
        named = [candidate.seq or candidate.subject.item_id for candidate in index.candidates]
        self._named = np.array(named, dtype=np.int64)
        self._ascending = bool((self._named[1:] >= self._named[:-1]).all())
        self.every = index.every
        self.after = index.after
        self.announced = index.announced & ~index.gains.told_before
        self.over = index.over
        self.gains = index.gains

    def found(
        self,
        within: int,
        area: str,
        region: str,
        latitude: float | None,
        longitude: float | None,
        radius: float | None,
        filters: str,
    ) -> Found | None:
        """Return what a preference brings ``within`` these candidates, by the columns of its row; None: nothing."""
        if radius is not None:  # around a place: nearly everybody has one of their own; any distance has no radius
            _, country, _ = region.split("|")
            there = (RegionKind.PLACE, country or None, None, latitude, longitude, radius)
            return self._looked_up(within, area, filters, there)
        known = self._regions.get(region)
        return self._looked_up(within, area, filters, self._read_region(region) if known is None else known)

    def _looked_up(self, within: int, area: str, filters: str, region: RegionKey | int) -> Found | None:
        # Whole answers are not remembered: to find one again takes as long as to work it out.
        met, excluded = self._filters.get(filters) or self._read_filters(filters)
        return self.of_bits(self._index.wanted(area, excluded, met, region) & within)

    def of_bits(self, bits: int) -> Found | None:
        """Return what these bits are; None: nothing."""
        if not bits:
            return None
        try:
            return self._of_bits[bits]
        except KeyError:
            if len(self._of_bits) >= _MOST_FOUND:
                self._of_bits.clear()
            found = self._of_bits[bits] = Found(self._kind, bits)
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
        found = self._filters[text] = (self._index.filters(filters, self._today), excluded)
        return found

    def _read_region(self, text: str) -> int:
        kind, country, subdivision = text.split("|")
        key = (RegionKind(kind), country or None, subdivision or None, None, None, None)
        bits = self._regions[text] = self._index.region(key)
        return bits
