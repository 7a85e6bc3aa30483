"""The map of a window's sites: whose sites lie within a radius of a place.

Sites are sorted by latitude. A band of them is cut out by bisection, and within it the angles between the places, as
points on a ball, are compared with the one that the radius makes: exact at the poles and across the antimeridian, and
a hundred times as fast as measuring every distance.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import cos, degrees, pi, radians, sin

import numpy as np
from numpy.typing import NDArray

__all__ = ["SiteMap"]

_EARTH_KM = 6371.0088
_MARGIN_DEGREES = 1e-6
"""The band is cut a little wider, so that rounding never cuts off a site that lies on its edge."""

_ROUNDING = 1e-15
"""By so much two reckonings of one angle's cosine may differ; at 1 km that is a tenth of a millimetre."""
_FEW = 24
"""So many shifts cost as much as packing an array."""


class SiteMap:
    """Sites with coordinates (degrees), each with the number of the candidate it belongs to."""

    def __init__(self, latitudes: Sequence[float], longitudes: Sequence[float], owners: Sequence[int]) -> None:
        order = np.argsort(np.array(latitudes, dtype=float), kind="stable")
        sorted_latitudes = np.array(latitudes, dtype=float)[order]
        self._latitudes: list[float] = sorted_latitudes.tolist()  # bisecting a list is faster than searching an array
        self._points = _points(sorted_latitudes, np.array(longitudes, dtype=float)[order])
        self._owners = np.array(owners, dtype=np.int64)[order]
        self._highest = int(self._owners.max()) if len(owners) else 0

    def within(self, latitude: float, longitude: float, radius_km: float) -> int:
        """Return the owners of the sites that lie at most ``radius_km`` from the place, as the bits of an integer."""
        angle = min(radius_km / _EARTH_KM, pi)
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
        return self._bits(self._owners[first:last][near])

    def _bits(self, owners: NDArray[np.int64]) -> int:
        if len(owners) > _FEW:
            flags = np.zeros(self._highest + 1, dtype=np.uint8)
            flags[owners] = 1
            return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
        bits = 0
        for owner in owners.tolist():
            bits |= 1 << owner
        return bits


def _points(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places as points on a ball of radius 1, shape (n, 3)."""
    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)
