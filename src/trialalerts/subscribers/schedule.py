"""When a subscriber is due: a local hour of a day, a week or a month, right across clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from trialalerts.subscribers.tables import Frequency

__all__ = ["local_moment", "next_due"]

_DAY = timedelta(days=1)
_zone = lru_cache(maxsize=None)(ZoneInfo)


def next_due(frequency: Frequency, hour: int, weekday: int, day: int, timezone: str, after: datetime) -> datetime:
    """Return the next moment (UTC) at which a subscriber is due, strictly after ``after`` (aware).

    ``hour`` is local, 0–23; ``weekday`` (0 is Monday) counts for weekly, ``day`` of the month (1–28)
    for monthly. A local time that the clocks skip means the moment after the gap, one that they
    show twice means the first. ``immediately`` is always due: ``after`` itself comes back.
    """
    if frequency is Frequency.IMMEDIATELY:
        return after.astimezone(UTC)
    start = after.astimezone(_zone(timezone)).date() - _DAY
    moments = (local_moment(slot, hour, timezone) for slot in _slots(frequency, weekday, day, start))
    return next(moment for moment in moments if moment > after)


def local_moment(on: date, hour: int, timezone: str) -> datetime:
    """Return the first moment (UTC) at which the clocks of ``timezone`` show that hour of that day, or a later time."""
    wanted = datetime.combine(on, time(hour))
    zone = _zone(timezone)
    moment = wanted.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wanted:
        return moment
    return _end_of_gap(wanted, zone)


def _slots(frequency: Frequency, weekday: int, day: int, start: date) -> Iterator[date]:
    """Give the days of the schedule from ``start`` on, without end."""
    if frequency is Frequency.MONTHLY:
        month = start.replace(day=1)
        while True:
            if month.replace(day=day) >= start:
                yield month.replace(day=day)
            month = (month + timedelta(days=31)).replace(day=1)
    step = _DAY
    if frequency is Frequency.WEEKLY:
        start += _DAY * ((weekday - start.weekday()) % 7)
        step = timedelta(weeks=1)
    while True:
        yield start
        start += step


def _end_of_gap(wanted: datetime, zone: ZoneInfo) -> datetime:
    """Search the second at which the clocks jump over ``wanted``."""
    before, after = (wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _wall(middle, zone) < wanted:
            before = middle
        else:
            after = middle
    return after


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
