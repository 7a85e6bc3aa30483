"""ISRCTN's records read true, all of them are found, and a status turns on its day without an edit."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import select

from tests.sources.isrctn.registry import IsrctnServer, trial_xml
from tests.sources.poll_stage import items_of, poll, problems_of, settings_of
from tests.sources.registry_server import RegistryServer
from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.facts import Contact, Intervention, StatusDates, TrialFacts
from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.pipeline import Pipeline
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.isrctn import Isrctn, IsrctnSettings
from trialalerts.sources.polling.turning import turn_statuses
from trialalerts.sources.reading.xml import XmlRecords

USUAL = Freshness()


@pytest.fixture
def registry(server: RegistryServer) -> IsrctnServer:
    made = IsrctnServer(server=server)
    made.serve()
    return made


@pytest.fixture
def settings(server: RegistryServer, http_settings: HttpSettings) -> Settings:
    return settings_of(http_settings, {"name": "isrctn", "kind": "isrctn", "url": server.root, "at_most": "1000/s"})


def one(db: Database) -> Item:
    with db.read() as session:
        return session.exec(select(Item)).one()


def told(db: Database) -> list[tuple[str, Any, Any]]:
    with db.read() as session:
        changes = session.exec(select(Change).order_by(Change.seq))  # type: ignore[arg-type]  # a column
        return [(str(c.kind), c.before.get("status"), c.after.get("status")) for c in changes]


def test_a_record_is_read_as_a_person_would(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(nct="NCT90000001")]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new, count.problems) == (None, 1, 0), problems_of(sqlite_world)
    item = one(sqlite_world)
    facts = TrialFacts.model_validate(item.facts)
    assert (item.registry_name, item.external_id) == ("isrctn.com", "ISRCTN90000001")
    assert item.url == "https://www.isrctn.com/ISRCTN90000001"
    assert item.title == "Examplumab for people with asthma"
    assert item.areas["direct"][0]["id"] == "D001249"
    assert facts.numbers == ("ISRCTN90000001", "NCT90000001", "2026-500001-11")
    assert (facts.status, facts.phases, facts.study_type) == ("RECRUITING", ("PHASE2", "PHASE3"), "INTERVENTIONAL")
    assert (facts.sex, facts.minimum_age, facts.minimum_age_days, facts.maximum_age) == ("all", "18 Years", 6574, None)
    assert facts.criteria == (
        "Inclusion Criteria:\n\n- Adults\n- Asthma for a year\n\nExclusion Criteria:\n\n- Smokers"
    )
    leeds, ireland = facts.sites
    assert (leeds.facility, leeds.city, leeds.country, leeds.postcode) == ("Example Hospital", "Leeds", "GB", None)
    assert (ireland.country, ireland.city) == ("IE", None)
    assert facts.contacts == (Contact(name="E. Xample", phone="0113 496 0000", email="trial@example.org"),)
    assert facts.plain is not None
    assert facts.plain.interventions == (Intervention("DRUG", "Examplumab"), Intervention("DRUG", "placebo"))
    (lay,) = facts.lay
    assert (lay.language, lay.title) == ("en", item.title)
    assert lay.summary == "Asthma makes breathing hard. We want to find out whether examplumab helps."
    assert facts.schedule == StatusDates(
        recruits_from=date(2026, 1, 15), recruits_until=date(2026, 6, 1), ends=date(2027, 1, 1)
    )
    assert (facts.has_results, facts.first_posted) == (False, date(2026, 1, 10))


@pytest.mark.parametrize(("values", "status"), [
    ({"opens": "2026-03-03"}, "NOT_YET_RECRUITING"),
    ({"opens": "2026-03-02"}, "RECRUITING"),
    ({"closes": "2026-03-02"}, "ACTIVE_NOT_RECRUITING"),
    ({"ends": "2026-03-02"}, "COMPLETED"),
    ({"said": "Stopped"}, "TERMINATED"),
    ({"said": "Suspended", "ends": "2020-01-01"}, "SUSPENDED"),
])  # fmt: skip
def test_the_status_follows_from_the_dates(
    values: dict[str, Any], status: str, sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer,
    settings: Settings,
) -> None:  # fmt: skip
    registry.trials = [trial_xml(**values)]
    poll(sqlite_world, settings, clock)
    assert one(sqlite_world).status == status


def test_a_crowded_day_is_halved_until_every_record_was_given(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    crowded = [trial_xml(90001000 + n, edited=f"2026-02-03T{n // 60:02}:{n % 60:02}:00") for n in range(260)]
    registry.trials = [*crowded, trial_xml(90000001), trial_xml(90000002, edited="2001-05-01T00:00:00")]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new) == (None, True, 262)
    asked = len(registry.server.requests)
    clock.advance(timedelta(days=1))
    again = poll(sqlite_world, settings, clock)
    assert (again.error, again.new, again.changes) == (None, 0, 0)
    assert len(registry.server.requests) - asked < 4


def test_a_trial_opens_and_closes_on_its_day_though_nobody_edits_or_asks(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(opens="2026-03-10", closes="2026-04-20", ends="2026-09-01")]
    poll(sqlite_world, settings, clock)
    seen: dict[str | None, str] = {}
    for _ in range(250):
        clock.advance(timedelta(days=1))
        turn_statuses(sqlite_world, clock, freshness=USUAL)
        seen.setdefault(one(sqlite_world).status, clock.now().date().isoformat())
    assert seen == {
        "NOT_YET_RECRUITING": "2026-03-03", "RECRUITING": "2026-03-10", "ACTIVE_NOT_RECRUITING": "2026-04-20",
        "COMPLETED": "2026-09-01",
    }  # fmt: skip
    # That it is over, too, when it is closed already is no news.
    assert [(before, after) for _, before, after in told(sqlite_world)] == [
        ("NOT_YET_RECRUITING", "RECRUITING"), ("RECRUITING", "ACTIVE_NOT_RECRUITING"),
    ]  # fmt: skip


def test_whoever_comes_first_on_the_day_tells_it_once(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(opens="2026-03-10")]
    poll(sqlite_world, settings, clock)
    clock.advance(timedelta(days=9))
    registry.trials = [trial_xml(opens="2026-03-10", edited=clock.now().strftime("%Y-%m-%dT%H:%M:%S"))]
    poll(sqlite_world, settings, clock)
    assert turn_statuses(sqlite_world, clock, freshness=USUAL) == 0
    poll(sqlite_world, settings, clock)
    assert [(before, after) for _, before, after in told(sqlite_world)] == [("NOT_YET_RECRUITING", "RECRUITING")]


def test_no_poll_turns_a_status_by_a_clock_that_leaped(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(opens="2026-03-10", ends="2027-01-01")]
    steps = Pipeline(settings, sqlite_world, clock)
    steps.poll()
    ahead = timedelta(days=3653)
    for step in (ahead, timedelta(minutes=10)):  # the second round is no leap, and in doubt still
        clock.advance(step)
        edited = clock.now().strftime("%Y-%m-%dT%H:%M:%S")
        registry.trials = [trial_xml(opens="2026-03-10", ends="2027-01-01", edited=edited, title=f"Edited {step}")]
        assert steps.poll(force=True)[0].updated == 1
        assert one(sqlite_world).status == "NOT_YET_RECRUITING"
    clock.advance(timedelta(days=8) - ahead)
    steps.poll(force=True)
    steps.reread()
    assert told(sqlite_world) == [("opened", "NOT_YET_RECRUITING", "RECRUITING")]


def test_once_the_clock_is_out_of_doubt_a_status_turns_that_waited(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(opens="2026-03-10", ends="2030-01-01")]
    Pipeline(settings, sqlite_world, clock).poll()
    clock.advance(timedelta(days=500))  # nothing ran for so long
    Pipeline(settings, sqlite_world, clock).poll(force=True)
    assert one(sqlite_world).status == "NOT_YET_RECRUITING"
    clock.advance(timedelta(hours=2))
    Pipeline(settings, sqlite_world, clock).reread()
    assert one(sqlite_world).status == "ACTIVE_NOT_RECRUITING"


def test_a_day_on_which_nothing_turns_costs_nobody_the_database(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    registry.trials = [trial_xml(opens="2026-03-10")]
    poll(sqlite_world, settings, clock)
    monkeypatch.setattr(sqlite_world, "write", None)
    assert turn_statuses(sqlite_world, clock, freshness=USUAL) == 0


def test_facts_that_nobody_understands_any_more_keep_no_other_trial_from_turning(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    registry.trials = [trial_xml(90000001, opens="2026-03-10"), trial_xml(90000002, opens="2026-03-10")]
    poll(sqlite_world, settings, clock)
    with sqlite_world.write() as session:
        odd = session.exec(select(Item).where(Item.external_id == "ISRCTN90000001")).one()
        odd.facts = {**odd.facts, "sites": "none"}
        session.add(odd)
    clock.advance(timedelta(days=9))
    assert turn_statuses(sqlite_world, clock, freshness=USUAL) == 1


@pytest.mark.parametrize(("said", "number"), [
    ("<targetEnrolment>120</targetEnrolment>", 120),
    ("<targetEnrolment>120</targetEnrolment><totalFinalEnrolment>97</totalFinalEnrolment>", 97),
    ("<targetEnrolment>Planned Sample Size: 3,060; UK Sample Size: 90</targetEnrolment>", 3060),
    ("<totalTarget>2200 (with the pilot)</totalTarget>", 2200),
    ("<totalTarget>many</totalTarget>", None),
])  # fmt: skip
def test_how_many_take_part_is_the_final_number_or_else_the_wanted_one(
    said: str, number: int | None, context: SourceContext
) -> None:
    assert read_with("<gender>", f"{said}<gender>", context).enrolment == number


def test_newborns_are_a_group_of_their_own(context: SourceContext) -> None:
    ages = '<ageRange>Adult</ageRange>\n<lowerAgeLimit unit="years" value="18.0">18 Years</lowerAgeLimit>'
    facts = read_with(ages, "<ageRange>Neonate</ageRange>", context)
    assert (facts.minimum_age_days, facts.maximum_age_days, facts.maximum_age) == (None, 28, None)


def test_points_that_lost_the_ends_of_their_lines_are_parted(context: SourceContext) -> None:
    facts = read_with("1. Adults 2. Asthma for a year", "1. Adults2. Asthma (any)3. FEV1 above 1.5 l", context)
    assert facts.criteria.startswith("Inclusion Criteria:\n\n- Adults\n- Asthma (any)\n- FEV1 above 1.5 l\n")


def read_with(before: str, after: str, context: SourceContext) -> TrialFacts:
    xml = trial_xml()[1]
    assert before in xml
    (record,) = XmlRecords(f"<allTrials>{xml.replace(before, after, 1)}</allTrials>".encode(), "fullTrial", "")
    draft, problems = Isrctn(IsrctnSettings(name="isrctn", kind="isrctn")).read(record, "here", context)
    assert draft is not None, problems
    assert isinstance(draft.facts, TrialFacts)
    return draft.facts


def test_real_records_read_without_loss(shared_data: Path, context: SourceContext) -> None:
    reader = Isrctn(IsrctnSettings(name="isrctn", kind="isrctn"))
    folder = shared_data / "registries"
    with gzip.open(folder / "ctrdata_isrctn.jsonl.gz") as lines:
        real = [{"trial": emptied(orjson.loads(line)["record"])} for line in lines]
    real += list(
        XmlRecords((folder / "samples" / "isrctn" / "allTrials_one_fullTrial.xml").read_bytes(), "fullTrial", "")
    )
    drafts = [reader.read(record, "here", context)[0] for record in real]
    read = [draft.facts for draft in drafts if draft and isinstance(draft.facts, TrialFacts)]
    assert len(read) == 26
    for facts in read:
        assert facts.status is not None
        assert facts.conditions
        assert facts.criteria
        assert facts.sites
        assert facts.sex == "all"
        assert facts.study_type == "INTERVENTIONAL"
    # What these lack, JSON lost: attributes stand beside no text there.
    noted = {problem.field for draft in drafts if draft for problem in draft.problems}
    assert noted <= {"trial.isrctn", "trial.outputs"}


def emptied(value: Any) -> Any:
    """Return a record as XML gives it: an element without anything is None, not an empty list or object."""
    if isinstance(value, dict):
        return {key: emptied(inner) for key, inner in value.items()} or None
    if isinstance(value, list):
        return [emptied(inner) for inner in value] or None
    return value


def test_what_the_sweep_finds_is_all_there_is(
    sqlite_world: Database, clock: FrozenClock, registry: IsrctnServer, settings: Settings
) -> None:
    days = [date(2020, 1, 1) + timedelta(days=37 * n) for n in range(60)]
    registry.trials = [trial_xml(90002000 + n, edited=f"{day}T12:00:00") for n, day in enumerate(days)]
    poll(sqlite_world, settings, clock)
    assert set(items_of(sqlite_world)) == {f"ISRCTN{90002000 + n}" for n in range(60)}
