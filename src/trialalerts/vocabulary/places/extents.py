"""Where countries and subdivisions lie, told by their cities.

There are no shapes to look into. A place counts as inside where a city of the subdivision is at most 60 km away,
or, in thinly settled ones, no farther than the loneliest of those cities is from the next and not much farther than
a city of somebody else. A site in Tokyo that lies 800 km from Tokyo is so found out, a village in Alaska is not.
"""

from __future__ import annotations

from math import acos, cos, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from sqlmodel import Session, text

from trialalerts.vocabulary.places.distance import EARTH_RADIUS_KM, NEAR_KM, Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Extents"]

_HARDLY_NEARER, _MUCH_NEARER = 1.2, 2.0
_REMOTE_KM = 300.0
_LONELY_KM = 1_000.0
"""Where nobody has a city near, on islands and in deserts, a place is believed up to this far from its own.

The first where somebody else's is nearer, the second where hardly any is, as in Alaska.
"""
_MOST_PEOPLE = 0.9
"""A subdivision's largest city stands for it where this share of its townspeople live near that city."""
_ROWS = 16
"""So many cities are compared with all others at once: 4 MB, which stay in the processor's own memory."""
_CITIES = """
    SELECT country, subdivision, latitude, longitude, population FROM place
    WHERE kind = 'city' ORDER BY country, subdivision, population DESC, id
"""


class Extents:
    """The cities of the place table, by country and subdivision. Reading them takes a tenth of a second."""

    def __init__(self, session: Session) -> None:
        rows = session.connection().execute(text(_CITIES)).all()
        self._codes = [row[1] for row in rows]
        self._degrees = [(row[2], row[3]) for row in rows]
        self._people = np.array([row[4] for row in rows], dtype=float)
        self._balls = _on_a_ball(np.array(self._degrees, dtype=float).reshape(-1, 2))
        self._spans: dict[str, tuple[int, int]] = {}
        for number, (country, subdivision, *_) in enumerate(rows):
            for code in (country, subdivision) if subdivision else (country,):
                self._spans[code] = (self._spans.get(code, (number, 0))[0], number + 1)
        self._gaps: dict[str, float] = {}

    def holds(self, code: str, point: Point, *, at_least_km: float = NEAR_KM) -> bool:
        """Tell whether a point may lie in a country or subdivision; one without a city here contradicts nothing.

        Nothing nearer to one of its cities than ``at_least_km`` is refused.
        """
        if code not in self._spans:
            return True
        own = self._distance(code, point)
        if own <= at_least_km:
            return True
        nearest = self._nearest(point)[1]
        if own > _MUCH_NEARER * nearest:
            return False
        alone = _LONELY_KM if own <= _HARDLY_NEARER * nearest else _REMOTE_KM
        return own <= (alone if nearest > NEAR_KM else 0.0) or own <= self._gap(code)  # the gap takes long to find

    def is_near(self, code: str, point: Point) -> bool:
        """Tell whether a city of a country or subdivision is at most 60 km away."""
        return code in self._spans and self._distance(code, point) <= NEAR_KM

    def subdivision_at(self, point: Point) -> str | None:
        """Return the subdivision of the nearest city; None where none is near."""
        if not self._codes:
            return None
        number, distance = self._nearest(point)
        return self._codes[number] if distance <= NEAR_KM else None

    def main_city(self, code: str, *, always: bool = False) -> Point | None:
        """Return where the largest city of a subdivision is; None where many of its townspeople live far from it.

        Args:
            code: ISO 3166-2.
            always: whether the largest city is wanted wherever the others live.
        """
        if code not in self._spans:
            return None
        first, last = self._spans[code]
        largest = first + int(self._people[first:last].argmax())
        near = self._balls[first:last].dot(self._balls[largest]) >= np.cos(NEAR_KM / EARTH_RADIUS_KM)
        people = self._people[first:last]
        if always or people[near].sum() >= _MOST_PEOPLE * people.sum():
            return self._degrees[largest]
        return None

    def _distance(self, code: str, point: Point) -> float:
        first, last = self._spans[code]
        return _kilometres(float(self._balls[first:last].dot(_one_on_a_ball(point)).max()))

    def _nearest(self, point: Point) -> tuple[int, float]:
        cosines = self._balls.dot(_one_on_a_ball(point))
        number = int(cosines.argmax())
        return number, _kilometres(float(cosines[number]))

    def _gap(self, code: str) -> float:
        """Return how far the loneliest city of a country or subdivision is from the next city, whosever that is."""
        if code not in self._gaps:
            first, last = self._spans[code]
            loneliest = 1.0
            for start in range(first, last, _ROWS):
                rows = range(start, min(start + _ROWS, last))
                cosines = self._balls[rows.start : rows.stop].dot(self._balls.T)
                cosines[np.arange(len(rows)), rows] = -1.0
                loneliest = min(loneliest, float(cosines.max(axis=1).min()))
            self._gaps[code] = _kilometres(loneliest)
        return self._gaps[code]


def _on_a_ball(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    north, east = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)


def _one_on_a_ball(point: Point) -> NDArray[np.float64]:
    north, east = radians(point[0]), radians(point[1])  # numpy takes ten times as long for a single one
    return np.array((cos(north) * cos(east), cos(north) * sin(east), sin(north)))


def _kilometres(cosine: float) -> float:
    return EARTH_RADIUS_KM * acos(max(-1.0, min(1.0, cosine)))
