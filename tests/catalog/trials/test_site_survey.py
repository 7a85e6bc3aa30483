"""Sites that could not be placed are counted, with their spellings."""

from __future__ import annotations

from dataclasses import replace

from tests.catalog.samples import NOW, article, trial
from trialalerts.catalog.facts import Site
from trialalerts.catalog.store import store_items
from trialalerts.catalog.trials.site_survey import survey_sites
from trialalerts.database import Database

PLACED = Site(city="Leeds", country="GB", country_name="United Kingdom", latitude=53.8, longitude=-1.5)
LOST = Site(city="Poseidonis", country_name="Atlantis")
NO_STATE = Site(city="Leeds", state="Elmet", country="GB", latitude=53.8, longitude=-1.5)
NO_POINT = Site(city="Nowhere", country="GB")
NOTHING = Site(facility="Example Hospital")


def test_what_sites_lack_is_counted_by_site_and_by_trial(db: Database) -> None:
    drafts = [
        trial("NCT00000001", sites=(PLACED, LOST, LOST, NO_STATE)),
        trial("NCT00000002", sites=(LOST, NO_POINT, NOTHING)),
        trial("NCT00000003", sites=(LOST,), status="COMPLETED"),
        trial("NCT00000004", sites=()),
        replace(article(), areas=[]),
    ]
    with db.write() as session:
        store_items(session, drafts, baseline=True, now=NOW)
    with db.read() as session:
        survey = survey_sites(session)
        newest = survey_sites(session, most=2)
    assert survey.trials == 3
    assert (survey.country.sites, survey.country.trials) == (4, 2)
    assert survey.country.spellings == {"Atlantis": 3, "": 1}
    assert (survey.subdivision.sites, survey.subdivision.trials) == (1, 1)
    assert survey.subdivision.spellings == {"Elmet, GB": 1}
    assert survey.point.spellings == {"Nowhere, GB": 1}
    assert (newest.trials, newest.country.sites) == (2, 2)


def test_a_state_of_which_the_subdivision_is_known_lacks_nothing(sqlite_db: Database) -> None:
    site = NO_STATE.model_copy(update={"subdivision": "GB-ENG"})
    with sqlite_db.write() as session:
        store_items(session, [trial(sites=(site,))], baseline=True, now=NOW)
        assert not any(lack.sites for lack in survey_sites(session).lacks)
