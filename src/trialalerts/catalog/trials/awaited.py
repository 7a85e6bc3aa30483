"""What is still to come of a trial: its begin, its end, its results."""

from __future__ import annotations

import calendar
from datetime import date
from enum import StrEnum

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.trials.status import status_group

__all__ = [
    "RESULTS_HELD_BY",
    "RESULTS_WITHIN_MONTHS",
    "Awaited",
    "awaited",
    "awaited_on",
    "ended_on",
    "results_due",
    "results_page",
]

RESULTS_HELD_BY = frozenset({"clinicaltrials.gov", "euclinicaltrials.eu", "isrctn.com"})
"""The registries whose records say whether there are results; of any other one that none are there says nothing."""
RESULTS_WITHIN_MONTHS = 12
"""So long after its end a trial is to have posted its results (42 CFR 11.44; Regulation (EU) 536/2014, article 37)."""
_ENDED = frozenset({"COMPLETED", "TERMINATED"})
_NO_TRIAL = frozenset({"NO_LONGER_AVAILABLE", "APPROVED_FOR_MARKETING"})
"""How access to a treatment outside a trial ends: it has no results."""
_MONTHS_OF_A_YEAR = 12


class Awaited(StrEnum):
    """What comes next of a trial, and whether anything does."""

    BEGIN = "begin"
    END = "end"
    RESULTS = "results"
    NOTHING = "nothing"


def awaited(registry: str, facts: TrialFacts) -> Awaited:
    """Return what comes next of a trial; ``registry`` is the one whose record speaks for it.

    Of a trial that nobody joined no results are awaited, nor where its registry holds none.
    """
    group = status_group(facts.status, facts.last_known_status)
    if group == "upcoming":
        return Awaited.BEGIN
    if group == "withdrawn" or facts.status in _NO_TRIAL:
        return Awaited.NOTHING
    if facts.status not in _ENDED:
        return Awaited.END
    had = facts.has_results or facts.had_results  # what comes back is not told
    return Awaited.NOTHING if had or facts.enrolment == 0 or registry not in RESULTS_HELD_BY else Awaited.RESULTS


def results_due(registry: str, facts: TrialFacts) -> date | None:
    """Return the day on which the results of a trial are due; None where none are, or nobody knows when.

    Only an actual end counts: what a record plans or estimates is often past and was never so.
    """
    ended = ended_on(facts)
    if ended is None or awaited(registry, facts) is not Awaited.RESULTS:
        return None
    return _months_after(ended, RESULTS_WITHIN_MONTHS)


def awaited_on(registry: str, facts: TrialFacts) -> str | None:
    """Return when what comes next is to be there, as exactly as the record says it: ``2026-03``; None: nobody knows."""
    match awaited(registry, facts):
        case Awaited.BEGIN:
            return facts.start.value if facts.start else None
        case Awaited.END:
            return facts.completion.value if facts.completion else None
        case Awaited.RESULTS:
            due = results_due(registry, facts)
            return due.isoformat() if due else None
        case Awaited.NOTHING:
            return None


def ended_on(facts: TrialFacts) -> date | None:
    """Return the day on which a trial actually ended, the last one that it may have been; None: nobody says."""
    end = facts.completion
    if end is None or end.kind != "actual":
        return None
    try:
        year, month, day = [*map(int, end.value.split("-")), 0, 0][:3]
        month = month or _MONTHS_OF_A_YEAR
        return date(year, month, day or calendar.monthrange(year, month)[1])
    except ValueError:
        return None  # stored by another version of this program


def results_page(registry: str, url: str | None) -> str | None:
    """Return where the results of a trial stand in its registry, by the page of its record."""
    if url and registry == "clinicaltrials.gov" and "?" not in url:
        return f"{url}?tab=results"
    return url


def _months_after(day: date, months: int) -> date | None:
    year, month = divmod(day.year * _MONTHS_OF_A_YEAR + day.month - 1 + months, _MONTHS_OF_A_YEAR)
    try:
        return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    except (ValueError, calendar.IllegalMonthError):
        return None  # beyond the calendar
