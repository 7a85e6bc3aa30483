"""How far a study reaches beyond its sites: those that one joins from home, and those all over a country.

Registries have no field for it. A study says it in words (its source reads them into
:attr:`~trialalerts.catalog.facts.TrialFacts.reach`), or one of its sites is no place at all: “Virtual”,
“Remote Study Site”, “Multiple Locations”. Such a study is near everybody in the countries that it lists, and
nowhere else. ``docs/explanation/places.md`` tells how often and how surely this is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from trialalerts.catalog.facts import Reach, Site, TrialFacts

__all__ = ["reached_countries", "site_reach"]

_AFAR = (
    r"(?:remote|virtual|online|decentrali[sz]ed|(?:web|internet|home)[ -]based|site-?less|at home|"
    r"tele-?(?:health|medicine))"
)
_KIND = r"(?:study|trial|research|clinical|investigational|investigative|patient|participation|recruitment|enrol?lment)"
_PLACE = r"(?:sites?|locations?|facility|cent(?:er|re)s?|visits?|only)"
_REMOTE = re.compile(
    rf"(?:(?:fully|entirely|completely|100%) )?{_AFAR}(?: {_KIND}){{0,3}}(?: {_PLACE})?(?: (?:no\.? ?|# ?)?\d+)?"
    r"|(?:participants?|patients?)['’]?s?['’]? (?:own )?homes?",
    re.IGNORECASE,
)
_EVERYWHERE = re.compile(
    r"(?:multiple|various|several)(?: (?:locations?|sites?|cities|towns|places|cent(?:er|re)s))?"
    r"|nation-?wide|country-?wide",
    re.IGNORECASE,
)
"""Whole names only: “Nationwide Children's Hospital” and “Virtual Hospital” are places."""


def reached_countries(facts: TrialFacts, sites: Iterable[Site]) -> dict[str, Reach]:
    """Return the countries (ISO 3166-1 alpha-2) in which everybody is near, wherever they live, and how.

    Args:
        facts: of the trial.
        sites: those of its sites that count: the open ones, or the one that opened. A country of which no
            such site is listed is not reached, whatever the study says of itself.
    """
    found: dict[str, Reach] = {}
    for site in sites:
        reach = site_reach(site) or facts.reach
        if site.country and reach and found.get(site.country) != "remote":
            found[site.country] = reach
    return found


def site_reach(site: Site) -> Reach | None:
    """Return how far a site reaches that is no place; None for a place."""
    return _named(site.facility, site.city)


@lru_cache(maxsize=32_768)
def _named(facility: str | None, city: str | None) -> Reach | None:
    names = [" ".join(name.split()) for name in (facility, city) if name]
    if any(_REMOTE.fullmatch(name) for name in names):
        return "remote"
    return "nationwide" if any(_EVERYWHERE.fullmatch(name) for name in names) else None
