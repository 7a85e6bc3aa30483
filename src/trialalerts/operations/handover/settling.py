"""What comes with people beside their list: the log of consent, how far they were told, and what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, insert
from sqlmodel import Session, col, func, select

from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks
from trialalerts.database.counter import CHANGES, current_number
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.operations.handover.known import KnownHistory
from trialalerts.subscribers.files.csv_rows import CsvRow
from trialalerts.subscribers.preferences import same_preference
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Consent,
    ConsentAction,
    Preference,
    SilencedTrial,
    Subscriber,
    SubscriberState,
    id_of,
)

__all__ = ["Arriving", "PersonBefore", "people_before", "settle_people"]

Arriving = tuple[str, list[CsvRow], Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""Somebody's key, rows of the list, what stands beside it, and log of consent."""


class PersonBefore(NamedTuple):
    """Somebody who was here before: whether they had confirmed, and by their ids what they followed."""

    confirmed: bool
    wishes: frozenset[int]


def people_before(session: Session, keys: Sequence[str]) -> dict[str, PersonBefore]:
    """Return by their keys those who are here already."""
    people: dict[int, tuple[str, bool]] = {}
    wishes: dict[int, set[int]] = {}
    for some in in_chunks(keys):
        for each in session.exec(select(Subscriber).where(col(Subscriber.address_key).in_(some))):
            people[id_of(each)] = (each.address_key, each.state is not SubscriberState.PENDING)
    for part in in_chunks(sorted(people)):
        asked = select(Preference.subscriber_id, Preference.id).where(
            col(Preference.subscriber_id).in_(part), col(Preference.confirmed_at).is_not(None)
        )
        for who, number in session.exec(asked):
            wishes.setdefault(who, set()).add(number or 0)
    return {
        key: PersonBefore(confirmed, frozenset(wishes.get(number, ()))) for number, (key, confirmed) in people.items()
    }


def settle_people(
    session: Session,
    people: Sequence[Arriving],
    before: Mapping[str, PersonBefore],
    history: KnownHistory,
    now: datetime,
) -> list[int]:
    """Write down what comes beside the list, of people who were stored just now; return who is new by any wish.

    Who was here before keeps schedule, log and place among the changes; only what they follow by this is told from
    where they were told it elsewhere.
    """
    session.expire_all()
    last, came = current_number(session, CHANGES), []
    logs: dict[int, Sequence[Mapping[str, Any]]] = {}
    silenced: list[dict[str, Any]] = []
    stored = {each.address_key: each for each in _stored(session, [key for key, *_ in people])}
    followed = _followed(session, [id_of(each) for each in stored.values()])
    for key, rows, about, consents in people:
        subscriber, known = stored.get(key), before.get(key)
        if subscriber is None or not about:
            continue
        number, kept = id_of(subscriber), known.wishes if known is not None else frozenset()
        new = [wish for wish in followed.get(number, ()) if wish.id not in kept and wish.confirmed_at is not None]
        if known is not None and known.confirmed and not new:
            continue
        if known is None or not known.confirmed:
            _settle_person(subscriber, about, last)
        if known is None:
            logs[number] = consents
            silenced += [
                {"subscriber_id": number, "item_id": item, "created_at": now}
                for item in history.items(about["silenced"])
            ]
        if about["served"]:
            _settle_wishes(session, subscriber, new, rows, about, history)
            _tell(session, subscriber, followed.get(number, ()), new, about, history, last, now)
        came.append(number)
    session.flush()
    _put_consents(session, logs)
    if silenced:
        session.connection().execute(insert(SilencedTrial), silenced)
    return came


def _stored(session: Session, keys: Sequence[str]) -> list[Subscriber]:
    return [
        each
        for some in in_chunks(keys)
        for each in session.exec(select(Subscriber).where(col(Subscriber.address_key).in_(some)))
    ]


def _followed(session: Session, people: Collection[int]) -> dict[int, list[Preference]]:
    found: dict[int, list[Preference]] = {}
    for some in in_chunks(sorted(people)):
        asked = select(Preference).where(col(Preference.subscriber_id).in_(some)).order_by(col(Preference.id))
        for each in session.exec(asked):
            found.setdefault(each.subscriber_id, []).append(each)
    return found


def _settle_person(subscriber: Subscriber, about: Mapping[str, Any], last: int) -> None:
    subscriber.created_at = _moment(about["created_at"]) or subscriber.created_at
    subscriber.confirmed_at = _moment(about["confirmed_at"]) or subscriber.confirmed_at
    subscriber.heartbeat_at = _moment(about["heartbeat_at"]) or subscriber.heartbeat_at
    subscriber.came_by = about["came_by"]
    if about["served"] and subscriber.cursor == NEVER_SERVED:
        subscriber.cursor = last
        if subscriber.state is SubscriberState.ACTIVE:
            subscriber.next_due_at = _moment(about["due_at"]) or subscriber.next_due_at


def _settle_wishes(
    session: Session,
    subscriber: Subscriber,
    new: Sequence[Preference],
    rows: Sequence[CsvRow],
    about: Mapping[str, Any],
    history: KnownHistory,
) -> None:
    """Say of each wish that is new here since when it is served; what it told there is left out by the digest."""
    wishes = about["wishes"] if len(about["wishes"]) == len(rows) else [None] * len(rows)
    until = history.before(_moment(about["told_until"]), session)
    for wish in new:
        there = next(
            (
                said
                for said, row in zip(wishes, rows, strict=True)
                if row.columns and same_preference(wish, row.columns)
            ),
            None,
        )
        if there is None:  # a line of this person was left out: all that is left was told as far as the person was
            wish.introduced_at, wish.paused_seq = subscriber.confirmed_at, until
            continue
        wish.created_at = _moment(there["created_at"]) or wish.created_at
        wish.introduced_at = _moment(there["introduced_at"])
        since = _moment(there["rested_since"])
        if wish.introduced_at is not None or since is not None:
            wish.paused_seq = min(until, history.before(since, session)) if since is not None else until


def _tell(
    session: Session,
    subscriber: Subscriber,
    followed: Sequence[Preference],
    new: Sequence[Preference],
    about: Mapping[str, Any],
    history: KnownHistory,
    last: int,
    now: datetime,
) -> None:
    """Write one digest that holds all that somebody was told elsewhere and this catalog knows; no mail is sent."""
    wishes = [wish.id or 0 for wish in new] or [wish.id or 0 for wish in followed] or [0]
    parts: dict[tuple[int, int], None] = {}
    for place, selection in about["told"]:
        wish = wishes[place] if place < len(wishes) else wishes[0]
        parts |= dict.fromkeys((mine, number) for mine, number in history.parts(wish, selection, session))
    if not parts:
        return
    lowest = 0
    if len(new) < len(followed):  # who came by this has no digest yet
        asked = select(func.min(Digest.from_seq)).where(col(Digest.subscriber_id) == subscriber.id, Digest.from_seq < 0)
        lowest = session.exec(asked).one() or 0
    session.add(
        Digest(
            subscriber_id=id_of(subscriber),
            kind=DigestKind.REGULAR,
            from_seq=lowest - 1,
            to_seq=last,
            created_at=now,
            parts=[[*part] for part in parts],
        )
    )


def _put_consents(session: Session, logs: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Put the logs of before, by the subscriber, in front of the lines of this import."""
    table, run = table_of(Consent), session.connection().execute
    mine: dict[int, list[dict[str, Any]]] = {}
    for some in in_chunks(sorted(logs)):
        theirs = table.c.subscriber_id.in_(some)
        for row in run(table.select().where(theirs).order_by(table.c.id)).mappings():
            mine.setdefault(row["subscriber_id"], []).append({k: value for k, value in row.items() if k != "id"})
        run(delete(table).where(theirs))
    rows = []
    for number, log in logs.items():
        rows += [{**line, **_typed(line), "subscriber_id": number} for line in log]
        rows += mine.get(number, [])
    if rows:
        run(insert(table), rows)


def _typed(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": datetime.fromisoformat(line["at"]), "action": ConsentAction(line["action"])}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
