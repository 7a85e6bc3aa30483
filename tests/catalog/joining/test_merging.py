"""Tests of the rule by which a trial is computed from its records."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from typing import Any

import pytest

from trialalerts.catalog.draft import RecordOrigin
from trialalerts.catalog.facts import Contact, LayText, Site, StatusDates, TrialFacts
from trialalerts.catalog.joining.merging import MergedTrial, TrialVersion, merged_trial

US, EU, UK, WHO = "clinicaltrials.gov", "euclinicaltrials.eu", "isrctn.com", "who.int"


def said(
    registry: str, *, origin: RecordOrigin = "registry", summary: str = "", area: str = "D1", **facts: Any
) -> TrialVersion:
    """Return what a registry says; further names are facts."""
    return TrialVersion(
        registry=registry,
        external_id=f"{registry}-1",
        source=registry,
        origin=origin,
        facts_hash=repr(sorted(facts.items())),
        url=f"https://{registry}/1",
        title=f"As {registry} puts it",
        summary=summary,
        published_at=None,
        facts=TrialFacts.model_validate(facts),
        areas={"direct": [{"id": area, "in_title": False}], "ancestors": [f"{area}-above"]},
        topics=[area],
    )


def merged(*records: TrialVersion) -> MergedTrial:
    """Return the trial, which is the same in whatever order the records are given."""
    found = [merged_trial(order) for order in permutations(records)]
    assert all(each == found[0] for each in found)
    return found[0]


def test_one_record_is_the_trial_as_it_is() -> None:
    record = said(US, status="RECRUITING")
    trial = merged(record)
    assert (trial.facts, trial.facts_hash, trial.leader) == (record.facts, record.facts_hash, record)
    assert trial.facts.said_by is None
    assert trial.facts.conflicts is None


def test_the_registry_where_it_was_registered_first_leads_however_often_another_is_updated() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), last_update_posted=date(2024, 1, 1), sponsor="Leeds")
    later = said(US, first_posted=date(2025, 1, 1), last_update_posted=date(2026, 3, 1), sponsor="Example Inc.")
    trial = merged(home, later)
    assert (trial.leader, trial.facts.sponsor) == (home, "Leeds")
    assert trial.facts.last_update_posted == date(2026, 3, 1)
    assert trial.facts.said_by is not None
    assert trial.facts.said_by["sponsor"] == (UK,)


def test_of_other_registries_the_one_updated_last_counts_first() -> None:
    home = said(UK, first_posted=date(2024, 1, 1))
    old = said(EU, last_update_posted=date(2025, 1, 1), sponsor="old")
    new = said(US, last_update_posted=date(2026, 1, 1), sponsor="new")
    assert merged(home, old, new).facts.sponsor == "new"


def test_an_empty_fact_never_covers_a_full_one() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), criteria="", phases=(), enrolment=None, status=None)
    other = said(US, criteria="Adults", phases=("PHASE2",), enrolment=0, status="RECRUITING")
    facts = merged(home, other).facts
    assert (facts.criteria, facts.phases, facts.enrolment, facts.status) == ("Adults", ("PHASE2",), 0, "RECRUITING")


def test_a_portal_and_a_list_fill_what_no_registry_says() -> None:
    portal = said(WHO, origin="aggregator", first_posted=date(2020, 1, 1), sponsor="late", criteria="From the portal")
    own = said("our-list", origin="list", sponsor="ours", contacts=(Contact(phone="+44 113 496 0000"),))
    home = said(US, first_posted=date(2021, 1, 1), sponsor="true")
    trial = merged(portal, own, home)
    assert (trial.leader, trial.facts.sponsor, trial.facts.criteria) == (home, "true", "From the portal")
    assert trial.facts.contacts == own.facts.contacts
    assert trial.facts.first_posted == date(2021, 1, 1)


def test_results_stand_where_a_record_has_them() -> None:
    home, other = said(UK, first_posted=date(2024, 1, 1)), said(US, has_results=True)
    facts = merged(home, other).facts
    assert (facts.has_results, facts.results_at) == (True, (US, other.url))
    assert (facts.said_by or {})["has_results"] == (US,)
    both = merged(said(UK, first_posted=date(2024, 1, 1), has_results=True), other).facts
    assert (both.has_results, both.results_at) == (True, None)
    none = merged(home, said(US, had_results=True)).facts
    assert (none.has_results, none.had_results, none.results_at) == (False, True, None)


def test_ages_are_one_fact() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), minimum_age="18 Years", minimum_age_days=6570)
    other = said(US, maximum_age="65 Years", maximum_age_days=23_725)
    facts = merged(home, other).facts
    assert (facts.minimum_age, facts.maximum_age) == ("18 Years", None)


@pytest.mark.parametrize(
    ("home", "other", "status", "teller"),
    [
        ("RECRUITING", "COMPLETED", "RECRUITING", UK),
        ("UNKNOWN", "COMPLETED", "COMPLETED", EU),
        (None, "RECRUITING", "RECRUITING", EU),
        ("COMPLETED", "UNKNOWN", "COMPLETED", UK),
        ("UNKNOWN", None, "UNKNOWN", UK),
    ],
)
def test_a_known_status_comes_before_an_unknown_one(
    home: str | None, other: str | None, status: str, teller: str
) -> None:
    facts = merged(said(UK, first_posted=date(2024, 1, 1), status=home), said(EU, status=other)).facts
    assert (facts.status, (facts.said_by or {})["status"]) == (status, (teller,))


def test_a_stated_status_comes_before_one_that_follows_from_dates() -> None:
    dates = StatusDates(recruits_from=date(2026, 1, 1))
    reckoned = said(UK, first_posted=date(2024, 1, 1), status="RECRUITING", schedule=dates)
    facts = merged(reckoned, said(EU, status="COMPLETED", why_stopped="Enough people")).facts
    assert (facts.status, facts.why_stopped, facts.schedule) == ("COMPLETED", "Enough people", None)
    assert [(each.fact, each.said) for each in facts.conflicts or ()] == [
        ("status", ((EU, "COMPLETED"), (UK, "RECRUITING")))
    ]


def test_no_conflict_is_made_of_a_portal_or_of_words_that_mean_the_same() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), status="COMPLETED", sex="female")
    late = said(WHO, origin="aggregator", status="RECRUITING", sex="all")
    assert merged(home, late, said(EU, status="TERMINATED", sex="female")).facts.conflicts is None


def test_the_edge_of_a_group_is_no_conflict_and_gives_way_to_limits() -> None:
    group = said(EU, first_posted=date(2024, 1, 1), minimum_age_days=6570, maximum_age_days=23_725)
    exact = said(US, minimum_age="25 Years", minimum_age_days=9125)
    facts = merged(group, exact).facts
    assert (facts.minimum_age, facts.minimum_age_days, facts.maximum_age_days) == ("25 Years", 9125, None)
    assert facts.conflicts is None
    assert merged(group, said(UK)).facts.maximum_age_days == 23_725


def test_ages_and_sex_that_differ_are_conflicts() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), sex="all", minimum_age="16 Years", minimum_age_days=5840)
    other = said(US, sex="female", minimum_age="18 Years", minimum_age_days=6570)
    found = merged(home, other).facts.conflicts or ()
    assert [(each.fact, each.said) for each in found] == [
        ("minimum_age", ((UK, "16 Years"), (US, "18 Years"))),
        ("sex", ((UK, "all"), (US, "female"))),
    ]


def test_sites_are_told_country_by_country_by_whom_names_a_place_there() -> None:
    home = said(
        UK,
        first_posted=date(2024, 1, 1),
        status="RECRUITING",
        sites=(Site(country="GB", city="Leeds"), Site(country="DE")),
    )
    other = said(
        EU,
        status="RECRUITING",
        sites=(Site(country="DE", city="Mainz", facility="Clinic"), Site(country="GB", city="York")),
    )
    facts = merged(home, other).facts
    assert [(site.country, site.city) for site in facts.sites] == [("GB", "Leeds"), ("DE", "Mainz")]
    assert (facts.said_by or {})["sites"] == (UK, EU)


def test_a_site_goes_with_its_own_record_where_the_trials_status_is_another_ones() -> None:
    home = said(UK, first_posted=date(2024, 1, 1), status="RECRUITING", sites=(Site(country="GB", city="Leeds"),))
    other = said(
        EU,
        status="COMPLETED",
        sites=(Site(country="DE", city="Mainz"), Site(country="FR", city="Lyon", status="RECRUITING")),
    )
    assert [site.status for site in merged(home, other).facts.sites] == [None, "COMPLETED", "RECRUITING"]


def test_the_plain_summary_is_the_trials_and_texts_for_everybody_are_joined_by_language() -> None:
    home = said(US, first_posted=date(2024, 1, 1), summary="In the words of doctors.")
    plain = said(UK, summary="In plain words.", lay=(LayText(language="en", title="Pain at home", summary="We ask"),))
    titles = said(EU, lay=(LayText(language="en", title="Title"), LayText(language="de", title="Schmerz")))
    trial = merged(home, plain, titles)
    assert trial.summary == "In plain words."
    assert {each.language: (each.title, each.summary) for each in trial.facts.lay} == {
        "en": ("Pain at home", "We ask"),
        "de": ("Schmerz", None),
    }


def test_areas_topics_and_numbers_are_those_of_all() -> None:
    trial = merged(said(US, area="D1", numbers=("A", "B")), said(UK, area="D2", numbers=("B", "C")))
    assert {area["id"] for area in trial.direct} == {"D1", "D2"}
    assert set(trial.ancestors) == {"D1-above", "D2-above"}
    assert set(trial.topics) == {"D1", "D2"}
    assert set(trial.facts.numbers) == {"A", "B", "C"}
