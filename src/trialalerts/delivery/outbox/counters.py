"""The tallies: how many mails were sent, delivered, bounced and complained of in each hour.

Rates are reckoned from them, so that nobody has to count a million deliveries to know one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, func, text
from sqlmodel import Session, col, delete, select

from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.outbox.tables import Tally

__all__ = ["KEPT", "MORE", "HourlyCounts", "close_hour", "count_up", "forget_counters", "hour_of", "since"]

KEPT = timedelta(days=400)
"""How long tallies are kept: a year can be compared with the one before."""

MORE = text(
    "INSERT INTO tally (hour, what, count) VALUES (:hour, :what, :count) "
    "ON CONFLICT (hour, what) DO UPDATE SET count = tally.count + excluded.count"
).bindparams(bindparam("hour", type_=UtcDateTime))


class HourlyCounts(StrEnum):
    """What is counted."""

    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REFUSED = "refused"
    """The server answered no, for whatever reason, at the door."""
    HANDED_OFF = "handed_off"
    """A reader's message to the organisation's own nurse has left."""
    NUDGED = "nudged"
    """A reader was told elsewhere, without content, that there is news."""
    UNKNOWN_LINK = "unknown_link"
    """A one-click POST bore a link that belongs to nobody."""


def hour_of(at: datetime) -> datetime:
    """Return the start of the hour (UTC) in which a moment lies."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_up(session: Session, what: HourlyCounts, number: int, *, at: datetime) -> None:
    """Count ``number`` more in the hour of ``at``; several processes may do so at once."""
    if number:
        _add(session, [(hour_of(at), what.value, number)])


def since(session: Session, start: datetime) -> dict[HourlyCounts, int]:
    """Return how many of each were counted in the hours that begin at ``start`` or later."""
    counted = select(Tally.what, func.sum(Tally.count)).where(col(Tally.hour) >= start).group_by(Tally.what)
    found = {what: int(number) for what, number in session.exec(counted)}
    return {what: found.get(what.value, 0) for what in HourlyCounts}


def close_hour(session: Session, now: datetime) -> None:
    """Move what was counted in the hour at hand into the one before: what is counted from now on stands apart."""
    hour = hour_of(now)
    rows = session.exec(select(Tally).where(col(Tally.hour) >= hour)).all()
    counted = [(hour - timedelta(hours=1), row.what, row.count) for row in rows]
    session.connection().execute(delete(Tally).where(col(Tally.hour) >= hour))
    _add(session, counted)


def forget_counters(session: Session, *, now: datetime) -> None:
    """Drop the tallies that are older than :data:`KEPT`."""
    session.connection().execute(delete(Tally).where(col(Tally.hour) < now - KEPT))


def _add(session: Session, counted: Iterable[tuple[datetime, str, int]]) -> None:
    rows = [{"hour": hour, "what": what, "count": number} for hour, what, number in counted]
    if rows:
        session.connection().execute(MORE, rows)
