"""What is read of a study's design and of the people at its sites, and what it does to what is stored already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.plain_samples import facts_of
from tests.sources.poll_stage import news_of, poll, registry_settings
from tests.sources.registry_server import RegistryServer
from tests.sources.samples import study
from tests.sources.study_reader import contacts_of
from trialalerts.catalog.facts import Arm, Contact, Intervention, TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.kinds.clinicaltrials_gov import ClinicalTrialsGov
from trialalerts.sources.reading.fields import Fields

ARMS = {
    "interventions": [
        {"type": "DRUG", "name": "Examplumab", "otherNames": ["EX-1", "x" * 80]},
        {"type": "DRUG", "name": "Placebo"},
        {"name": ""},
        None,
    ],
    "armGroups": [
        {"type": "EXPERIMENTAL", "label": "Examplumab", "interventionNames": ["Drug: Examplumab"]},
        {"type": "PLACEBO_COMPARATOR", "label": "Placebo", "interventionNames": ["Drug: Placebo", "Drug: Unheard of"]},
    ],
}
INFO = {"allocation": "RANDOMIZED", "primaryPurpose": "TREATMENT", "maskingInfo": {"whoMasked": ["PARTICIPANT"]}}
NURSE = {"name": "N. Nurse", "role": "CONTACT", "phone": "0113 496 0000", "phoneExt": "7"}


def designed(number: int = 2) -> dict[str, Any]:
    """A study with arms, and with people at its first site."""
    made: dict[str, Any] = study(number)
    protocol = made["protocolSection"]
    protocol["armsInterventionsModule"] = ARMS
    protocol["designModule"]["designInfo"] = INFO
    protocol["contactsLocationsModule"]["locations"][0]["contacts"] = [NURSE]
    return made


def test_interventions_and_arms_are_kept_short() -> None:
    plain = facts_of(designed()).plain
    assert plain is not None
    assert plain.interventions == (Intervention("DRUG", "Examplumab", ("EX-1",)), Intervention("DRUG", "Placebo"))
    assert plain.arms == (Arm("EXPERIMENTAL", "Examplumab", (0,)), Arm("PLACEBO_COMPARATOR", "Placebo", (1,)))
    assert (plain.allocation, plain.purpose, plain.masked) == ("RANDOMIZED", "TREATMENT", ("PARTICIPANT",))


@pytest.mark.parametrize("module", [None, [], "text", {"interventions": 7, "armGroups": [3, {"interventionNames": 1}]}])
def test_whatever_stands_in_the_place_of_a_design_the_study_is_read(module: object) -> None:
    made = designed()
    made["protocolSection"]["armsInterventionsModule"] = module
    plain = facts_of(made).plain
    assert plain is not None
    assert plain.interventions == ()


def test_people_at_a_site_have_a_role_where_they_lead_it() -> None:
    node = {
        "contacts": [
            NURSE,
            {"name": "L. Leader", "role": "PRINCIPAL_INVESTIGATOR"},
            {"name": "S. Second", "role": "SUB_INVESTIGATOR"},
            {"role": "CONTACT"},
        ]
    }
    found = [Contact.model_validate(each) for each in contacts_of(node, "contacts", Fields("x"))]
    assert found == [
        Contact(name="N. Nurse", phone="0113 496 0000 ext. 7"),
        Contact(name="L. Leader", role="investigator"),
    ]


def test_what_was_stored_by_an_older_program_is_read_once_more_and_nobody_is_told(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    server.state.studies = [study(2), study(3)]  # as read by a program that knew nothing of arms
    settings = registry_settings(server, http_settings)
    with monkeypatch.context() as before:
        before.setattr(ClinicalTrialsGov, "reading", 1)
        poll(sqlite_world, settings, clock)
    clock.advance(timedelta(days=10))
    server.state.studies = [designed(2), study(3)]
    assert "RANGE" not in _asked_next(sqlite_world, settings, clock, server)
    with sqlite_world.read() as session:
        stored = [TrialFacts.model_validate(item.facts) for item in session.exec(select(Item))]
    (plain,) = [facts.plain for facts in stored if facts.plain and facts.plain.arms]
    assert plain.interventions[0].name == "Examplumab"
    assert any(site.contacts for facts in stored for site in facts.sites)
    assert news_of(sqlite_world) == []
    assert "RANGE" in _asked_next(sqlite_world, settings, clock, server)  # once only


def _asked_next(db: Database, settings: Any, clock: FrozenClock, server: RegistryServer) -> str:
    before = len(server.requests)
    poll(db, settings, clock)
    return str(server.requests[before].params.get("filter.advanced", ""))
