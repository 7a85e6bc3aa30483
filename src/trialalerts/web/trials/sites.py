"""The sites of a trial as a page lists them: the open ones first, the nearest first where a place is known."""

from __future__ import annotations

from dataclasses import dataclass

from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.trials.reach import site_reach
from trialalerts.catalog.trials.status import site_is_open, status_group
from trialalerts.digests.cards.sites.contacts import ContactLine, contacts_for
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.regions import Region

__all__ = ["SiteLine", "SiteList", "list_sites"]

_NAME = 120
_SHOWN = 6
_FOLDED = 300
_UNKNOWN = 30_000.0
"""Kilometres, more than the earth has: it is not known how far."""
_RANKS = {"open": 0, "planned": 1, "invitation": 1}
_STATES = {"upcoming": "planned", "invitation": "invitation", "paused": "paused", "open": "open", "unknown": "unknown"}


@dataclass(frozen=True, kw_only=True)
class SiteLine:
    """A site: its town and hospital, its country's name and code, how far it is (empty, None: unknown), its state."""

    town: str
    hospital: str
    country: str
    distance: str
    km: float | None
    state: str
    asks: tuple[ContactLine, ...] = ()
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class SiteList:
    """The sites of a trial; ``folded`` are those shown on demand, ``left`` how many more there are.

    ``nearest`` is the first open one where a place is known and its distance too, else None.
    """

    nearest: SiteLine | None = None
    shown: tuple[SiteLine, ...] = ()
    folded: tuple[SiteLine, ...] = ()
    left: int = 0
    total: int = 0
    open: int = 0
    countries: int = 0


def list_sites(words: Wording, facts: TrialFacts, near: Region | None, *, shown: int = _SHOWN) -> SiteList:
    """Return the sites of a trial, in order."""
    ordered = sorted(((_order(site, facts, near), site) for site in facts.sites), key=lambda each: each[0])
    first = ordered[:_FOLDED]
    listed = [_line(words, facts, site, at[1], asks=number < shown) for number, (at, site) in enumerate(first)]
    nearest = next((line for line in listed if line.state == "open" and line.distance), None)
    return SiteList(
        nearest=nearest,
        shown=tuple(listed[:shown]),
        folded=tuple(listed[shown:]),
        left=len(ordered) - len(listed),
        total=len(ordered),
        open=sum(_state(site, facts) == "open" for site in facts.sites),
        countries=len({site.country or site.country_name for site in facts.sites}),
    )


_Order = tuple[int, float, str, str]


def _order(site: Site, facts: TrialFacts, near: Region | None) -> _Order:
    """Return the sort key: the nearest first, whatever their state; then what takes people, by country and town."""
    state, km = _state(site, facts), _km(site, near)
    own = near is not None and near.country is not None and site.country == near.country
    far = km if km is not None else _UNKNOWN if own else 2 * _UNKNOWN
    rank = _RANKS.get(state, 2) if km is None else 0
    return rank, far, site.country_name or "", site.city or ""


def _km(site: Site, near: Region | None) -> float | None:
    if near is None or near.latitude is None or near.longitude is None or site_reach(site) is not None:
        return None
    if site.latitude is None or site.longitude is None:
        return None
    return distance_km(near.latitude, near.longitude, site.latitude, site.longitude)


def _line(words: Wording, facts: TrialFacts, site: Site, far: float, *, asks: bool) -> SiteLine:
    state = _state(site, facts)
    asks = asks and bool(site.contacts) and state in {"open", "planned"}
    hospital, town = one_line(site.facility, _NAME), words.town(one_line(site.city, 60), site.country)
    return SiteLine(
        town=town or hospital,
        hospital=hospital if town else "",
        country=words.country(site.country, one_line(site.country_name, 60) or None) or "",
        distance=words.distance(far) if far < _UNKNOWN else "",
        km=far if far < _UNKNOWN else None,
        state=state,
        asks=contacts_for(words, facts, site) if asks else (),
        code=site.country or "",
    )


def _state(site: Site, facts: TrialFacts) -> str:
    """Return how a site stands: its own status counts while its trial goes on."""
    trial = status_group(facts.status)
    if trial in {"closed", "withdrawn"}:
        return "closed"
    if trial == "unknown":  # what its sites say is as old
        return "closed" if status_group(site.status) in {"closed", "withdrawn"} else "unknown"
    if site_is_open(site, facts.status):
        return "open"
    own = status_group(site.status) if site.status is not None else trial
    if trial in {"upcoming", "paused"} and own in {"open", "unknown"}:
        own = trial
    return _STATES.get(own, "closed")
