"""That somebody confirmed or left, noted for programs that want to hear of it: by the public key, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from trialalerts.database.bulk import Rows
from trialalerts.database.events.noted import (
    SUBSCRIBER_CONFIRMED,
    SUBSCRIBER_LEFT,
    is_heard,
    note_events,
    noted_rows,
)
from trialalerts.subscribers.tables import SubscriberState

__all__ = ["LEAVING_IS_HEARD", "left_rows", "note_confirmed", "note_left"]

LEAVING_IS_HEARD = is_heard(SUBSCRIBER_LEFT)
"""Whether anybody wants to hear of who leaves: a column for a question that is asked anyway, since each costs time."""

_WERE_THERE = {SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.BOUNCED}
"""Whoever is in one of these states has confirmed and not left."""


def note_confirmed(session: Session, key: str, *, now: datetime) -> None:
    """Note that somebody confirmed, or took leaving back."""
    note_events(session, SUBSCRIBER_CONFIRMED, [key], now=now)


def note_left(session: Session, people: Iterable[tuple[str, SubscriberState]], *, now: datetime) -> None:
    """Note that people leave, each with the key and the state until now; of whoever never confirmed nobody heard."""
    note_events(session, SUBSCRIBER_LEFT, _known(people), now=now)


def left_rows(people: Iterable[tuple[str, SubscriberState]], *, now: datetime) -> Rows:
    """Return the rows that note the same, where it is heard (:data:`LEAVING_IS_HEARD`), to be written with others."""
    return noted_rows(SUBSCRIBER_LEFT, _known(people), now=now)


def _known(people: Iterable[tuple[str, SubscriberState]]) -> list[str]:
    return [key for key, state in people if state in _WERE_THERE]
