"""The meaning of a trial's status: what it says to somebody who would like to take part.

Some registries state none: it follows from dates, so that a trial opens and closes without an edit.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from trialalerts.catalog.facts import Site, StatusDates

__all__ = [
    "CLOSED_STATUSES",
    "MAY_TAKE_PART",
    "OPEN_STATUSES",
    "STATUSES",
    "StatusGroup",
    "is_recruiting",
    "next_turn",
    "site_is_open",
    "status_group",
    "status_on",
]

StatusGroup = Literal["upcoming", "open", "invitation", "paused", "closed", "withdrawn", "unknown"]

_GROUPS: dict[str, StatusGroup] = {
    "NOT_YET_RECRUITING": "upcoming",
    "RECRUITING": "open",
    "AVAILABLE": "open",
    "ENROLLING_BY_INVITATION": "invitation",
    "SUSPENDED": "paused",
    "TEMPORARILY_NOT_AVAILABLE": "paused",
    "ACTIVE_NOT_RECRUITING": "closed",
    "COMPLETED": "closed",
    "TERMINATED": "closed",
    "NO_LONGER_AVAILABLE": "closed",
    "APPROVED_FOR_MARKETING": "closed",
    "WITHDRAWN": "withdrawn",
}
STATUSES = frozenset({*_GROUPS, "WITHHELD", "UNKNOWN"})
"""All that are known: ClinicalTrials.gov's, into which other registries' words are translated."""
OPEN_STATUSES = frozenset(status for status, group in _GROUPS.items() if group == "open")
CLOSED_STATUSES = frozenset(status for status, group in _GROUPS.items() if group in {"closed", "withdrawn"})
_NO_SITE_TAKES_PART = frozenset({"upcoming", "paused", "closed", "withdrawn"})
MAY_TAKE_PART = frozenset({None, "RECRUITING", "AVAILABLE", "NOT_YET_RECRUITING", "ENROLLING_BY_INVITATION"})
"""The statuses of a site where one may take part, now or soon; None: nobody says."""


def status_group(status: str | None, last_known: str | None = None) -> StatusGroup:
    """Return what a status means.

    ``UNKNOWN`` (nobody verified the record for two years) and ``WITHHELD`` stand for the last known
    status where there is one. A missing status or one that is not in the list is ``unknown``.

    >>> status_group("RECRUITING"), status_group("UNKNOWN", "RECRUITING")
    ('open', 'open')
    """
    group = _GROUPS.get(status or "", "unknown")
    return _GROUPS.get(last_known or "", "unknown") if group == "unknown" else group


def is_recruiting(status: str | None) -> bool:
    """Tell whether a trial says that it takes people now; a last known status is no such word."""
    return status in OPEN_STATUSES


def site_is_open(site: Site, trial_status: str | None) -> bool:
    """Tell whether a site takes people now.

    Its own status counts; without one it goes with its trial. In a trial that has not begun, has
    paused or has ended no site is open, whatever is still written there.
    """
    group = status_group(trial_status)
    if group in _NO_SITE_TAKES_PART:
        return False
    return group == "open" if site.status is None else site.status in OPEN_STATUSES


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
