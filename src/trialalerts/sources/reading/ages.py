"""Ages as registries write them, in days."""

from __future__ import annotations

import re

__all__ = ["NO_LIMIT", "days_of_age"]

NO_LIMIT = frozenset({"n/a", "none", "no limit", "not applicable", "no limits", "not specified", "-"})
"""Words that say that there is no limit, or that nobody said one."""

_AGE = re.compile(r"(\d{1,4})\s*(year|yr|month|mth|week|wk|day|hour|hr|minute|min)?s?\.?(?: old)?", re.IGNORECASE)
_DAYS = {
    "year": 365.25, "yr": 365.25, "month": 30.4375, "mth": 30.4375, "week": 7.0, "wk": 7.0, "day": 1.0,
    "hour": 1 / 24, "hr": 1 / 24, "minute": 1 / 1440, "min": 1 / 1440,
}  # fmt: skip


def days_of_age(words: str, *, unit: str | None = None) -> int | None:
    """Return an age in whole days, rounded down; None where it is none.

    >>> days_of_age("18 Years"), days_of_age("6 Months"), days_of_age("eighteen")
    (6574, 182, None)
    >>> days_of_age("18"), days_of_age("18", unit="years")
    (None, 6574)

    Args:
        words: as the registry has them.
        unit: what a bare number counts.
    """
    found = _AGE.fullmatch(words.strip())
    named = found and (found[2] or (unit or "").rstrip("s"))
    if not found or not named or named.lower() not in _DAYS:
        return None
    return int(int(found[1]) * _DAYS[named.lower()])
