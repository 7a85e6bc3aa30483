"""Storing many people at once: those of an import.

Known people go the way of everybody who signs up. New ones, mostly thousands, are written in batches:
row by row an import holds SQLite's one writer for minutes, and the daemon waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from trialalerts.database.counter import CHANGES, current_number
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.people import activate, add_subscriber, confirm, new_subscriber
from trialalerts.subscribers.preferences import add_preference, same_preference
from trialalerts.subscribers.records import Record
from trialalerts.subscribers.tables import ConsentAction, Preference, Subscriber, SubscriberState, id_of

__all__ = ["Stored", "store_people"]

_HOW = "import"
_AT_ONCE = 500
_ASKED = {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What became of one person: how many preferences are new, and the ids of those that wait for a confirmation."""

    subscriber: Subscriber
    created: bool
    added: int
    waiting: tuple[int, ...]


def store_people(
    session: Session, groups: Mapping[str, list[Record]], now: datetime, *, consent: str = ""
) -> list[Stored]:
    """Store people with all they follow; each key of an address has its records, one for each preference.

    ``consent`` says where they agreed; it is kept in the log of each.
    """
    known = set(session.exec(select(Subscriber.address_key)))
    stored = [_store_known(session, records, now, consent) for key, records in groups.items() if key in known]
    new = [records for key, records in groups.items() if key not in known]
    for start in range(0, len(new), _AT_ONCE):
        stored += _store_new(session, new[start : start + _AT_ONCE], now, consent)
    return stored


def _store_new(session: Session, people: list[list[Record]], now: datetime, consent: str) -> Iterator[Stored]:
    last_change = current_number(session, CHANGES)
    subscribers = [new_subscriber(records[0].person, now) for records in people]
    session.add_all(subscribers)
    session.flush()
    followed = [_preferences(id_of(each), records, now) for each, records in zip(subscribers, people, strict=True)]
    session.add_all(preference for preferences in followed for preference in preferences)
    session.flush()
    for subscriber, records, preferences in zip(subscribers, people, followed, strict=True):
        record_consent(session, subscriber, ConsentAction.SIGNED_UP, how=_HOW, what=consent, now=now)
        for each in preferences:
            action = ConsentAction.CONFIRMED if each.confirmed_at else ConsentAction.CHANGED
            record_consent(session, subscriber, action, how=_HOW, what=f"preference {each.id} added", now=now)
        agreed = any(each.confirmed_at for each in preferences)
        _set_state(session, subscriber, records[0], agreed=agreed, now=now, last_change=last_change)
        waiting = [each for each in preferences if each.confirmed_at is None]
        yield _stored(subscriber, created=True, added=len(preferences), waiting=waiting)
    session.flush()


def _preferences(subscriber_id: int, records: list[Record], now: datetime) -> list[Preference]:
    """Make a row for each different preference; of two lines that say the same, one that is confirmed counts."""
    made: list[Preference] = []
    for record in records:
        if record.preference is None:
            continue
        same = next((each for each in made if same_preference(each, record.columns)), None)
        if same is None:
            made.append(
                Preference(subscriber_id=subscriber_id, created_at=now, confirmed_at=record.confirmed, **record.columns)
            )
        else:
            same.confirmed_at = same.confirmed_at or record.confirmed
    return made


def _store_known(session: Session, records: list[Record], now: datetime, consent: str) -> Stored:
    """Add what is new to somebody known; who never confirmed may do so by this file."""
    subscriber = add_subscriber(session, records[0].person, confirmed=False, how=_HOW, now=now).subscriber
    found = [
        add_preference(session, subscriber, each.preference, confirmed=each.confirmed is not None, how=_HOW, now=now)
        for each in records
        if each.preference is not None
    ]
    if consent:
        record_consent(session, subscriber, ConsentAction.CHANGED, how=_HOW, what=consent, now=now)
    agreed = [each.preference.id or 0 for each in found if each.preference.confirmed_at]
    if subscriber.state is SubscriberState.PENDING and agreed:
        confirm(session, subscriber, agreed, how=_HOW, now=now)
    waiting = [each.preference for each in found if each.preference.confirmed_at is None]
    return _stored(subscriber, created=False, added=sum(each.new for each in found), waiting=waiting)


def _set_state(
    session: Session, subscriber: Subscriber, record: Record, *, agreed: bool, now: datetime, last_change: int
) -> None:
    """Give somebody new the state that the file names; without one, who agreed to anything is active."""
    state = record.state or (SubscriberState.ACTIVE if agreed else SubscriberState.PENDING)
    if state in {SubscriberState.ACTIVE, SubscriberState.PAUSED}:
        activate(subscriber, now, last_change=last_change)
    if state in {SubscriberState.PENDING, SubscriberState.ACTIVE}:
        return
    subscriber.state = state
    subscriber.paused_until = record.paused_until
    subscriber.next_due_at = None
    action = ConsentAction.PAUSED if state is SubscriberState.PAUSED else ConsentAction.UNSUBSCRIBED
    record_consent(session, subscriber, action, how=_HOW, now=now)


def _stored(subscriber: Subscriber, *, created: bool, added: int, waiting: list[Preference]) -> Stored:
    ids = tuple(each.id or 0 for each in waiting) if subscriber.state in _ASKED else ()
    return Stored(subscriber=subscriber, created=created, added=added, waiting=ids)
