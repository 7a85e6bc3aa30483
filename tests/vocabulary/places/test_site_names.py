"""Proves that registries' words become countries, subdivisions and coordinates."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycountry
import pytest

from trialalerts.database import Database
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.site_names import SiteLocator

Site = dict[str, Any]


@pytest.fixture(scope="module")
def locator(placed: Database) -> Iterator[SiteLocator]:
    """A locator that goes on from test to test, as it does from record to record."""
    with placed.read() as session:
        yield SiteLocator(session)


@pytest.fixture(scope="module")
def sites(shared_data: Path) -> list[Site]:
    """Every site of the real records."""

    def read() -> Iterator[Site]:
        with gzip.open(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz") as lines:
            for line in lines:
                protocol = json.loads(line)["study"]["protocolSection"]
                yield from protocol.get("contactsLocationsModule", {}).get("locations", [])

    return list(read())


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("United States", "US"),
        ("USA", "US"),
        ("Korea, Republic of", "KR"),
        ("South Korea", "KR"),
        ("Korea, Democratic People's Republic of", "KP"),
        ("Turkey (Türkiye)", "TR"),
        ("Turkey", "TR"),
        ("Russian Federation", "RU"),
        ("Russia", "RU"),
        ("Czechia", "CZ"),
        ("Czech Republic", "CZ"),
        ("Iran, Islamic Republic of", "IR"),
        ("Iran (Islamic Republic of)", "IR"),
        ("Côte d’Ivoire", "CI"),
        ("Côte D'Ivoire", "CI"),
        ("Moldova", "MD"),
        ("Moldova, Republic of", "MD"),
        ("Vietnam", "VN"),
        ("Viet Nam", "VN"),
        ("Taiwan", "TW"),
        ("Taiwan, Province of China", "TW"),
        ("Hong Kong", "HK"),
        ("Puerto Rico", "PR"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Scotland", "GB"),
        ("The Netherlands", "NL"),
        ("Macedonia, The Former Yugoslav Republic of", "MK"),
        ("Congo, The Democratic Republic of the", "CD"),
        ("Lao People's Democratic Republic", "LA"),
        ("Palestinian Territories, Occupied", "PS"),
        ("Bosnia and Herzegovina", "BA"),
        ("Georgia", "GE"),
        ("Kosovo", "XK"),
        ("Burma", "MM"),
        ("West Bank", "PS"),
        ("Gaza Strip", "PS"),
        ("Gaza", "PS"),
        ("Occupied Palestinian Territories", "PS"),
        ("Holy See", "VA"),
        ("The Former Yugoslav Republic of Macedonia", "MK"),
        ("FYR Macedonia", "MK"),
        ("Korea (North)", "KP"),
        ("Congo, Dem. Rep.", "CD"),
        ("Democratic Republic of Congo", "CD"),
        ("Dominican Rep.", "DO"),
        ("China, Hong Kong Special Administrative Region", "HK"),
        ("Channel Islands", "JE"),
        ("Northern Cyprus", "CY"),
        ("Soviet Union", None),
        ("Atlantis", None),
        ("", None),
        ("Multiple", None),
    ],
)
def test_a_country_as_registries_spell_it(locator: SiteLocator, spelling: str, code: str | None) -> None:
    assert locator.country(spelling) == code


@pytest.mark.parametrize(
    ("country", "state", "code"),
    [
        ("US", "Massachusetts", "US-MA"),
        ("US", "MA", "US-MA"),
        ("US", "District of Columbia", "US-DC"),
        ("CA", "Ontario", "CA-ON"),
        ("CA", "Québec", "CA-QC"),
        ("CA", "BC", "CA-BC"),
        ("AU", "New South Wales", "AU-NSW"),
        ("GB", "England", "GB-ENG"),
        ("GB", "Glasgow City", "GB-SCT"),
        ("GB", "West Yorkshire", "GB-ENG"),
        ("DE", "Bavaria", "DE-BY"),
        ("DE", "Nordrhein-Westfalen", "DE-NW"),
        ("DE", "State of Berlin", "DE-BE"),
        ("CN", "Beijing Municipality", "CN-BJ"),
        ("KR", "Seoul-teukbyeolsi [Seoul]", "KR-11"),
        ("PL", "Lesser Poland Voivodeship", "PL-12"),
        ("CH", "Canton of Geneva", "CH-GE"),
        ("ES", "Barcelona", "ES-CT"),
        ("FR", "Île-de-France Region", "FR-IDF"),
        ("IT", "MI", "IT-25"),
        ("RU", "Moscow Oblast", "RU-MOS"),
        ("RU", "Moscow", "RU-MOW"),
        ("AR", "Buenos Aires", "AR-B"),
        ("DK", "Copenhagen", "DK-84"),
        ("JP", "Aichi-ken", "JP-23"),
        ("DE", "Germany", None),
        ("US", "Bavaria", None),
        ("XX", "Bavaria", None),
    ],
)
def test_a_subdivision_as_registries_spell_it(locator: SiteLocator, country: str, state: str, code: str | None) -> None:
    assert locator.subdivision(country, state) == code


@pytest.mark.parametrize(
    ("country", "city", "subdivision", "near"),
    [
        ("GB", "Leeds", None, (53.8, -1.55)),
        ("DE", "München", None, (48.1, 11.6)),
        ("US", "Portland", "US-ME", (43.7, -70.3)),
        ("US", "Portland", "US-OR", (45.5, -122.7)),
        ("US", "St. Louis", "US-MO", (38.6, -90.2)),
        ("FR", "Paris Cedex 13", None, (48.9, 2.3)),
        ("GB", "Edgbaston, Birmingham", None, (52.5, -1.9)),
        ("CN", "Wuhan Shi", None, (30.6, 114.3)),
        ("JP", "Kurume-shi", None, (33.3, 130.5)),
        ("JP", "Shinjuku-ku", "JP-13", (35.7, 139.7)),
        ("PL", "Wroc?aw", None, (51.1, 17.0)),
        ("RU", "Moscow", "RU-MOS", (55.8, 37.6)),
    ],
)
def test_coordinates_of_a_town(
    locator: SiteLocator, country: str, city: str, subdivision: str | None, near: tuple[float, float]
) -> None:
    found = locator.coordinates(country, city, subdivision)
    assert found is not None
    assert distance_km(*found, *near) < 15


@pytest.mark.parametrize(
    ("country", "city", "subdivision"),
    [
        ("US", "Springfield", None),
        ("US", "Bryn Mawr", "US-PA"),
        ("JP", "Hokkaido", None),
        ("GB", "Multiple Locations", None),
        ("GB", "", None),
        ("GB", "???", None),
        ("XX", "Leeds", None),
    ],
)
def test_a_town_in_doubt_has_no_coordinates(
    locator: SiteLocator, country: str, city: str, subdivision: str | None
) -> None:
    assert locator.coordinates(country, city, subdivision) is None


def test_a_town_tells_its_subdivision(locator: SiteLocator) -> None:
    assert locator.subdivision_of_city("DE", "Heidelberg") == "DE-BW"
    assert locator.subdivision_of_city("TW", "Taipei") == "TW-TPE"
    assert locator.subdivision_of_city("US", "Springfield") is None
    assert locator.subdivision_of_city("DE", "Nowhere am See") is None


def test_every_country_of_iso_is_known_by_each_of_its_names(locator: SiteLocator) -> None:
    named = [
        (name, entry.alpha_2)
        for entry in pycountry.countries
        for name in (entry.name, getattr(entry, "common_name", ""), getattr(entry, "official_name", ""))
        if name
    ]
    assert len(named) > 400
    spelt = [(spelling, code) for name, code in named for spelling in (name, name.upper(), f"The {name}")]
    assert [(spelling, code) for spelling, code in spelt if locator.country(spelling) != code] == []


def test_every_country_of_the_real_records_is_known(locator: SiteLocator, sites: list[Site]) -> None:
    unknown = {site["country"] for site in sites if site.get("country") and locator.country(site["country"]) is None}
    assert unknown == set()


def test_nearly_every_state_of_the_real_records_is_known(locator: SiteLocator, sites: list[Site]) -> None:
    stated = [(locator.country(site["country"]), site["state"]) for site in sites if site.get("state")]
    known = [locator.subdivision(country or "", state) for country, state in stated]
    american = [code for (country, _), code in zip(stated, known, strict=True) if country in {"US", "CA", "AU"}]
    assert len(known) - known.count(None) >= 0.98 * len(known)
    assert american.count(None) <= 2


def test_most_towns_without_a_state_tell_their_subdivision(locator: SiteLocator, sites: list[Site]) -> None:
    stateless = [site for site in sites if site.get("city") and not site.get("state")]
    known = [locator.subdivision_of_city(locator.country(site["country"]) or "", site["city"]) for site in stateless]
    assert len(known) - known.count(None) >= 0.92 * len(known)


def test_towns_lie_where_the_registry_says(locator: SiteLocator, sites: list[Site]) -> None:
    far = found = 0
    for site in sites:
        country = locator.country(site["country"])
        if not site.get("geoPoint") or not site.get("city") or country is None:
            continue
        state = locator.subdivision(country, site["state"]) if site.get("state") else None
        if place := locator.coordinates(country, site["city"], state):
            found += 1
            far += distance_km(*place, site["geoPoint"]["lat"], site["geoPoint"]["lon"]) > 60
    assert found >= 12_000
    assert far <= 0.015 * found, "most of these are the registry's own errors (see the hamlets above)"


def test_the_countries_of_the_who_are_known(locator: SiteLocator, shared_data: Path) -> None:
    path = shared_data / "registries" / "who_ictrp_COVID19-927-trials_7Apr2020.csv.gz"
    with gzip.open(path, "rb") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", errors="replace")))
    countries = [name.strip() for row in rows for name in re.split("[;|]", row["Countries"] or "") if name.strip()]
    unknown = [name for name in countries if locator.country(name) is None]
    assert len(unknown) <= 0.005 * len(countries)
