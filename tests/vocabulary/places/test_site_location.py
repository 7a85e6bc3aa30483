"""A site lies where its state, its postcode and its town say, whatever coordinates its registry made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from tests.sources.study_reader import sites_of
from trialalerts.sources.reading.fields import Fields
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.site_location import SitePlace, SiteWords, place_site
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Postcode

TOKYO, OSAKA, SAPPORO, NAGOYA = (35.69, 139.69), (34.69, 135.5), (43.06, 141.35), (35.18, 136.91)
LEEDS, LONDON, MUNICH, BUSAN = (53.8, -1.55), (51.51, -0.13), (48.14, 11.58), (35.1, 129.04)
XIAN, LYON, MADRID, MAINE = (34.26, 108.93), (45.75, 4.85), (40.42, -3.7), (43.66, -70.26)


@pytest.fixture(scope="module")
def locator(placed: Any) -> Any:
    with placed.read() as session:
        yield SiteLocator(session)


def place(locator: SiteLocator, country: str, **words: Any) -> SitePlace:
    return place_site(locator, SiteWords(country=country, **words))


@pytest.mark.parametrize(
    ("country", "words", "where"),
    [
        pytest.param(
            "Japan", {"state": "Tokyo", "city": "Minato-ku", "point": (34.2152, 135.1501)},
            TOKYO, id="ward",
        ),
        pytest.param(
            "Japan", {"city": "Kōtoku", "postcode": "135-8550", "point": (42.5, 143.14)},
            TOKYO, id="postcode",
        ),
        pytest.param(
            "Japan", {"city": "Kita-ku", "postcode": "530-0001", "point": TOKYO},
            OSAKA, id="Osaka's ward",
        ),
        pytest.param(
            "Japan", {"city": "Naka-ku", "state": "Aichi", "point": (34.4, 132.46)},
            NAGOYA, id="Nagoya's ward",
        ),
        pytest.param(
            "Japan", {"city": "Chuo-ku", "state": "Hokkaido", "point": TOKYO},
            SAPPORO, id="Sapporo's ward",
        ),
        pytest.param(
            "Japan", {"city": "Aichi", "postcode": "466-8650", "point": (32.52, 130.62)},
            NAGOYA, id="as a state",
        ),
        pytest.param(
            "Korea, Republic of", {"state": "Busan", "city": "Seo-gu", "point": (36.7, 127.1)},
            BUSAN, id="gu",
        ),
        pytest.param(
            "China", {"state": "Shanxi", "city": "Xi'an", "postcode": "710032", "point": (37.8, 112.5)},
            XIAN, id="slip",
        ),
        pytest.param("Germany", {"city": "München", "point": (51.6, 13.3)}, MUNICH, id="hamlet"),
        pytest.param(
            "United Kingdom", {"state": "England", "city": "Leeds", "point": (-53.8, -1.55)},
            LEEDS, id="flipped",
        ),
        pytest.param("United Kingdom", {"city": "Leeds", "point": (-1.55, 53.8)}, LEEDS, id="swapped"),
        pytest.param("United Kingdom", {"city": "Leeds", "point": (55.5, 2.5)}, LEEDS, id="North Sea"),
        pytest.param("United Kingdom", {"city": "London", "point": (0.0, 0.0)}, LONDON, id="null island"),
        pytest.param(
            "United Kingdom", {"city": "London", "point": (42.98, -81.25)},
            LONDON, id="other country",
        ),
        pytest.param(
            "Spain", {"city": "Madrid", "postcode": "28046", "point": (20.0, -40.0)},
            MADRID, id="sea",
        ),
        pytest.param("France", {"city": "Lyon", "postcode": "69003", "point": (45.76, -4.84)}, LYON, id="sign"),
        pytest.param(
            "United States", {"state": "Maine", "city": "Portland", "point": (45.52, -122.68)}, MAINE, id="Oregon"
        ),
    ],
)  # fmt: skip
def test_a_point_that_contradicts_what_is_named_is_replaced(
    locator: SiteLocator, country: str, words: dict[str, Any], where: tuple[float, float]
) -> None:
    found = place(locator, country, **words)
    assert found.point is not None
    assert distance_km(*found.point, *where) < 50
    assert found.point_from in {"city", "subdivision"}, "a point that is not the registry's own is marked"


@pytest.mark.parametrize(
    ("country", "words"),
    [
        pytest.param(
            "Japan", {"state": "Tokyo", "city": "Meguro-ku", "point": (35.63, 139.7)},
            id="in the ward",
        ),
        pytest.param(
            "United States", {"state": "New Hampshire", "city": "Lebanon", "point": (43.64, -72.25)},
            id="rural",
        ),
        pytest.param(
            "United States", {"state": "Alaska", "city": "Nome", "point": (64.5, -165.4)},
            id="far from towns",
        ),
        pytest.param(
            "Australia", {"state": "New South Wales", "city": "Albury", "point": (-36.07, 146.92)},
            id="border",
        ),
        pytest.param("Germany", {"city": "Nowhere am See", "point": (48.2, 11.4)}, id="no such town"),
        pytest.param("Greenland", {"city": "Ilulissat", "point": (69.22, -51.1)}, id="north"),
        pytest.param("Japan", {"state": "Tokyo", "city": "Hachijo", "point": (33.11, 139.79)}, id="island"),
    ],
)  # fmt: skip
def test_a_point_that_contradicts_nothing_is_kept(locator: SiteLocator, country: str, words: dict[str, Any]) -> None:
    found = place(locator, country, **words)
    assert (found.point, found.point_from) == (words["point"], None)


@pytest.mark.parametrize(
    ("country", "words"),
    [
        pytest.param("China", {"city": "Guangdong", "point": (42.77, 129.34)}, id="a province of many cities"),
        pytest.param(
            "Australia", {"city": "Hyde Park", "postcode": "4812", "point": (-34.95, 138.6)},
            id="postcode elsewhere",
        ),
        pytest.param("Israel", {"city": "Zerifin", "point": (31.96, 4.84)}, id="another country, no such town"),
        pytest.param(
            "Ukraine", {"state": "Kyiv", "city": "Zhytomyr", "point": (50.26, 28.68)},
            id="town against state",
        ),
        pytest.param("Brazil", {"city": "No Such Town", "point": (0.0, 0.0)}, id="0, 0"),
        pytest.param("Portugal", {"city": "No Such Town", "point": (39.0, -45.0)}, id="sea"),
    ],
)  # fmt: skip
def test_a_point_that_nothing_reconciles_is_unknown(locator: SiteLocator, country: str, words: dict[str, Any]) -> None:
    found = place(locator, country, **words)
    assert (found.point, found.point_from) == (None, None)


@pytest.mark.parametrize(
    ("country", "words", "code", "subdivision"),
    [
        ("Japan", {"city": "Bunkyo-ku", "postcode": "113-8655"}, "JP", "JP-13"),
        ("Japan", {"city": "Ibaraki", "postcode": "311-0113"}, "JP", "JP-08"),
        ("China", {"state": "Shanxi", "city": "Xi’an"}, "CN", "CN-SN"),
        ("China", {"city": "Henan"}, "CN", "CN-HA"),
        ("France", {"city": "Montpellier", "postcode": "24298"}, "FR", "FR-OCC"),
        ("United States", {"state": "Missouri", "city": "Kansas City", "postcode": "66204"}, "US", "US-MO"),
        ("Scotland", {"city": "Nowhere"}, "GB", "GB-SCT"),
        ("Northern Ireland", {}, "GB", "GB-NIR"),
        ("Canary Islands", {}, "ES", "ES-CN"),
        ("United Kingdom", {"city": "Nowhere", "postcode": "BT9 7AB"}, "GB", "GB-NIR"),
        ("China", {"state": "Hong Kong", "city": "Hong Kong"}, "HK", None),
        ("China", {"city": "Hong Kong"}, "HK", None),
        ("China", {"state": "Macau"}, "MO", None),
        ("China", {"state": "Taiwan", "city": "Taipei"}, "TW", "TW-TPE"),
        ("United States", {"state": "Puerto Rico", "city": "San Juan"}, "PR", None),
        ("United States", {"state": "PR", "city": "San Juan"}, "PR", None),
        ("United States", {"city": "San Juan", "postcode": "00921"}, "PR", None),
        ("United States", {"state": "Guam"}, "GU", None),
        ("France", {"state": "La Réunion", "city": "Saint-Denis"}, "RE", None),
        ("France", {"city": "Saint-Pierre", "postcode": "97448"}, "RE", None),
        ("France", {"state": "Guadeloupe"}, "GP", None),
        ("France", {"city": "Saint-Denis", "postcode": "93200"}, "FR", "FR-IDF"),
        ("Serbia", {"state": "Kosovo"}, "XK", None),
        ("Israel", {"state": "Gaza"}, "PS", "PS-GZA"),
        ("United Kingdom", {"state": "Channel Islands", "city": "St Peter Port"}, "GG", None),
        ("United Kingdom", {"state": "Jersey"}, "JE", None),
        ("United States", {"state": "Georgia", "city": "Atlanta"}, "US", "US-GA"),
        ("United States", {"state": "MO", "city": "St. Louis"}, "US", "US-MO"),
    ],
    ids=str,
)
def test_a_site_gets_the_subdivision_or_the_territory_on_which_its_words_agree(
    locator: SiteLocator, country: str, words: dict[str, Any], code: str, subdivision: str | None
) -> None:
    found = place(locator, country, **words)
    assert (found.country, found.subdivision) == (code, subdivision)


def test_wards_of_tokyo_lie_in_tokyo_as_the_registry_writes_them(locator: SiteLocator, shared_cases: Path) -> None:
    page = json.loads((shared_cases / "tokyo-ward" / "tokyo_ward.json").read_text(encoding="utf-8"))
    module = page["studies"][0]["protocolSection"]["contactsLocationsModule"]
    found = sites_of(module, Fields("NCT90000010"), locator)
    assert [site["subdivision"] for site in found] == ["JP-13", "JP-13"]
    assert all(distance_km(site["latitude"], site["longitude"], *TOKYO) < 50 for site in found)
    assert all(site["point_from"] for site in found)


def test_a_postcode_that_was_imported_gives_its_point(session: Session) -> None:
    locator = SiteLocator(session)
    words = SiteWords("Germany", None, "Klein Kleckersdorf", "87435", (53.0, 9.0))
    assert place_site(locator, words) == SitePlace(country="DE", subdivision="DE-BY")
    session.add(Postcode(code="87435", country="DE", written="87435", name="K", latitude=47.73, longitude=10.32))
    session.flush()
    known = place_site(SiteLocator(session), words)
    session.rollback()
    assert (known.point, known.point_from) == ((47.73, 10.32), "postcode")


def test_a_site_in_no_known_country_keeps_its_point(locator: SiteLocator) -> None:
    assert place(locator, "Atlantis", point=(1.0, 2.0)) == SitePlace(point=(1.0, 2.0))
