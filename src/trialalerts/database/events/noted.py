"""Events that other programs are told of: noted in the transaction in which they happen, where anybody listens.

Whoever tells them (the room ``hooks``) takes them out of here in the transaction that puts them into its own outbox: so
none is lost or doubled, and no cursor runs over rows that are committed out of their order. Changes of trials and
articles are not noted here: their numbers grow in the order of commits, and a cursor is enough.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, select
from sqlmodel import Field, Session, SQLModel, col

from trialalerts.database.bulk import Rows, write_together
from trialalerts.database.types import UtcDateTime, table_of

__all__ = [
    "SOURCE_FAILING",
    "SOURCE_RECOVERED",
    "SUBSCRIBER_CONFIRMED",
    "SUBSCRIBER_LEFT",
    "EventListener",
    "NotedEvent",
    "TakenEvent",
    "is_heard",
    "listen",
    "listened_to",
    "note_events",
    "noted_rows",
    "stop_listening",
    "take_events",
]

SUBSCRIBER_CONFIRMED = "subscriber.confirmed"
SUBSCRIBER_LEFT = "subscriber.left"
SOURCE_FAILING = "source.failing"
SOURCE_RECOVERED = "source.recovered"


class EventListener(SQLModel, table=True):
    """Who (a webhook, by its name) wants to hear of which event: one row for each pair."""

    __tablename__ = "event_listener"

    name: str = Field(primary_key=True)
    event: str = Field(primary_key=True)


class NotedEvent(SQLModel, table=True):
    """Something that happened and that is still to be told.

    ``key`` is drawn at random and names it for good; ``subject`` is a source by its name, or a subscriber by the
    random key of their links: no address, no disease.
    """

    __tablename__ = "noted_event"

    key: str = Field(primary_key=True)
    event: str
    subject: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenEvent:
    """A noted event, taken out to be told."""

    key: str
    event: str
    subject: str
    at: datetime


_LISTENER = table_of(EventListener)
_NOTED = table_of(NotedEvent)


def note_events(session: Session, event: str, subjects: Iterable[str], *, now: datetime) -> int:
    """Note that an event happened to each of these; return how many were noted: none where nobody listens.

    Args:
        session: the writing session in which it happens; the event stands once that commits.
        event: one of the names above.
        subjects: public ids: names of sources, keys of subscribers.
        now: aware.
    """
    happened = list(subjects)
    if not happened or not session.connection().execute(select(is_heard(event))).scalar():
        return 0
    write_together(session, [noted_rows(event, happened, now=now)])
    return len(happened)


def is_heard(event: str) -> ColumnElement[bool]:
    """Return whether anybody listens to an event, as a column of a question that is asked anyway."""
    return exists().where(_LISTENER.c.event == event)


def noted_rows(event: str, subjects: Iterable[str], *, now: datetime) -> Rows:
    """Return the rows that note events, where they are heard, to be written with what else is."""
    rows = [{"key": secrets.token_hex(8), "event": event, "subject": subject, "at": now} for subject in subjects]
    return Rows(_NOTED, rows)


def listen(session: Session, name: str, events: Iterable[str]) -> None:
    """Let a listener hear of these events from now on."""
    rows = [{"name": name, "event": event} for event in dict.fromkeys(events)]
    if rows:
        session.connection().execute(insert(_LISTENER), rows)


def stop_listening(session: Session, name: str) -> None:
    """Let a listener hear of nothing any more."""
    session.connection().execute(delete(_LISTENER).where(_LISTENER.c.name == name))


def listened_to(session: Session) -> dict[str, list[str]]:
    """Return each listener with the events it hears of, in their order."""
    asked = select(_LISTENER.c.name, _LISTENER.c.event).order_by(_LISTENER.c.name, _LISTENER.c.event)
    found: dict[str, list[str]] = {}
    for name, event in session.connection().execute(asked):
        found.setdefault(name, []).append(event)
    return found


def take_events(session: Session, *, most: int) -> Sequence[TakenEvent]:
    """Take the oldest events out, in the writing session that puts them where they are told from.

    Of several processes each takes others: on PostgreSQL those that another one is taking are passed over.
    """
    columns = _NOTED.c.key, _NOTED.c.event, _NOTED.c.subject, _NOTED.c.at
    asked = select(*columns).order_by(_NOTED.c.at, _NOTED.c.key).limit(most).with_for_update(skip_locked=True)
    rows = session.connection().execute(asked).all()
    found = [TakenEvent(key=row.key, event=row.event, subject=row.subject, at=row.at) for row in rows]
    if found:
        session.connection().execute(delete(NotedEvent).where(col(NotedEvent.key).in_([each.key for each in found])))
    return found
