"""Where a source stands between sweeps: the high water, which no clock can carry away.

The cursor is ``{"high_water": day, "before": day, "filters": hash, "sweep": {…}}``. ``high_water`` is the day on which
the last complete sweep began (``before``, where that was a month or more after the one before it, the day of that: who
finds a high water that has not come yet goes back there); ``sweep`` tells how far an unfinished one came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from trialalerts.sources.sweeps.steps import Paging, Span, SweepStep

__all__ = ["begun_sweep", "marks_after", "trusted_high_water"]

_LEAST_OVERLAP = timedelta(days=1)
_A_MONTH = timedelta(days=30)
_TO_SPARE = timedelta(minutes=5)
_Step = TypeVar("_Step", bound=SweepStep)


def begun_sweep(
    cursor: Mapping[str, Any], filters: str, paging: Paging[_Step], *, overlap: timedelta, now: datetime
) -> tuple[Span, _Step]:
    """Return the sweep to go on with and its next step, or a new one.

    Other filters than before make a new baseline: what is known from before and changed is announced, and what was
    registered since the last sweep.

    Args:
        cursor: what was stored last.
        filters: the hash of what the configuration asks for now.
        paging: tells the first step.
        overlap: how far a sweep reaches back before the last one, at least a day: registries date by day, in other
            time zones.
        now: the moment (aware).
    """
    high_water = trusted_high_water(cursor, now.date())
    since = high_water and high_water - max(overlap, _LEAST_OVERLAP)
    if cursor.get("filters", filters) != filters:
        return _new(Span(began=now, announce_from=since), paging)
    try:
        span, step = Span.model_validate(cursor["sweep"]), paging.step.model_validate(cursor["sweep"])
    except (KeyError, ValidationError):
        return _new(Span(began=now, since=since), paging)
    if span.began > now + _TO_SPARE:  # by a clock that was ahead: how long ago nobody knows
        back = span.since and min(span.since, since or now.date())
        return _new(span.model_copy(update={"began": now, "since": back}), paging)
    return span, step


def _new(span: Span, paging: Paging[_Step]) -> tuple[Span, _Step]:
    return span, paging.first(span)


def marks_after(cursor: Mapping[str, Any], began: date) -> dict[str, str]:
    """Return the high water after a sweep; beside it the one before, where the clock went far on since."""
    last, before = _day(cursor.get("high_water")), cursor.get("before")
    if last is not None and began - last > _A_MONTH:
        before = last.isoformat()
    return {"high_water": began.isoformat(), **({"before": before} if before else {})}


def trusted_high_water(cursor: Mapping[str, Any], today: date) -> date | None:
    """Return the high water; one that has not come yet is a clock's mistake, so a day before that sweep."""
    high_water, before = _day(cursor.get("high_water")), _day(cursor.get("before"))
    if high_water is None or high_water <= today + timedelta(days=1):
        return high_water and min(high_water, today)
    if high_water - _A_MONTH <= today:  # no sweep was farther ahead than that, or the one before it was noted
        return high_water - _A_MONTH
    return before if before is not None and before <= today else today - _A_MONTH


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None
