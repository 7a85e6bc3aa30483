"""What the doctor asks about people: is anybody overdue, and who should have served them?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.database.heartbeats import heartbeats
from trialalerts.digests.compose import waited_for
from trialalerts.digests.due import overdue
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.watch.standstills import last_seen
from trialalerts.settings import Settings

__all__ = ["about_overdue"]

_NOTED = timedelta(minutes=30)
_LONG = timedelta(hours=2)
"""Whoever is due is composed for within a minute; a round by a timer comes once an hour, say."""


def about_overdue(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Look for people whose hour has passed and for whom nothing was done, first digests that wait left out."""
    found = overdue(session, now - _NOTED, introducing=not waited_for(session, settings, now))
    if not found.people or found.since is None:
        yield DoctorCheck(level="good", what="people: nobody is overdue")
        return
    who = "1 person is" if found.people == 1 else f"{found.people:,} people are"
    yield DoctorCheck(
        level="broken" if now - found.since > _LONG else "look",
        what=f"{who} overdue since {found.since:%Y-%m-%d %H:%M} UTC; {last_seen(heartbeats(session), 'compose', now)}",
        why="their digests are not even begun: nothing is lost, but it comes late",
        remedy="start the daemon: trialalerts run (one round: trialalerts run --once); if it runs, look at its log",
    )
