"""One preference, whoever reads it: a form, a file and a command line give the same, and refuse the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from tests.subscribers.stage import ANYWHERE, AREAS, BRITAIN, LEEDS, NOW, TOPICS, set_stage
from tests.subscribers.test_filters import values
from trialalerts.cli.preferences import PreferenceOptions
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.errors import InvalidInput
from trialalerts.matching.query import PreferenceQuery
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.files.csv_rows import CsvRowReader, csv_cells
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.subscribers.tables import Frequency, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import ANY_AREA, load_areas
from trialalerts.web.forms import Form
from trialalerts.web.preference_form import read_preference, typed

TODAY = NOW.date()
MONA = Subscriber(
    key="k",
    address="mona@example.org",
    address_key=address_key("mona@example.org"),
    state=SubscriberState.ACTIVE,
    locale="en",
    timezone="UTC",
    frequency=Frequency.WEEKLY,
    created_at=NOW,
)


@pytest.fixture(scope="module")
def stage_db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('readers')}/db.db")
    upgrade_schema(database)
    set_stage(database)
    yield database
    database.dispose()


def by_form(session: Session, fields: dict[str, str], kept: Preference | None = None) -> tuple[Form, Any]:
    form = Form.filled(fields, unit="km")
    return form, read_preference(form, load_areas(session), session, TODAY, kept=kept)


def by_file(session: Session, cells: dict[str, str]) -> NewPreference | None:
    reader = CsvRowReader(session, load_areas(session), locale="en", timezone="UTC", confirmed=True, now=NOW)
    return reader.read({"address": MONA.address, **cells}).preference


def by_command(session: Session, texts: dict[str, tuple[str, ...]], area: str, region: str) -> NewPreference:
    options = PreferenceOptions(area=[area], region=region, radius=None, travel=None, filters=texts)
    return options.resolve(session, TODAY)[0]


regions = st.sampled_from([ANYWHERE, BRITAIN]) | st.builds(
    replace, st.just(LEEDS), radius_km=st.sampled_from([12.5, 25.0, 50.0, 80.0, 100.0, 300.0])
)
filters = st.builds(
    lambda drawn, excluded, topics: drawn | {"excluded_areas": excluded, "topics": topics},
    values,
    st.sets(st.sampled_from(sorted(AREAS))).map(lambda some: tuple(sorted(some))),
    st.sets(st.sampled_from(sorted(TOPICS))).map(lambda some: tuple(sorted(some))),
)
wishes = st.builds(
    lambda area, region, label, drawn: NewPreference(area_id=area, region=region, label=label, **drawn),
    st.sampled_from([*sorted(AREAS), ANY_AREA]),
    regions,
    st.sampled_from([None, "Anna", "'quoted; and, parted", "=1+1"]),
    filters,
).filter(
    lambda new: (
        new.area_id not in new.excluded_areas
        and (new.area_id != ANY_AREA or new.region.kind != "anywhere" or bool(new.topics))
    )
)


@settings(max_examples=100, deadline=None)
@given(new=wishes)
def test_a_preference_goes_from_the_form_to_its_row_to_a_file_and_back(stage_db: Database, new: NewPreference) -> None:
    with stage_db.read() as session:
        areas = load_areas(session)
        row = unsaved_preference(new, is_area=areas.__contains__, now=NOW)
        form, again = by_form(session, typed(row, areas), kept=row)
        assert form.errors == {}
        assert again == new
        assert by_file(session, csv_cells(MONA, row, areas.name)) == new
    query = PreferenceQuery.of(row)
    assert (query.area, query.excluded) == (new.area_id, frozenset(new.excluded_areas))
    assert {each.name: getattr(query.filters, each.name) for each in FILTERS} == {
        each.name: getattr(new, each.name) for each in FILTERS
    }


@settings(max_examples=60, deadline=None)
@given(drawn=filters)
def test_the_same_words_mean_the_same_in_a_form_a_file_and_a_command(stage_db: Database, drawn: dict[str, Any]) -> None:
    texts = {each.name: each.write(drawn[each.name]) for each in FILTERS}
    one = {each.name: each.cell(drawn[each.name]) for each in FILTERS}
    with stage_db.read() as session:
        form = by_form(session, {"area": "any", "region": "GB"} | {each.field: one[each.name] for each in FILTERS})[1]
        file = by_file(session, {"area": "any", "region": "GB"} | {each.column: one[each.name] for each in FILTERS})
        command = by_command(session, texts, "any", "GB")
        packed = by_command(session, {name: (text,) for name, text in one.items()}, "any", "GB")
    assert form == file == command == packed


BAD = {
    "born_on": ("soon", "1884", "2031-01-01", "1984-13", "999"),
    "sex": ("both", "femal"),
    "healthy_volunteer": ("maybe",),
    "phases": ("9", "phase seven", "2 5"),
    "item_kinds": ("book",),
    "change_kinds": ("site opend", "opened; moved"),
    "excluded_areas": ("no such disease", "D000690; astma", "multiple sclerosis"),
    "topics": ("moon", "gene-therapy, moon"),
    "audience": ("the moon", "patients professionals"),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_what_makes_no_sense_is_refused_alike_by_all_three(stage_db: Database, name: str, text: str) -> None:
    each = next(each for each in FILTERS if each.name == name)
    with stage_db.read() as session:
        with pytest.raises(InvalidInput) as by_words:
            by_command(session, {name: (text,)}, "multiple sclerosis", "GB")
        with pytest.raises(InvalidInput) as by_cell:
            by_file(session, {"area": "multiple sclerosis", "region": "GB", each.column: text})
        form, found = by_form(session, {"area": "multiple sclerosis", "region": "GB", each.field: text})
    assert str(by_cell.value) == str(by_words.value)
    assert found is None
    assert list(form.errors) == [each.field]


def test_every_filter_has_words_that_make_no_sense() -> None:
    assert set(BAD) == {each.name for each in FILTERS}


@pytest.mark.parametrize(
    ("radius", "travel", "field", "said"),
    [
        ("80km", "nearby", "radius", "“80km” and “nearby” say how far, and not the same; give one of them."),
        ("", "far", "travel", "“far” is no way to travel; expected one of: nearby, day-trip, region, anywhere."),
        ("wide", "", "radius", "“wide” is no radius; expected a distance such as 80km or 50 miles"),
        ("2000km", "", "radius", "A radius of 2000km makes no sense; expected more than 0 and at most 1,000 km"),
    ],
)
def test_a_distance_that_makes_no_sense_is_refused_alike_by_all_three(
    stage_db: Database, radius: str, travel: str, field: str, said: str
) -> None:
    options = PreferenceOptions(area=["D009103"], region="GB", radius=radius, travel=travel, filters={})
    place = {"area": "D009103", "region": "GB", "travel": travel}
    with stage_db.read() as session:
        with pytest.raises(InvalidInput) as by_words:
            options.resolve(session, TODAY)
        with pytest.raises(InvalidInput) as by_cell:
            by_file(session, {**place, "radius_km": radius})
        form, found = by_form(session, {**place, "radius": radius})
    assert said in str(by_words.value)
    assert str(by_cell.value) == str(by_words.value)
    assert (found, list(form.errors)) == (None, [field])
