"""Tests of the reading of one study: what is read, what is noted, and that nothing makes it stumble."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources.samples import study, with_value
from tests.sources.study_reader import read_study
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import PartialDate, Term, TrialFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.sweeps.answers import json_page

PROTOCOL = "protocolSection"


def read(raw: Any, context: SourceContext) -> ItemDraft:
    draft, problems = read_study(raw, context.locator, context.conditions, source="ctgov", position="page 1, record 1")
    assert draft is not None, problems
    assert not problems
    return draft


def facts_of(draft: ItemDraft) -> TrialFacts:
    assert isinstance(draft.facts, TrialFacts)
    return draft.facts


def test_a_whole_study_is_read(context: SourceContext) -> None:
    draft = read(study(), context)
    facts = facts_of(draft)
    assert not draft.problems
    assert (draft.registry, draft.external_id, draft.kind) == ("clinicaltrials.gov", "NCT90000001", ItemKind.TRIAL)
    assert draft.url == "https://clinicaltrials.gov/study/NCT90000001"
    assert draft.summary == "A study with\n\n- one arm\n- a placebo, if p < 0.05"
    assert draft.published_at == datetime(2026, 1, 10, tzinfo=UTC)
    assert draft.aliases == ("NCT90000900",)
    assert draft.areas == [{"id": "D009103", "in_title": True}]
    assert draft.ancestors == ("D009422",)
    assert facts.numbers == ("NCT90000001", "NCT90000900", "2026-500001-11-00", "ISRCTN00000001")
    assert facts.official_title == "A Made-up Study of Examplumab & Placebo"
    assert facts.mesh == (Term(id="D009103", name="Multiple Sclerosis"),)
    assert (facts.sex, facts.minimum_age_days, facts.maximum_age_days) == ("all", 6574, 23741)
    assert (facts.minimum_age, facts.healthy_volunteers, facts.enrolment) == ("18 Years", False, 120)
    assert facts.start == PartialDate(value="2026-02", precision="month", kind="estimated")
    assert facts.completion == PartialDate(value="2028-12-31", precision="day", kind="estimated")
    assert facts.last_verified == PartialDate(value="2026-01", precision="month")
    assert facts.last_update_posted == date(2026, 2, 20)
    assert facts.contacts[0].phone == "555-0100 ext. 7"
    assert facts.sponsor == "Example Institute"


def test_a_site_is_placed_and_one_without_coordinates_gets_those_of_its_town(context: SourceContext) -> None:
    boston, leeds = facts_of(read(study(), context)).sites
    assert (boston.country, boston.subdivision, boston.latitude, boston.status) == ("US", "US-MA", 42.36, "RECRUITING")
    assert (boston.country_name, boston.state, boston.postcode) == ("United States", "Massachusetts", "00000")
    assert (leeds.country, leeds.subdivision, leeds.latitude, leeds.longitude) == ("GB", "GB-ENG", 53.8, -1.55)


def test_a_study_with_nothing_but_its_number_is_kept(context: SourceContext) -> None:
    draft = read({PROTOCOL: {"identificationModule": {"nctId": " nct90000001 "}}}, context)
    assert draft.title == "NCT90000001"
    assert [problem.field for problem in draft.problems] == ["identificationModule.briefTitle"]
    assert facts_of(draft).minimum_age_days is None


def test_scalars_in_boxes_are_taken_out(shared_data: Path, context: SourceContext) -> None:
    name = "unl_R-reserialised_full_10_nextPageToken.json.gz"
    body = gzip.decompress((shared_data / "ctgov" / "pages" / name).read_bytes())
    page = json_page(body, "file", records="studies", next_key="nextPageToken")
    assert page.next
    assert len(page.records) == 10
    for record in page.records:
        draft = read(record, context)
        facts = facts_of(draft)
        assert not draft.problems
        assert facts.status is not None
        assert facts.first_posted is not None
        assert facts.sponsor is not None
        assert all(site.country for site in facts.sites)


@pytest.mark.parametrize("number", [88, 120])
def test_a_bulk_download_is_a_bare_list(number: int, shared_data: Path, context: SourceContext) -> None:
    body = gzip.decompress((shared_data / "ctgov" / "pages" / f"bulkdownload_array_{number}.json.gz").read_bytes())
    page = json_page(body, "file", records="studies")
    drafts = [read(record, context) for record in page.records]
    assert len({draft.external_id for draft in drafts}) == number
    assert not [problem for draft in drafts for problem in draft.problems]


@pytest.mark.parametrize(("words", "days"), [
    ("18 Years", 6574), ("1 Year", 365), ("6 Months", 182), ("2 Weeks", 14), ("28 Days", 28), ("48 Hours", 2),
    ("30 Minutes", 0), ("1 minute", 0), ("N/A", None),
])  # fmt: skip
def test_ages_become_days(words: str, days: int | None, context: SourceContext) -> None:
    draft = read(study(eligibilityModule__minimumAge=words), context)
    assert facts_of(draft).minimum_age_days == days
    assert not draft.problems


def test_without_mesh_the_conditions_tell_the_areas(context: SourceContext) -> None:
    raw = study(conditionsModule__conditions=["Asthma in Children"])
    del raw["derivedSection"]
    assert read(raw, context).areas == [{"id": "D009103", "in_title": True}, {"id": "D001249", "in_title": False}]


def test_mesh_wins_over_what_the_title_names(context: SourceContext) -> None:
    raw = study(identificationModule__briefTitle="Asthma in People With Multiple Sclerosis")
    assert read(raw, context).areas == [{"id": "D009103", "in_title": True}]


def test_a_term_that_the_registry_found_by_an_acronym_alone_is_dropped_with_its_ancestors(
    context: SourceContext,
) -> None:
    raw = study(conditionsModule__keywords=["IgE"])
    browse = raw["derivedSection"]["conditionBrowseModule"]
    browse["meshes"].append({"id": "C562694", "term": "Epilepsy, Idiopathic Generalized"})
    browse["ancestors"].append({"id": "D004827", "term": "Epilepsy"})
    draft = read(raw, context)
    assert draft.areas == [{"id": "D009103", "in_title": True}]
    assert draft.ancestors == ("D009422",)
    assert facts_of(draft).mesh == (Term(id="D009103", name="Multiple Sclerosis"),)


WRONG: list[tuple[str, Any, str]] = [
    ("eligibilityModule.minimumAge", "eighteen", "found “eighteen”, expected an age such as 18 Years"),
    ("eligibilityModule.sex", "BOTH", "found “BOTH”, expected FEMALE, MALE or ALL"),
    ("eligibilityModule.healthyVolunteers", "No", "found “No”, expected true or false"),
    ("statusModule.overallStatus", "DREAMING", "found “DREAMING”, expected a status that this program knows"),
    ("statusModule.startDateStruct", "soon", "found “soon”, expected an object"),
    ("statusModule.startDateStruct.date", "2026-13", "expected a date such as 2026-01-15 or 2026-01"),
    ("statusModule.studyFirstPostDateStruct.date", "2026-01", "expected a date exact to the day"),
    ("designModule.phases", ["PHASE9"], "found “PHASE9”, expected a phase such as PHASE2"),
    ("designModule.enrollmentInfo.count", "many", "found “many”, expected a whole number"),
    ("conditionsModule.conditions", 7, "found 7, expected a list"),
    ("conditionsModule.keywords[1]", {"a": 1}, "found an object, expected a text"),
    ("contactsLocationsModule.locations[0].country", "Atlantis", "found “Atlantis”, expected the name of a country"),
    ("contactsLocationsModule.locations[0].geoPoint.lat", "north", "found “north”, expected a number"),
    ("contactsLocationsModule.locations[0].geoPoint", {"lat": 142.0, "lon": 1.0}, "expected degrees"),
    ("contactsLocationsModule.locations[0]", "here", "found “here”, expected an object"),
    ("contactsLocationsModule.centralContacts", True, "found True, expected a list"),
    ("identificationModule.briefTitle", ["a", "b"], "found a list, expected a text"),
    ("hasResults", "yes", "found “yes”, expected true or false"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG, ids=[f"{field} = {value}" for field, value, _ in WRONG])
def test_a_wrong_field_is_noted_and_the_rest_is_kept(
    field: str, value: Any, message: str, context: SourceContext
) -> None:
    path = tuple(_steps(field))
    raw = study(conditionsModule__keywords=["one", "two"])
    if path[0] != "hasResults":
        path = (PROTOCOL, *path)
    draft = read(with_value(raw, path, value), context)
    assert [(problem.external_id, problem.field) for problem in draft.problems] == [("NCT90000001", field)]
    assert message in draft.problems[0].message
    assert draft.areas == [{"id": "D009103", "in_title": field != "identificationModule.briefTitle"}]


def _steps(field: str) -> Iterator[str | int]:
    for step in field.split("."):
        name, _, number = step.partition("[")
        yield name
        if number:
            yield int(number.rstrip("]"))


@pytest.mark.parametrize(("raw", "external_id", "field"), [
    (None, "without number: page 1, record 1", "study"),
    ([], "without number: page 1, record 1", "study"),
    ({}, "without number: page 1, record 1", "identificationModule.nctId"),
    ({PROTOCOL: []}, "without number: page 1, record 1", "identificationModule.nctId"),
    (study(identificationModule__nctId="EX-1"), "without number: EX-1", "identificationModule.nctId"),
    (study(identificationModule__nctId=17), "without number: EX-1", "identificationModule.nctId"),
])  # fmt: skip
def test_a_record_without_a_usable_number_is_a_problem(
    raw: Any, external_id: str, field: str, context: SourceContext
) -> None:
    draft, problems = read_study(raw, context.locator, context.conditions, source="ctgov", position="page 1, record 1")
    assert draft is None
    assert [(problem.external_id, problem.field) for problem in problems] == [(external_id, field)]


def test_a_problem_never_shows_a_persons_name(context: SourceContext) -> None:
    contact = {"name": {"first": "Jo", "last": "Nobody"}, "email": ["jo@example.org", "jo@example.net"]}
    draft = read(study(contactsLocationsModule__centralContacts=[contact]), context)
    assert {problem.message for problem in draft.problems} == {
        "found an object, expected a text",
        "found a list, expected a text",
    }


def _paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _paths(child, (*path, key))


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-01-01", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(_paths(study()))), ANYTHING), min_size=1, max_size=4))
def test_whatever_stands_in_a_record_it_is_read_or_noted(
    context: SourceContext, changes: list[tuple[tuple[str | int, ...], Any]]
) -> None:
    raw: Any = study()
    for path, value in changes:
        try:
            raw = with_value(raw, path, value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    draft, problems = read_study(raw, context.locator, context.conditions, source="ctgov", position="here")
    noted: list[FieldProblem] = [*problems, *(draft.problems if draft else ())]
    assert draft is not None or problems
    assert "record" not in {problem.field for problem in noted}, noted
    if draft is not None:
        orjson.dumps(draft.facts.model_dump(mode="json"))
        assert "\0" not in draft.title + draft.summary
