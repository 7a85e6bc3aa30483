"""The distance between two places on earth."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

__all__ = ["EARTH_RADIUS_KM", "HALF_ROUND_THE_EARTH_KM", "KM_PER_MILE", "distance_km"]

KM_PER_MILE = 1.609344
EARTH_RADIUS_KM = 6371.0088
_DIAMETER_KM = 2 * EARTH_RADIUS_KM
HALF_ROUND_THE_EARTH_KM = 20_015.2
"""No distance is longer (kilometres, rounded up)."""


def distance_km(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """Return the great-circle distance in kilometres; degrees in, good to half a percent (the earth as a ball).

    >>> round(distance_km(53.80, -1.55, 51.51, -0.13))  # Leeds to London
    272
    """
    north_a, north_b = radians(latitude_a), radians(latitude_b)
    rise = sin((north_b - north_a) / 2)
    turn = sin(radians(longitude_b - longitude_a) / 2)
    share = rise * rise + cos(north_a) * cos(north_b) * turn * turn
    return _DIAMETER_KM * asin(min(1.0, sqrt(share)))
