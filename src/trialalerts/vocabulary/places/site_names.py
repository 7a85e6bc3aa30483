"""The words in which registries name places: countries, states and towns, as codes and coordinates.

What they say together of one site is compared in :mod:`trialalerts.vocabulary.places.site_location`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import TextClause
from sqlmodel import Session, text

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.countries import REGISTRY_SPELLINGS
from trialalerts.vocabulary.places.distance import Point
from trialalerts.vocabulary.places.postcodes.codes import town_code
from trialalerts.vocabulary.places.subdivisions import short_name

if TYPE_CHECKING:
    from trialalerts.vocabulary.places.extents import Extents
    from trialalerts.vocabulary.places.site_location import SitePlace, SiteWords

__all__ = ["City", "SiteLocator"]

_DOMINANT = 4
_CITIES = """
    SELECT p.subdivision, p.latitude, p.longitude, p.population, p.name
    FROM place_name n JOIN place p ON p.id = n.place_id
    WHERE p.kind = 'city' AND p.country = :country AND n.key {} ORDER BY p.population DESC LIMIT 20
"""
_CALLED, _CALLED_LIKE = text(_CITIES.format("= :key")), text(_CITIES.format("LIKE :key"))
_POSTCODE = text("SELECT subdivision, latitude, longitude FROM postcode WHERE country = :country AND code = :code")
_KEYS = text(
    "SELECT n.key, p.id, p.country, p.subdivision, p.kind FROM place_name n "
    "JOIN place p ON p.id = n.place_id WHERE p.kind <> 'city'"
)
_PARENTHESES = re.compile(r"[(\[]([^)\]]*)[)\]]?")
_PARTS = re.compile(r"[,;/(]| - ")
_BROKEN = re.compile(r"[?\ufffd]+")
_REPUBLIC = re.compile(r"\brep\b")
_NO_NAME = re.compile(r"\b(?:cedex|city|town|shi|si|municipality|\w*\d\w*)\b")
_WARD = re.compile(r"\b(?:ku|gu|gun|cho|dist|district)\b|(?<=[a-z]{3})(?:shi|gu|ku|si)$")
"""Words of wards and counties, whose names come again in other cities."""

_LARGE = 500_000
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

_COUNTRY_AS_STATE = {
    "england": "GB-ENG", "scotland": "GB-SCT", "wales": "GB-WLS", "northern ireland": "GB-NIR",
    "tibet": "CN-XZ", "crimea": "UA-43", "canary islands": "ES-CN", "azores": "PT-20", "madeira": "PT-30",
}  # fmt: skip
"""Folded names that registries write as countries and that are subdivisions."""

_Asked = tuple[list["City"], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A city of the place table; ``is_proper`` where it was asked for by its first name."""

    subdivision: str | None
    latitude: float
    longitude: float
    population: int
    is_proper: bool

    @property
    def place(self) -> Point:
        """Its point."""
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
        self._imported: frozenset[str] | None = None
        self.placed: dict[SiteWords, SitePlace] = {}
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

    def coordinates(self, country: str, city: str, subdivision: str | None) -> Point | None:
        """Return the point of a town; None where it is unknown or might be one of several."""
        cities, sure = self.cities(country, city)
        inside = [entry for entry in cities if entry.subdivision == subdivision] if subdivision else []
        found = inside[0] if inside else self.dominant(cities) if sure else None
        if found is None or not (inside or _may_lie_elsewhere(found, country, subdivision)):
            return None
        return found.place

    def cities(self, country: str, city: str) -> tuple[list[City], bool]:
        """Return the cities of a name, largest first, and whether the name is that of the whole city (not a ward's)."""
        try:
            return self._asked_cities[country, city]
        except KeyError:
            self._asked_cities[country, city] = found = self._find_cities(country, city)
            return found

    def dominant(self, cities: list[City]) -> City | None:
        """Return the city that is meant among those of one name, largest first; None where it is not clear."""
        if cities and (len(cities) == 1 or cities[0].population >= _DOMINANT * cities[1].population):
            return cities[0]
        return None

    def goes_by_state(self, country: str) -> bool:
        """Tell whether registries know towns of a country by their states, which hardly a site there lacks."""
        return country in _EXACT_STATES

    def subdivision_by_name(self, country: str, name: str) -> str | None:
        """Return the top-level subdivision that is called so itself (not a town in it)."""
        return self._subdivisions.get((country, folded(name)))

    def subdivision_named_as_country(self, name: str) -> str | None:
        """Return the subdivision that registries write as a country (“Scotland”)."""
        return _COUNTRY_AS_STATE.get(folded(name))

    @cached_property
    def extents(self) -> Extents:
        """Where countries and subdivisions lie; read when first asked for."""
        from trialalerts.vocabulary.places.extents import Extents  # with numpy, which few commands need

        return Extents(self._session)

    def postcode_point(self, country: str, postcode: str | None, subdivision: str | None) -> Point | None:
        """Return the point of an imported postcode; None where it is none, or lies in another subdivision."""
        if self._imported is None:
            rows = self._session.connection().execute(text("SELECT DISTINCT country FROM postcode"))
            self._imported = frozenset(rows.scalars())
        if not postcode or country not in self._imported:
            return None
        asked = {"country": country, "code": town_code(country, postcode)}
        row = self._session.connection().execute(_POSTCODE, asked).first()
        if row is None or (subdivision and row[0] and row[0] != subdivision):
            return None
        return row[1], row[2]

    def subdivision_of_city(self, country: str, city: str) -> str | None:
        """Return the top-level ISO 3166-2 code in which a town lies; None where that is unknown or in doubt."""
        try:
            return self._asked_subdivisions[country, f"\n{city}"]
        except KeyError:
            cities, sure = self.cities(country, city)
            meant = self.dominant(cities) if sure else None
            found = meant.subdivision if meant else None
            found = found or self._subdivisions.get((country, folded(city)))
            self._asked_subdivisions[country, f"\n{city}"] = found
            return found

    def _read_keys(self) -> None:
        rows = self._session.connection().execute(_KEYS).all()  # one by one they take twice as long
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
            for candidate in (key, key.removeprefix("the "), _REPUBLIC.sub("republic", key)):
                if found := self._countries.get(candidate):
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

    def _find_cities(self, country: str, city: str) -> _Asked:
        """Return the cities of a name, largest first, and whether the name is that of the whole city."""
        if _BROKEN.search(city):
            pattern = "_".join(folded(part) for part in _BROKEN.split(city))
            return self._query(country, _CALLED_LIKE, pattern) if len(pattern) > _DOMINANT else [], True
        parts = [folded(part) for part in (city, *_PARTS.split(city))]
        bare = [_without(_NO_NAME, part) for part in parts]
        for keys, sure in ((parts + bare, True), ([_without(_WARD, part) for part in bare], False)):
            for key in dict.fromkeys(keys):
                if len(key) > 1 and (found := self._query(country, _CALLED, key)):
                    return found, sure
        return [], True

    def _query(self, country: str, statement: TextClause, key: str) -> list[City]:
        rows = self._session.connection().execute(statement, {"country": country, "key": key})
        return [
            City(
                subdivision=row[0],
                latitude=row[1],
                longitude=row[2],
                population=row[3],
                is_proper=folded(row[4].partition(" (")[0]) == key,
            )
            for row in rows
        ]


def _without(words: re.Pattern[str], key: str) -> str:
    return " ".join(words.sub(" ", key).split())


def _may_lie_elsewhere(city: City, country: str, subdivision: str | None) -> bool:
    """Tell whether a city outside the stated subdivision is still believed: a metropolis, where states get mixed up."""
    if subdivision is None or city.subdivision is None:
        return True
    return country not in _EXACT_STATES and city.population >= _LARGE
