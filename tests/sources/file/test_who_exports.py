"""The exports of WHO's portal go in whole, say what they said, and never speak over a trial's own registry."""

from __future__ import annotations

import gzip
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import col, select

from tests.sources.poll_stage import items_of, news_of, poll, settings_of
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Item, ItemKind, ItemNumber, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.file import FileSettings, FileSource
from trialalerts.sources.mapping.packs import unzipped
from trialalerts.sources.mapping.rows import records_in

CSV = "who_ictrp_COVID19-927-trials_7Apr2020.csv.gz"
XML = "who_ictrp_ICTRP-Results_18Mar2020.xml.gz"
FILLED: dict[str, Callable[[TrialFacts], object]] = {
    "numbers": lambda f: f.numbers, "title": lambda f: f.official_title, "status": lambda f: f.status,
    "phases": lambda f: f.phases, "study type": lambda f: f.study_type, "conditions": lambda f: f.conditions,
    "sex": lambda f: f.sex, "lowest age": lambda f: f.minimum_age_days, "highest age": lambda f: f.maximum_age_days,
    "criteria": lambda f: f.criteria, "sites": lambda f: f.sites, "country": lambda f: f.sites and f.sites[0].country,
    "contacts": lambda f: f.contacts, "sponsor": lambda f: f.sponsor, "enrolment": lambda f: f.enrolment,
    "start": lambda f: f.start, "posted": lambda f: f.first_posted, "updated": lambda f: f.last_update_posted,
    "interventions": lambda f: f.plain and f.plain.interventions,
}  # fmt: skip
"""What a record may say."""
EXPECTED = {
    "records": 1505, "numbers": 1505, "title": 1505, "status": 740, "phases": 932, "study type": 1389,
    "conditions": 1505, "sex": 1499, "lowest age": 1086, "highest age": 764, "criteria": 1505, "sites": 1350,
    "country": 1346, "contacts": 1452, "sponsor": 1505, "enrolment": 1483, "start": 1505, "posted": 1505,
    "updated": 1505, "interventions": 1166,  # three of “Not applicable.” and “None.” are none
}  # fmt: skip
TRIALS = 938  # of which the exports have most twice


def settings_for(http: HttpSettings, path: Path) -> Settings:
    return settings_of(http, {"name": "who", "kind": "file", "path": str(path), "mapping": "who_ictrp"})


@pytest.fixture
def exports(shared_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    for name in (XML, CSV):
        shutil.copyfile(shared_data / "registries" / name, folder / name)
    return folder


def test_all_records_are_read_and_what_is_not_understood_is_said(exports: Path, context: SourceContext) -> None:
    reader = FileSource(FileSettings(name="who", kind="file", path=str(exports), mapping="who_ictrp"))
    filled: Counter[str] = Counter()
    noted: Counter[tuple[str, str]] = Counter()
    for name in (XML, CSV):
        for inner, body in unzipped((exports / name).read_bytes(), name):
            for number, record in enumerate(records_in(body, inner, reader.mapping)):
                draft, unread = reader.read(record, f"record {number}", context)
                assert draft is not None, unread
                assert isinstance(draft.facts, TrialFacts)
                filled["records"] += 1
                filled.update(name for name, told in FILLED.items() if told(draft.facts))
                noted.update((problem.field, problem.message) for problem in draft.problems)
    assert dict(filled) == EXPECTED
    assert noted == {
        ("countries.country", "found “Wuhan”, expected the name of a country"): 2,
        ("countries.country", "found “Chinese”, expected the name of a country"): 2,
    }


def test_what_was_read_is_stored_and_a_second_read_changes_nothing(
    exports: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    settings = settings_for(http_settings, exports)
    first = poll(sqlite_world, settings, clock)
    assert (first.error, first.complete) == (None, True)
    before = items_of(sqlite_world)
    assert len(before) == first.new == TRIALS
    for age, name in enumerate((CSV, XML)):  # the same, written anew, the older export last
        body = gzip.decompress((exports / name).read_bytes())
        (exports / name).write_bytes(gzip.compress(body, 1, mtime=7))
        os.utime(exports / name, (1_700_000_000 + age, 1_700_000_000 + age))
    again = poll(sqlite_world, settings, clock)
    assert (again.error, again.new, again.updated, again.changes) == (None, 0, 0, 0)
    assert items_of(sqlite_world) == before
    assert news_of(sqlite_world) == []


def test_not_recruiting_is_unknown_and_never_closed(
    exports: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    poll(sqlite_world, settings_for(http_settings, exports), clock)
    with sqlite_world.read() as session:
        assert set(session.exec(select(Item.status))) == {"RECRUITING", None}


def test_a_trial_of_its_own_registry_is_not_spoken_over(
    exports: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    own = ItemDraft(
        registry="clinicaltrials.gov", external_id="NCT04246242", kind=ItemKind.TRIAL, url="https://example.org/own",
        title="The title of the registry", facts=TrialFacts(numbers=("NCT04246242",), status="RECRUITING"), source="x",
    )  # fmt: skip
    with sqlite_world.write() as session:
        store_items(session, [own], baseline=True, now=clock.now())
    poll(sqlite_world, settings_for(http_settings, exports), clock)
    with sqlite_world.read() as session:
        numbers = select(ItemNumber.item_id).where(col(ItemNumber.number) == "NCT04246242")
        (item,) = session.exec(select(Item).where(col(Item.id).in_(numbers))).all()
        assert (item.registry_name, item.title, item.status) == (
            "clinicaltrials.gov", "The title of the registry", "RECRUITING",
        )  # fmt: skip
        records = session.exec(select(Record.registry_name).where(col(Record.item_id) == item.id))
        assert set(records) == {"clinicaltrials.gov", "who.int"}


def test_one_trial_in_two_countries_of_the_eu_is_one(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "TrialID,Public title,Countries,Secondary ID\n"
        "EUCTR2020-009999-21-FR,Examplumab,France,NCT99999999\nEUCTR2020-009999-21-GB,Examplumab,United Kingdom,\n"
    )
    poll(sqlite_world, settings_for(http_settings, path), clock)
    with sqlite_world.read() as session:
        item = session.exec(select(Item)).one()
    facts = TrialFacts.model_validate(item.facts)
    assert [site.country for site in facts.sites] == ["FR", "GB"]
    assert facts.numbers == ("2020-009999-21", "NCT99999999")
    assert item.url == "https://trialsearch.who.int/Trial2.aspx?TrialID=EUCTR2020-009999-21-GB"
