"""Proves that a region is what the person meant, or a question."""

from __future__ import annotations

import pytest
from sqlmodel import Session, col, select

from trialalerts.database import open_database
from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.loading import load_places
from trialalerts.vocabulary.places.lookup import find_by_keys
from trialalerts.vocabulary.places.regions import find_region, parse_radius, search_places
from trialalerts.vocabulary.tables import Place, PlaceKind


@pytest.mark.parametrize("text", ["anywhere", "Anywhere ", "worldwide", "weltweit", "partout", "todo el mundo"])
def test_anywhere_is_a_region_without_bounds(session: Session, text: str) -> None:
    region = find_region(session, text)
    assert (region.kind, region.label, region.country, region.radius_km) == ("anywhere", "anywhere", None, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("GB", "GB"),
        ("gb", "GB"),
        ("GBR", "GB"),
        ("UK", "GB"),
        ("U.K.", "GB"),
        ("United Kingdom", "GB"),
        ("USA", "US"),
        ("Deutschland", "DE"),
        ("Allemagne", "DE"),
        ("Österreich", "AT"),
        ("España", "ES"),
        ("Ελλάδα", "GR"),
        ("日本", "JP"),
        ("Korea, Republic of", "KR"),
        ("South Korea", "KR"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Côte d'Ivoire", "CI"),
        ("Hong Kong", "HK"),
        ("Puerto Rico", "PR"),
        ("CA", "CA"),
        ("GE", "GE"),
        ("Georgia (country)", "GE"),
        ("Mexico", "MX"),
        ("Luxembourg", "LU"),
        ("Singapore", "SG"),
    ],
)
def test_a_country(session: Session, text: str, code: str) -> None:
    region = find_region(session, text)
    assert (region.kind, region.country, region.subdivision) == ("country", code, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US-CA", "US-CA"),
        ("California", "US-CA"),
        ("TX", "US-TX"),
        ("England", "GB-ENG"),
        ("Scotland", "GB-SCT"),
        ("Bayern", "DE-BY"),
        ("Bavaria, Germany", "DE-BY"),
        ("Catalonia", "ES-CT"),
        ("Cataluña", "ES-CT"),
        ("Ontario", "CA-ON"),
        ("Île-de-France", "FR-IDF"),
        ("Georgia, US", "US-GA"),
        ("Georgia, USA", "US-GA"),
        ("New York (state), US", "US-NY"),
        ("Berlin (state), DE", "DE-BE"),
    ],
)
def test_a_subdivision(session: Session, text: str, code: str) -> None:
    region = find_region(session, text)
    assert (region.kind, region.subdivision, region.country) == ("subdivision", code, code[:2])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Leeds, GB", "Leeds, England, GB"),
        ("Leeds, UK", "Leeds, England, GB"),
        ("Leeds, England", "Leeds, England, GB"),
        ("Leeds, England, United Kingdom", "Leeds, England, GB"),
        ("leeds uk", "Leeds, England, GB"),
        ("Leeds", "Leeds, England, GB"),
        ("London", "London, England, GB"),
        ("London, CA", "London, Ontario, CA"),
        ("London, Ontario", "London, Ontario, CA"),
        ("Paris", "Paris, Île-de-France, FR"),
        ("Paris, TX", "Paris, Texas, US"),
        ("München", "Munich, Bavaria, DE"),
        ("Muenchen", "Munich, Bavaria, DE"),
        ("Wien", "Vienna, AT"),
        ("Genève", "Geneva, CH"),
        ("Berlin", "Berlin, DE"),
        ("Madrid", "Madrid, Community of Madrid, ES"),
        ("Barcelona", "Barcelona, Catalonia, ES"),
        ("Москва", "Moscow, RU"),
        ("東京", "Tokyo, JP"),
        ("Springfield, MO", "Springfield, Missouri, US"),
        ("Springfield Missouri", "Springfield, Missouri, US"),
        ("Saint Louis", "St. Louis, Missouri, US"),
        ("NYC", "New York City, New York, US"),
        ("Washington, D.C.", "Washington, District of Columbia, US"),
        ("Washington, DC", "Washington, District of Columbia, US"),
        ("São Paulo", "São Paulo, BR"),
    ],
)
def test_a_place(session: Session, text: str, label: str) -> None:
    region = find_region(session, text)
    assert (region.kind, region.label, region.radius_km) == ("place", label, 50.0)
    assert region.latitude is not None
    assert region.longitude is not None


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("Georgia", ["Georgia (country)", "Georgia, US"]),
        ("Springfield", ["Springfield, Missouri, US", "Springfield, Massachusetts, US"]),
        ("New York", ["New York (state), US", "New York City, New York, US"]),
        ("Washington", ["Washington (state), US", "Washington, District of Columbia, US"]),
        ("Cambridge", ["Cambridge, England, GB", "Cambridge, Massachusetts, US"]),
        ("Kent", ["Kent, Washington, US", "England, GB"]),
    ],
)
def test_a_name_of_several_places_is_a_question(session: Session, text: str, among: list[str]) -> None:
    with pytest.raises(AmbiguousRegion) as caught:
        find_region(session, text)
    assert set(among) <= set(caught.value.choices)
    for choice in caught.value.choices:
        assert find_region(session, choice).label == choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Leedz", "Leeds, England, GB"),
        ("Leedz, GB", "Leeds, England, GB"),
        ("Lodnon", "London, England, GB"),
        ("Tolouse", "Toulouse, Occitanie, FR"),
        ("Unitd Kingdom", "United Kingdom"),
        ("Califronia", "California, US"),
        ("Leeds, FR", "Leeds, England, GB"),
    ],
)
def test_a_typing_error_is_answered_with_the_nearest(session: Session, text: str, choice: str) -> None:
    with pytest.raises(UnknownRegion) as caught:
        find_region(session, text)
    assert caught.value.choices[0] == choice
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["Xyzzyqwv", "?", ",,", "1234567", "x" * 5_000])
def test_nonsense_is_unknown(session: Session, text: str) -> None:
    with pytest.raises(UnknownRegion):
        find_region(session, text)


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_is_no_region(session: Session, text: str) -> None:
    with pytest.raises(InvalidInput, match="No region is given"):
        find_region(session, text)


def test_a_part_of_a_subdivision_is_told_to_be_too_fine(session: Session) -> None:
    with pytest.raises(InvalidInput, match="a part of Brittany, FR"):
        find_region(session, "Finistère, France")


def test_every_label_finds_its_place_again(session: Session) -> None:
    told = (col(Place.kind) != PlaceKind.SUBDIVISION) | col(Place.subdivision).is_(None)
    for place in session.exec(select(Place).where(told).order_by(col(Place.id))).all()[::25]:
        found = next((found for found in find_by_keys(session, folded(place.name)) if found.place.id == place.id), None)
        if found is None:  # ISO's groups of subdivisions, and subdivisions that are countries: found by code
            assert place.kind is PlaceKind.SUBDIVISION
            continue
        region = find_region(session, found.label)
        assert region.label == found.label
        assert region.country == place.country
        if place.kind is PlaceKind.CITY:
            assert (region.latitude, region.longitude) == (place.latitude, place.longitude)
        elif place.kind is PlaceKind.SUBDIVISION:
            assert region.subdivision == place.id


def test_a_place_takes_the_radius_given(session: Session) -> None:
    assert find_region(session, "Leeds, GB", radius_km=80.0).radius_km == 80.0


@pytest.mark.parametrize("text", ["anywhere", "GB", "US-CA"])
def test_a_radius_goes_with_a_town_only(session: Session, text: str) -> None:
    with pytest.raises(InvalidInput, match="A radius goes with a town"):
        find_region(session, text, radius_km=10)


@pytest.mark.parametrize("radius", [0.0, -5.0, 1_000.1, float("nan"), float("inf")])
def test_a_radius_out_of_bounds_is_refused(session: Session, radius: float) -> None:
    with pytest.raises(InvalidInput, match="makes no sense"):
        find_region(session, "Leeds, GB", radius_km=radius)


@pytest.mark.parametrize(
    ("text", "kilometres"),
    [
        ("80km", 80),
        ("80 km", 80),
        ("80", 80),
        ("12.5 km", 12.5),
        ("12,5km", 12.5),
        ("50 miles", 80.4672),
        ("50mi", 80.4672),
        ("1 mile", 1.609344),
        ("30 Kilometres", 30),
        ("1000km", 1000),
    ],
)
def test_a_radius_is_read(text: str, kilometres: float) -> None:
    assert parse_radius(text) == pytest.approx(kilometres)


@pytest.mark.parametrize(
    "text", ["", "far", "0", "0 km", "-5", "1001", "700 miles", "5 leagues", "1e9", "nan", "5 km 2"]
)
def test_a_radius_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_radius(text)


def test_a_search_begins_with_the_likeliest(session: Session) -> None:
    assert search_places(session, "lee")[0].label == "Leeds, England, GB"
    assert search_places(session, "münch")[0].label == "Munich, Bavaria, DE"
    assert "Paris, Île-de-France, FR" in [hit.label for hit in search_places(session, "par", limit=3)]


def test_a_search_heeds_what_the_place_lies_in(session: Session) -> None:
    assert [hit.label for hit in search_places(session, "leeds, gb")] == ["Leeds, England, GB"]
    assert [hit.label for hit in search_places(session, "leeds, engl")] == ["Leeds, England, GB"]
    assert {hit.place.country for hit in search_places(session, "spring, US")} == {"US"}


def test_a_search_for_a_misspelt_name_gives_the_nearest(session: Session) -> None:
    assert search_places(session, "Leedz")[0].label == "Leeds, England, GB"


def test_a_search_keeps_to_its_limit(session: Session) -> None:
    assert len(search_places(session, "san", limit=7)) == 7
    assert search_places(session, "", limit=7) == []


@pytest.mark.parametrize("text", ["s", "san", "new", "st. ", "leeds", "berlin, de", "Χ", "東"])
def test_every_hit_can_be_chosen(session: Session, text: str) -> None:
    for hit in search_places(session, text):
        assert find_region(session, hit.label).label == hit.label


def test_regions_are_found_in_postgresql(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    with database.write() as session:
        load_places(session)
    with database.read() as session:
        assert find_region(session, "München").label == "Munich, Bavaria, DE"
        assert search_places(session, "lee")[0].label == "Leeds, England, GB"
        assert search_places(session, "東京")[0].label == "Tokyo, JP"
        assert search_places(session, "Leedz, GB")[0].label == "Leeds, England, GB"
    database.dispose()
