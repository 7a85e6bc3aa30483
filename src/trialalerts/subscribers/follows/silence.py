"""The trials that somebody said are not for them: following one, turned round.

Whoever follows a trial and silences it, or the other way round, means what they said last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, col, select

from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, insert_into, is_sqlite, list_value
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.preferences import remove_preference
from trialalerts.subscribers.tables import ConsentAction, Preference, SilencedTrial, Subscriber, id_of

__all__ = ["is_silenced", "lift_silence", "silence_trial", "silenced_by", "silenced_trials"]

_NOBODY: Mapping[int, frozenset[int]] = MappingProxyType({})


def silence_trial(session: Session, subscriber: Subscriber, item_id: int, *, how: str, now: datetime) -> bool:
    """Tell somebody nothing more of a trial (an item), and let them follow it no longer; return whether that is new."""
    follows = select(Preference).where(
        col(Preference.subscriber_id) == subscriber.id, col(Preference.item_id) == item_id
    )
    for preference in session.exec(follows).all():
        remove_preference(session, subscriber, preference.id or 0, how=how, now=now)
    values = {"subscriber_id": id_of(subscriber), "item_id": item_id, "created_at": now}
    added = insert_into(session, SilencedTrial).values(values).on_conflict_do_nothing()
    number = session.connection().execute(added.returning(col(SilencedTrial.id))).scalar()
    if number is None:
        return False
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"silence {number} added", now=now)
    return True


def lift_silence(session: Session, subscriber: Subscriber, item_id: int, *, how: str, now: datetime) -> bool:
    """Tell somebody of a trial again, from now on, by whatever they follow; return whether they had silenced it."""
    gone = delete(SilencedTrial).where(*_of(subscriber, item_id)).returning(col(SilencedTrial.id))
    number = session.connection().execute(gone).scalar()
    if number is None:
        return False
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"silence {number} removed", now=now)
    return True


def silenced_trials(session: Session, subscriber: Subscriber) -> list[SilencedTrial]:
    """Return what somebody silenced, the oldest first."""
    rows = select(SilencedTrial).where(col(SilencedTrial.subscriber_id) == subscriber.id)
    return list(session.exec(rows.order_by(col(SilencedTrial.id))))


def is_silenced(session: Session, subscriber: Subscriber, item_id: int) -> bool:
    """Tell whether somebody silenced a trial (an item)."""
    return session.exec(select(SilencedTrial.id).where(*_of(subscriber, item_id))).first() is not None


def silenced_by(session: Session, people: Collection[int]) -> Mapping[int, frozenset[int]]:
    """Return what people (subscribers by their ids) silenced, as items; who silenced nothing is left out."""
    row, sqlite = table_of(SilencedTrial).c, is_sqlite(session)
    run = session.connection().execute
    if not people or run(select(row.id).limit(1)).first() is None:  # most services have none: no page is looked up
        return _NOBODY
    asked = select(row.subscriber_id, row.item_id).where(in_list(row.subscriber_id, "people", sqlite=sqlite))
    found = defaultdict[int, set[int]](set)
    for who, item_id in run(asked, {"people": list_value(people, sqlite=sqlite)}):
        found[who].add(item_id)
    return {who: frozenset(items) for who, items in found.items()}


def _of(subscriber: Subscriber, item_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(SilencedTrial.subscriber_id) == subscriber.id, col(SilencedTrial.item_id) == item_id
