"""A zip of ANZCTR's becomes trials by the names that public programs read; nobody here has seen a real one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from sqlmodel import select

from tests.sources.poll_stage import poll, problems_of, settings_of
from trialalerts.catalog.facts import PartialDate, TrialFacts
from trialalerts.catalog.tables import Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings

TRIAL = """<?xml version="1.0"?><ANZCTR_Trial><stage>Registered</stage><submitdate>2/01/2026</submitdate>
<approvaldate>15/01/2026</approvaldate><actrnumber>{number}</actrnumber>
<trial_identification><studytitle>Examplumab for adults with asthma</studytitle>
<scientifictitle>A randomised trial of examplumab in asthma</scientifictitle><utrn>U1111-1234-5678</utrn>
<trialacronym>BREATHE</trialacronym><secondaryid>NCT90000001</secondaryid><secondaryid>Grant 77</secondaryid>
</trial_identification>
<conditions><healthcondition>Asthma</healthcondition><healthcondition>Cough</healthcondition></conditions>
<eligibility><inclusivecriteria>Adults
Asthma for a year</inclusivecriteria><inclusiveminage>18</inclusiveminage>
<inclusiveminagetype>Years</inclusiveminagetype><inclusivemaxage>0</inclusivemaxage>
<inclusivemaxagetype>No limit</inclusivemaxagetype><inclusivegender>Both males and females</inclusivegender>
<exclusivecriteria>Smokers</exclusivecriteria></eligibility>
<trial_design><studytype>Interventional</studytype></trial_design>
<recruitment><phase>Phase 2 / Phase 3</phase><anticipatedstartdate>1/03/2026</anticipatedstartdate>
<anticipatedlastvisitdate>30/06/2028</anticipatedlastvisitdate><samplesize>120</samplesize>
<recruitmentstatus>Recruiting</recruitmentstatus><recruitmentcountry>New Zealand</recruitmentcountry>
<recruitmentstate>VIC</recruitmentstate><recruitmentstate>NSW</recruitmentstate></recruitment>
<sponsorship><primarysponsorname>Example University</primarysponsorname></sponsorship>
<ethicsAndSummary><summary>Asthma makes breathing hard.</summary></ethicsAndSummary>
<contacts><contact><type>Principal Investigator</type><name>Dr E. Xample</name><phone>555</phone></contact></contacts>
</ANZCTR_Trial>"""


def zipped(*trials: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as pack:
        for number, trial in enumerate(trials):
            pack.writestr(f"trial{number}.xml", trial)
    return made.getvalue()


def test_each_file_of_the_zip_is_a_trial_and_a_broken_one_harms_no_other(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "search.zip"
    whole = TRIAL.format(number="ACTRN12626000000001p")
    path.write_bytes(zipped(whole, whole[:400], TRIAL.format(number="12626000000002")))
    source = {"name": "anz", "kind": "file", "path": str(path), "mapping": "anzctr"}
    count = poll(sqlite_world, settings_of(http_settings, source), clock)
    assert (count.error, count.complete, count.problems) == (None, True, 1)
    assert problems_of(sqlite_world) == [("file search.zip/trial1.xml", "row")]
    with sqlite_world.read() as session:
        assert set(session.exec(select(Record.external_id))) == {"ACTRN12626000000001", "ACTRN12626000000002"}
        item = session.exec(select(Item).where(Item.external_id == "ACTRN12626000000001")).one()
    facts = TrialFacts.model_validate(item.facts)
    assert (item.registry_name, item.title) == ("anzctr.org.au", "Examplumab for adults with asthma")
    assert item.url == "https://www.anzctr.org.au/ACTRN12626000000001.aspx"
    assert item.areas["direct"][0]["id"] == "D001249"
    assert facts.numbers[:3] == ("ACTRN12626000000001", "NCT90000001", "U1111-1234-5678")
    assert (facts.status, facts.phases, facts.study_type) == ("RECRUITING", ("PHASE2", "PHASE3"), "INTERVENTIONAL")
    assert (facts.minimum_age, facts.maximum_age, facts.sex) == ("18 Years", None, "all")
    assert facts.criteria.startswith("Inclusion Criteria:\n\n- Adults\n- Asthma for a year")
    assert [site.country for site in facts.sites] == ["AU", "NZ"]
    assert (facts.enrolment, facts.sponsor, facts.contacts) == (120, "Example University", ())
    assert facts.completion == PartialDate(value="2028-06-30", precision="day", kind=None)
    assert str(facts.first_posted) == "2026-01-15"


def test_a_zip_of_which_nothing_can_be_read_is_an_error(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "search.zip"
    path.write_bytes(zipped("<a>", "<b>"))
    source = {"name": "anz", "kind": "file", "path": str(path), "mapping": "anzctr"}
    count = poll(sqlite_world, settings_of(http_settings, source), clock)
    assert count.error is not None
    assert "search.zip/trial0.xml" in count.error
