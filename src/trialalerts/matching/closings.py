"""Sites that closed: news for those to whom one of them was the nearest, or the last one open in their region.

Which sites are open is read from the trial as it is now: a site that closed and opened again is no news, and neither is
a site of a trial that takes nobody any more (that is told by itself).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import acos, cos, pi, radians, sin
from typing import TYPE_CHECKING, Any

import numpy as np

from trialalerts.catalog.facts import Reach, Site
from trialalerts.catalog.outlines import places_of
from trialalerts.catalog.trials.reach import reached_countries, site_reach
from trialalerts.catalog.trials.status import status_group
from trialalerts.matching.places import PlaceIndex
from trialalerts.matching.query import RegionKey, group_members
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.distance import EARTH_RADIUS_KM, distance_km
from trialalerts.vocabulary.places.territories import countries_of, subdivisions_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trialalerts.matching.reasons import PreferenceView
    from trialalerts.matching.window import Candidate, Subject

__all__ = ["AS_NEAR_KM", "ClosingIndex", "closed_for", "only_pauses", "reached_for", "still_closed"]

AS_NEAR_KM = 2.0
"""A site that is open so little farther away is as near: sites are known by their town's centre."""


def still_closed(before: Mapping[str, Any], open_sites: Sequence[Site], *, recruiting: bool) -> tuple[Site, ...]:
    """Return those of the sites that closed which are news now: the trial goes on, and they are not open again."""
    if not recruiting:
        return ()
    now = {_named(site) for site in open_sites}
    closed = [Site.model_validate(site) for site in before.get("sites", ())]
    return tuple(site for site in closed if _named(site) not in now)


def closed_for(preference: PreferenceView, closed: Sequence[Site], subject: Subject) -> tuple[Site, ...]:
    """Return the sites to name to somebody: the nearest one of them, or those that were the last in the region.

    Empty where an open site is as near, so that none of this is news to them.
    """
    open_sites = subject.open_sites
    if preference.region_kind is RegionKind.ANYWHERE:
        return () if open_sites else tuple(closed)
    if subject.facts is not None and reached_for(preference, reached_countries(subject.facts, open_sites)):
        return ()
    if preference.region_kind is not RegionKind.PLACE:
        return () if any(_inside(preference, site) for site in open_sites) else _last_ones(preference, closed, subject)
    distance = _distance_from(preference)
    near = [(km, number) for number, site in enumerate(closed) if (km := distance(site)) is not None]
    still = [km for site in open_sites if (km := distance(site)) is not None]
    if near and (not still or min(still) > min(near)[0] + AS_NEAR_KM):
        return (closed[min(near)[1]],)
    return () if near or still else _last_ones(preference, closed, subject)


def only_pauses(closed: Site, subject: Subject) -> bool:
    """Tell whether the record says now that a site that takes nobody any more will do so again (``SUSPENDED``)."""
    sites = subject.facts.sites if subject.facts else ()
    listed = [site for site in sites if _named(site) == _named(closed)]
    return bool(listed) and all(status_group(site.status) == "paused" for site in listed)


class ClosingIndex:
    """The closings of a window, each with its number in it: that of its bit."""

    def __init__(self, candidates: Sequence[tuple[int, Candidate]]) -> None:
        closings = [(number, c) for number, c in candidates if c.sites]
        self._closed = PlaceIndex((number, places_of(c.subject.facts, c.sites or ())) for number, c in closings)
        self._open = PlaceIndex((number, places_of(c.subject.facts, c.subject.open_sites)) for number, c in closings)
        self._none_open = sum(1 << number for number, c in closings if not c.subject.open_sites)
        self._points = {number: (_points(c.sites or ()), _points(c.subject.open_sites)) for number, c in closings}

    def region(self, key: RegionKey) -> int:
        """Return the closings that are news to those who follow a region (see :func:`closed_for`)."""
        kind, country, _, latitude, longitude, radius = key
        if not self._closed.every:
            return 0
        if kind is RegionKind.ANYWHERE:
            return self._none_open
        if kind is not RegionKind.PLACE:
            return self._closed.region(key) & ~self._open.region(key)
        last = self._closed.perhaps(country) & ~self._open.region(key)
        near = self._closed.within(latitude or 0.0, longitude or 0.0, radius or 0.0) & ~self._open.reached(country)
        if not near:
            return last
        here = _point(latitude or 0.0, longitude or 0.0)
        return last | sum(
            1 << number for number in self._points if near >> number & 1 and self._was_nearest(number, here)
        )

    def _was_nearest(self, number: int, here: NDArray[np.float64]) -> bool:
        closed, still_open = self._points[number]
        if not len(still_open):
            return True
        nearest = acos(min(1.0, max(-1.0, float(closed.dot(here).max()))))
        as_near = min(pi, nearest + AS_NEAR_KM / EARTH_RADIUS_KM)
        return bool(still_open.dot(here).max() < cos(as_near))


def _named(site: Site) -> tuple[str, str, str]:
    return folded(site.facility or ""), folded(site.city or ""), site.country or folded(site.country_name or "")


def _last_ones(preference: PreferenceView, closed: Sequence[Site], subject: Subject) -> tuple[Site, ...]:
    """Return the sites that were the last in the region; of a trial that one joins from home, those of the country."""
    inside = tuple(site for site in closed if _inside(preference, site))
    if inside or subject.facts is None or not reached_for(preference, reached_countries(subject.facts, closed)):
        return inside
    countries = countries_followed(preference)
    return tuple(site for site in closed if site.country in countries)


def _inside(preference: PreferenceView, site: Site) -> bool:
    """Tell whether a site lies in the country or subdivision followed, or may lie there."""
    if site.country is None:
        return True
    if preference.region_kind is RegionKind.GROUP:
        return any(_is_part(site, *member) for member in group_members(preference.subdivision))
    return _is_part(site, preference.region_kind, preference.country, preference.subdivision)


def _is_part(site: Site, kind: RegionKind, country: str | None, subdivision: str | None) -> bool:
    if kind is not RegionKind.SUBDIVISION:
        return country in countries_of(site.country or "", site.country_name)
    if site.subdivision is None and site.country == country:
        return True
    return subdivision in subdivisions_of(site.country or "", site.subdivision)


def countries_followed(preference: PreferenceView) -> frozenset[str]:
    """Return the countries that a preference follows, or parts of which it follows; of anywhere none."""
    if preference.region_kind is RegionKind.GROUP:
        return frozenset(country for _, country, _ in group_members(preference.subdivision))
    return frozenset({preference.country} if preference.country else ())


def reached_for(preference: PreferenceView, reached: Mapping[str, Reach]) -> Reach | None:
    """Return how a trial reaches whoever follows this, by how it reaches the countries; None where it does not."""
    return next((reached[country] for country in sorted(countries_followed(preference)) if country in reached), None)


def _distance_from(preference: PreferenceView) -> Callable[[Site], float | None]:
    latitude, longitude = preference.latitude or 0.0, preference.longitude or 0.0

    def distance(site: Site) -> float | None:
        if site.latitude is None or site.longitude is None or site_reach(site) is not None:
            return None
        return distance_km(latitude, longitude, site.latitude, site.longitude)

    return distance


def _points(sites: Sequence[Site]) -> NDArray[np.float64]:
    """Return the sites with coordinates as points on a ball of radius 1, shape (n, 3)."""
    placed = [
        _point(site.latitude, site.longitude)
        for site in sites
        if site.latitude is not None and site.longitude is not None and site_reach(site) is None
    ]
    return np.array(placed, dtype=float).reshape(-1, 3)


def _point(latitude: float, longitude: float) -> NDArray[np.float64]:
    north, east = radians(latitude), radians(longitude)
    return np.array((cos(north) * cos(east), cos(north) * sin(east), sin(north)))
