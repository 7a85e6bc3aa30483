"""Holds the comparison to what a person would name as news in real changes of real studies.

Every expectation below was written by hand, from reading the recorded difference.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.catalog.conftest import StudyReader
from tests.catalog.history import Step, read_lines, steps_of
from trialalerts.catalog.changes.comparison import Difference, compare_trials
from trialalerts.catalog.facts import TrialFacts

OPENED_AND_CLOSED = ["site_opened", "site_closed"]
NOTHING: list[str] = []
"""No news: dates, enrolment, contacts, references, names, the registry's own bookkeeping."""

EXPECTED: list[tuple[str, str, list[str], int]] = [
    # number, moment, kinds, sites that opened
    ("NCT04514484", "2026-02-10 07:04:06", NOTHING, 0),  # dates; enrolment 18 → 8
    ("NCT04514484", "2026-02-12 14:14:38", NOTHING, 0),  # dates
    ("NCT04514484", "2026-02-16 21:11:23", NOTHING, 0),  # day of the update
    ("NCT04514484", "2026-03-10 02:08:15", NOTHING, 0),  # day of the update
    ("NCT04736173", "2026-03-10 02:06:11", NOTHING, 0),  # sites replaced and renamed, but nobody recruits
    ("NCT04743661", "2026-02-10 07:04:06", NOTHING, 0),  # dates
    ("NCT04895709", "2026-02-26 00:55:48", NOTHING, 0),  # two ended sites ended in another word; a contact
    ("NCT05009069", "2026-02-28 00:50:46", NOTHING, 0),  # references
    ("NCT05063149", "2026-03-10 02:06:13", NOTHING, 0),  # a reference
    ("NCT05123482", "2026-02-16 21:08:10", ["site_closed"], 0),  # two sites ended, one listed that does not recruit yet
    ("NCT05280470", "2026-03-10 02:08:14", NOTHING, 0),  # description of the arms
    ("NCT05294952", "2026-03-03 00:59:11", NOTHING, 0),  # UNKNOWN: nobody verified it for two years
    ("NCT05329766", "2026-02-28 00:50:47", NOTHING, 0),  # day of the update
    ("NCT05414032", "2026-02-26 00:55:49", NOTHING, 0),  # description, enrolment 200 → 102, arms
    ("NCT05537740", "2026-02-12 14:01:36", NOTHING, 0),  # a link
    ("NCT05537740", "2026-02-24 00:57:04", NOTHING, 0),  # two facilities renamed
    ("NCT05568095", "2026-03-05 00:58:08", NOTHING, 0),  # day of the update
    ("NCT05574335", "2026-02-12 14:01:39", NOTHING, 0),  # verified
    ("NCT05581004", "2026-02-18 01:00:46", NOTHING, 0),  # a city re-spelt, a facility's quotes repaired
    ("NCT05665595", "2026-02-19 01:00:02", NOTHING, 0),  # "minor formatting"
    ("NCT05775159", "2026-02-19 01:00:01", NOTHING, 0),  # verified
    ("NCT05805501", "2026-02-16 21:08:09", NOTHING, 0),  # dates
    ("NCT05935098", "2026-03-14 02:07:20", ["closed"], 0),  # active, then terminated: stopped early, with a reason
    # recruits again; pneumonitis now excludes whether or not it was treated with steroids; 230 sites got a status
    ("NCT06203210", "2026-02-10 07:04:00", ["reopened", "eligibility_changed"], 0),
    ("NCT06203210", "2026-03-10 02:08:14", ["site_opened"], 1),  # one opened; nine names lost their encoding
    ("NCT06242470", "2026-02-10 07:04:01", NOTHING, 0),  # verified
    ("NCT06302556", "2026-03-03 00:59:12", NOTHING, 0),  # UNKNOWN
    ("NCT06330064", "2026-02-16 21:11:22", NOTHING, 0),  # verified
    ("NCT06346197", "2026-03-03 00:59:13", NOTHING, 0),  # verified
    ("NCT06362252", "2026-02-10 07:04:02", OPENED_AND_CLOSED, 20),  # 8 French, 12 Spanish; Detroit is full
    ("NCT06612645", "2026-03-10 02:08:15", NOTHING, 0),  # dates
    ("NCT06627647", "2026-02-16 21:08:12", OPENED_AND_CLOSED, 4),  # New Delhi withdrawn; two had not begun
    ("NCT06646627", "2026-02-10 07:03:56", NOTHING, 0),  # dates
    ("NCT06657144", "2026-02-10 07:03:39", NOTHING, 0),  # verified
    ("NCT06657144", "2026-02-21 00:54:37", ["contact_changed"], 1),  # a site's telephone
    ("NCT06657144", "2026-03-03 00:59:11", NOTHING, 0),  # day of the update
    ("NCT06692738", "2026-02-26 00:55:51", OPENED_AND_CLOSED, 5),  # four new, one back; New Delhi withdrawn
    ("NCT06754501", "2026-02-19 01:00:00", ["closed"], 0),  # recruitment ended
    ("NCT06780137", "2026-02-12 14:14:36", NOTHING, 0),  # verified
    # pneumonitis, whether or not with steroids; and whom to ask at a site
    ("NCT06780137", "2026-03-10 02:08:14", ["eligibility_changed", "contact_changed"], 1),
    ("NCT06819735", "2026-03-11 02:05:41", NOTHING, 0),  # verified
    # began; other cancers of the pancreas than ductal ones may join
    ("NCT06821503", "2026-03-11 02:05:41", ["opened", "eligibility_changed"], 0),
    ("NCT06825494", "2026-03-14 02:07:19", NOTHING, 0),  # coordinates
    ("NCT06868277", "2026-03-03 00:59:14", ["site_opened"], 20),  # one more moved to the city next door
    ("NCT06892548", "2026-02-12 14:14:36", NOTHING, 0),  # provinces and a postcode
    ("NCT06911827", "2026-02-26 00:55:48", ["opened"], 0),  # began, with its first sites
    ("NCT06953089", "2026-02-10 07:04:05", OPENED_AND_CLOSED, 1),  # Pittsburgh gone, Puyallup listed and open
    ("NCT06989112", "2026-02-12 14:01:41", ["site_opened"], 12),
    ("NCT06989112", "2026-03-13 02:09:20", ["site_opened"], 26),  # three others withdrawn or suspended
    ("NCT06996782", "2026-02-25 01:02:25", ["site_opened"], 2),  # two others withdrawn
    ("NCT07011550", "2026-02-20 00:56:09", ["paused"], 0),  # suspended, with a reason
    ("NCT07011550", "2026-02-25 01:02:23", NOTHING, 0),  # expanded access
    ("NCT07011550", "2026-03-12 02:11:52", NOTHING, 0),  # verified
    ("NCT07098338", "2026-02-10 07:03:50", ["site_opened"], 25),
    ("NCT07099898", "2026-03-10 02:08:14", NOTHING, 0),  # dates, enrolment, a contact
    ("NCT07115043", "2026-02-10 07:03:45", ["site_opened"], 2),
    ("NCT07161414", "2026-02-24 00:57:05", NOTHING, 0),  # two sites suspended before they began
    ("NCT07205718", "2026-02-10 07:03:39", ["site_opened"], 3),
    ("NCT07221253", "2026-02-12 14:01:40", ["site_opened"], 11),  # Lichtenberg is Berlin; one suspended
    ("NCT07222735", "2026-02-10 07:03:56", NOTHING, 0),  # start date
    ("NCT07227597", "2026-03-10 02:08:14", ["opened", "eligibility_changed"], 0),  # pneumonitis again
    ("NCT07268053", "2026-03-10 02:08:14", ["opened"], 0),  # began; its site got a status
    ("NCT07386002", "2026-02-10 07:04:01", NOTHING, 0),  # title
    ("NCT07386002", "2026-02-12 14:14:36", NOTHING, 0),  # title, acronym
]

BEGAN_AND_ENDED = ["opened", "closed"]
"""Recruiting, then active: told. Completed later: no news, nobody could join any more."""

STATUS_HISTORIES: dict[str, list[str]] = {
    # NOT_YET_RECRUITING → RECRUITING → ACTIVE_NOT_RECRUITING → COMPLETED, in 19 to 70 versions
    "NCT01874431": BEGAN_AND_ENDED,
    "NCT02540993": BEGAN_AND_ENDED,
    "NCT02545049": BEGAN_AND_ENDED,
    "NCT04435626": BEGAN_AND_ENDED,
    "NCT05254002": BEGAN_AND_ENDED,
    "NCT05901831": BEGAN_AND_ENDED,
}


@pytest.fixture(scope="session")
def steps(shared_data: Path, studies: list[dict[str, Any]]) -> dict[tuple[str, str], Step]:
    """The 64 recorded changes, by number and moment."""
    snapshots = {
        line["study"]["protocolSection"]["identificationModule"]["nctId"]: line["study"]
        for line in studies
        if line["_source"]["path"].startswith("data/snapshots/")
    }
    found: dict[tuple[str, str], Step] = {}
    for line in read_lines(shared_data / "ctgov" / "versions" / "ctgov_change_history_partrita.jsonl.gz"):
        events = [event for event in line["events"] if event["diff"] != "Initial data collection"]
        for step in steps_of(line["nctId"], events, snapshots[line["nctId"]]) if events else ():
            found[step.number, step.at] = step
    return found


def kinds_and_sites(differences: Sequence[Difference]) -> tuple[list[str], int]:
    """Return the kinds, and how many sites opened."""
    sites = [len(difference.after.get("sites", ())) for difference in differences]
    return [difference.kind.value for difference in differences], sum(sites)


def facts_of(read: StudyReader, raw: dict[str, Any]) -> TrialFacts:
    """Read a study."""
    facts = read(raw).facts
    assert isinstance(facts, TrialFacts)
    return facts


def test_every_recorded_change_has_its_expectation(steps: dict[tuple[str, str], Step]) -> None:
    assert sorted((number, at) for number, at, _, _ in EXPECTED) == sorted(steps)


@pytest.mark.parametrize(
    ("number", "at", "kinds", "sites"), EXPECTED, ids=[f"{number} {at[5:10]}" for number, at, _, _ in EXPECTED]
)
def test_a_recorded_change_gives_what_a_person_would_name(
    number: str, at: str, kinds: list[str], sites: int, steps: dict[tuple[str, str], Step], read: StudyReader
) -> None:
    step = steps[number, at]
    differences = compare_trials(facts_of(read, step.before), facts_of(read, step.after))
    assert kinds_and_sites(differences) == (kinds, sites)


def test_the_criteria_told_are_those_that_changed(steps: dict[tuple[str, str], Step], read: StudyReader) -> None:
    step = steps["NCT06780137", "2026-03-10 02:08:14"]
    difference, _ = compare_trials(facts_of(read, step.before), facts_of(read, step.after))
    before, after = difference.before["criteria"], difference.after["criteria"]
    assert "that required steroids" in before
    assert "irrespective of steroid use" in after
    for text in (before, after):
        assert text.startswith("- Exclusion criteria: ")
        assert "\n" not in text


def test_a_stopped_trial_says_why(steps: dict[tuple[str, str], Step], read: StudyReader) -> None:
    step = steps["NCT07011550", "2026-02-20 00:56:09"]
    (difference,) = compare_trials(facts_of(read, step.before), facts_of(read, step.after))
    assert difference.before == {"status": "RECRUITING"}
    assert difference.after["status"] == "SUSPENDED"
    assert difference.after["why_stopped"]


def test_consecutive_days_bring_no_news(studies: list[dict[str, Any]], read: StudyReader) -> None:
    versions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in studies:
        versions[line["study"]["protocolSection"]["identificationModule"]["nctId"]].append(line["study"])
    pairs = [pair for found in versions.values() for pair in pairwise(found)]
    assert len(pairs) == 10
    for before, after in pairs:
        assert before["derivedSection"]["miscInfoModule"] != after["derivedSection"]["miscInfoModule"]
        assert compare_trials(facts_of(read, before), facts_of(read, after)) == []


@pytest.mark.parametrize("number", STATUS_HISTORIES)
def test_a_history_of_statuses_tells_each_turn_once(number: str, shared_data: Path) -> None:
    path = shared_data / "ctgov" / "versions" / f"int_history_{number}.history.json.gz"
    versions = orjson.loads(gzip.decompress(path.read_bytes()))["history"]["changes"]
    facts = [TrialFacts(status=version["status"]) for version in versions]
    told = [difference.kind.value for before, after in pairwise(facts) for difference in compare_trials(before, after)]
    assert told == STATUS_HISTORIES[number]


def test_no_real_study_differs_from_itself(studies: list[dict[str, Any]], read: StudyReader) -> None:
    for line in studies:
        facts = facts_of(read, line["study"])
        again = TrialFacts.model_validate_json(facts.model_dump_json())
        assert compare_trials(facts, again) == []
