"""Proves that everyday regions and groups of countries mean what people mean, under each of their names."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlmodel import Session

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.everyday.table import EverydayRegion, everyday_of, everyday_regions
from trialalerts.vocabulary.places.regions import find_region, search_places
from trialalerts.vocabulary.places.shown import region_shown

LANGUAGES = ("en", "de", "fr", "es")


def _every(kind: str) -> list[EverydayRegion]:
    return [each for each in everyday_regions() if bool(each.codes) is (kind == "codes")]


@pytest.mark.parametrize(
    ("text", "label", "radius"),
    [
        ("Yorkshire", "Yorkshire, GB", 75),
        ("Yorkshire, UK", "Yorkshire, GB", 75),
        ("the Midlands", "Midlands, GB", 90),
        ("Franken", "Franconia, DE", 100),
        ("Ruhrgebiet", "Ruhr area, DE", 45),
        ("Bay Area", "San Francisco Bay Area, US", 70),
        ("Ostfriesland", "East Frisia, DE", 50),
        ("Pays Basque", "French Basque Country, FR", 60),
        ("Surrey, England", "Surrey, GB", 35),
        ("Elsass", "Alsace, FR", 80),
        ("Südtirol", "South Tyrol, IT", 60),
    ],
)
def test_an_everyday_region_is_a_place_with_a_radius_of_its_own(
    session: Session, text: str, label: str, radius: float
) -> None:
    region = find_region(session, text)
    assert (region.kind, region.label, region.radius_km, region.country) == ("place", label, radius, label[-2:])
    assert find_region(session, text, radius_km=30).radius_km == 30


@pytest.mark.parametrize(
    ("text", "label", "members"),
    [
        ("New England", "New England, US", "US-CT US-MA US-ME US-NH US-RI US-VT"),
        ("Suisse romande", "French-speaking Switzerland, CH", "CH-FR CH-GE CH-JU CH-NE CH-VD CH-VS"),
        ("Benelux", "Benelux", "BE LU NL"),
        ("Skandinavien", "Scandinavia", "DK NO SE"),
        ("DACH", "German-speaking countries", "AT CH DE LI"),
        ("Países bálticos", "Baltic states", "EE LT LV"),
        ("British Isles", "British Isles", "GB GG IE IM JE"),
    ],
)
def test_a_group_is_stored_as_what_it_is_made_of(session: Session, text: str, label: str, members: str) -> None:
    region = find_region(session, text)
    assert (region.kind, region.label, region.radius_km) == ("group", label, None)
    assert sorted((region.subdivision or "").split()) == members.split()
    assert find_region(session, region.subdivision or "") == region  # as a file has it


@pytest.mark.parametrize("text", ["Europe", "EU", "EEA", "Latin America", "North America", "Nordic countries"])
def test_groups_of_countries_have_no_radius(session: Session, text: str) -> None:
    assert find_region(session, text).kind == "group"
    with pytest.raises(InvalidInput, match="radius"):
        find_region(session, text, radius_km=50)


def test_codes_that_no_name_is_for_are_a_group_all_the_same(session: Session) -> None:
    region = find_region(session, "AT CH US-CA")
    assert (region.kind, region.label, region.subdivision) == ("group", "AT CH US-CA", "AT CH US-CA")
    for text in ("AT QQ", "at ch", "AT CH Leeds"):
        with pytest.raises(UnknownRegion):
            find_region(session, text)


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("Kent", {"Kent, GB", "Kent, Washington, US"}),
        ("Cornwall", {"Cornwall, GB", "Cornwall, Ontario, CA"}),
        ("Baden", {"Baden, DE", "Baden, Aargau, CH", "Baden, Lower Austria, AT"}),
        ("Surrey", {"Surrey, GB", "Surrey, British Columbia, CA"}),
    ],
)
def test_a_town_of_the_name_makes_it_a_question(session: Session, text: str, among: set[str]) -> None:
    with pytest.raises(AmbiguousRegion) as caught:
        find_region(session, text)
    assert among <= set(caught.value.choices)
    for choice in caught.value.choices:
        assert find_region(session, choice).label == choice


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bretagne", "subdivision"),
        ("Andalucía", "subdivision"),
        ("País Vasco", "subdivision"),
        ("worldwide", "anywhere"),
    ],
)
def test_what_has_a_code_of_its_own_needs_no_table(session: Session, text: str, kind: str) -> None:
    assert find_region(session, text).kind == kind


def test_a_typing_error_is_answered_with_the_region(session: Session) -> None:
    with pytest.raises(UnknownRegion) as caught:
        find_region(session, "Yorkshre")
    assert caught.value.choices[0] == "Yorkshire, GB"


def test_no_name_stands_for_two_regions() -> None:
    names = Counter(key for each in everyday_regions() for key in _keys(each))
    assert [name for name, count in names.items() if count > 1] == []
    assert all(everyday_of(each.codes) is each for each in _every("codes"))


def _keys(region: EverydayRegion) -> set[str]:
    return {folded(name) for names in region.names.values() for name in names}


@pytest.mark.parametrize("kind", ["codes", "town"])
def test_every_name_that_is_shown_is_found_again_and_means_the_same(session: Session, kind: str) -> None:
    for region in _every(kind):
        meant = find_region(session, region.label)
        assert meant.label == region.label
        for language in LANGUAGES:
            shown = region_shown(meant.label, meant.kind, meant.country, meant.subdivision, language)
            assert find_region(session, shown) == meant, shown
            assert region.said(language) in shown


def test_every_name_of_the_table_is_found_or_asks_with_it_as_a_choice(session: Session) -> None:
    for region in everyday_regions():
        for key in sorted(_keys(region)):
            try:
                assert find_region(session, key).label == region.label
            except AmbiguousRegion as asked:
                assert asked.choices[0] == region.label  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("yorksh", "Yorkshire, GB"),
        ("skandi", "Scandinavia"),
        ("asia", "Asia"),
        ("ruhrg", "Ruhr area, DE"),
        ("eu", "European Union"),
    ],
)
def test_regions_are_among_what_a_search_lists(session: Session, typed: str, label: str) -> None:
    assert label in [hit.label for hit in search_places(session, typed, limit=5)]


def test_names_are_told_in_the_readers_language() -> None:
    told = [region_shown("Yorkshire, GB", "place", "GB", None, language) for language in LANGUAGES]
    assert told[:2] == ["Yorkshire, United Kingdom", "Yorkshire, Vereinigtes Königreich"]
    groups = [region_shown("Nordic countries", "group", None, "DK NO", language) for language in LANGUAGES]
    assert groups == ["Nordic countries", "Nordische Länder", "Pays nordiques", "Países nórdicos"]
    assert region_shown("A name that is gone", "group", None, "DK NO", "de") == "A name that is gone"
