"""A zip of ANZCTR's becomes trials by the names that public programs read; nobody here has seen a real one."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from copy import copy
from pathlib import Path

import pytest
from sqlmodel import select

from tests.sources.poll_stage import poll, problems_of, settings_of
from trialalerts.catalog.facts import PartialDate, TrialFacts
from trialalerts.catalog.tables import Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import SourceError
from trialalerts.settings import HttpSettings
from trialalerts.sources.base import Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.file import FileSettings, FileSource
from trialalerts.sources.mapping.packs import unzipped

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


def test_a_registry_as_a_whole_may_unpack_to_more_than_any_of_its_files(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("trialalerts.sources.mapping.packs._LARGEST", 3_000)
    monkeypatch.setattr("trialalerts.sources.mapping.spool._IN_MEMORY", 1_000)
    path = tmp_path / "registry.zip"
    path.write_bytes(zipped(*(TRIAL.format(number=f"ACTRN12626{n:09}p") for n in range(1, 41))))
    source = {"name": "anz", "kind": "file", "path": str(path), "mapping": "anzctr"}
    count = poll(sqlite_world, settings_of(http_settings, source), clock)
    assert (count.error, count.complete, count.new, count.problems) == (None, True, 40, 0)


def test_while_a_registry_is_read_its_texts_are_not_in_memory(
    tmp_path: Path, context: SourceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialalerts.sources.sweeps.registry._MOST_IN_BATCH", 10)
    monkeypatch.setattr("trialalerts.sources.mapping.spool._IN_MEMORY", 1_000)
    peaks: list[int] = []
    for many in (10, 10, 150):  # the first one loads what stays
        path = tmp_path / f"{len(peaks)}.zip"
        texts = (TRIAL.replace("Smokers", f"{n} {'abcdefghi ' * 2_000}") for n in range(many))
        path.write_bytes(zipped(*(text.format(number=f"ACTRN12626{n:09}p") for n, text in enumerate(texts))))
        settings = FileSettings(name="anz", kind="file", path=str(path), mapping="anzctr")
        tracemalloc.start()
        try:
            read = sum(len(batch.drafts) for batch in FileSource(settings).batches(Position(), context))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert read == many
    assert peaks[2] < peaks[1] + 1_000_000  # their texts are 3,000,000


TRAPS: dict[str, tuple[dict[str, int], bytes, str]] = {
    "a file that is too large": ({"_LARGEST": 900}, b"abc" * 400, "t.zip/a.csv is larger than 900 bytes"),
    "too much in all": ({"_LARGEST_ZIP": 900}, b"abc" * 400, "t.zip holds more than 900 bytes"),
    "a bomb": ({"_LARGEST": 200_000}, b"a" * 150_000, "t.zip unpacks to more than 50 times its size, as a trap would"),
}


@pytest.mark.parametrize(("limits", "content", "said"), TRAPS.values(), ids=TRAPS)
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_zip_that_is_a_trap_is_refused_before_it_is_unpacked(
    limits: dict[str, int], content: bytes, said: str, on_disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in limits.items():
        monkeypatch.setattr(f"trialalerts.sources.mapping.packs.{name}", most)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("a.csv", content)
        pack.writestr("b.csv", content)
    with pytest.raises(SourceError, match=said):
        list(unzipped(path if on_disk else path.read_bytes(), "t.zip"))


def test_files_that_overlap_in_a_zip_do_not_make_it_seem_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each file says of how it is packed may be said of the same bytes."""
    monkeypatch.setattr("trialalerts.sources.mapping.packs._LARGEST", 20_000)
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("a.csv", b"abcdefghij" * 1_000)
        pack.filelist += [copy(pack.filelist[0]) for _ in range(999)]
    with pytest.raises(SourceError, match="as a trap would"):
        list(unzipped(path, "t.zip"))


def test_a_zip_of_which_nothing_can_be_read_is_an_error(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "search.zip"
    path.write_bytes(zipped("<a>", "<b>"))
    source = {"name": "anz", "kind": "file", "path": str(path), "mapping": "anzctr"}
    count = poll(sqlite_world, settings_of(http_settings, source), clock)
    assert count.error is not None
    assert "search.zip/trial0.xml" in count.error
