"""What was typed is checked in one place: what it means, and all that is wrong with it, field by field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from tests.subscribers.stage import ANYWHERE, BRITAIN, LEEDS
from trialalerts.errors import InvalidInput, UnknownArea, UnknownTopic
from trialalerts.subscribers.preferences import (
    LeavesNothing,
    NeedsPlaceOrTopic,
    NewPreference,
    PreferenceInput,
    WrongPreference,
    is_any_area,
)
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaNode, AreaTree
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Topic
from trialalerts.vocabulary.topics import TopicTree

TODAY = date(2026, 3, 2)
AREAS = AreaTree(
    [
        AreaNode(id="D009422", name="Nervous system diseases"),
        AreaNode(id="D009103", name="Multiple sclerosis", acronyms=("MS",), parents=("D009422",)),
    ]
)
TOPICS = TopicTree(
    [
        Topic(id="stem-cells", name="Stem cells", names={"de": "Stammzellen"}, synonyms=[], acronyms=[], parents=[]),
        Topic(id="diet", name="Diet", names={}, synonyms=["nutrition"], acronyms=[], parents=[]),
    ]
)


def checked(
    area: str = "MS", region: Region = ANYWHERE, label: str = "", *, as_stored: bool = False, **filters: Any
) -> NewPreference:
    texts = {name: typed if isinstance(typed, tuple) else (typed,) for name, typed in filters.items()}
    typed = PreferenceInput(area=area, region=region, label=label, filters=texts)
    return typed.checked(AREAS, TOPICS, TODAY, as_stored=as_stored)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ({}, {"area_id": "D009103", "topics": (), "audience": None, "born_on": None}),
        ({"area": "multiple sclerosis"}, {"area_id": "D009103"}),
        ({"topics": ("Stammzellen", "nutrition", "stem-cells")}, {"topics": ("diet", "stem-cells")}),
        ({"audience": "Patients"}, {"audience": "patients"}),
        ({"audience": "professionals"}, {"audience": "professionals"}),
        ({"audience": "any"}, {"audience": None}),
        ({"born_on": "1984"}, {"born_on": date(1984, 7, 1)}),
        ({"born_on": "41"}, {"born_on": date(1984, 8, 31)}),
        ({"phases": ("3", "2")}, {"phases": ("PHASE2", "PHASE3")}),
        ({"area": "any", "region": BRITAIN}, {"area_id": ANY_AREA}),
        ({"area": "any", "region": LEEDS}, {"area_id": ANY_AREA}),
        ({"area": "Jede Krankheit", "topics": ("diet",)}, {"area_id": ANY_AREA, "topics": ("diet",)}),
        ({"area": "any", "topics": ("diet",), "excluded_areas": ("MS",)}, {"excluded_areas": ("D009103",)}),
    ],
)
def test_what_was_typed_means_a_preference(typed: dict[str, Any], meant: dict[str, Any]) -> None:
    preference = checked(**typed)
    assert {name: getattr(preference, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("typed", "field", "error"),
    [
        ({"area": "MX"}, "area", UnknownArea),
        ({"area": ""}, "area", UnknownArea),
        ({"area": "any"}, "area", NeedsPlaceOrTopic),
        ({"area": "any", "audience": "patients", "item_kinds": ("article",)}, "area", NeedsPlaceOrTopic),
        ({"topics": ("diet", "no such topic")}, "topics", UnknownTopic),
        ({"audience": "the moon"}, "audience", InvalidInput),
        ({"sex": "both"}, "sex", InvalidInput),
        ({"born_on": "1884"}, "born_on", InvalidInput),
        ({"born_on": "2031-01-01"}, "born_on", InvalidInput),
        ({"born_on": "999"}, "born_on", InvalidInput),
        ({"born_on": "soon"}, "born_on", InvalidInput),
        ({"phases": ("9",)}, "phases", InvalidInput),
        ({"excluded_areas": ("MX",)}, "excluded_areas", UnknownArea),
        ({"excluded_areas": ("Nervous system diseases",)}, "excluded_areas", LeavesNothing),
        ({"label": "x" * 81}, "label", InvalidInput),
    ],
)
def test_what_is_wrong_is_told_at_its_field(typed: dict[str, Any], field: str, error: type[InvalidInput]) -> None:
    with pytest.raises(WrongPreference) as wrong:
        checked(**typed)
    assert list(wrong.value.errors) == [field]
    assert isinstance(wrong.value.errors[field], error)
    assert str(wrong.value) == str(wrong.value.errors[field])


def test_all_that_is_wrong_is_found_at_once_and_the_first_field_is_told_first() -> None:
    with pytest.raises(WrongPreference, match="No disease area is called “MX”") as wrong:
        checked(area="MX", sex="both", topics=("moon",), audience="sun")
    assert list(wrong.value.errors) == ["area", "sex", "topics", "audience"]


def test_a_line_of_an_export_is_taken_as_it_was_though_it_leaves_out_all() -> None:
    stored = checked(as_stored=True, excluded_areas=("Nervous system diseases",))
    assert stored.excluded_areas == ("D009422",)


def test_a_field_that_there_is_not_is_a_mistake_of_the_reader() -> None:
    with pytest.raises(ValidationError):
        PreferenceInput(area="MS", colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="no filter colour"):
        PreferenceInput(area="MS", filters={"colour": ("red",)})


@pytest.mark.parametrize(
    ("text", "means_any"),
    [
        ("any", True),
        ("Any disease", True),
        ("ALLE KRANKHEITEN", True),
        ("n’importe quelle maladie", True),
        ("n'importe quelle maladie", True),
        ("Cualquier enfermedad", True),
        ("disease", False),
        ("anywhere", False),
        ("", False),
    ],
)
def test_any_disease_is_understood_in_every_language(text: str, means_any: bool) -> None:
    assert is_any_area(text) is means_any
