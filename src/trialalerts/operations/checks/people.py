"""What the doctor asks about people: is anybody overdue?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.database.types import UtcDateTime
from trialalerts.digests.compose import waited_for
from trialalerts.operations.checks import DoctorCheck
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState

__all__ = ["about_overdue"]

_NOTED = timedelta(minutes=30)
_LONG = timedelta(hours=2)
"""Whoever is due is composed for within a minute; a round by a timer comes once an hour, say."""


def about_overdue(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Look for people whose hour has passed and for whom nothing was done, first digests that wait left out."""
    overdue = [col(Subscriber.state) == SubscriberState.ACTIVE, col(Subscriber.next_due_at) < now - _NOTED]
    if waited_for(session, settings, now):
        overdue.append(col(Subscriber.cursor) != NEVER_SERVED)
    asked = select(func.count(), func.min(Subscriber.next_due_at, type_=UtcDateTime())).where(*overdue)
    number, since = session.exec(asked).one()
    if not number or since is None:
        yield DoctorCheck(level="good", what="people: nobody is overdue")
        return
    who = "1 person is" if number == 1 else f"{number:,} people are"
    yield DoctorCheck(
        level="broken" if now - since > _LONG else "look",
        what=f"{who} overdue since {since:%Y-%m-%d %H:%M} UTC",
        why="their digests are not even begun: nothing is lost, but it comes late",
        remedy="start the daemon: trialalerts run (one round: trialalerts run --once); if it runs, look at its log",
    )
