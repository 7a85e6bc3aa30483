"""A replay: what the changes since a moment would have brought to whom, digest by digest; nothing is sent or stored.

People are asked with what they follow today, and items are as they are today: a replay shows what a preference brings,
not what stood in an old mail (``digests show`` does that). First digests, and corrections, are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.database import current_number, table_of
from trialalerts.database.bulk import in_chunks
from trialalerts.database.counter import CHANGES
from trialalerts.digests.due import DueRow, rows_of, rows_of_active
from trialalerts.digests.due_subscribers import DueSubscriber, PageMatcher
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.window import changes_between
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.subscribers.follows.silence import silenced_by
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["Replayed", "replay"]

_BEFORE = timedelta(microseconds=1)
_AT_ONCE = 1_000
"""So many people are read and matched together: one by one takes ten times as long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """A digest that somebody would have got: when, and the items by number; ``at`` may lie ahead, for the last one."""

    address: str
    at: datetime
    numbers: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {"address": self.address, "at": self.at, "numbers": list(self.numbers)}


def replay(
    session: Session,
    since: datetime,
    now: datetime,
    *,
    subscriber: Subscriber | None = None,
    progress: ProgressMeter = NO_PROGRESS,
) -> Iterator[Replayed]:
    """Yield the digests that would have gone out, person by person, each at its hour.

    Args:
        session: reads.
        since: aware; changes from then on count.
        now: aware.
        subscriber: whose; None: those of all who are active.
        progress: hears of the people.
    """
    before = session.exec(select(func.max(Change.seq)).where(col(Change.at) < since)).one() or 0
    upto = current_number(session, CHANGES)
    index = WindowIndex(changes_between(session, before, upto, baselines_after=upto), load_areas(session))
    matcher = PageMatcher(Matcher(changes=index, shown=None, today=now.date()), after=before, introducing=False)
    tellings = _Tellings(matcher, before, _changes(session, before, upto))
    if subscriber is not None:
        progress.stage("people replayed", 1)
        person = _people(session, col(Subscriber.id) == subscriber.id)
        yield from tellings.of(session, person, rows_of(session, subscriber))
        progress.advance()
        return
    active = col(Subscriber.state) == SubscriberState.ACTIVE
    progress.stage("people replayed", session.exec(select(func.count()).where(active)).one())
    last = session.exec(select(func.max(Subscriber.id))).one() or 0
    for start in range(1, last + 1, _AT_ONCE):
        ids = range(start, start + _AT_ONCE)
        people = _people(session, active, col(Subscriber.id) >= ids.start, col(Subscriber.id) < ids.stop)
        yield from tellings.of(session, people, rows_of_active(session, ids))
        progress.advance(len(people))


class _Person(NamedTuple):
    """Somebody's address and schedule; as columns, for as an instance it takes longer than all that is asked of it."""

    id: int
    address: str
    frequency: Frequency
    hour: int
    weekday: int
    day: int
    timezone: str


_PERSON = [table_of(Subscriber).c[name] for name in _Person._fields]


def _people(session: Session, *which: ColumnElement[bool]) -> list[_Person]:
    rows = session.connection().execute(select_columns(*_PERSON).where(*which).order_by(_PERSON[0]))
    return [_Person(*row) for row in rows]


class _Tellings:
    """When people would have been told what; many follow the same, and are told at the same hours."""

    def __init__(self, matcher: PageMatcher, before: int, told: Mapping[int, tuple[datetime, str]]) -> None:
        self._matcher, self._before, self._told = matcher, before, told
        self._slots: dict[tuple[Any, ...], datetime] = {}

    def of(self, session: Session, people: Sequence[_Person], rows: Sequence[DueRow]) -> Iterator[Replayed]:
        """Yield the digests of these people, whose rows these are."""
        asked = [row._replace(cursor=self._before, is_new=False, paused_seq=None) for row in rows]
        silenced = silenced_by(session, [who.id for who in people])
        served = {each.subscriber_id: each for each in self._matcher.match(asked, silenced=silenced).served}
        for who in people:
            if who.id in served:
                yield from self._of_one(who, served[who.id])

    def _of_one(self, who: _Person, served: DueSubscriber) -> Iterator[Replayed]:
        slots: dict[datetime, dict[str, None]] = defaultdict(dict)
        numbers = {seq for _, found in served.parts for seq in self._matcher.matcher.numbers(found)}
        for seq in sorted(numbers & self._told.keys()):
            at, number = self._told[seq]
            slots[self._slot(who, at)][number] = None
        for at, found in sorted(slots.items()):
            yield Replayed(address=who.address, at=at, numbers=tuple(found))

    def _slot(self, who: _Person, at: datetime) -> datetime:
        """Return when a change of that moment would have been told."""
        if who.frequency is Frequency.IMMEDIATELY:
            return at
        schedule = who.frequency, who.hour, who.weekday, who.day, who.timezone
        key = (*schedule, at)
        if key not in self._slots:
            self._slots[key] = next_due(*schedule, at - _BEFORE)
        return self._slots[key]


def _changes(session: Session, after: int, upto: int) -> dict[int, tuple[datetime, str]]:
    """Return when each change was, and the number of its item."""
    span = col(Change.seq) > after, col(Change.seq) <= upto
    rows = session.exec(select(Change.seq, Change.item_id, Change.at).where(*span)).all()
    names: dict[int, str] = {}
    for some in in_chunks(sorted({item for _, item, _ in rows})):
        asked = select(Item.id, Item.kind, Item.external_id).where(col(Item.id).in_(some))
        for number, kind, external in session.exec(asked):
            names[number or 0] = external if kind is ItemKind.TRIAL else f"article {number}"
    return {seq: (at, names[item]) for seq, item, at in rows if item in names}
