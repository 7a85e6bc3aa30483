"""Proves that towns are shown as the reader calls them, and found again by each of these names."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.places.lookup import find_by_keys
from trialalerts.vocabulary.places.regions import find_region, search_places
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.places.towns.names import TownNames, read_town_names, town_shown
from trialalerts.vocabulary.tables import PlaceKind

LANGUAGES = ("en", "de", "fr", "es")
TOWNS = list(read_town_names())


@pytest.mark.parametrize(
    ("name", "country", "told"),
    [
        ("Munich", "DE", ["Munich", "München", "Munich", "Múnich"]),
        ("Muenchen", "DE", ["Munich", "München", "Munich", "Múnich"]),
        ("KÖLN", "DE", ["Cologne", "Köln", "Cologne", "Colonia"]),
        ("Genève", "CH", ["Geneva", "Genf", "Genève", "Ginebra"]),
        ("Milano", "IT", ["Milan", "Mailand", "Milan", "Milán"]),
        ("Leeds", "GB", ["Leeds"] * 4),
        ("Naples", "US", ["Naples"] * 4),  # the one in Florida
        ("", "DE", [""] * 4),
        ("Munich", None, ["Munich"] * 4),
    ],
)
def test_a_town_is_told_in_the_readers_language(name: str, country: str | None, told: list[str]) -> None:
    assert [town_shown(name, country, language) for language in LANGUAGES] == told


def test_a_region_is_shown_whole_in_the_readers_language() -> None:
    told = [region_shown("Cologne, North Rhine-Westphalia, DE", "place", "DE", "DE-NW", each) for each in LANGUAGES]
    assert [each.partition(",")[0] for each in told] == ["Cologne", "Köln", "Cologne", "Colonia"]
    assert told[1] == "Köln, Nordrhein-Westfalen, Deutschland"


def test_the_table_names_each_town_once() -> None:
    keys = [(town.country, key) for town in TOWNS for key in town.keys]
    assert len(keys) == len(set(keys))
    assert len(TOWNS) > 250


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: f"{town.country} {town.names['en']}")
def test_every_name_that_is_shown_is_found_again_and_means_the_same_place(session: Session, town: TownNames) -> None:
    meant = find_region(session, _label(session, town))
    assert meant.kind == "place"
    for language in LANGUAGES:
        name = town.names[language]
        shown = region_shown(meant.label, meant.kind, meant.country, meant.subdivision, language)
        assert shown.startswith(name), (shown, name)
        assert find_region(session, shown) == meant, shown
        assert meant.label in [hit.label for hit in search_places(session, f"{name}, {town.country}", limit=20)], name


def _label(session: Session, town: TownNames) -> str:
    """Return the label of the largest town of the country that has one of these names for its own."""
    called = [found for key in town.keys for found in find_by_keys(session, key)]
    own = [each for each in called if each.place.kind is PlaceKind.CITY and each.place.country == town.country]
    return max((each for each in own if each.is_proper), key=lambda each: each.place.population).label


@pytest.mark.parametrize(
    "typed",
    ["münch", "mailand", "cologne", "ginebra", "bakew", "leeds", "springf", "bayer", "georg", "berlin", "san j"],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_search_shows_is_found_again(session: Session, typed: str, language: str) -> None:
    for hit in search_places(session, typed, limit=12):
        assert find_region(session, hit.shown(language)).label == hit.label, hit.shown(language)


def test_a_name_of_another_language_alone_never_means_somewhere_else_in_silence(session: Session) -> None:
    for town in TOWNS:
        meant = find_region(session, _label(session, town))
        for language in ("de", "fr"):
            try:
                found = find_region(session, town.names[language])
            except InvalidInput:
                continue
            elsewhere = found.country != meant.country or found.kind != "place"
            near = abs((found.latitude or 0) - (meant.latitude or 0)) < 0.3  # New Delhi is a part of Delhi
            assert elsewhere or near, (town.names[language], found)
