"""What waits too long: the people whose hour has passed, and the sources that first digests wait for."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, column, text
from sqlmodel import Session, col, func, select

from trialalerts.catalog.changes.baselines import AwaitedSource, awaited_sources
from trialalerts.catalog.tables import Change
from trialalerts.database.types import UtcDateTime, moment_for
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import NEVER_SERVED

__all__ = ["Overdue", "overdue", "waited_for"]


def waited_for(session: Session, settings: Settings, now: datetime) -> list[AwaitedSource]:
    """Return the sources that first digests wait for, because they have not been read to their end yet."""
    awaited = awaited_sources(session, [source.name for source in settings.sources], settings.digests.wait_for_baseline)
    return [each for each in awaited if each.holds(now)]


class Overdue(NamedTuple):
    """How many people should have been served before a moment, and since when the first of them waits."""

    people: int
    since: datetime | None


def overdue(session: Session, before: datetime, *, introducing: bool = True) -> Overdue:
    """Return who was due before a moment and is not served yet.

    Who is served at once is due from the moment of the first change that they have not seen. Without ``introducing``
    first digests wait, and nobody is overdue for one.
    """
    moment = moment_for(session.get_bind().dialect, before)
    held = "" if introducing else f" AND s.cursor > {NEVER_SERVED}"
    late = f"FROM subscriber s WHERE s.state = 'active' AND s.next_due_at <= :before{held}"
    asked = text(f"SELECT count(*), min(s.next_due_at) {late} AND s.frequency <> 'immediately'")
    number, since = (
        session.connection()
        .execute(asked.columns(column("number", BigInteger), column("since", UtcDateTime)), {"before": moment})
        .one()
    )
    last = session.exec(select(Change.seq).where(col(Change.at) <= before).order_by(col(Change.seq).desc()).limit(1))
    if (last_change := last.first()) is None:
        return Overdue(number, since)
    unseen = text(f"SELECT count(*), min(s.cursor) {late} AND s.frequency = 'immediately' AND s.cursor < :last")
    more, lowest = session.connection().execute(unseen, {"before": moment, "last": last_change}).one()
    if more:
        first = select(func.min(Change.at)).where(col(Change.seq) > max(0, lowest))
        begins = session.exec(first).one()
        since = min(since or begins, begins)
    return Overdue(number + more, since)
