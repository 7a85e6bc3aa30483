"""EU CTIS's records read true, by list and details, and no re-submission or missing page harms another."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import select

from tests.sources.ctis.registry import CtisServer, entry, record
from tests.sources.poll_stage import items_of, poll, problems_of, settings_of
from tests.sources.registry_server import RegistryServer
from trialalerts.catalog.facts import Contact, LayText, PartialDate, TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.ctis import Ctis, CtisSettings


@pytest.fixture
def registry(server: RegistryServer) -> CtisServer:
    made = CtisServer(server=server)
    made.serve()
    return made


@pytest.fixture
def settings(server: RegistryServer, http_settings: HttpSettings) -> Settings:
    return settings_of(http_settings, {"name": "ctis", "kind": "ctis", "url": server.root, "at_most": "1000/s"})


def one(db: Database) -> Item:
    with db.read() as session:
        return session.exec(select(Item)).one()


def facts_of(raw: Any, context: SourceContext) -> TrialFacts:
    draft, problems = Ctis(CtisSettings(name="ctis", kind="ctis")).read(raw, "here", context)
    assert draft is not None, problems
    assert isinstance(draft.facts, TrialFacts)
    assert not draft.problems
    return draft.facts


def test_a_record_is_read_as_a_person_would(
    sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    registry.add(entry())
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new, count.problems) == (None, True, 1, 0), problems_of(sqlite_world)
    item = one(sqlite_world)
    facts = TrialFacts.model_validate(item.facts)
    assert (item.registry_name, item.external_id) == ("euclinicaltrials.eu", "2026-500001-11")
    assert item.url == "https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT=2026-500001-11-00"
    assert item.title == "Examplumab for people with asthma"
    assert item.areas["direct"][0]["id"] == "D001249"
    assert facts.numbers == ("2026-500001-11-00", "2019-003842-34", "NCT90000001", "ISRCTN90000001")
    assert (facts.status, facts.phases, facts.sex) == ("RECRUITING", ("PHASE2", "PHASE3"), "all")
    assert (facts.minimum_age_days, facts.maximum_age_days, facts.minimum_age) == (6574, None, None)
    assert (facts.conditions, facts.keywords) == (("Severe asthma", "Asthma"), ("Respiratory Tract Diseases",))
    assert facts.criteria == "Inclusion Criteria:\n\n- Adults\n- Asthma for a year\n\nExclusion Criteria:\n\n- Smokers"
    assert [(site.country, site.city, site.facility, site.status) for site in facts.sites] == [
        ("ES", "Madrid", "Hospital Ejemplo", "RECRUITING"),
        ("FR", None, None, "NOT_YET_RECRUITING"),
        ("JP", None, None, None),
    ]
    assert facts.contacts == (Contact(name="Trial desk", phone="+34 600", email="desk@example.org"),)
    assert "Rivate" not in str(item.facts)  # investigators' names and telephones are not kept
    assert facts.lay == (
        LayText(language="en", title="Examplumab for people with asthma"),
        LayText(language="es", title="Examplumab para personas con asma"),
    )
    assert facts.start == PartialDate(value="2026-01-24", precision="day", kind="actual")
    assert facts.completion == PartialDate(value="2027-09-22", precision="day", kind="estimated")
    assert (facts.first_posted, facts.last_update_posted) == (date(2026, 1, 15), date(2026, 2, 20))
    assert (facts.healthy_volunteers, facts.sponsor, facts.has_results) == (False, "Example Pharma", False)


@pytest.mark.parametrize(("code", "more", "status"), [
    (1, {}, "NOT_YET_RECRUITING"), (2, {}, "NOT_YET_RECRUITING"), (3, {}, "RECRUITING"), (4, {}, "RECRUITING"),
    (5, {}, "ACTIVE_NOT_RECRUITING"), (6, {}, "SUSPENDED"), (7, {}, "SUSPENDED"), (8, {}, "COMPLETED"),
    ("4", {}, "RECRUITING"),
    (8, {"events": {"trialEvents": [{"events": [{"notificationType": "EARLY_TERMINATION"}]}]}}, "TERMINATED"),
    (10, {}, "WITHDRAWN"), (12, {}, "WITHDRAWN"),
])  # fmt: skip
def test_the_public_status_counts(code: Any, more: dict[str, Any], status: str, context: SourceContext) -> None:
    # What the application's status says is something else.
    assert facts_of({**record(status=code), "ctStatus": "Authorised", **more}, context).status == status


def test_one_that_had_recruited_and_was_revoked_was_terminated(context: SourceContext) -> None:
    raw = record(status=10)
    raw["authorizedApplication"]["authorizedPartsII"][0]["mscInfo"]["hasRecruitmentStarted"] = True
    assert facts_of(raw, context).status == "TERMINATED"


def test_a_status_that_nobody_knows_is_none_and_noted(context: SourceContext) -> None:
    draft, _ = Ctis(CtisSettings(name="ctis", kind="ctis")).read(record(status=99), "here", context)
    assert draft is not None
    assert isinstance(draft.facts, TrialFacts)
    assert draft.facts.status is None
    assert [problem.field for problem in draft.problems] == ["ctPublicStatusCode"]


def test_what_only_the_list_says_is_read(context: SourceContext) -> None:
    listed = {
        "ctNumber": "2026-500001-11-00", "ctTitle": "Examplumab", "ctStatus": 4, "gender": "Female, Male",
        "trialPhase": "Therapeutic confirmatory  (Phase III)", "ageGroup": "65+ years, 18-64 years",
        "totalNumberEnrolled": "57", "lastUpdated": "20/02/2026",
    }  # fmt: skip
    facts = facts_of(listed, context)
    assert (facts.status, facts.sex, facts.phases, facts.enrolment) == ("RECRUITING", "all", ("PHASE3",), 57)
    assert (facts.minimum_age_days, facts.maximum_age_days) == (6574, None)
    assert facts.last_update_posted == date(2026, 2, 20)


def test_a_phase_that_nobody_knows_is_noted(context: SourceContext) -> None:
    raw = record()
    raw["authorizedApplication"]["authorizedPartI"]["trialDetails"]["trialInformation"]["trialCategory"][
        "trialPhase"
    ] = 77
    draft, _ = Ctis(CtisSettings(name="ctis", kind="ctis")).read(raw, "here", context)
    assert draft is not None
    assert [problem.message for problem in draft.problems] == ["found “77”, expected 1 to 11"]


def test_more_records_than_a_page_all_come_in_and_only_what_changed_is_asked_for_again(
    sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    days = [date(2025, 3, 1) + timedelta(days=n) for n in range(230)]
    registry.add(
        *(entry(f"2026-5{n:05}-11-00", status=n % 12 + 1, day=f"{day:%d/%m/%Y}") for n, day in enumerate(days))
    )
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new, len(registry.retrieved)) == (None, 230, 230)
    registry.server.requests.clear()
    clock.advance(timedelta(days=2))
    today = f"{clock.now():%d/%m/%Y}"
    registry.listed[7].update(lastUpdated=today, lastPublicationUpdate=today)
    again = poll(sqlite_world, settings, clock)
    assert (again.error, again.new, again.changes) == (None, 0, 0)
    assert registry.retrieved == [registry.listed[7]["ctNumber"]]
    assert len(registry.server.requests) < 20


def test_one_status_with_more_than_it_gives_to_anybody_is_told(
    sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    registry.listed = [entry(f"2026-5{n:05}-11-00") for n in range(10_001)]
    count = poll(sqlite_world, settings, clock)
    assert count.error is not None
    assert "has 10001 records for one question and gives 10000 at most" in count.error


def test_a_trial_that_is_listed_and_has_no_page_is_its_own_problem(
    sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    registry.add(entry("2026-500001-11-00"), entry("2026-500002-11-00"))
    del registry.records["2026-500001-11-00"]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new) == (None, True, 1)
    assert problems_of(sqlite_world) == [("2026-500001-11", "record")]


@pytest.mark.parametrize("order", [("00", "01"), ("01", "00")])
def test_of_re_submissions_the_highest_counts_whichever_comes_first(
    order: tuple[str, str], sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    for last in order:
        number = f"2026-500001-11-{last}"
        registry.listed.append(entry(number, day=f"{clock.now():%d/%m/%Y}"))
        registry.records[number] = record(number)
        registry.records[number]["authorizedApplication"]["authorizedPartI"]["trialDetails"][
            "clinicalTrialIdentifiers"
        ]["publicTitle"] = f"Submission {last}"
        assert poll(sqlite_world, settings, clock).error is None
        clock.advance(timedelta(hours=1))
    assert one(sqlite_world).title == "Submission 01"


def test_only_statuses_that_are_asked_for_come_in_at_first_and_what_is_known_is_followed(
    sqlite_world: Database, clock: FrozenClock, registry: CtisServer, settings: Settings
) -> None:
    source = settings.sources[0].model_copy(update={"statuses": ["RECRUITING"]})
    only_open = settings.model_copy(update={"sources": (source,)})
    registry.add(entry("2026-500001-11-00", status=4), entry("2026-500002-11-00", status=8))
    assert poll(sqlite_world, only_open, clock).new == 1
    clock.advance(timedelta(days=1))
    registry.listed.clear()
    registry.add(entry("2026-500001-11-00", status=5, day=f"{clock.now():%d/%m/%Y}"))
    assert poll(sqlite_world, only_open, clock).updated == 1
    assert one(sqlite_world).status == "ACTIVE_NOT_RECRUITING"
    assert set(items_of(sqlite_world)) == {"2026-500001-11"}


def test_real_records_read_without_loss(shared_data: Path, context: SourceContext) -> None:
    with gzip.open(shared_data / "registries" / "ctrdata_ctis.jsonl.gz") as lines:
        real = [orjson.loads(line)["record"] for line in lines]
    sample = shared_data / "registries" / "samples" / "ctis" / "retrieve_2023-505613-24-00_cut_no_persons.json"
    real.append(orjson.loads(sample.read_bytes()))
    reader = Ctis(CtisSettings(name="ctis", kind="ctis"))
    drafts = [reader.read(raw, "here", context)[0] for raw in real]
    found = [draft.facts for draft in drafts if draft and isinstance(draft.facts, TrialFacts)]
    assert len(found) == 16
    table = {name: sum(bool(getattr(facts, name)) for facts in found) for name in TrialFacts.model_fields}
    for name in ("phases", "conditions", "sites", "criteria", "numbers", "lay", "sex", "status", "first_posted"):
        assert table[name] == 16, name
    assert not [problem for draft in drafts if draft for problem in draft.problems]
