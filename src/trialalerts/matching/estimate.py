"""The estimate: how much a preference would bring, told before it is saved, and what else would bring more.

Nothing is kept: each estimate reads what the preference may ask for, a part at a time, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Literal

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import wanted
from trialalerts.matching.query import PreferenceQuery
from trialalerts.matching.shown import changed_items, open_among, open_by_terms, open_trials
from trialalerts.matching.window import Indexed, changes_between
from trialalerts.subscribers.follows.silence import silenced_by
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.regions import MAX_RADIUS_KM

__all__ = ["Alternative", "Estimate", "Estimator"]

_LOOK_BACK = timedelta(days=28)
_SHORTEST_HISTORY_DAYS = 14.0
"""Of less nobody can say how much news a week brings: unknown is not none."""
_WIDER = 3
_MOST_ALTERNATIVES = 3
_MANY_A_WEEK = 40
_SAMPLE = 1_000
"""Of so many items, evenly among all that changed and may be asked for, it is seen what the others bring."""
_SURE = 50
"""So many changes of a sample tell within a seventh, as a rule, how many there are in all; of fewer all are counted."""
_SCATTERED, _GOLDEN = 1 << 32, 0x9E3779B1
"""Numbers times this one, modulo the first, lie evenly scattered (Knuth's multiplicative hashing)."""
_AT_ONCE = 5_000
"""So many items are held in memory."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``recruiting_now`` trials that match today; ``changes`` that would have been told in the last ``weeks``.

    Where very much happens ``changes`` is told by a sample, to two figures.
    ``weeks`` is None where what happened is known of too short a time. ``complete`` is False while a source has not
    been read to its end: there may be more open trials then.
    """

    recruiting_now: int
    changes: int
    weeks: float | None
    complete: bool = True

    @property
    def changes_a_week(self) -> float | None:
        """The changes that would have been told, on average a week; None where nobody can say yet."""
        return None if self.weeks is None else self.changes / self.weeks

    @property
    def is_empty(self) -> bool:
        """Whether it would bring nothing at all."""
        return not self.recruiting_now and not self.changes

    @property
    def is_broad(self) -> bool:
        """Whether it would bring more than anybody reads."""
        return (self.changes_a_week or 0.0) > _MANY_A_WEEK


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """What would bring something: a larger ``radius`` (``value`` in km) or the ``area`` above (``value`` its id)."""

    kind: Literal["radius", "area"]
    value: str
    name: str
    recruiting_now: int


class Estimator:
    """Answers for any number of preferences, each by what it may ask for, without what its subscriber silenced.

    Args:
        session: reads, and is read from with each answer.
        areas: the vocabulary.
        now: aware.
        watched_since: when the last source had its baseline, where that is known.
        complete: whether each source was read to its end once.
    """

    def __init__(
        self,
        session: Session,
        areas: AreaTree,
        now: datetime,
        *,
        watched_since: datetime | None = None,
        complete: bool = True,
    ) -> None:
        self._session = session
        self._areas = areas
        self._now = now
        self._complete = complete
        self._watched_since = watched_since
        self._silenced: dict[int, frozenset[int]] = {}

    def of(self, preference: Preference) -> Estimate:
        """Return what the preference would bring; it need not be stored."""
        return Estimate(
            recruiting_now=self._open(preference),
            changes=self._changes(preference),
            weeks=self._weeks,
            complete=self._complete,
        )

    def changed_since(self, preference: Preference, seq: int) -> bool:
        """Tell whether anything that a preference asks for has happened after the change of this number."""
        upto = current_number(self._session, CHANGES)
        items = self._asked_among_changed(preference, seq, upto) if upto > seq else []
        return self._told(preference, items, seq, upto) > 0

    def open_now(self, preference: Preference) -> int:
        """Return how many open trials a preference matches today."""
        return self._open(preference)

    def alternatives(self, preference: Preference) -> list[Alternative]:
        """Return what lies nearest to a preference that brings nothing, and brings something."""
        return list(islice(self._alternatives(preference), _MOST_ALTERNATIVES))

    def _open(self, preference: Preference) -> int:
        query = PreferenceQuery.of(preference)
        told = open_by_terms(self._session, query, self._areas)
        if told is None:
            return self._found_among(open_trials(self._session, [query], self._areas), preference)
        sure, doubtful = told
        found = self._found_among(open_among(self._session, doubtful), preference)
        return found + len(sure - self.silenced_trials_of(preference.subscriber_id))

    def _found_among(self, trials: Sequence[Indexed], preference: Preference) -> int:
        return sum(
            self._found(trials[start : start + _AT_ONCE], preference) for start in range(0, len(trials), _AT_ONCE)
        )

    def _found(self, candidates: Sequence[Indexed], preference: Preference) -> int:
        """Return how many of these a preference brings to whose it is."""
        index = WindowIndex(candidates, self._areas)
        silenced = index.of_items(self.silenced_trials_of(preference.subscriber_id))
        return (wanted(index, preference, self._now.date()) & ~silenced).bit_count()

    def silenced_trials_of(self, who: int) -> frozenset[int]:
        """Return the trials (items) that a subscriber silenced; they are read once."""
        if who not in self._silenced:
            self._silenced[who] = silenced_by(self._session, [who]).get(who, frozenset())
        return self._silenced[who]

    def _changes(self, preference: Preference) -> int:
        after, upto = self._span
        items = self._asked_among_changed(preference, after, upto)
        sample = items if len(items) <= _SAMPLE else _some(items, _SAMPLE)
        found = self._told(preference, sample, after, upto)
        if found >= _SURE and len(sample) < len(items):
            return _to_two_figures(found * len(items) / len(sample))
        others = sorted(set(items).difference(sample))
        return found + self._told(preference, others, after, upto)

    def _asked_among_changed(self, preference: Preference, after: int, upto: int) -> list[int]:
        """Return the items with changes of these numbers that a preference may ask for, in the order of numbers."""
        query = PreferenceQuery.of(preference)
        return sorted(changed_items(self._session, query, self._areas, after=after, upto=upto))

    def _told(self, preference: Preference, items: Sequence[int], after: int, upto: int) -> int:
        """Return how many changes of these numbers, and of these items, a preference brings."""
        found = 0
        for start in range(0, len(items), _AT_ONCE):
            some = items[start : start + _AT_ONCE]
            # What a baseline brings is no news.
            changes = changes_between(self._session, after, upto, baselines_after=upto, items=some)
            found += self._found(changes, preference)
        return found

    def _alternatives(self, preference: Preference) -> Iterator[Alternative]:
        for kind, value, name, changes in _wider(preference, self._areas):
            found = self.of(Preference(**{**preference.model_dump(), **changes}))
            if not found.is_empty:
                yield Alternative(kind=kind, value=value, name=name, recruiting_now=found.recruiting_now)

    @cached_property
    def _span(self) -> tuple[int, int]:
        """The changes that are looked back at."""
        began = self._now - _LOOK_BACK
        # From the last one backwards: the tables keep two years.
        before = select(Change.seq).where(col(Change.at) < began).order_by(col(Change.seq).desc()).limit(1)
        return self._session.exec(before).first() or 0, current_number(self._session, CHANGES)

    @cached_property
    def _weeks(self) -> float | None:
        """The weeks that are looked back; None where the history is too short."""
        began = _began(self._session, self._watched_since)
        days = 0.0 if began is None else (self._now - began) / timedelta(days=1)
        return min(days, _LOOK_BACK / timedelta(days=1)) / 7 if days >= _SHORTEST_HISTORY_DAYS else None


def _some(items: Sequence[int], number: int) -> list[int]:
    """Return about so many of the items, the same ones each time, and whatever their numbers have in common.

    >>> len(_some(range(0, 30_000, 3), 1_000))
    1000
    """
    limit = number * _SCATTERED // len(items)
    return [item for item in items if item * _GOLDEN % _SCATTERED < limit]


def _to_two_figures(number: float) -> int:
    """Return a number with its first two figures, the others being 0.

    >>> _to_two_figures(1634.2), _to_two_figures(88.4), _to_two_figures(333.3)
    (1600, 88, 330)
    """
    return int(float(f"{number:.2g}"))


def _began(session: Session, watched_since: datetime | None) -> datetime | None:
    """Return since when what happens is known: the first item or change, or the last source's baseline if later."""
    first_item = session.exec(select(Item.first_seen_at).order_by(col(Item.id)).limit(1)).first()
    first_change = session.exec(select(Change.at).order_by(col(Change.seq)).limit(1)).first()
    known = [moment for moment in (first_item, first_change) if moment is not None]
    return max(min(known), watched_since or min(known)) if known else None


def _wider(
    preference: Preference, areas: AreaTree
) -> Iterator[tuple[Literal["radius", "area"], str, str, dict[str, object]]]:
    radius = preference.radius_km or 0.0
    if preference.region_kind is RegionKind.PLACE and radius < MAX_RADIUS_KM:
        wider = min(radius * _WIDER, MAX_RADIUS_KM)
        yield "radius", f"{wider:.0f}", "", {"radius_km": wider}
    for parent in areas.parents(preference.area_id):
        if parent not in preference.excluded_areas:
            yield "area", parent, areas.name(parent), {"area_id": parent}
