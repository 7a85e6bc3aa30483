"""The index of where candidates take place: for each region those with a place in it, or that may have one there.

For a radius, sites are sorted by latitude. A band of them is cut out by bisection, and within it the angles between
the places, as points on a ball, are compared with the one that the radius makes: exact at the poles and across the
antimeridian, and a hundred times as fast as measuring every distance.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from math import cos, degrees, pi, radians, sin
from operator import or_
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trialalerts.matching.bits import Postings, bits_of
from trialalerts.matching.query import group_members
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.places.distance import EARTH_RADIUS_KM, distance_km

if TYPE_CHECKING:
    from trialalerts.catalog.outlines import OutlinePlaces
    from trialalerts.matching.query import RegionKey

__all__ = ["PlaceIndex", "SiteMap"]

_MARGIN_DEGREES = 1e-6
"""The band is cut a little wider, so that rounding never cuts off a site that lies on its edge."""

_ROUNDING = 1e-15
"""By so much two reckonings of one angle's cosine may differ; at 1 km that is a tenth of a millimetre."""


class PlaceIndex:
    """Candidates by where they are, each as the bit of its candidate.

    Args:
        placed: the number of each candidate with those of its places that count; None for these: it takes place nowhere
            in particular, so that no region excludes it.
    """

    def __init__(self, placed: Iterable[tuple[int, OutlinePlaces | None]]) -> None:
        self._countries = Postings[str]()
        self._parts = Postings[str]()
        self._without_part = Postings[str]()
        self._without_point = Postings[str]()
        self._everywhere = Postings[str]()
        self._circles: list[tuple[float, float, float, int]] = []
        self._points: list[float] = []
        self._owners: list[int] = []
        nowhere: list[int] = []
        every: list[int] = []
        for number, places in placed:
            every.append(number)
            if places is None or places.unknown:
                nowhere.append(number)
            if places is not None:
                self._add(places, number)
        self.every = bits_of(every)
        self._nowhere = bits_of(nowhere)

    @cached_property
    def _map(self) -> SiteMap:
        return SiteMap(self._points[::2], self._points[1::2], self._owners)

    def region(self, key: RegionKey) -> int:
        """Return the candidates with a place in the region, or that may have one there; not for anywhere."""
        kind, country, subdivision, latitude, longitude, radius = key
        if kind is RegionKind.GROUP:
            return reduce(or_, (self.region((*member, None, None, None)) for member in group_members(subdivision)), 0)
        if kind is RegionKind.COUNTRY:
            return self._nowhere | self._countries[country or ""]
        if kind is RegionKind.SUBDIVISION:
            unknown, known = self._without_part[country or ""], self._parts[subdivision or ""]
            return self._nowhere | self.reached(country, subdivision) | known | unknown
        around = latitude or 0.0, longitude or 0.0, radius or 0.0
        return self.perhaps(country, subdivision) | self.within(*around) | self._encircling(*around)

    def within(self, latitude: float, longitude: float, radius_km: float) -> int:
        """Return the candidates with a site known to lie within the radius of a place."""
        return self._map.within(latitude, longitude, radius_km)

    def reached(self, country: str | None, subdivision: str | None = None) -> int:
        """Return the candidates near everybody in the country, or in that part of it."""
        return self._everywhere[country or ""] | (self._everywhere[subdivision] if subdivision else 0)

    def perhaps(self, country: str | None, subdivision: str | None = None) -> int:
        """Return the candidates that may be near any place of the country (or of that part of it).

        Of their sites not more is known.
        """
        return self._nowhere | self.reached(country, subdivision) | self._without_point[country or ""]

    def _encircling(self, latitude: float, longitude: float, radius_km: float) -> int:
        """Return the candidates for those who live in a circle that holds the place, or the centre of which is near."""
        if not self._circles:
            return 0
        return bits_of(
            [
                number
                for north, east, km, number in self._circles
                if distance_km(latitude, longitude, north, east) <= max(km, radius_km)
            ]
        )

    def _add(self, places: OutlinePlaces, number: int) -> None:
        self._countries.add(places.countries, number)
        self._parts.add(places.parts, number)
        self._everywhere.add(places.everywhere, number)
        self._without_part.add(places.without_part, number)
        self._without_point.add(places.without_point, number)
        self._points += places.points
        self._owners += [number] * (len(places.points) // 2)
        by_three = zip(places.circles[::3], places.circles[1::3], places.circles[2::3], strict=True)
        self._circles += [(north, east, km, number) for north, east, km in by_three]


class SiteMap:
    """Sites with coordinates (degrees), each with the number of the candidate it belongs to."""

    def __init__(self, latitudes: Sequence[float], longitudes: Sequence[float], owners: Sequence[int]) -> None:
        order = np.argsort(np.array(latitudes, dtype=float), kind="stable")
        sorted_latitudes = np.array(latitudes, dtype=float)[order]
        self._latitudes: list[float] = sorted_latitudes.tolist()  # bisecting a list is faster than searching an array
        self._points = _points(sorted_latitudes, np.array(longitudes, dtype=float)[order])
        self._owners = np.array(owners, dtype=np.int64)[order]

    def within(self, latitude: float, longitude: float, radius_km: float) -> int:
        """Return the owners of the sites that lie at most ``radius_km`` from the place, as the bits of an integer."""
        angle = min(radius_km / EARTH_RADIUS_KM, pi)
        band = degrees(angle) + _MARGIN_DEGREES
        first = bisect_left(self._latitudes, latitude - band)
        last = bisect_right(self._latitudes, latitude + band)
        if first == last:
            return 0
        north, east = radians(latitude), radians(longitude)
        here = np.array(
            (cos(north) * cos(east), cos(north) * sin(east), sin(north))
        )  # a tuple would take thrice as long
        near = self._points[first:last].dot(here) >= cos(angle) - _ROUNDING
        return bits_of(self._owners[first:last][near])


def _points(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places as points on a ball of radius 1, shape (n, 3)."""
    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)
