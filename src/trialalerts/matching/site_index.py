"""The index of where candidates take place: for each region those with a site in it, or that may have one there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trialalerts.catalog.trials.reach import reached_countries, site_reach
from trialalerts.matching.nearby import SiteMap
from trialalerts.matching.query import RegionKey
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.places.territories import countries_of, subdivisions_of

if TYPE_CHECKING:
    from trialalerts.catalog.facts import Site, TrialFacts

__all__ = ["SiteIndex"]


class SiteIndex:
    """Sites by where they are, each as the bit of its candidate.

    Args:
        placed: the number of each candidate, its facts, and those of its sites that count; None for these: it takes
            place nowhere in particular, so that no region excludes it.
    """

    def __init__(self, placed: Iterable[tuple[int, TrialFacts | None, tuple[Site, ...] | None]]) -> None:
        self._countries: dict[str, int] = defaultdict(int)
        self._subdivisions: dict[str, int] = defaultdict(int)
        self._without_subdivision: dict[str, int] = defaultdict(int)
        self._without_coordinates: dict[str, int] = defaultdict(int)
        self._reached: dict[str, int] = defaultdict(int)
        self._nowhere = 0
        self.every = 0
        latitudes: list[float] = []
        longitudes: list[float] = []
        owners: list[int] = []
        for number, facts, sites in placed:
            bit = 1 << number
            self.every |= bit
            if sites is None:
                self._nowhere |= bit
                continue
            if facts is not None:
                for country in reached_countries(facts, sites):
                    self._reached[country] |= bit
            for site in sites:
                self._add(site, bit)
                if site.latitude is not None and site.longitude is not None and site_reach(site) is None:
                    latitudes.append(site.latitude)
                    longitudes.append(site.longitude)
                    owners.append(number)
        self._map = SiteMap(latitudes, longitudes, owners)

    def region(self, key: RegionKey) -> int:
        """Return the candidates with a site in the region, or that may have one there; not for anywhere."""
        kind, country, subdivision, latitude, longitude, radius = key
        if kind is RegionKind.COUNTRY:
            return self._nowhere | self._countries.get(country or "", 0)
        if kind is RegionKind.SUBDIVISION:
            unknown = self._without_subdivision.get(country or "", 0)
            known = self._subdivisions.get(subdivision or "", 0)
            return self._nowhere | self.reached(country) | known | unknown
        return self.perhaps(country) | self.within(latitude or 0.0, longitude or 0.0, radius or 0.0)

    def within(self, latitude: float, longitude: float, radius_km: float) -> int:
        """Return the candidates with a site known to lie within the radius of a place."""
        return self._map.within(latitude, longitude, radius_km)

    def reached(self, country: str | None) -> int:
        """Return the candidates near everybody in the country."""
        return self._reached.get(country or "", 0)

    def perhaps(self, country: str | None) -> int:
        """Return the candidates that may be near any place of the country, by what is not known of their sites."""
        return self._nowhere | self.reached(country) | self._without_coordinates.get(country or "", 0)

    def _add(self, site: Site, bit: int) -> None:
        if site.country is None:
            self._nowhere |= bit  # nobody could tell the country: no region may be excluded for that
            return
        for country in countries_of(site.country, site.country_name):
            self._countries[country] |= bit
        for subdivision in subdivisions_of(site.country, site.subdivision):
            self._subdivisions[subdivision] |= bit
        if not site.subdivision:
            self._without_subdivision[site.country] |= bit
        if site.latitude is None or site.longitude is None:
            self._without_coordinates[site.country] |= bit
