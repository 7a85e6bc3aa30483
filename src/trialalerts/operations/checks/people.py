"""What the doctor asks about people: is anybody overdue, and does each reach what tells them elsewhere?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.database.heartbeats import heartbeats
from trialalerts.digests.overdue import overdue, waited_for
from trialalerts.nudges.status import nudge_statuses
from trialalerts.nudges.ways import nudge_faults
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.watch.standstills import last_seen
from trialalerts.plurals import counted
from trialalerts.settings import Settings

__all__ = ["about_nudges", "about_overdue"]

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


def about_nudges(settings: Settings, session: Session) -> Iterator[DoctorCheck]:
    """Tell which ways cannot be used, how many readers chose each, and how many of them nothing reaches."""
    faults = dict(nudge_faults(settings)) if settings.nudges else {}
    for name, fault in faults.items():
        yield DoctorCheck(
            level="broken",
            what=f"nudges by {name}: {fault}",
            why="readers who chose it get mails without content instead",
            remedy="run: pip install 'trialalerts[apprise]'; the forms of its URLs: github.com/caronc/apprise/wiki",
        )
    for each in nudge_statuses(session, settings):
        if each.name in faults or not (each.readers or each.offered):
            continue
        readers = counted(each.readers, "reader")
        if not each.offered:
            yield DoctorCheck(
                level="look",
                what=f"nudges by {each.name}: {readers} chose it, and it is no longer offered",
                why="they get mails without content instead",
                remedy=f"offer it again under [[nudges]] as {each.name}, or leave it: they are told so in each mail",
            )
        elif each.unreached:
            yield DoctorCheck(
                level="look",
                what=f"nudges by {each.name}: {each.unreached:,} of {readers} cannot be reached",
                why="they get mails without content instead, until a nudge is taken again",
                remedy="does the way still work? look for nudge.failed in the log",
            )
        else:
            yield DoctorCheck(level="good", what=f"nudges by {each.name}: {readers}")
