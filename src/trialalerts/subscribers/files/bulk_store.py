"""The storing of a list's people, a batch of them in one transaction.

New people are written table by table, without an object for each row: those take three times as long as the database.
Known ones go the way of everybody who signs up, where the file says anything new of them; where it does not, nothing is
done, so that a file may be read twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, insert_into, is_sqlite, list_value
from trialalerts.database.counter import CHANGES, current_number
from trialalerts.subscribers.account.resting import let_rest
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.files.csv_rows import CsvRow
from trialalerts.subscribers.follows.trials import follow_trial
from trialalerts.subscribers.people import add_subscriber, confirm
from trialalerts.subscribers.preferences import AddedPreference, add_preference, same_columns, same_preference
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Consent,
    ConsentAction,
    Preference,
    Subscriber,
    SubscriberState,
    id_of,
)

__all__ = ["HOW", "ImportedPerson", "People", "store_people"]

HOW = "import"
"""How somebody came, in the consent log."""
_S, _P, _C = table_of(Subscriber), table_of(Preference), table_of(Consent)
_ASKED = {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED}
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_NO_PAUSE = {SubscriberState.PENDING, SubscriberState.ACTIVE}

People = Sequence[tuple[str, list[CsvRow]]]
"""People by the keys of their addresses, each with a row for each preference."""


@dataclass(frozen=True, kw_only=True)
class ImportedPerson:
    """What became of one person: how many preferences are new; ``subscriber`` where ``waiting`` must be asked for."""

    created: bool
    added: int
    subscriber: Subscriber | None = None
    waiting: tuple[int, ...] = ()


def store_people(session: Session, people: People, now: datetime) -> list[ImportedPerson]:
    """Store people with all they follow; those who have left stay as they are."""
    known = _find_known(session, people)
    created = _store_new(session, [each for each in people if each[0] not in known], now)
    others = [each for each in people if each[0] not in created]
    if len(others) > len(known):  # somebody else stored them in this very moment
        known = _find_known(session, others)
    return [*created.values(), *_store_known(session, others, known, now)]


def _find_known(session: Session, people: People) -> dict[str, Subscriber]:
    sqlite = is_sqlite(session)
    keys = list_value([key for key, _ in people], sqlite=sqlite)
    rows = select(Subscriber).where(in_list(_S.c.address_key, "keys", sqlite=sqlite, text=True))
    return {each.address_key: each for each in session.exec(rows, params={"keys": keys})}


@dataclass(frozen=True, kw_only=True)
class _NewPerson:
    """Somebody to be stored; ``preferences`` are the columns of what is followed, ``agreed`` whether to any of it."""

    rows: list[CsvRow]
    state: SubscriberState
    preferences: list[dict[str, Any]]

    @property
    def is_served(self) -> bool:
        return self.state in _SERVED


def _store_new(session: Session, people: People, now: datetime) -> dict[str, ImportedPerson]:
    """Store new people; those whom somebody else stored meanwhile are not among what is returned."""
    if not people:
        return {}
    last_change = current_number(session, CHANGES)
    new = {key: _new_person(rows, now, last_change) for key, rows in people}
    rows = [_subscriber_row(key, each, now, last_change) for key, each in new.items()]
    added = insert_into(session, Subscriber).on_conflict_do_nothing(index_elements=["address_key"])
    returned = session.connection().execute(added.returning(_S.c.id, _S.c.address_key), rows)
    ids: dict[str, int] = {key: number for number, key in returned}
    followed = _store_preferences(session, [(number, new[key]) for key, number in ids.items()])
    consents = [row for key, number in ids.items() for row in _consents(number, new[key], followed[number], now)]
    session.connection().execute(insert(_C), consents)
    waiting = {
        number: tuple(id_ for id_, confirmed in followed[number] if not confirmed)
        for key, number in ids.items()
        if new[key].state in _ASKED
    }
    asked = _by_id(session, [number for number, some in waiting.items() if some])
    return {
        key: ImportedPerson(
            created=True,
            added=len(followed[number]),
            subscriber=asked.get(number),
            waiting=waiting.get(number, ()),
        )
        for key, number in ids.items()
    }


def _new_person(rows: list[CsvRow], now: datetime, last_change: int) -> _NewPerson:
    preferences = _preferences(rows, now, last_change)
    agreed = any(each["confirmed_at"] for each in preferences)
    state = rows[0].state or (SubscriberState.ACTIVE if agreed else SubscriberState.PENDING)
    return _NewPerson(rows=rows, state=state, preferences=preferences)


def _preferences(rows: list[CsvRow], now: datetime, last_change: int) -> list[dict[str, Any]]:
    """Return the columns of each different preference; of two lines that say the same, one that is confirmed counts.

    The changes of one that rests wait from the ``last_change`` on.
    """
    made: list[dict[str, Any]] = []
    for row in rows:
        if (columns := row.columns) is None:
            continue
        same = next((each for each in made if same_columns(each, columns)), None)
        if same is None:
            rest = {"paused_until": row.rests_until, "paused_seq": last_change if row.rests_until else None}
            made.append({**columns, **rest, "created_at": now, "confirmed_at": row.confirmed})
        else:
            same["confirmed_at"] = same["confirmed_at"] or row.confirmed
    return made


def _subscriber_row(key: str, new: _NewPerson, now: datetime, last_change: int) -> dict[str, Any]:
    """Return the row of somebody new, active or paused from now on, or not (see people.activate)."""
    person, served = new.rows[0].person, new.is_served
    return {
        "key": secrets.token_urlsafe(16),
        "address": person.address,
        "address_key": key,
        "state": new.state,
        "locale": person.locale,
        "timezone": person.timezone,
        "frequency": person.frequency,
        "hour": person.hour,
        "weekday": person.weekday,
        "day": person.day,
        "cursor": NEVER_SERVED,
        "created_at": now,
        "confirmed_at": now if served else None,
        "confirmed_seq": last_change if served else None,
        "next_due_at": now if new.state is SubscriberState.ACTIVE else None,
        "paused_until": None if new.state in _NO_PAUSE else new.rows[0].paused_until,
        **vars(new.rows[0].tastes),
        "heartbeat_at": now if new.rows[0].tastes.heartbeat else None,
    }


_Followed = dict[int, list[tuple[int, bool]]]
"""The id of a subscriber → the id of each preference, and whether it is confirmed."""


def _store_preferences(session: Session, people: Sequence[tuple[int, _NewPerson]]) -> _Followed:
    rows = [{"subscriber_id": number, **each} for number, new in people for each in new.preferences]
    followed: _Followed = {number: [] for number, _ in people}
    if rows:
        added = insert(_P).returning(_P.c.id, sort_by_parameter_order=True)
        for row, id_ in zip(rows, session.connection().execute(added, rows).scalars(), strict=True):
            followed[row["subscriber_id"]].append((id_, row["confirmed_at"] is not None))
    return followed


def _consents(
    number: int, new: _NewPerson, followed: Iterable[tuple[int, bool]], now: datetime
) -> Iterator[dict[str, Any]]:
    def row(action: ConsentAction, what: str = "") -> dict[str, Any]:
        return {"subscriber_id": number, "at": now, "action": action, "how": HOW, "what": what}

    yield row(ConsentAction.SIGNED_UP, "; ".join(_consent_texts(new.rows)))
    for id_, confirmed in followed:
        yield row(ConsentAction.CONFIRMED if confirmed else ConsentAction.CHANGED, f"preference {id_} added")
    if new.state is SubscriberState.PAUSED:
        yield row(ConsentAction.PAUSED)
    elif new.state not in _ASKED:
        yield row(ConsentAction.UNSUBSCRIBED)


def _consent_texts(rows: Iterable[CsvRow]) -> list[str]:
    return list(dict.fromkeys(row.consent for row in rows if row.consent))


def _by_id(session: Session, numbers: Sequence[int]) -> dict[int, Subscriber]:
    if not numbers:
        return {}
    sqlite = is_sqlite(session)
    rows = select(Subscriber).where(in_list(_S.c.id, "ids", sqlite=sqlite))
    return {id_of(each): each for each in session.exec(rows, params={"ids": list_value(numbers, sqlite=sqlite)})}


def _store_known(
    session: Session, people: People, known: Mapping[str, Subscriber], now: datetime
) -> Iterator[ImportedPerson]:
    sqlite = is_sqlite(session)
    ids = list_value([id_of(each) for each in known.values()], sqlite=sqlite)
    theirs = select(Preference).where(in_list(_P.c.subscriber_id, "ids", sqlite=sqlite))
    followed: dict[int, list[Preference]] = {}
    for each in session.exec(theirs, params={"ids": ids}):
        followed.setdefault(each.subscriber_id, []).append(each)
    said = select(Consent.subscriber_id, Consent.what).where(
        in_list(_C.c.subscriber_id, "ids", sqlite=sqlite), col(Consent.how) == HOW
    )
    consents: dict[int, list[str]] = {}
    for number, what in session.exec(said, params={"ids": ids}):
        consents.setdefault(number, []).append(what)
    for key, rows in people:
        subscriber = known[key]
        kept = "\n".join(consents.get(id_of(subscriber), ()))
        texts = [text for text in _consent_texts(rows) if text not in kept]
        if subscriber.state in _ASKED and (texts or _says_more(subscriber, rows, followed.get(id_of(subscriber), []))):
            yield _add_to_known(session, rows, texts, now)


def _says_more(subscriber: Subscriber, rows: Iterable[CsvRow], existing: Sequence[Preference]) -> bool:
    """Tell whether a file says anything of somebody that is not there yet."""
    for row in rows:
        if (columns := row.columns) is None:
            continue
        same = next((each for each in existing if same_preference(each, columns)), None)
        if same is None or (row.confirmed and same.confirmed_at is None):
            return True
        if row.confirmed and subscriber.state is SubscriberState.PENDING:
            return True
    return False


def _added(session: Session, subscriber: Subscriber, row: CsvRow, now: datetime) -> AddedPreference | None:
    """Add what a line follows; what is new to somebody rests where the line says so."""
    confirmed = row.confirmed is not None
    if row.trial is not None:
        added = follow_trial(session, subscriber, row.trial, confirmed=confirmed, how=HOW, now=now)
    elif row.preference is not None:
        added = add_preference(session, subscriber, row.preference, confirmed=confirmed, how=HOW, now=now)
    else:
        return None
    if added.new and row.rests_until is not None:
        let_rest(session, subscriber, added.preference, row.rests_until)
    return added


def _add_to_known(session: Session, rows: list[CsvRow], consents: Iterable[str], now: datetime) -> ImportedPerson:
    """Add what is new to somebody known; who never confirmed may do so by this file."""
    subscriber = add_subscriber(session, rows[0].person, confirmed=False, how=HOW, now=now).subscriber
    found = [added for each in rows if (added := _added(session, subscriber, each, now)) is not None]
    for text in consents:
        record_consent(session, subscriber, ConsentAction.CHANGED, how=HOW, what=text, now=now)
    agreed = [each.preference.id or 0 for each in found if each.preference.confirmed_at]
    if subscriber.state is SubscriberState.PENDING and agreed:
        confirm(session, subscriber, agreed, how=HOW, now=now)
    asks = any(each.new for each in found)
    waiting = tuple(each.preference.id or 0 for each in found if asks and each.preference.confirmed_at is None)
    return ImportedPerson(
        created=False,
        added=sum(each.new for each in found),
        subscriber=subscriber if waiting else None,
        waiting=waiting,
    )
