"""Proves that small towns are found as large ones are, and never stand before what is more likely meant."""

from __future__ import annotations

import random

import pytest
from sqlmodel import Session

from tests import town_file
from trialalerts.errors import AmbiguousRegion, UnknownRegion
from trialalerts.vocabulary.places.regions import find_region, search_places
from trialalerts.vocabulary.places.towns.small import FILE, town_keys, towns_called, towns_that_begin


def test_the_file_is_made_of_what_is_installed() -> None:
    made_of = FILE.read_text(encoding="utf-8").partition("\n")[0]
    assert made_of == f"#{town_file.digest()}", "run: python -m tests.town_file"


def test_the_file_is_sorted_by_its_bytes_and_holds_towns_of_500_and_more() -> None:
    lines = FILE.read_bytes().splitlines()[1:]
    assert lines == sorted(lines)
    assert len(lines) > 300_000
    assert min(int(line.rpartition(b"\t")[2]) for line in lines) >= 500


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Bakewell, GB", "Bakewell, England, GB"),
        ("bad herrenalb", "Bad Herrenalb, Baden-Württemberg, DE"),
        ("Giverny", "Giverny, Normandy, FR"),
        ("Chamonix", "Chamonix-Mont-Blanc, Auvergne-Rhône-Alpes, FR"),
        ("Ortisei", "Ortisei, Trentino-Alto Adige, IT"),
        ("Rothenburg ob der Tauber", "Rothenburg ob der Tauber, Bavaria, DE"),
        ("Oberammergau, Bayern", "Oberammergau, Bavaria, DE"),
        ("100 Mile House", "100 Mile House, British Columbia, CA"),
        ("Ronda la Vieja", None),
    ],
)
def test_a_small_town_is_a_place(session: Session, text: str, label: str | None) -> None:
    if label is None:
        with pytest.raises(UnknownRegion):
            find_region(session, text)
        return
    region = find_region(session, text)
    assert (region.kind, region.label, region.radius_km) == ("place", label, 50.0)
    assert label in [hit.label for hit in search_places(session, text)]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Leeds", "Leeds, England, GB"),  # there is one in Alabama
        ("Vienna", "Vienna, AT"),
        ("Glarus", "Glarus, CH"),  # the canton, whose town is small
        ("Alberta", "Alberta, CA"),
        ("Lincoln, GB", "Lincoln, England, GB"),
        ("Melrose, Massachusetts", "Melrose, Massachusetts, US"),
    ],
)
def test_what_is_larger_by_far_is_meant(session: Session, text: str, label: str) -> None:
    assert find_region(session, text).label == label


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("Bakewell", {"Bakewell, England, GB", "Bakewell, Northern Territory, AU"}),
        ("Ambleside", {"Ambleside, England, GB", "Ambleside, British Columbia, CA"}),
    ],
)
def test_small_towns_of_one_name_are_a_question(session: Session, text: str, among: set[str]) -> None:
    with pytest.raises(AmbiguousRegion) as caught:
        find_region(session, text)
    assert among <= set(caught.value.choices)


def test_a_small_town_that_is_like_its_canton_or_a_neighbour_has_a_name_of_its_own(session: Session) -> None:
    assert find_region(session, "Glarus (near Zürich)").kind == "place"
    assert find_region(session, "Glarus (near Zürich), Glarus, CH").kind == "place"


def test_every_small_town_is_found_by_its_label() -> None:
    lines = [line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines()[1:]]
    for key, name, where, *_, population in random.Random(7).sample(lines, 3_000):
        found = towns_called(key)
        meant = [town for town in found if where == (town.part or town.country) and town.population == int(population)]
        assert meant
        assert name.startswith(">") or any((name or key.title()) == town.name for town in meant)
        assert all(town in towns_called(town.key) for town in found)


def test_the_labels_of_small_towns_name_one_place_each(session: Session) -> None:
    keys = sorted(set(town_keys("be")))
    for key in random.Random(3).sample(keys, 150):
        for hit in search_places(session, key, limit=4):
            assert find_region(session, hit.label).label == hit.label


@pytest.mark.parametrize("begin", ["", "zzzz", "\t", "\n", "é", "bakewell\tx", "\U0010ffff"])
def test_no_beginning_of_a_name_is_too_odd(begin: str) -> None:
    assert towns_called(begin) == [] or begin == "é"
    assert len(towns_that_begin(begin, most=5)) <= 5


def test_a_search_gives_the_likeliest_before_a_small_town_of_the_very_name(session: Session) -> None:
    labels = [hit.label for hit in search_places(session, "lee")]
    assert labels.index("Leeds, England, GB") < labels.index("Lee, England, GB")
    assert search_places(session, "wells")[0].label == "Wells, England, GB"
