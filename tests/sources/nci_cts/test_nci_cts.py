"""NCI's records read true, all of them are found, and beside ClinicalTrials.gov's they only fill what is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from tests.sources.nci_cts.search import KEY, NciServer, disease, site, trial
from tests.sources.poll_stage import changes_of, items_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, RegistryServer, respond
from tests.sources.samples import study
from trialalerts.catalog.facts import Contact, Intervention, PartialDate, TrialFacts
from trialalerts.catalog.tables import Change, Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import ConfigurationError
from trialalerts.settings import HttpSettings, Settings, SourceSettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import settled
from trialalerts.sources.kinds.nci_cts import NciCts, NciCtsSettings
from trialalerts.sources.polling.poll import poll_source

BARE = {"name": "nci", "kind": "nci_cts"}


@pytest.fixture
def search(server: RegistryServer) -> NciServer:
    made = NciServer(server=server)
    made.serve()
    return made


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    """ClinicalTrials.gov beside it."""
    with RegistryServer() as registry:
        yield registry


def configured(search: NciServer, http: HttpSettings, **more: Any) -> Settings:
    return settings_of(http, {**BARE, "url": search.server.root, "api_key": KEY, "at_most": "1000/s", **more})


@pytest.fixture
def settings(search: NciServer, http_settings: HttpSettings) -> Settings:
    return configured(search, http_settings)


def one(db: Database) -> Item:
    with db.read() as session:
        return session.exec(select(Item).where(Item.registry_name != "joined")).one()


def facts_of(raw: Any, context: SourceContext) -> TrialFacts:
    draft, problems = NciCts(NciCtsSettings(**BARE, api_key=KEY)).read(raw, "here", context)
    assert draft is not None, problems
    assert isinstance(draft.facts, TrialFacts)
    assert not draft.problems
    return draft.facts


def test_a_record_is_read_as_a_person_would(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    search.trials = [trial()]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new, count.problems) == (None, True, 1, 0), problems_of(sqlite_world)
    item = one(sqlite_world)
    facts = TrialFacts.model_validate(item.facts)
    assert (item.registry_name, item.external_id) == ("cancer.gov", "NCT90000001")
    assert item.url == "https://www.cancer.gov/research/participate/clinical-trials-search/v?id=NCT90000001"
    assert item.title == "Examplumab for people with melanoma"
    assert item.summary == "This trial tests whether examplumab keeps melanoma from coming back."
    assert [area["id"] for area in item.areas["direct"]] == ["D008545"]
    assert facts.numbers == ("NCT90000001", "2026-500001-11")
    assert (facts.acronym, facts.official_title) == ("MADE-UP", trial()["official_title"])
    assert (facts.status, facts.phases, facts.study_type) == ("RECRUITING", ("PHASE2", "PHASE3"), "INTERVENTIONAL")
    assert (facts.conditions, facts.keywords) == (("Melanoma",), ("Stage III Melanoma",))
    assert (facts.sex, facts.minimum_age, facts.minimum_age_days, facts.maximum_age) == ("all", "18 Years", 6574, None)
    assert (facts.healthy_volunteers, facts.sponsor, facts.enrolment) == (False, "Example Group", 240)
    assert facts.criteria == (
        "Inclusion Criteria:\n\n- Adults\n- Melanoma * of the skin\n\nExclusion Criteria:\n\n- Smokers"
    )
    boston, leeds = facts.sites
    assert (boston.facility, boston.city, boston.state, boston.subdivision) == (
        "Example Hospital", "Boston", "MA", "US-MA",
    )  # fmt: skip
    assert (boston.latitude, boston.longitude, boston.point_from) == (42.3601, -71.0589, None)
    assert (boston.status, boston.postcode) == ("RECRUITING", "02108")
    assert boston.contacts == (Contact(name="Site Public Contact", phone="555-0100", email="site@example.org"),)
    assert (leeds.country, leeds.status, leeds.contacts) == ("GB", "ACTIVE_NOT_RECRUITING", ())
    assert (leeds.latitude, leeds.point_from) == (53.8, "city")
    assert facts.contacts == ()
    assert facts.start == PartialDate(value="2026-01-15", precision="day", kind="actual")
    assert facts.completion == PartialDate(value="2030-12-31", precision="day", kind="estimated")
    assert (facts.first_posted, facts.last_update_posted) == (date(2026, 1, 10), date(2026, 2, 20))
    assert facts.plain is not None
    assert facts.plain.interventions == (
        Intervention("BIOLOGICAL", "Examplumab"), Intervention("OTHER", "Usual Care"),
    )  # fmt: skip
    assert facts.plain.purpose == "TREATMENT"


@pytest.mark.parametrize(("words", "status"), [
    ("Active", "RECRUITING"), ("Approved", "NOT_YET_RECRUITING"), ("In Review", "NOT_YET_RECRUITING"),
    ("Enrolling by Invitation", "ENROLLING_BY_INVITATION"), ("Temporarily Closed to Accrual", "SUSPENDED"),
    ("Temporarily Closed to Accrual and Intervention", "SUSPENDED"), ("Closed to Accrual", "ACTIVE_NOT_RECRUITING"),
    ("Closed to Accrual and Intervention", "ACTIVE_NOT_RECRUITING"), ("Complete", "COMPLETED"),
    ("Administratively Complete", "TERMINATED"), ("Withdrawn", "WITHDRAWN"),
])  # fmt: skip
def test_each_word_for_a_status_is_known_of_trials_and_of_hospitals(
    words: str, status: str, context: SourceContext
) -> None:
    facts = facts_of(trial(current_trial_status=words, sites=[site(status=words.upper().replace(" ", "_"))]), context)
    assert (facts.status, facts.sites[0].status) == (status, status)


def test_a_word_that_nobody_knows_is_none_and_noted(context: SourceContext) -> None:
    raw = trial(current_trial_status="Resting", sites=[site(status="ASLEEP")], phase="V")
    draft, _ = NciCts(NciCtsSettings(**BARE, api_key=KEY)).read(raw, "here", context)
    assert draft is not None
    assert isinstance(draft.facts, TrialFacts)
    assert (draft.facts.status, draft.facts.sites[0].status, draft.facts.phases) == (None, None, ())
    assert {problem.field for problem in draft.problems} == {
        "current_trial_status", "sites[0].recruitment_status", "phase",
    }  # fmt: skip


@pytest.mark.parametrize(("diseases", "conditions", "keywords"), [
    ([disease("Melanoma"), disease("Asthma", lead=True)], ("Asthma",), ("Melanoma",)),
    ([disease("Melanoma"), disease("Asthma")], ("Melanoma", "Asthma"), ()),
    ([disease("Neoplasm", lead=True, included="TREE"), disease("Melanoma")], ("Melanoma",), ()),
    ([disease("Neoplasm", lead=True, included="TREE")], (), ()),
    (None, (), ()),
])  # fmt: skip
def test_a_trial_is_about_its_lead_diseases_and_never_about_what_these_are_kinds_of(
    diseases: Any, conditions: tuple[str, ...], keywords: tuple[str, ...], context: SourceContext
) -> None:
    facts = facts_of(trial(diseases=diseases), context)
    assert (facts.conditions, facts.keywords) == (conditions, keywords)


def test_no_limit_is_none_and_the_sex_is_read_in_both_spellings(context: SourceContext) -> None:
    eligibility = {"structured": {"gender": "BOTH", "min_age": "0 Years", "max_age": "999 Years"}}
    facts = facts_of(trial(eligibility=eligibility), context)
    assert (facts.minimum_age, facts.minimum_age_days, facts.maximum_age, facts.maximum_age_days) == (None,) * 4
    assert (facts.sex, facts.healthy_volunteers, facts.criteria) == ("all", None, "")
    months = {"structured": {"sex": "FEMALE", "min_age": "6 Months", "max_age": "17 Years"}}
    facts = facts_of(trial(eligibility=months), context)
    assert (facts.sex, facts.minimum_age_days, facts.maximum_age) == ("female", 182, "17 Years")


def test_criteria_in_one_text_keep_their_own_headings(context: SourceContext) -> None:
    text = "INCLUSION CRITERIA:\r\n\r\n* Adults\r\n\r\nEXCLUSION CRITERIA:\r\n\r\n* Smokers"
    rows = [{"display_order": 0, "inclusion_indicator": True, "description": text}]
    criteria = facts_of(trial(eligibility={"unstructured": rows}), context).criteria
    assert criteria == "INCLUSION CRITERIA:\n\n- Adults\n\nEXCLUSION CRITERIA:\n\n- Smokers"


def test_a_hospital_that_lies_nowhere_on_earth_is_noted(context: SourceContext) -> None:
    raw = trial(sites=[site(org_coordinates={"lat": 142.0, "lon": -71.0})])
    draft, _ = NciCts(NciCtsSettings(**BARE, api_key=KEY)).read(raw, "here", context)
    assert draft is not None
    assert [problem.field for problem in draft.problems] == ["sites[0].org_coordinates"]


def test_all_pages_are_read_and_a_second_sweep_changes_nothing(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    search.trials = [trial(n, verified=f"20{10 + n % 16}-05-{1 + n % 28:02}") for n in range(1, 61)]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new) == (None, True, 60)
    assert [asked["from"] for asked in search.questions] == [0, 25, 50]
    before = items_of(sqlite_world)
    clock.advance(timedelta(days=1))
    again = poll(sqlite_world, settings, clock)
    assert (again.error, again.complete, again.new, again.changes) == (None, True, 0, 0)
    assert items_of(sqlite_world) == before
    assert len(search.questions) == 6  # one for each of the dates


def test_a_hospital_that_opens_is_found_though_its_trial_has_no_new_day(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    long_ago = {"verified": "2024-06-03", "since": "2023-08-31"}
    search.trials = [trial(1, **long_ago), trial(2, **long_ago), trial(3, **long_ago)]
    poll(sqlite_world, settings, clock)
    clock.advance(timedelta(days=3))
    search.trials[0]["sites"].append(site("New Hospital", since="2026-03-04"))
    search.trials[1] |= {"current_trial_status": "Closed to Accrual", "current_trial_status_date": "2026-03-04"}
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.updated) == (None, 2)
    with sqlite_world.read() as session:
        found = session.exec(select(Item).order_by(col(Item.external_id))).all()
    assert [(len(item.facts["sites"]), item.status) for item in found] == [
        (3, "RECRUITING"), (2, "ACTIVE_NOT_RECRUITING"), (2, "RECRUITING"),
    ]  # fmt: skip


def test_a_search_of_more_than_anybody_gets_is_halved_until_nothing_is_left_out(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("trialalerts.sources.kinds.nci_cts._MOST", 30)
    days = [date(2014, 1, 1) + timedelta(days=50 * n) for n in range(80)]
    search.trials = [trial(n, verified=day.isoformat()) for n, day in enumerate(days, 1)]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete, count.new) == (None, True, 80)


def test_a_day_of_more_than_anybody_gets_is_an_error_and_no_short_read(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("trialalerts.sources.kinds.nci_cts._MOST", 30)
    search.trials = [trial(n) for n in range(1, 32)]
    count = poll(sqlite_world, settings, clock)
    assert not count.complete
    assert "has 31 records of 2026-02-20 and gives 30 at most; ask for less" in (count.error or "")


def test_a_page_that_lacks_records_is_an_error_and_no_end(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    search.server.faults.insert(0, Fault(act=respond(200, b'{"total": 3, "data": []}')))
    search.trials = [trial(1), trial(2), trial(3)]
    count = poll(sqlite_world, settings, clock)
    assert "gave 0 of 3 records and no more; the sweep will begin again" in (count.error or "")
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new) == (None, 3)


def test_the_first_baseline_asks_for_the_wanted_statuses_and_diseases(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, http_settings: HttpSettings
) -> None:
    wanted = {"statuses": ["RECRUITING", "NOT_YET_RECRUITING"], "conditions": ["melanoma", "asthma"]}
    search.trials = [
        trial(1), trial(2, current_trial_status="Complete"), trial(3, diseases=[disease("Fatigue")]),
        trial(4, current_trial_status="In Review"),
    ]  # fmt: skip
    settings = configured(search, http_settings, **wanted)
    assert poll(sqlite_world, settings, clock).new == 2
    (asked,) = search.questions
    assert asked["current_trial_status"] == ["active", "approved", "in review"]
    assert asked["diseases.name._fulltext"] == ["melanoma", "asthma"]
    search.trials[0] |= {"current_trial_status": "Complete", "current_trial_status_date": "2026-03-04"}
    clock.advance(timedelta(days=3))
    assert (poll(sqlite_world, settings, clock).changes, len(items_of(sqlite_world))) == (1, 2)


def test_nothing_is_asked_for_where_nci_has_no_word_for_the_wanted_status(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, http_settings: HttpSettings
) -> None:
    search.trials = [trial()]
    count = poll(sqlite_world, configured(search, http_settings, statuses=["AVAILABLE"]), clock)
    assert (count.error, count.complete, search.questions) == (None, True, [])


def test_a_record_that_cannot_be_read_is_noted_and_harms_no_other(
    sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    broken = trial(2, nct_id=None), trial(3, nct_id="NCT-soon"), trial(4, eligibility="none", sites=["a hospital"])
    search.trials = [trial(1), *broken, trial(5)]
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.complete) == (None, True)
    assert sorted(items_of(sqlite_world)) == ["NCT90000001", "NCT90000004", "NCT90000005"]
    assert problems_of(sqlite_world) == [
        ("NCT90000004", "eligibility"), ("NCT90000004", "sites[0]"),
        ("without number: NCI-2026-00002", "nct_id"), ("without number: NCI-2026-00003", "nct_id"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_one_line_with_the_remedy_and_without_the_key(
    status: int, sqlite_world: Database, clock: FrozenClock, search: NciServer, settings: Settings
) -> None:
    said = respond(status, f"key {KEY} is unknown".encode(), {"Content-Type": "text/plain"})
    search.server.faults.insert(0, Fault(act=said))
    count = poll(sqlite_world, settings, clock)
    assert count.error == (
        f"{search.server.root}/trials answered {status} (key … is unknown); it refuses the key: set the source's "
        "api_key to one that is still good."
    )
    assert KEY not in repr(settings) + repr(settled(settings.sources[0]))


@pytest.mark.parametrize("given", [{}, {"api_key": ""}, {"api_key": "with a blank"}, {"api_key": "broken\nline"}])
def test_without_a_key_the_configuration_says_who_gives_one(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as failed:
        settled(SourceSettings.model_validate(BARE | given))
    found = "a secret that is not shown" if given.get("api_key") else "nothing"
    assert str(failed.value) == (
        f"sources, nci: api_key: found {found}, expected a key without blanks, which "
        "https://clinicaltrialsapi.cancer.gov gives to who asks"
    )


@pytest.mark.parametrize("order", [("ctgov", "nci"), ("nci", "ctgov")])
def test_beside_clinicaltrials_gov_it_fills_what_is_open_and_tells_nothing_again(
    order: tuple[str, str], sqlite_world: Database, clock: FrozenClock, search: NciServer, registry: RegistryServer,
    http_settings: HttpSettings,
) -> None:  # fmt: skip
    american = [{"country": "United States"}, {"facility": "Example Infirmary", "city": "Leeds",
                                               "country": "United Kingdom"}]  # fmt: skip
    registry.state.studies = [study(1, contactsLocationsModule__locations=american)]
    search.trials = [trial(1, current_trial_status="Closed to Accrual")]
    settings = settings_of(
        http_settings,
        {"name": "ctgov", "kind": "clinicaltrials_gov", "url": registry.url},
        {**BARE, "url": search.server.root, "api_key": KEY},
    )
    sources = {source.name: source for source in settings.sources}
    for name in order:
        assert poll_source(sqlite_world, settings, sources[name], clock).error is None
    item = one(sqlite_world)
    facts = TrialFacts.model_validate(item.facts)
    assert (item.registry_name, item.external_id) == ("clinicaltrials.gov", "NCT90000001")
    assert item.url == "https://clinicaltrials.gov/study/NCT90000001"
    assert (item.title, facts.status) == ("A Study of Examplumab in Relapsing Multiple Sclerosis", "RECRUITING")
    assert facts.conflicts is None  # a portal is late, and contradicts nobody
    assert facts.conditions == ("Multiple Sclerosis", "Fatigue")
    assert {area["id"] for area in item.areas["direct"]} >= {"D009103", "D008545"}
    assert {(each.country, each.facility, each.status) for each in facts.sites} == {
        ("US", "Example Hospital", "RECRUITING"), ("GB", "Example Infirmary", None),
    }  # fmt: skip
    assert next(each.latitude for each in facts.sites if each.country == "US") == 42.3601
    with sqlite_world.read() as session:
        kept = sorted(session.exec(select(Record.registry_name, Record.origin)).all())
    assert kept == [("cancer.gov", "aggregator"), ("clinicaltrials.gov", "registry")]
    told = changes_of(sqlite_world)
    clock.advance(timedelta(days=1))
    for name in order:
        assert poll_source(sqlite_world, settings, sources[name], clock).error is None
    assert changes_of(sqlite_world) == told


@pytest.mark.parametrize("order", [("ctgov", "nci"), ("nci", "ctgov")])
def test_a_trial_that_is_new_in_both_is_told_once(
    order: tuple[str, str], sqlite_world: Database, clock: FrozenClock, search: NciServer, registry: RegistryServer,
    http_settings: HttpSettings,
) -> None:  # fmt: skip
    settings = settings_of(
        http_settings,
        {"name": "ctgov", "kind": "clinicaltrials_gov", "url": registry.url},
        {**BARE, "url": search.server.root, "api_key": KEY},
    )
    sources = {source.name: source for source in settings.sources}
    for name in order:
        poll_source(sqlite_world, settings, sources[name], clock)
    clock.advance(timedelta(days=1))
    registry.state.studies = [study(1, statusModule__lastUpdatePostDateStruct={"date": "2026-03-02"})]
    diseases = [disease("Multiple Sclerosis", lead=True), disease("Nervous System Disorder", included="TREE")]
    search.trials = [trial(1, verified="2026-03-02", diseases=diseases, brief_title="Examplumab for relapses")]
    for name in order:
        assert poll_source(sqlite_world, settings, sources[name], clock).error is None
    item = one(sqlite_world)
    with sqlite_world.read() as session:
        told = session.exec(select(Change)).all()
    first, *others = told
    assert (first.item_id, str(first.kind), first.after["status"]) == (item.id, "registered", "RECRUITING")
    assert item.external_id == "NCT90000001"
    # ClinicalTrials.gov's record knows a second country: that is told to those alone whom NCI's did not concern.
    assert [(str(change.kind), bool(change.before["told_as"])) for change in others] == (
        [("registered", True)] if order[0] == "nci" else []
    )


def test_the_real_sample_goes_in_with_no_unreported_loss(shared_data: Path, context: SourceContext) -> None:
    path = shared_data / "registries" / "samples" / "nci_cts" / "search_melanoma_20260811.json"
    batch = NciCts(NciCtsSettings(**BARE, api_key=KEY)).sample(path.read_bytes(), path.name, context)
    (draft,) = batch.drafts
    assert (batch.problems, draft.problems, draft.origin) == ([], (), "aggregator")
    assert isinstance(draft.facts, TrialFacts)
    assert (draft.facts.status, draft.facts.phases, draft.facts.sponsor) == ("RECRUITING", ("PHASE3",), "SWOG")
    assert draft.facts.conditions == ("Triple-Negative Breast Cancer",)
    assert len(draft.facts.keywords) == 4  # stages; none of the 21 terms above them
    assert not any("Neoplasm" in word or "Disorder" in word for word in draft.facts.keywords)
