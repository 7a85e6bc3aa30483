"""Which of the real records beside the checkout are one trial: each merge was looked at, by its titles and numbers."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.joining.linking import RecordKey, linked_groups
from trialalerts.catalog.joining.versions import link_of
from trialalerts.catalog.rows import prepare_item
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.sources.kinds.clinicaltrials_gov import ClinicalTrialsGov, ClinicalTrialsGovSettings
from trialalerts.sources.kinds.ctis import Ctis, CtisSettings
from trialalerts.sources.kinds.file import FileSettings, FileSource
from trialalerts.sources.kinds.isrctn import Isrctn, IsrctnSettings
from trialalerts.sources.mapping.packs import unzipped
from trialalerts.sources.mapping.rows import records_in
from trialalerts.sources.reading.xml import XmlRecords
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger

WHO = ("who_ictrp_COVID19-927-trials_7Apr2020.csv.gz", "who_ictrp_ICTRP-Results_18Mar2020.xml.gz")


@dataclass(frozen=True, kw_only=True)
class _Context:
    locator: SiteLocator
    conditions: ConditionNames
    topics: None = None
    day: date = field(default_factory=lambda: SystemClock().now().date())


@pytest.fixture(scope="module")
def real_drafts(shared_data: Path, countries: Database) -> dict[RecordKey, ItemDraft]:
    """The records of all samples as the kinds read them."""
    registries = shared_data / "registries"
    with countries.read() as session:
        context = _Context(locator=SiteLocator(session), conditions=ConditionNames(Tagger(AreaTree([]))))
        american = ClinicalTrialsGov(ClinicalTrialsGovSettings(name="ctgov", kind="clinicaltrials_gov"))
        european = Ctis(CtisSettings(name="ctis", kind="ctis"))
        british = Isrctn(IsrctnSettings(name="isrctn", kind="isrctn"))
        portal = FileSource(FileSettings(name="who", kind="file", path="exports", mapping="who_ictrp"))
        columns = {"number": "id", "title": "title"}
        former, classic = (
            FileSource(FileSettings(name=name, kind="file", path="records.json", columns=columns))
            for name in ("euctr", "classic")
        )
        studies = [each["study"] for each in lines(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz")]
        studies += [each["record"] for each in lines(registries / "ctrdata_ctgov2.jsonl.gz")]
        cut = registries / "samples" / "ctis" / "retrieve_2023-505613-24-00_cut_no_persons.json"
        trials = [each["record"] for each in lines(registries / "ctrdata_ctis.jsonl.gz")]
        whole = registries / "samples" / "isrctn" / "allTrials_one_fullTrial.xml"
        found = {}
        for reader, records in (
            (american, studies),
            (european, [*trials, orjson.loads(cut.read_bytes())]),
            (british, [*map(british_record, lines(registries / "ctrdata_isrctn.jsonl.gz"))]),
            (british, XmlRecords(whole.read_bytes(), "fullTrial", "")),
            (former, map(row_of_former_register, lines(registries / "ctrdata_euctr.jsonl.gz"))),
            (classic, map(row_of_classic_record, lines(registries / "ctrdata_ctgov.jsonl.gz"))),
            (portal, exported(registries, portal)),
        ):
            for record in records:
                draft, problems = reader.read(record, "here", context)
                assert draft is not None, problems
                found[draft.registry, draft.external_id] = draft
    return found


def lines(path: Path) -> Iterator[Any]:
    with gzip.open(path) as opened:
        yield from map(orjson.loads, opened)


def british_record(line: Mapping[str, Any]) -> Any:
    return {"trial": emptied(line["record"])}


def emptied(value: Any) -> Any:
    """Return a record as XML gives it: an element without anything is None, not an empty list or object."""
    if isinstance(value, dict):
        return {key: emptied(inner) for key, inner in value.items()} or None
    if isinstance(value, list):
        return [emptied(inner) for inner in value] or None
    return value


def row_of_former_register(line: Mapping[str, Any]) -> dict[str, str]:
    """Return a record of the former EU register, which no kind reads, as a row of somebody's list."""
    record = line["record"]
    numbers = [
        text
        for key, value in record.items()
        if key.startswith(("a51_", "a52_", "a53_", "a54_"))
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    ]
    title = record.get("a3_full_title_of_the_trial") or line["id"]
    return {"number": line["id"], "numbers": ";".join(numbers), "title": " ".join(str(title).split())}


def row_of_classic_record(line: Mapping[str, Any]) -> dict[str, str]:
    """Return a record of ClinicalTrials.gov as it was until 2024, likewise."""
    record, named = line["record"], line["record"]["id_info"].get("secondary_id") or ()
    numbers = [named] if isinstance(named, str) else [each for each in named if isinstance(each, str)]
    return {"number": line["id"], "numbers": ";".join(numbers), "title": " ".join(record["brief_title"].split())}


def exported(folder: Path, reader: FileSource) -> Iterator[Any]:
    for name in WHO:
        for inner, body in unzipped((folder / name).read_bytes(), name):
            yield from records_in(body, inner, reader.mapping)


def merges(drafts: Mapping[RecordKey, ItemDraft]) -> list[list[RecordKey]]:
    groups = linked_groups(link_of(prepare_item(draft)) for draft in drafts.values())
    return [group for group in groups if len(group) > 1]


BY_ONE_NUMBER = {
    "2012-003632-23": ("AT", "CZ", "DE", "ES", "GB", "IT", "SE"),
    "2014-002606-20": ("3RD", "AT", "DE", "ES", "GB", "IT", "PT"),
    "2014-003556-31": ("GB", "IT", "NL", "PL", "SE"),
}
"""Trials of the former EU register by their countries. Of the first, some records still have the title of the pilot
that became a phase 2/3 study; of the second, some tell "descriptive" efficacy and others "extrapolated" one. Sponsors'
protocol numbers, and where given the American or the universal number, are the same."""
EXPECTED = [
    [("classic", "NCT01035190"), ("isrctn.com", "ISRCTN80181452")],  # named by the British record; one long title
    [("classic", "NCT04041765"), ("clinicaltrials.gov", "NCT04041765")],  # one record, before 2024 and after
    *([("euctr", f"{number}-{country}") for country in countries] for number, countries in BY_ONE_NUMBER.items()),
]
"""All merges that the samples hold: they were drawn for other reasons, and hardly meet."""


def test_the_real_records_hold_these_merges_and_no_other(real_drafts: dict[RecordKey, ItemDraft]) -> None:
    assert len(real_drafts) == 2491
    assert merges(real_drafts) == EXPECTED


def test_no_real_record_names_another_that_it_is_not_joined_with(real_drafts: dict[RecordKey, ItemDraft]) -> None:
    links = [link_of(prepare_item(draft)) for draft in real_drafts.values()]
    owner = {number: link.key for link in links for number in link.own}
    named = {(link.key, owner[number]) for link in links for number in link.named if number in owner}
    assert named == {(("isrctn.com", "ISRCTN80181452"), ("classic", "NCT01035190"))}


def test_all_ids_of_the_exports_of_whos_portal_are_numbers(
    shared_data: Path, real_drafts: dict[RecordKey, ItemDraft]
) -> None:
    portal = FileSource(FileSettings(name="who", kind="file", path="exports", mapping="who_ictrp"))
    ids = [record["number"] for record in exported(shared_data / "registries", portal)]
    assert len(ids) == 1505
    read = {number for each in ids for number in registry_numbers([each], are_ids=True)}
    assert all(len(registry_numbers([each], are_ids=True)) == 1 for each in ids)
    assert read == {external_id for registry, external_id in real_drafts if registry == "who.int"}
