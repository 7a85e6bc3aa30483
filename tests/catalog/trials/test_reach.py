"""A study that one joins from home is near everybody in the countries it lists, and nowhere else."""

from __future__ import annotations

import pytest
from sqlmodel import select

from tests.catalog.samples import NOW, trial
from trialalerts.catalog.changes.comparison import compare_trials
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.rows import prepare_item
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import Change, Item
from trialalerts.catalog.trials.reach import reached_countries, site_reach
from trialalerts.database import Database

LEEDS = Site(facility="Example Hospital", city="Leeds", country="GB", latitude=53.8, longitude=-1.55)
BERLIN = Site(facility="Example-Klinik", city="Berlin", country="DE", latitude=52.5, longitude=13.4)
NOWHERE = Site(facility="Virtual", city="Anytown", country=None)


@pytest.mark.parametrize(
    "name",
    [
        "Remote", "Virtual", "virtual site", "Remote Study Site", "Fully remote", "Decentralized Clinical Trial Site",
        "Online", "Web-based", "Virtual Site 01", "Remote Location #2", "Participant's Home", "At home", "Telehealth",
        "Home-based", "Siteless", "Decentralised",
    ],
)  # fmt: skip
def test_a_site_that_is_no_place_is_remote(name: str) -> None:
    assert site_reach(Site(facility=name, city="Boston", country="US")) == "remote"
    assert site_reach(Site(facility="Example Institute", city=name, country="US")) == "remote"


@pytest.mark.parametrize("name", ["Multiple Locations", "Various", "several  sites", "Nationwide", "Country-wide"])
def test_a_town_that_stands_for_many_is_the_whole_country(name: str) -> None:
    assert site_reach(Site(facility="Research Site", city=name, country="JP")) == "nationwide"


@pytest.mark.parametrize(
    "name",
    [
        "Nationwide Children's Hospital", "Virtual Hospital", "Remote Area Clinic", "Online Health Centre of Example",
        "Home", "Homer", "Multiple Sclerosis Centre", "Example Home Hospital", "Telehealth Institute", "",
        "Research Site",
    ],
)  # fmt: skip
def test_a_place_stays_a_place(name: str) -> None:
    assert site_reach(Site(facility=name, city="Columbus", country="US")) is None


def test_what_is_said_of_the_study_reaches_the_countries_of_the_sites_that_count() -> None:
    remote = TrialFacts(reach="remote", sites=(LEEDS, BERLIN, NOWHERE))
    assert reached_countries(remote, remote.sites) == {"GB": "remote", "DE": "remote"}
    assert reached_countries(remote, (BERLIN,)) == {"DE": "remote"}
    assert reached_countries(remote, ()) == {}
    assert reached_countries(TrialFacts(reach="nationwide"), (LEEDS,)) == {"GB": "nationwide"}


def test_a_remote_site_reaches_its_own_country_only() -> None:
    sites = (Site(facility="Virtual", country="US"), LEEDS, Site(city="Multiple Locations", country="US"))
    assert reached_countries(TrialFacts(), sites) == {"US": "remote"}
    assert reached_countries(TrialFacts(), tuple(reversed(sites))) == {"US": "remote"}
    assert reached_countries(TrialFacts(), (LEEDS, BERLIN)) == {}


def test_learning_the_fact_is_no_news() -> None:
    facts = TrialFacts(status="RECRUITING", sites=(LEEDS,))
    assert compare_trials(facts, facts.model_copy(update={"reach": "remote"})) == []


def test_records_that_do_not_say_it_keep_the_hash_they_had() -> None:
    silent, remote = trial(), trial(reach="remote")
    # Another number here means that every stored item is written anew once by the next sweep.
    assert prepare_item(silent).facts_hash == "e92431b70fa1dea7b6c6daef68e26492"
    assert prepare_item(remote).facts_hash != prepare_item(silent).facts_hash


def test_a_stored_study_that_turns_out_remote_is_written_anew_and_not_told(db: Database) -> None:
    with db.write() as session:
        store_items(session, [trial(), trial("NCT00000002")], baseline=True, now=NOW)
    with db.write() as session:
        count = store_items(session, [trial(reach="remote"), trial("NCT00000002")], baseline=False, now=NOW)
    assert count == StoreCount(updated=1, unchanged=1)
    with db.read() as session:
        assert session.exec(select(Change)).all() == []
        item = session.exec(select(Item).where(Item.external_id == "NCT00000001")).one()
    assert TrialFacts.model_validate(item.facts).reach == "remote"
