"""The surroundings of a wish, in numbers: what there is beside what it finds, and what a step brings."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from trialalerts.catalog import outlines
from trialalerts.catalog.outline_rows import outlines_of
from trialalerts.database.bulk import is_sqlite, list_value
from trialalerts.matching.around.steps import OPENINGS, PHASE, broader, farther, nearer, stepped
from trialalerts.matching.bits import numbers_of
from trialalerts.matching.estimate import Estimator
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import wanted
from trialalerts.matching.query import PreferenceQuery
from trialalerts.matching.window import RECRUITING_NOW, Indexed, changes_numbered
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

__all__ = ["COUNTED", "IndexedOfLate", "Step", "Surroundings", "Surveyor"]

COUNTED = 1_000
"""So many trials of an area are counted; of more is said that there are more."""
_FEW = 15
"""So many items are read through; a narrower wish should leave no more."""
_MOST_STEPS = 2

_WITHIN = {True: "IN (SELECT value FROM json_each(:terms))", False: "= ANY(:terms)"}
_TRIALS = (
    "SELECT DISTINCT i.id FROM item_term a JOIN item i ON i.id = a.item_id "
    "WHERE a.term {terms} AND i.kind = 'trial'{also} LIMIT :most"
)
_ANY_TRIALS = "SELECT i.id FROM item i WHERE i.kind = 'trial'{also} LIMIT :most"
_UPCOMING = " AND i.status = 'NOT_YET_RECRUITING'"
_MOST_UPCOMING = 20_000
_MOST_BYTES = 30_000_000
_ONE_BYTES, _CIRCLE_BYTES = 2_000, 300
"""What is kept takes so much in memory, and so much for each place of it, about."""
_READ_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """A wish changed by one step, by its ``code``, and what that brings."""

    code: str
    wish: Preference
    found: int


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What there is beside what a wish finds.

    ``known`` trials on its area, in whatever state and wherever, at most one more than :data:`COUNTED`; None where any
    area is meant. Of those that fit the wish ``upcoming`` are in preparation in its region, and ``beyond`` take people
    outside it.
    """

    known: int | None
    open_now: int
    upcoming: int | None
    beyond: int


class IndexedOfLate:
    """Changes and open items as they were read minutes ago, for batch after batch of mails: many wishes bring the same.

    How many items a step would leave may be as old as that. What has no room is read again. Threads may share one.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.changes: dict[int, Indexed | None] = {}
        self.items: dict[int, Indexed] = {}
        self._bytes = 0
        self._read_again = time.monotonic() + _READ_AGAIN_SECONDS

    def forget_old(self) -> None:
        """Forget everything where it was begun minutes ago."""
        if time.monotonic() >= self._read_again:
            self._begin()

    def keep_change(self, number: int, indexed: Indexed | None) -> None:
        """Keep a change, None where nothing is told of it."""
        if self._has_room(indexed):
            self.changes[number] = indexed

    def keep_item(self, number: int, indexed: Indexed) -> None:
        """Keep an open item."""
        if self._has_room(indexed):
            self.items[number] = indexed

    def _has_room(self, indexed: Indexed | None) -> bool:
        circles = len(indexed.places.circles) if indexed and indexed.places else 0
        self._bytes += _ONE_BYTES + _CIRCLE_BYTES * circles
        return self._bytes <= _MOST_BYTES


class Surveyor:
    """Looks around wishes; make one for the moment, for what was looked at once is not read again.

    Args:
        session: reads.
        areas: the vocabulary.
        now: aware.
        kept: what was read for narrowing wishes a moment ago; None: nothing.
    """

    def __init__(self, session: Session, areas: AreaTree, now: datetime, *, kept: IndexedOfLate | None = None) -> None:
        self.areas = areas
        self._session = session
        self._today = now.date()
        self._estimator = Estimator(session, areas, now)
        self._open: dict[tuple[PreferenceQuery, frozenset[int]], int] = {}
        self._known: dict[str, int] = {}
        self._upcoming: dict[str, list[Indexed]] = {}
        self._kept = kept or IndexedOfLate()
        self._changes: dict[int, Indexed | None] = {}
        self._items: dict[int, Indexed] = {}

    def around(self, wish: Preference) -> Surroundings:
        """Return what there is around a wish."""
        here, everywhere = self.open_now(wish), stepped(wish, "any", self.areas)
        return Surroundings(
            known=None if wish.area_id == ANY_AREA else self._known_of(wish.area_id),
            open_now=here,
            upcoming=self._upcoming_of(wish),
            beyond=0 if everywhere is None else max(0, self.open_now(everywhere) - here),
        )

    def open_now(self, wish: Preference) -> int:
        """Return how many open trials a wish finds today."""
        query = PreferenceQuery.of(wish), self._estimator.silenced_trials_of(wish.subscriber_id)
        if query not in self._open:
            self._open[query] = self._estimator.open_now(wish)
        return self._open[query]

    def widened(self, wish: Preference) -> list[Step]:
        """Return a step farther and a step to a wider disease: of each the first that finds something, else the last.

        Where nobody can tell of a step that it would find anything, its ``found`` is 0.
        """
        ways = (farther(wish), broader(wish, self.areas))
        return [step for codes in ways if (step := self._first(wish, codes)) is not None]

    def _first(self, wish: Preference, codes: Iterable[str]) -> Step | None:
        last = None
        for code in codes:
            if (wider := stepped(wish, code, self.areas)) is not None:
                last = Step(code=code, wish=wider, found=self.open_now(wider))
                if last.found:
                    break
        return last

    def narrowed(self, wish: Preference, changes: Collection[int], shown: Collection[int]) -> tuple[int, list[Step]]:
        """Return how many items a wish brought, and steps that would have left fewer of them: two at most.

        Args:
            wish: the preference.
            changes: the numbers of the changes that it brought.
            shown: the ids of the items that it brought because they are open.
        """
        brought = [*self._changed(frozenset(changes)), *self._shown(shown)]
        everything, index = len({each.item_id for each in brought}), WindowIndex(brought, self.areas)
        nearest = [self._left(wish, code, index) for code in nearer(wish)]
        near = next((step for step in nearest if step and 0 < step.found <= _FEW), None)
        near = near or next((step for step in reversed(nearest) if step and step.found), None)
        others = [self._left(wish, code, index) for code in (PHASE, OPENINGS)]
        return everything, [step for step in (near, *others) if step and 0 < step.found < everything][:_MOST_STEPS]

    def _left(self, wish: Preference, code: str, index: WindowIndex) -> Step | None:
        narrower = stepped(wish, code, self.areas)
        if narrower is None:
            return None
        left = numbers_of(wanted(index, narrower, self._today))
        return Step(code=code, wish=narrower, found=len({index.candidates[at].item_id for at in left}))

    def _changed(self, numbers: frozenset[int]) -> list[Indexed]:
        kept = self._kept.changes
        self._changes |= {number: kept[number] for number in numbers - self._changes.keys() if number in kept}
        if unread := numbers - self._changes.keys():
            found = {each.seq: each for each in changes_numbered(self._session, unread)}
            for number in unread:  # of some nothing is told
                self._changes[number] = found.get(number)
                self._kept.keep_change(number, found.get(number))
        return [each for number in sorted(numbers) if (each := self._changes[number]) is not None]

    def _shown(self, ids: Collection[int]) -> list[Indexed]:
        kept = self._kept.items
        self._items |= {number: kept[number] for number in set(ids) - self._items.keys() if number in kept}
        if unread := set(ids) - self._items.keys():
            for number, stored in outlines_of(self._session.connection(), unread).items():
                self._items[number] = _as_open(number, stored.outline, stored.outline.open_places)
                self._kept.keep_item(number, self._items[number])
        return [self._items[number] for number in sorted(set(ids)) if number in self._items]

    def _known_of(self, area_id: str) -> int:
        if area_id not in self._known:
            self._known[area_id] = len(self._trials(area_id, "", COUNTED + 1))
        return self._known[area_id]

    def _upcoming_of(self, wish: Preference) -> int | None:
        known = self._upcoming.get(wish.area_id)
        if known is None:
            known = self._upcoming[wish.area_id] = self._in_preparation(wish.area_id)
        if len(known) == _MOST_UPCOMING:
            return None
        index = WindowIndex(known, self.areas)
        silenced = index.of_items(self._estimator.silenced_trials_of(wish.subscriber_id))
        return (wanted(index, wish, self._today) & ~silenced).bit_count()

    def _in_preparation(self, area_id: str) -> list[Indexed]:
        found = outlines_of(self._session.connection(), self._trials(area_id, _UPCOMING, _MOST_UPCOMING))
        return [_as_open(number, each.outline, each.outline.joined_places) for number, each in sorted(found.items())]

    def _trials(self, area_id: str, also: str, most: int) -> list[int]:
        connection = self._session.connection()
        if area_id == ANY_AREA:
            return list(connection.execute(text(_ANY_TRIALS.format(also=also)), {"most": most}).scalars())
        below = self.areas.with_below(area_id)
        terms = outlines.area_terms(below, is_open=True) | outlines.area_terms(below, is_open=False)
        sqlite = is_sqlite(self._session)
        asked = text(_TRIALS.format(terms=_WITHIN[sqlite], also=also))
        values = {"terms": list_value(sorted(terms), sqlite=sqlite), "most": most}
        return list(connection.execute(asked, values).scalars())


def _as_open(number: int, outline: outlines.Outline, places: outlines.OutlinePlaces | None) -> Indexed:
    return Indexed(seq=0, item_id=number, kind=RECRUITING_NOW, outline=outline, places=places)
