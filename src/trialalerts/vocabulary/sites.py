"""Owns where a registry's site lies: its country, subdivision and coordinates, from the words the registry wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlmodel import Session, text

from trialalerts.vocabulary.countries import REGISTRY_SPELLINGS
from trialalerts.vocabulary.distance import distance_km
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.subdivisions import short_name

__all__ = ["SiteLocator"]

_DOMINANT = 4
_CITIES = """
    SELECT p.subdivision, p.latitude, p.longitude, p.population
    FROM place_name n JOIN place p ON p.id = n.place_id
    WHERE p.kind = 'city' AND p.country = :country AND n.key {} ORDER BY p.population DESC LIMIT 20
"""
_PARENTHESES = re.compile(r"[(\[]([^)\]]*)[)\]]?")
_PARTS = re.compile(r"[,;/(]| - ")
_BROKEN = re.compile(r"[?\ufffd]+")
_NO_NAME = re.compile(r"\b(?:cedex|city|town|shi|si|municipality|\w*\d\w*)\b")
_WARD = re.compile(r"\b(?:ku|gu|gun|cho|dist|district)\b|(?<=[a-z]{3})(?:shi|gu|ku|si)$")
"""Words of wards and counties, whose names come again in other cities."""

_LARGE = 500_000
_GREAT = 500_000
_NEAR_KM = 60.0
_EXACT_STATES = frozenset({"US", "CA", "AU"})
_HISTORIC = {
    "GB-ENG": (
        "Greater London", "West Yorkshire", "South Yorkshire", "East Yorkshire", "West Midlands", "Merseyside",
        "Greater Manchester", "Tyne and Wear", "Middlesex", "Avon", "Cleveland", "Berkshire", "Sussex", "Humberside",
    ),
    "GB-SCT": ("Lanarkshire", "Lothian", "Tayside", "Grampian", "Strathclyde", "Ayrshire"),
    "GB-WLS": ("South Glamorgan", "West Glamorgan", "Mid Glamorgan", "Gwent", "Dyfed", "Clwyd"),
}  # fmt: skip
"""Counties that ISO 3166-2 does not have."""

_Asked = tuple[list["_City"], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _City:
    subdivision: str | None
    latitude: float
    longitude: float
    population: int

    @property
    def place(self) -> tuple[float, float]:
        return self.latitude, self.longitude


class SiteLocator:
    """Finds countries, subdivisions and coordinates for sites; made once for a poll, it remembers what it was asked.

    Countries and subdivisions are looked up in memory; only a town not asked for before costs a query.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._countries: dict[str, str] = {}
        self._subdivisions: dict[tuple[str, str], str] = {}
        self._read_keys()
        self._asked_countries: dict[str, str | None] = {}
        self._asked_subdivisions: dict[tuple[str, str], str | None] = {}
        self._asked_coordinates: dict[
            tuple[str, str, str | None, tuple[float, float] | None], tuple[float, float] | None
        ] = {}
        self._asked_cities: dict[tuple[str, str], _Asked] = {}

    def country(self, name: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code of a country as registries spell it; None where it is none."""
        try:
            return self._asked_countries[name]
        except KeyError:
            self._asked_countries[name] = found = self._find_country(name)
            return found

    def subdivision(self, country: str, name: str) -> str | None:
        """Return the top-level ISO 3166-2 code for a state, province or county of a country (alpha-2).

        A part of a subdivision gives the whole (“Barcelona” in ES is Catalonia), a town the one it lies in.
        """
        try:
            return self._asked_subdivisions[country, name]
        except KeyError:
            self._asked_subdivisions[country, name] = found = self._find_subdivision(country, name)
            return found

    def coordinates(
        self, country: str, city: str, subdivision: str | None, *, given: tuple[float, float] | None = None
    ) -> tuple[float, float] | None:
        """Return latitude and longitude (degrees) of a town; None where it is unknown or might be one of several.

        ``given`` are the registry's own. They are kept, except that ClinicalTrials.gov puts “München” or “Roma”
        without a state into hamlets of that name, hundreds of kilometres off: then the great city is returned.
        """
        if given is not None and subdivision is not None and country in _EXACT_STATES:
            return given  # there the registry goes by the state, which hardly a site lacks
        asked = (country, city, subdivision, given)
        try:
            return self._asked_coordinates[asked]
        except KeyError:
            found = self._find_coordinates(country, city, subdivision)
            if given is not None:
                found = self._settle(country, city, found, given)
            self._asked_coordinates[asked] = found
            return found

    def subdivision_of_city(self, country: str, city: str) -> str | None:
        """Return the top-level ISO 3166-2 code in which a town lies; None where that is unknown or in doubt."""
        try:
            return self._asked_subdivisions[country, f"\n{city}"]
        except KeyError:
            cities, sure = self._cities(country, city)
            meant = _dominant(cities) if sure else None
            found = meant.subdivision if meant else None
            found = found or self._subdivisions.get((country, folded(city)))
            self._asked_subdivisions[country, f"\n{city}"] = found
            return found

    def _read_keys(self) -> None:
        rows = self._session.connection().execute(
            text(
                "SELECT n.key, p.id, p.country, p.subdivision, p.kind FROM place_name n "
                "JOIN place p ON p.id = n.place_id WHERE p.kind <> 'city'"
            )
        )
        nested: dict[tuple[str, str], str] = {}
        for key, place_id, country, top, kind in rows:
            if kind == "country":
                self._countries[key] = place_id
            elif top is None:
                self._subdivisions[country, key] = place_id
            else:
                nested[country, key] = top
                nested.setdefault((country, key.removeprefix(f"{country.lower()} ")), top)
        for (country, key), place_id in list(self._subdivisions.items()):
            self._subdivisions.setdefault((country, key.removeprefix(f"{country.lower()} ")), place_id)
        self._subdivisions = nested | self._subdivisions
        for code, counties in _HISTORIC.items():
            self._subdivisions |= {(code[:2], folded(county)): code for county in counties}
        self._countries |= REGISTRY_SPELLINGS

    def _find_country(self, name: str) -> str | None:
        plain = _PARENTHESES.sub(" ", name)
        inside = " ".join(_PARENTHESES.findall(name))
        turned = " ".join(reversed(plain.split(","))) if "," in plain else plain
        for spelling in (name, plain, turned, inside, plain.partition(",")[0], plain.partition("/")[0]):
            key = folded(spelling)
            if found := self._countries.get(key) or self._countries.get(key.removeprefix("the ")):
                return found
        return None

    def _find_subdivision(self, country: str, name: str) -> str | None:
        inside = " ".join(_PARENTHESES.findall(name))
        for spelling in (name, _PARENTHESES.sub(" ", name), inside, *re.split(r"[,/-]", name)[:1]):
            key = folded(spelling)
            for candidate in (key, short_name(key), key.replace(" and ", " ")):
                if candidate and (found := self._subdivisions.get((country, candidate))):
                    return found
        if self._countries.get(folded(name)) == country:
            return None
        return self.subdivision_of_city(country, name)

    def _find_coordinates(self, country: str, city: str, subdivision: str | None) -> tuple[float, float] | None:
        cities, sure = self._cities(country, city)
        inside = [entry for entry in cities if entry.subdivision == subdivision] if subdivision else []
        found = inside[0] if inside else _dominant(cities) if sure else None
        if found is None or not (inside or _may_lie_elsewhere(found, country, subdivision)):
            return None
        return found.place

    def _settle(
        self, country: str, city: str, found: tuple[float, float] | None, given: tuple[float, float]
    ) -> tuple[float, float]:
        cities, _ = self._cities(country, city)
        if found is None or any(distance_km(*entry.place, *given) < _NEAR_KM for entry in cities):
            return given
        return found if cities[0].place == found and cities[0].population >= _GREAT else given

    def _cities(self, country: str, city: str) -> _Asked:
        try:
            return self._asked_cities[country, city]
        except KeyError:
            self._asked_cities[country, city] = found = self._find_cities(country, city)
            return found

    def _find_cities(self, country: str, city: str) -> _Asked:
        """Return the cities of a name, largest first, and whether the name is that of the whole city."""
        if _BROKEN.search(city):
            pattern = "_".join(folded(part) for part in _BROKEN.split(city))
            return self._query(country, "LIKE :key", pattern) if len(pattern) > _DOMINANT else [], True
        parts = [folded(part) for part in (city, *_PARTS.split(city))]
        bare = [_without(_NO_NAME, part) for part in parts]
        for keys, sure in ((parts + bare, True), ([_without(_WARD, part) for part in bare], False)):
            for key in dict.fromkeys(keys):
                if len(key) > 1 and (found := self._query(country, "= :key", key)):
                    return found, sure
        return [], True

    def _query(self, country: str, condition: str, key: str) -> list[_City]:
        rows = self._session.connection().execute(text(_CITIES.format(condition)), {"country": country, "key": key})
        return [_City(subdivision=row[0], latitude=row[1], longitude=row[2], population=row[3]) for row in rows]


def _without(words: re.Pattern[str], key: str) -> str:
    return " ".join(words.sub(" ", key).split())


def _dominant(cities: list[_City]) -> _City | None:
    """Return the city that is meant among those of one name, largest first; None where it is not clear."""
    if cities and (len(cities) == 1 or cities[0].population >= _DOMINANT * cities[1].population):
        return cities[0]
    return None


def _may_lie_elsewhere(city: _City, country: str, subdivision: str | None) -> bool:
    """Tell whether a city outside the stated subdivision is still believed: a metropolis, where states get mixed up."""
    if subdivision is None or city.subdivision is None:
        return True
    return country not in _EXACT_STATES and city.population >= _LARGE
