"""The distance between two places on earth, and the radius around one as people write it."""

from __future__ import annotations

import re
from math import asin, cos, radians, sin, sqrt

from trialalerts.errors import InvalidInput

__all__ = [
    "EARTH_RADIUS_KM",
    "HALF_ROUND_THE_EARTH_KM",
    "KM_PER_MILE",
    "MAX_RADIUS_KM",
    "NEAR_KM",
    "Point",
    "checked_radius",
    "distance_km",
    "parse_radius",
]

Point = tuple[float, float]
"""Latitude and longitude in degrees."""
KM_PER_MILE = 1.609344
EARTH_RADIUS_KM = 6371.0088
_DIAMETER_KM = 2 * EARTH_RADIUS_KM
HALF_ROUND_THE_EARTH_KM = 20_015.2
"""No distance is longer (kilometres, rounded up)."""
MAX_RADIUS_KM = 1_000.0
"""Farther than this a country, or anywhere, says better what is meant."""
NEAR_KM = 60.0
"""Up to this distance from a city of a subdivision a place does not contradict it."""
_RADIUS = re.compile(
    r"\s*(\d+(?:[.,]\d+)?)\s*(km|kms|kilomet(?:er|re)s?|mi|miles?|meilen?|millas?|milles?)?\s*", re.IGNORECASE
)


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


def parse_radius(text: str) -> float:
    """Return a radius in kilometres: “80km”, “50 miles”, “12.5 km”, “30” (kilometres).

    Raises:
        InvalidInput: it is no distance, or not above 0 and at most 1,000 km.
    """
    found = _RADIUS.fullmatch(text)
    if not found:
        raise InvalidInput(f"“{text}” is no radius; expected a distance such as 80km or 50 miles")
    number = float(found[1].replace(",", "."))
    unit = (found[2] or "km").lower()
    return checked_radius(number if unit.startswith("k") else number * KM_PER_MILE, text)


def checked_radius(radius_km: float, shown: str) -> float:
    """Return a radius in kilometres that makes sense; ``shown`` is how it was written.

    Raises:
        InvalidInput: it is not above 0 and at most 1,000 km.
    """
    if not 0 < radius_km <= MAX_RADIUS_KM:
        raise InvalidInput(
            f"A radius of {shown} makes no sense; expected more than 0 and at most {MAX_RADIUS_KM:,.0f} km "
            "(follow a country or anywhere for more)"
        )
    return radius_km
