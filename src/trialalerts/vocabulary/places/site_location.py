"""Where a site lies, once all that its registry says of it is compared: country, state, town, postcode, coordinates.

Registries find coordinates by the town's name alone, and so put wards of Tokyo into hamlets of Hokkaido. What is
named decides: the state and the postcode, then the town. Coordinates that contradict them are replaced by those of
the town, or by what is known of the postcode or the state; where nothing reconciles them, there are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.distance import NEAR_KM, Point, distance_km
from trialalerts.vocabulary.places.postcodes.areas import postcode_areas
from trialalerts.vocabulary.places.site_names import City, SiteLocator
from trialalerts.vocabulary.places.territories import TERRITORY_NAMES, belongs_to

__all__ = ["PointFrom", "SitePlace", "SiteWords", "place_site"]

PointFrom = Literal["city", "postcode", "subdivision"]
"""Whose coordinates a site has instead of its own: its town's, its postcode's, its subdivision's largest city's."""

_GREAT = 500_000
_LARGE = 50_000
_LENIENT_KM = {"US": 150.0, "AU": 250.0, "CA": 250.0}
"""Where registries go by the state, a town that is not in our table is believed up to this far from its state's."""
_WARD = re.compile(r"\b(?:ku|gu)\b|(?<=[a-z]{3})(?:ku|gu)$")
_COUNTRIES_WITH_WARDS = frozenset({"JP", "KR"})
_CODE_LENGTH = 2
_LIKE_TOWNS = frozenset({"BL", "MF"})
"""Territories whose names (Saint-Martin) are those of many towns."""
_GUERNSEY = frozenset({"st peter port", "st peters port", "st martin", "castel", "guernsey", "alderney"})


class SiteWords(NamedTuple):
    """What a registry says of where a site is; ``point`` is latitude and longitude in degrees."""

    country: str | None = None
    state: str | None = None
    city: str | None = None
    postcode: str | None = None
    point: Point | None = None


@dataclass(frozen=True, kw_only=True)
class SitePlace:
    """Where a site lies: ISO 3166-1 and 3166-2 codes, a point.

    ``point_from`` is None where the registry's own point is kept, or where there is none.
    """

    country: str | None = None
    subdivision: str | None = None
    point: Point | None = None
    point_from: PointFrom | None = None


def place_site(locator: SiteLocator, words: SiteWords) -> SitePlace:
    """Return where a site lies; what cannot be told, or not be reconciled, is None."""
    named = locator.country(words.country) if words.country else None
    if named is None:
        return SitePlace(point=_given(words))
    known = locator.placed.get(words)
    if known is None:
        known = locator.placed[words] = _Placing(locator, words, named).place()
    return known


def _given(words: SiteWords) -> Point | None:
    """Return the registry's coordinates; 0, 0 stands for none."""
    if words.point is None or all(abs(degrees) < 0.01 for degrees in words.point):  # noqa: PLR2004 - a kilometre
        return None
    return words.point


class _Placing:
    """One site while its words are compared."""

    def __init__(self, locator: SiteLocator, words: SiteWords, named: str) -> None:
        self._locator = locator
        self._words = words
        self._country = _territory(locator, words, named) or named
        self._given = _given(words)
        self._cities, self._is_whole_name = locator.cities(self._country, words.city) if words.city else ([], True)
        codes = {postcode for country in (self._country, named) for postcode in self._areas_of_postcode(country)}
        self._postcode = frozenset(codes)

    def place(self) -> SitePlace:
        subdivision = self._subdivision()
        point, origin = self._point(subdivision)
        return SitePlace(country=self._country, subdivision=subdivision, point=point, point_from=origin)

    def _areas_of_postcode(self, country: str) -> frozenset[str]:
        areas = postcode_areas(country, self._words.postcode) if self._words.postcode else frozenset()
        return frozenset(code for code in areas if len(code) > _CODE_LENGTH)

    def _subdivision(self) -> str | None:
        words, postcode = self._words, self._postcode
        stated = self._locator.subdivision(self._country, words.state) if words.state else None
        stated = stated or self._locator.subdivision_named_as_country(words.country or "")
        if stated is None:
            return self._without_state()
        if (stated not in postcode and self._is_elsewhere(stated)) and (other := self._agreed()):
            return other
        return stated

    def _is_elsewhere(self, stated: str) -> bool:
        """Tell whether the town lies far from the subdivision that is named; of a town not known, its coordinates."""
        extents = self._locator.extents
        if self._meant() or self._given is None:
            return not any(city.subdivision == stated or extents.is_near(stated, city.place) for city in self._cities)
        return not extents.is_near(stated, self._given)

    def _agreed(self) -> str | None:
        """Return the subdivision on which town and postcode agree against the one named: Xi'an, 710000, “Shanxi”."""
        if self._postcode:
            return self._best(self._postcode) or self._around_point(self._postcode)
        meant = self._meant()
        if meant and meant.population >= _GREAT and not self._locator.goes_by_state(self._country):
            return meant.subdivision  # a metropolis, where states get mixed up
        return None

    def _without_state(self) -> str | None:
        meant = self._meant()
        town = meant.subdivision if meant else None
        town = town or self._locator.subdivision_by_name(self._country, self._words.city or "")
        if not self._postcode or (town in self._postcode and len(self._postcode) > 1):
            return town
        if meant and meant.population >= _LARGE and town not in self._postcode and self._is_certain():
            return town  # a great town with a slip in its postcode
        return self._best(self._postcode) or self._around_point(self._postcode) or _only(self._postcode)

    def _is_certain(self) -> bool:
        """Tell whether the town is meant: by its first name, that of no subdivision which the postcode tells."""
        named = self._locator.subdivision_by_name(self._country, self._words.city or "")
        return self._is_whole_name and self._cities[0].is_proper and named not in self._postcode

    def _best(self, areas: frozenset[str]) -> str | None:
        """Return that of some subdivisions in which the largest town of the name lies."""
        return next((city.subdivision for city in self._cities if city.subdivision in areas), None)

    def _around_point(self, areas: frozenset[str]) -> str | None:
        found = self._locator.extents.subdivision_at(self._given) if self._given else None
        return found if found in areas else None

    def _meant(self) -> City | None:
        """Return the town that is meant, wherever it lies; none where its name is rather a subdivision's (“Henan”)."""
        found = self._locator.dominant(self._cities) if self._is_whole_name else None
        named = self._locator.subdivision_by_name(self._country, self._words.city or "")
        return None if found and named and found.subdivision != named and not found.is_proper else found

    def _point(self, subdivision: str | None) -> tuple[Point | None, PointFrom | None]:
        inside = [city for city in self._cities if subdivision and city.subdivision == subdivision]
        known = bool(inside or (subdivision is None and self._meant()))
        if self._given and self._is_consistent(self._given, subdivision, town_is_known=known):
            moved = self._great_city(inside, subdivision, self._given)
            return (moved, "city") if moved else (self._given, None)
        if inside or (inside := self._town_in_field_of_state(subdivision)):
            return inside[0].place, "city"
        meant = self._meant()
        if meant and (subdivision is None or self._locator.extents.is_near(subdivision, meant.place)):
            return meant.place, "city"
        if told := self._locator.postcode_point(self._country, self._words.postcode, subdivision):
            return told, "postcode"
        if subdivision and (meant is None or subdivision in self._postcode):
            main = self._locator.extents.main_city(subdivision, always=self._is_ward())
            return (main, "subdivision") if main else (None, None)
        return None, None

    def _is_consistent(self, point: Point, subdivision: str | None, *, town_is_known: bool) -> bool:
        extents, country = self._locator.extents, self._country
        if town_is_known:
            return extents.is_near(subdivision or country, point)
        slack = _LENIENT_KM.get(country, NEAR_KM)
        return extents.holds(country, point) and extents.holds(subdivision or country, point, at_least_km=slack)

    def _town_in_field_of_state(self, subdivision: str | None) -> list[City]:
        """Return the towns that the state names where the two fields were mixed up (“Gansu” in “Lanzhou”)."""
        state = self._words.state
        if not state or self._locator.subdivision_by_name(self._country, state):
            return []
        return [city for city in self._locator.cities(self._country, state)[0] if city.subdivision == subdivision]

    def _great_city(self, inside: list[City], subdivision: str | None, point: Point) -> Point | None:
        """Return where a great city is whose registry put it into a hamlet of its name in the same subdivision."""
        if subdivision and self._locator.goes_by_state(self._country):
            return None
        meant = inside[0] if inside else None if subdivision else self._meant()
        if meant is None or any(distance_km(*city.place, *point) < NEAR_KM for city in self._cities):
            return None
        return meant.place if meant is self._cities[0] and meant.population >= _GREAT else None

    def _is_ward(self) -> bool:
        """Tell whether a ward is named: only great cities have any."""
        return self._country in _COUNTRIES_WITH_WARDS and bool(_WARD.search(folded(self._words.city or "")))


def _territory(locator: SiteLocator, words: SiteWords, named: str) -> str | None:
    """Return the territory that is written as a part of the country: Hong Kong in China, 97400 in France."""
    for text in (words.state, *reversed((words.city or "").split(","))):
        key = folded(text or "")
        found = TERRITORY_NAMES.get(key) or (locator.country(text) if text and len(key) > _CODE_LENGTH else None)
        found = found or (key.upper() if text is words.state and len(key) == _CODE_LENGTH else None)
        if found and belongs_to(found, named) and (text is words.state or found not in _LIKE_TOWNS):
            is_guernsey = found == "JE" and folded(words.city or "") in _GUERNSEY
            return "GG" if is_guernsey else found
    codes = postcode_areas(named, words.postcode) if words.postcode else frozenset()
    if len(codes) == 1 and len(code := next(iter(codes))) == _CODE_LENGTH and belongs_to(code, named):
        return code if words.state is None or locator.subdivision(named, words.state) is None else None
    return None


def _only(areas: frozenset[str]) -> str | None:
    return next(iter(areas)) if len(areas) == 1 else None
