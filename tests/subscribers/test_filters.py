"""The filters of a preference: what typed texts mean, how they are written, what is said of nonsense."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialalerts
from trialalerts.catalog.tables import FOLLOWERS_ONLY, ChangeKind, ItemKind
from trialalerts.errors import InvalidInput, UnknownArea, UnknownTopic
from trialalerts.subscribers.filters import CHANGE_KINDS, FILTERS, FILTERS_TOLD, ITEM_KINDS, PHASES, Filters, Lookup
from trialalerts.subscribers.tables import Preference

AREAS = {"asthma": "D001249", "lupus": "D008180", "brain injuries, traumatic": "D000070642"}
SOURCE = Path(trialalerts.__file__).parent
BY_NAME = {each.name: each for each in FILTERS}


def _area(text: str) -> str:
    if text.lower() in AREAS or text in AREAS.values():
        return AREAS.get(text.lower(), text)
    raise UnknownArea(text)


def _topic(text: str) -> str:
    if text not in {"diet", "stem-cells"}:
        raise UnknownTopic(text)
    return text


KNOWN = Lookup(area=_area, topic=_topic, today=date(2026, 3, 2))


def read(name: str, *typed: str, today: date = KNOWN.today) -> Any:
    return BY_NAME[name].read(typed, replace(KNOWN, today=today))


READ: list[tuple[str, tuple[str, ...], Any]] = [
    ("born_on", ("1984",), date(1984, 7, 1)),
    ("born_on", ("1984-05",), date(1984, 5, 15)),
    ("born_on", ("1984-05-12",), date(1984, 5, 12)),
    ("born_on", ("41",), date(1984, 8, 31)),
    ("born_on", (), None),
    ("sex", ("Female",), "female"),
    ("sex", ("all",), None),
    ("sex", ("",), None),
    ("audience", (" Professionals ",), "professionals"),
    ("audience", ("any",), None),
    ("audience", (), None),
    ("healthy_volunteer", ("yes",), True),
    ("healthy_volunteer", (), False),
    ("phases", ("2", "PHASE3", "phase 2"), ("PHASE2", "PHASE3")),
    ("phases", ("early phase 1", "n/a"), ("EARLY_PHASE1", "NA")),
    ("phases", ("3 2",), ("PHASE2", "PHASE3")),
    ("phases", ("3, 2; early phase 1",), ("EARLY_PHASE1", "PHASE2", "PHASE3")),
    ("phases", ("", " ", ";,"), ()),
    ("item_kinds", ("article trial",), ("trial", "article")),
    ("change_kinds", ("site opened", "Site-Closed"), ("site_opened", "site_closed")),
    ("change_kinds", ("closed opened",), ("opened", "closed")),
    ("excluded_areas", ("lupus; Brain Injuries, Traumatic",), ("D000070642", "D008180")),
    ("excluded_areas", ("lupus, asthma",), ("D001249", "D008180")),
    ("excluded_areas", ("D008180 D001249", "lupus"), ("D001249", "D008180")),
    ("topics", ("stem-cells; diet",), ("diet", "stem-cells")),
    ("topics", ("stem-cells,diet", "diet"), ("diet", "stem-cells")),
]


@pytest.mark.parametrize(("name", "typed", "meant"), READ)
def test_what_is_typed_has_a_meaning(name: str, typed: tuple[str, ...], meant: Any) -> None:
    assert read(name, *typed) == meant


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("born_on", "1984-13", "is no date: month must be in 1..12"),
        ("born_on", "soon", "“soon” is no date; write year-month-day"),
        ("born_on", "1884", "is no birthday of somebody alive"),
        ("born_on", "2031-01-01", "is no birthday of somebody alive"),
        ("born_on", "999", "of somebody alive"),
        ("sex", "femal", "“femal” is no sex that trials ask for. Did you mean “female”"),
        ("sex", "female male", "“female male” is no sex"),
        ("audience", "the moon", "“the moon” is no audience. Did you mean “patients”, “professionals” or “any”?"),
        ("healthy_volunteer", "maybe", "“maybe” is neither yes nor no"),
        ("phases", "phase 7", "“phase 7” is no phase. Did you mean “PHASE1”"),
        ("phases", "2 5", "“5” is no phase"),
        ("item_kinds", "book", "“book” is no kind of item"),
        ("change_kinds", "site opend", "“site opend” is no kind of change. Did you mean “site_opened”"),
        ("excluded_areas", "lupus; astma", "No disease area is called “astma”"),
        ("excluded_areas", "Brain Injury, Traumatik", "called “Brain Injury, Traumatik”"),
        ("topics", "diet, moon", "No topic is called “moon”"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_nearest_choices(name: str, typed: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(name, typed)
    assert said in str(caught.value)


values = st.fixed_dictionaries(
    {
        "born_on": st.none() | st.dates(date(1910, 1, 1), date(2026, 3, 2)),
        "sex": st.sampled_from([None, "female", "male"]),
        "healthy_volunteer": st.booleans(),
        "phases": st.sets(st.sampled_from(PHASES)).map(lambda some: tuple(each for each in PHASES if each in some)),
        "item_kinds": st.sampled_from([(), ("trial",), ("article",), ("trial", "article")]),
        "change_kinds": st.sets(st.sampled_from(CHANGE_KINDS)).map(
            lambda some: tuple(each for each in CHANGE_KINDS if each in some)
        ),
        "excluded_areas": st.sets(st.sampled_from(sorted(AREAS.values()))).map(lambda some: tuple(sorted(some))),
        "topics": st.sets(st.sampled_from(["diet", "stem-cells"])).map(lambda some: tuple(sorted(some))),
        "audience": st.sampled_from([None, "patients", "professionals"]),
    }
)


@given(values=values)
def test_what_was_read_is_written_and_read_as_the_same(values: dict[str, Any]) -> None:
    names = {number: name.title() for name, number in AREAS.items()}
    for each in FILTERS:
        value = values[each.name]
        assert each.read(each.write(value), KNOWN) == value
        assert each.read([each.cell(value)], KNOWN) == value
        assert each.read([each.typed(value, names.__getitem__)], KNOWN) == value


@given(age=st.integers(0, 120), today=st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_a_birthday_told_by_age_gives_that_age(age: int, today: date) -> None:
    born = read("born_on", str(age), today=today)
    assert today.year - born.year - ((today.month, today.day) < (born.month, born.day)) == age


def test_the_kinds_are_those_of_the_catalog() -> None:
    assert list(ITEM_KINDS) == [kind.value for kind in ItemKind]
    assert list(CHANGE_KINDS) == [
        kind.value for kind in ChangeKind if kind not in FOLLOWERS_ONLY | {ChangeKind.CONCERN}
    ]


def test_each_filter_has_a_line_a_field_and_a_column() -> None:
    assert [each.name for each in FILTERS] == [each.name for each in fields(Filters)]
    assert {each.name for each in FILTERS} <= set(Preference.model_fields)
    assert {each.name: each.empty for each in FILTERS} == {each.name: each.default for each in fields(Filters)}
    assert set(FILTERS_TOLD) == set(FILTERS)


def test_a_filter_stands_in_four_files() -> None:
    """Column, table, what matches, what of an item it asks for; an item's own audience is read and told elsewhere."""
    items = {"catalog", "sources", "digests", "vocabulary", "database"}
    files = [file.relative_to(SOURCE) for file in SOURCE.rglob("*.py")]
    found = [str(file) for file in files if file.parts[0] not in items and "audience" in (SOURCE / file).read_text()]
    assert len(found) <= 4, found
