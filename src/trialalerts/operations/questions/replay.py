"""A replay: what the changes since a moment would have brought to whom, digest by digest; nothing is sent or stored.

People are asked with what they follow today, and items are as they are today: a replay shows what a preference brings,
not what stood in an old mail (``digests show`` does that). First digests, and corrections, are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.database import current_number
from trialalerts.database.bulk import in_chunks
from trialalerts.database.counter import CHANGES
from trialalerts.digests.due import rows_of
from trialalerts.digests.due_subscribers import PageMatcher
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.window import changes_between
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["Replayed", "replay"]

_BEFORE = timedelta(microseconds=1)


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
    told = _changes(session, before, upto)
    people = _people(session, subscriber)
    progress.stage("people replayed", len(people))
    for who in people:
        yield from _of_one(session, matcher, who, before, told)
        progress.advance()


def _people(session: Session, subscriber: Subscriber | None) -> Sequence[Subscriber]:
    if subscriber is not None:
        return [subscriber]
    asked = select(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    return session.exec(asked.order_by(col(Subscriber.id))).all()


def _of_one(
    session: Session, matcher: PageMatcher, who: Subscriber, before: int, told: Mapping[int, tuple[datetime, str]]
) -> Iterator[Replayed]:
    rows = [row._replace(cursor=before, is_new=False) for row in rows_of(session, who)]
    slots: dict[datetime, dict[str, None]] = defaultdict(dict)
    for served in matcher.match(rows).served:
        numbers = {seq for _, found in served.parts for seq in matcher.matcher.numbers(found)}
        for seq in sorted(numbers & told.keys()):
            at, number = told[seq]
            slots[_slot(who, at)][number] = None
    for at, found in sorted(slots.items()):
        yield Replayed(address=who.address, at=at, numbers=tuple(found))


def _slot(who: Subscriber, at: datetime) -> datetime:
    """Return when a change of that moment would have been told."""
    if who.frequency is Frequency.IMMEDIATELY:
        return at
    return next_due(who.frequency, who.hour, who.weekday, who.day, who.timezone, at - _BEFORE)


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
