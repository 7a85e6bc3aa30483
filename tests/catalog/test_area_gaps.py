"""What has no disease area is counted, with what it says that it is about; doctor and report tell of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.catalog.samples import NOW, article, trial
from trialalerts.catalog.area_gaps import find_gaps
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.doctor import examine
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.tables import SourceState

TRIAL, ARTICLE = ItemKind.TRIAL, ItemKind.ARTICLE


def unplaced(number: str, *conditions: str, **facts: Any) -> ItemDraft:
    return replace(trial(number, conditions=conditions, **facts), areas=[], ancestors=[])


DRAFTS = [
    unplaced("NCT00000001", "Examplitis", "Fixture  Fever"),
    unplaced("NCT00000002", "EXAMPLITIS", "examplitis"),
    unplaced("NCT00000003"),
    unplaced("NCT00000004", "Closed Disease", status="COMPLETED"),
    replace(unplaced("NCT00000005", "Known Above"), ancestors=["D009369"]),
    replace(trial("NCT00000006", conditions=("Known",)), areas=[{"id": "D001249", "in_title": False}]),
    replace(article("a", categories=("Editorial",)), areas=[]),
    replace(article("b", categories=("Asthma",)), areas=[{"id": "D001249", "in_title": True}]),
]


def store(db: Database) -> None:
    with db.write() as session:
        store_items(session, DRAFTS, baseline=True, now=NOW)


def test_what_reaches_no_follower_is_counted_by_what_it_names(db: Database) -> None:
    store(db)
    with db.read() as session:
        gaps = find_gaps(session)
    assert (gaps.trials, gaps.articles) == (3, 1)
    assert gaps.most_frequent() == [
        (TRIAL, "examplitis", 2),
        (ARTICLE, "editorial", 1),
        (TRIAL, "(none)", 1),
        (TRIAL, "fixture fever", 1),
    ]
    assert gaps.most_frequent(1) == [(TRIAL, "examplitis", 2)]


def test_doctor_and_report_count_it(sqlite_db: Database, clock: FrozenClock) -> None:
    store(sqlite_db)
    (check,) = [check for check in examine(Settings(), sqlite_db, clock) if "without a disease area" in check.what]
    assert check.level == "look"
    assert check.what.startswith("3 open trials and 1 article without")
    with sqlite_db.read() as session:
        rows = list(make_report(session, now=clock.now(), days=1).rows())
    assert ("gaps", "open trials without an area", 3) in rows
    assert ("gaps", "articles without an area", 1) in rows


def test_where_all_has_an_area_doctor_says_nothing(sqlite_db: Database, clock: FrozenClock) -> None:
    assert not [check for check in examine(Settings(), sqlite_db, clock) if "disease area," in check.what]


@pytest.mark.parametrize(
    ("kind", "done", "told"),
    [("clinicaltrials_gov", True, 1), ("clinicaltrials_gov", False, 0), ("folder", True, 0), ("feed", True, 0)],
    ids=["a registry", "a registry half read", "a folder", "a feed"],
)
def test_a_registry_read_to_its_end_that_gave_nothing_is_worth_a_look(
    kind: str, done: bool, told: int, sqlite_db: Database, clock: FrozenClock
) -> None:
    where = {"path": "articles"} if kind == "folder" else {"url": "https://example.org/api"}
    source = SourceSettings.model_validate({"name": "empty", "kind": kind, **where})
    with sqlite_db.write() as session:
        session.add(SourceState(name="empty", kind=kind, baseline_done_at=clock.now() if done else None))
    checks = examine(Settings(sources=(source,)), sqlite_db, clock)
    assert len([check for check in checks if "gave no record" in check.what and check.level == "look"]) == told
