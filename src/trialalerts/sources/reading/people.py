"""Who can join, as registries write it: ages in days, groups of ages, sexes, healthy people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

__all__ = ["NO_LIMIT", "AgeGroup", "age_values", "days_of_age", "group_values", "sex_of", "takes_healthy_people"]

AgeGroup = tuple[str | None, str | None]
"""The youngest and the oldest of a group; None where that side is open."""

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


def age_values(youngest: tuple[str | None, int | None], oldest: tuple[str | None, int | None]) -> dict[str, Any]:
    """Return the facts of two limits, each in words and in days."""
    return {
        "minimum_age": youngest[0], "minimum_age_days": youngest[1],
        "maximum_age": oldest[0], "maximum_age_days": oldest[1],
    }  # fmt: skip


def group_values(words: Collection[str], groups: Mapping[str, AgeGroup]) -> dict[str, Any]:
    """Return the outer edges of some groups in days: the criteria know the true limits.

    >>> group_values(["ADULT", "SENIOR"], {"ADULT": ("18 Years", "64 Years"), "SENIOR": ("65 Years", None)})
    {'minimum_age': None, 'minimum_age_days': 6574, 'maximum_age': None, 'maximum_age_days': None}

    Args:
        words: the registry's for the groups; of one that is not known nobody knows whom it takes.
        groups: what they mean.
    """
    known = [groups.get(word, (None, None)) for word in words] or [(None, None)]
    youngest, oldest = (_days(edges) for edges in zip(*known, strict=True))
    return age_values((None, min(youngest, default=None)), (None, max(oldest, default=None)))


def _days(edges: Iterable[str | None]) -> list[int]:
    """Return edges in days; none where one of them is open."""
    found = [days_of_age(edge) if edge else None for edge in edges]
    return [] if None in found else [days for days in found if days is not None]


def sex_of(*, female: bool | None, male: bool | None) -> Literal["female", "male", "all"] | None:
    """Return who can join, by whether each sex can."""
    return ("all" if male else "female") if female else "male" if male else None


def takes_healthy_people(groups: Collection[str]) -> bool | None:
    """Tell whether one of the groups of people is healthy; None where no group is named."""
    return any("healthy" in group.lower() for group in groups) if groups else None
