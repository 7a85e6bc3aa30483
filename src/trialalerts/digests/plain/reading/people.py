"""In whom a trial tests: the people that its ages and sex allow, as a band that each language has a word for."""

from __future__ import annotations

from typing import NamedTuple

from trialalerts.catalog.facts import TrialFacts

__all__ = ["People", "people_of"]

_YEAR = 365.25


class People(NamedTuple):
    """A band of ages (``babies``, ``children`` … ``people`` where an age is not said) and a sex (``""``: both)."""

    band: str
    sex: str


def people_of(facts: TrialFacts) -> People:
    """Return whom a trial takes, as far as the record says."""
    sex = facts.sex if facts.sex in {"female", "male"} else ""
    lowest, highest = _years(facts.minimum_age_days), _years(facts.maximum_age_days)
    return People(_upwards(lowest) if highest is None else _between(lowest, highest), sex or "")


def _years(days: int | None) -> float | None:
    return None if days is None else (days + 1) / _YEAR


def _between(lowest: float | None, highest: float) -> str:
    """Name a band that ends; ages without a beginning are told only where they end young."""
    youngest = lowest or 0
    if highest < 2.05:  # noqa: PLR2004 - ages are in years here and below
        return "babies"
    if highest < 19:  # noqa: PLR2004
        if youngest >= 11:  # noqa: PLR2004
            return "teens"
        return "children" if highest < 13 else "minors"  # noqa: PLR2004
    return "young" if highest < 26.05 and youngest < 18 else _upwards(lowest)  # noqa: PLR2004


def _upwards(lowest: float | None) -> str:
    if lowest is None:
        return "people"
    steps = ((59, "older"), (17, "adults"), (11, "teens_adults"))
    return next((band for years, band in steps if lowest >= years), "all_ages")
