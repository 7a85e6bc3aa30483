"""A status that follows from dates: some registries state none, so that a trial opens and closes without an edit."""

from __future__ import annotations

from datetime import date

from trialalerts.catalog.facts import StatusDates

__all__ = ["next_turn", "status_on"]


def status_on(schedule: StatusDates, day: date) -> str | None:
    """Return the status on a day; None where nothing tells it.

    >>> schedule = StatusDates(recruits_from=date(2026, 3, 1), recruits_until=date(2026, 9, 1), ends=date(2027, 1, 1))
    >>> [status_on(schedule, date(2026, month, 1)) for month in (2, 3, 9)]
    ['NOT_YET_RECRUITING', 'RECRUITING', 'ACTIVE_NOT_RECRUITING']
    """
    if schedule.said is not None:
        return schedule.said
    if schedule.ends is not None and schedule.ends <= day:
        return "COMPLETED"
    if schedule.recruits_from is None:
        return None
    if schedule.recruits_from > day:
        return "NOT_YET_RECRUITING"
    is_over = schedule.recruits_until is not None and schedule.recruits_until <= day
    return "ACTIVE_NOT_RECRUITING" if is_over else "RECRUITING"


def next_turn(schedule: StatusDates, day: date) -> date | None:
    """Return the next day after ``day`` on which the status may become another; None where it stays."""
    if schedule.said is not None:
        return None
    days = (schedule.recruits_from, schedule.recruits_until, schedule.ends)
    return min((each for each in days if each is not None and each > day), default=None)
