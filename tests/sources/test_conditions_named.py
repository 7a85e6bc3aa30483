"""A trial is about its registry's terms and about what its own conditions name; learning so is no news."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from tests.sources.poll_stage import changes_of, look_back, poll, registry_settings
from tests.sources.registry_server import RegistryServer, read_studies
from tests.sources.samples import study, with_value
from tests.sources.study_reader import read_study
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.polling.reread import reread_trials
from trialalerts.vocabulary.areas.tree import store_curated
from trialalerts.vocabulary.tables import Area, AreaOrigin

CURATED = Path(__file__).resolve().parents[2] / "config" / "disease_areas.toml"
STATUS = ("protocolSection", "statusModule", "overallStatus")
CONDITIONS = ("protocolSection", "conditionsModule", "conditions")


@pytest.fixture
def curated_desk(sqlite_world: Database, http_settings: HttpSettings, clock: FrozenClock) -> Iterator[SourceContext]:
    """What a source reads with; all curated areas are known."""
    with sqlite_world.write() as session:
        store_curated(session, CURATED)
    with SourceContext(sqlite_world, Settings(http=http_settings), clock) as context:
        yield context


def read(raw: Any, context: SourceContext) -> ItemDraft:
    draft, problems = read_study(raw, context.locator, context.conditions, source="ctgov", position="record 1")
    assert draft is not None, problems
    return draft


def areas_of(draft: ItemDraft) -> list[str]:
    return [area["id"] for area in draft.areas]


def with_terms(*terms: tuple[str, str], conditions: list[str], ancestors: tuple[tuple[str, str], ...] = ()) -> Any:
    raw = with_value(study(identificationModule__briefTitle="A Made-up Study"), CONDITIONS, conditions)
    raw["derivedSection"]["conditionBrowseModule"] = {
        "meshes": [{"id": id_, "term": name} for id_, name in terms],
        "ancestors": [{"id": id_, "term": name} for id_, name in ancestors],
    }
    return raw


def test_what_conditions_name_stands_beside_the_terms_of_the_registry(
    shared_cases: Path, curated_desk: SourceContext
) -> None:
    raws = read_studies(shared_cases / "conditions-named" / "studies.jsonl.gz")
    leukaemia, lung, disc = [read(raw, curated_desk) for raw in raws]
    assert areas_of(leukaemia) == ["D007938", "D054198", "D000208", "D015470"]
    assert areas_of(lung) == ["D008175", "D002289"]
    assert areas_of(disc) == ["D007405"]
    assert disc.ancestors == ()  # of nothing


NEUROLOGICAL = ("D009422", "Nervous System Diseases")
NAMED = {
    "narrower": ([("D001249", "Asthma")], ["Severe Asthma"], ["D001249", "severe-asthma"]),
    "beside it": ([("D001249", "Asthma")], ["Melanoma", "Asthma"], ["D001249", "D008545"]),
    "above it": ([("D020529", "Relapsing-Remitting MS")], ["Multiple Sclerosis"], ["D020529"]),
    "the term itself": ([("D008545", "Melanoma")], ["Malignant melanoma"], ["D008545"]),
    "two in a line": ([("D008545", "Melanoma")], ["Asthma; COPD"], ["D008545", "D001249", "D029424"]),
    "no disease": ([("D008545", "Melanoma")], ["Healthy", "Quality of Life", "Stage IV"], ["D008545"]),
    "one above another": ([("D008545", "Melanoma")], ["Asthma", "Severe Asthma"], ["D008545", "severe-asthma"]),
    "above by the record": ([("D999999", "A New Term")], ["Nervous system diseases"], ["D999999"]),
}


@pytest.mark.parametrize(("terms", "conditions", "areas"), NAMED.values(), ids=NAMED)
def test_a_named_area_is_added_unless_it_is_a_term_or_above_one(
    terms: list[tuple[str, str]], conditions: list[str], areas: list[str], curated_desk: SourceContext
) -> None:
    above = (NEUROLOGICAL,) if terms[0][0] == "D999999" else ()
    forwards = read(with_terms(*terms, conditions=conditions, ancestors=above), curated_desk)
    backwards = read(with_terms(*terms, conditions=conditions[::-1], ancestors=above), curated_desk)
    assert areas_of(forwards) == areas_of(backwards) == areas


def test_a_trial_whose_areas_are_understood_anew_is_updated_silently_and_its_later_changes_are_told(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    raw = study(conditionsModule__conditions=["Multiple Sclerosis", "Examplitis"])
    server.state.studies = [raw]
    settings = registry_settings(server, http_settings)
    poll(world, settings, clock)
    with world.write() as session:
        session.add(Area(id="examplitis", name="Examplitis", origin=AreaOrigin.CURATED))
    look_back(world)
    again = poll(world, settings, clock)
    assert (again.error, again.updated, again.changes) == (None, 1, 0)
    assert _stored_areas(world) == ["D009103", "examplitis"]
    server.state.studies = [with_value(raw, STATUS, "COMPLETED")]
    look_back(world)
    poll(world, settings, clock)
    # Of the baseline: what recruits when it ends is told to those who follow it already, as "recruiting now".
    assert changes_of(world) == [("NCT90000001", "registered"), ("NCT90000001", "closed")]


def _reread(db: Database, http_settings: HttpSettings, clock: FrozenClock) -> int:
    with SourceContext(db, Settings(http=http_settings), clock) as context:
        return reread_trials(db, context)


def _stored_areas(db: Database) -> list[str]:
    with db.read() as session:
        return [area["id"] for area in session.exec(select(Item.areas).limit(1)).one()["direct"]]


def test_what_is_stored_is_understood_anew_once_and_nothing_is_announced(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    several = [study(n, conditionsModule__conditions=["Multiple Sclerosis", "Examplitis"]) for n in range(2, 9)]
    server.state.studies = several
    poll(world, registry_settings(server, http_settings), clock)
    with world.write() as session:
        session.add(Area(id="examplitis", name="Examplitis", origin=AreaOrigin.CURATED))
    assert _reread(world, http_settings, clock) == 7
    assert _stored_areas(world) == ["D009103", "examplitis"]
    assert _reread(world, http_settings, clock) == 0  # until the program or its vocabulary is another one
    look_back(world)
    again = poll(world, registry_settings(server, http_settings), clock)
    assert (again.error, again.new, again.changes) == (None, 0, 0)
    assert changes_of(world) == [(f"NCT{90_000_000 + n}", "registered") for n in range(2, 9)]  # of the baseline
    look_back(world)
    assert poll(world, registry_settings(server, http_settings), clock).unchanged == 7


def test_a_small_chunk_at_a_time_comes_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
    sqlite_world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    http_settings: HttpSettings,
) -> None:
    monkeypatch.setattr("trialalerts.sources.polling.reread._AT_ONCE", 2)
    server.state.studies = [study(n, conditionsModule__conditions=["Examplitis"]) for n in range(2, 7)]
    poll(sqlite_world, registry_settings(server, http_settings), clock)
    with sqlite_world.write() as session:
        session.add(Area(id="examplitis", name="Examplitis", origin=AreaOrigin.CURATED))
    assert _reread(sqlite_world, http_settings, clock) == 5
