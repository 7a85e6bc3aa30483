"""An article that names a trial is told to those who follow the trial, whatever their areas, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.catalog.samples import article as sample
from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial, subscriber_called
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import ChangeKind, Item, ItemNumber
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.digests.entries import Entry
from trialalerts.digests.preview import preview_digest
from trialalerts.matching.estimate import Estimator
from trialalerts.operations.questions.candidates import consider
from trialalerts.subscribers.follows.trials import follow_columns
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.vocabulary.areas.tree import load_areas

DAY = timedelta(days=1)
ASTHMA, SCLEROSIS = "D001249", "D009103"
NUMBER = "NCT90000001"


def paper(
    *numbers: str, area: str = ASTHMA, days_old: int = 1, at: datetime, source: str = "news", **more: Any
) -> ItemDraft:
    made = sample(trials=numbers, **more)
    return replace(
        made,
        registry=source,
        source=source,
        areas=[AreaTag(id=area, in_title=True)] if area else [],
        published_at=at - days_old * DAY,
        keys=article_keys(links=[made.url], identifiers=["10.5555/examplinib"]),
    )


def store(db: Database, clock: FrozenClock, *drafts: ItemDraft, baseline: bool = False) -> None:
    with db.write() as session:
        store_items(session, drafts, baseline=baseline, now=clock.now())


def next_day(db: Database, clock: FrozenClock) -> None:
    clock.advance(DAY)
    compose_due(db, SETTINGS, clock)


def told(db: Database, name: str) -> list[Entry]:
    return [entry for digest in digests_of(db, name) for entry in entries_of(db, digest)]


@pytest.fixture(autouse=True)
def trial(db: Database, clock: FrozenClock) -> Item:
    """A trial that anna follows; ben follows multiple sclerosis, cleo that and the trial, dora another trial."""
    with db.write() as session:
        store_areas(session)
        item, other = (store_trial(session, number, clock.now()) for number in (1, 2))
        for each in (item, other):
            number = ItemNumber(number=each.external_id, item_id=each.id or 0, registry_name=each.registry_name)
            session.add(number)
        session.add(ItemNumber(number=NUMBER, item_id=other.id or 0))  # it only mentions it
        follow = follow_columns(item.id or 0)
        for name, follows in (
            ("anna", [follow]),
            ("ben", [{}]),
            ("cleo", [{}, follow]),
            ("dora", [follow_columns(other.id or 0)]),
        ):
            store_subscriber(session, name, clock.now(), cursor=0, follows=follows)
        return item


def test_followers_are_told_whatever_they_follow_beside(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()))
    next_day(db, clock)
    (entry,) = told(db, "anna")
    assert [one.kind for one in entry.told] == ["published"]
    assert [reason.trial for reason in entry.reasons] == [NUMBER]
    assert len(told(db, "cleo")) == 1
    assert told(db, "ben") == told(db, "dora") == []
    next_day(db, clock)
    assert len(told(db, "anna")) == 1


def test_one_that_a_wish_brings_too_is_told_once_with_both_reasons(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, area=SCLEROSIS, at=clock.now()))
    next_day(db, clock)
    (entry,) = told(db, "cleo")
    assert [(reason.area_id, reason.trial) for reason in entry.reasons] == [
        (SCLEROSIS, None), ("one-trial", NUMBER),
    ]  # fmt: skip
    assert [len(told(db, name)) for name in ("anna", "ben", "dora")] == [1, 1, 0]


@pytest.mark.parametrize("numbers", [(), ("NCT90000099",), ("NCT90000002",)], ids=["none", "unknown", "another"])
def test_one_that_does_not_name_it_is_not_told(db: Database, clock: FrozenClock, numbers: Sequence[str]) -> None:
    store(db, clock, paper(*numbers, at=clock.now()))
    next_day(db, clock)
    assert told(db, "anna") == []
    assert len(told(db, "dora")) == (numbers == ("NCT90000002",))


@pytest.mark.parametrize("mentions", [1, 2])
def test_a_number_that_no_record_has_names_the_trials_that_mention_it(
    mentions: int, db: Database, clock: FrozenClock, trial: Item
) -> None:
    with db.write() as session:
        for item_id in [trial.id or 0, (trial.id or 0) + 1][:mentions]:
            session.add(ItemNumber(number="2026-500001-11", item_id=item_id))
    store(db, clock, paper("2026-500001-11", at=clock.now()))
    next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "ben", "dora")] == [1, 0, mentions - 1]


def test_what_a_first_sweep_brings_is_told_to_nobody(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()), baseline=True)
    next_day(db, clock)
    assert told(db, "anna") == []


def test_two_sources_that_name_it_in_the_same_paper_tell_it_once(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()))
    next_day(db, clock)
    store(db, clock, paper(NUMBER, source="journal", at=clock.now()))
    next_day(db, clock)
    assert len(told(db, "anna")) == 1


@pytest.mark.parametrize("source", ["news", "journal"], ids=["the same source", "another source"])
def test_a_number_that_is_found_later_is_told_to_who_was_not_told(
    db: Database, clock: FrozenClock, source: str
) -> None:
    store(db, clock, paper(area=SCLEROSIS, at=clock.now()))
    next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "ben", "cleo")] == [0, 1, 1]
    clock.advance(60 * DAY)
    store(db, clock, paper(NUMBER, area=SCLEROSIS, days_old=61, source=source, at=clock.now()))
    for _ in range(2):
        next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "ben", "cleo", "dora")] == [1, 1, 1, 0]


def test_a_number_beside_further_areas_tells_each_once(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(area=ASTHMA, at=clock.now()))
    next_day(db, clock)
    store(db, clock, paper(NUMBER, area=SCLEROSIS, source="journal", at=clock.now()))
    for _ in range(2):
        next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "ben", "cleo")] == [1, 1, 1]


def test_of_a_second_trial_those_are_told_who_were_not_told_of_the_first(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()))
    next_day(db, clock)
    store(db, clock, paper(NUMBER, "NCT90000002", at=clock.now()))
    next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "dora")] == [1, 1]


@pytest.mark.parametrize(("days", "times"), [(100, 1), (200, 0)])
def test_a_paper_that_is_taken_in_late_is_told_to_followers_alone(
    db: Database, clock: FrozenClock, days: int, times: int
) -> None:
    store(db, clock, paper(NUMBER, area=SCLEROSIS, days_old=days, at=clock.now()))
    next_day(db, clock)
    assert [len(told(db, name)) for name in ("anna", "ben", "cleo")] == [times, 0, times]


def test_who_begins_after_it_was_told_is_not_told(db: Database, clock: FrozenClock, trial: Item) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()))
    next_day(db, clock)
    with db.write() as session:
        cursor = subscriber_called(session, "anna").cursor
        follow = follow_columns(trial.id or 0)
        store_subscriber(session, "emil", clock.now(), cursor=cursor, follows=[follow])
    next_day(db, clock)
    assert told(db, "emil") == []


def test_a_retraction_of_it_is_told_and_a_correction_to_those_only_who_were_told_it(
    db: Database, clock: FrozenClock, trial: Item
) -> None:
    with db.write() as session:
        store_items(session, [paper(NUMBER, at=clock.now())], baseline=True, now=clock.now())
        item = session.get_one(Item, trial.id + 2 if trial.id else 0)
        publish(session, item, ChangeKind.CORRECTED, clock.now())
    next_day(db, clock)
    assert told(db, "anna") == []
    with db.write() as session:
        publish(session, item, ChangeKind.RETRACTED, clock.now())
    next_day(db, clock)
    assert [[one.kind for one in entry.told] for entry in told(db, "anna")] == [["retracted"]]


def test_preview_explanation_and_sign_of_life_know_of_it(db: Database, clock: FrozenClock) -> None:
    store(db, clock, paper(NUMBER, at=clock.now()))
    with db.read() as session:
        anna, ben = (subscriber_called(session, name) for name in ("anna", "ben"))
        message = preview_digest(session, SETTINGS, clock, anna).message
        assert message is not None
        assert f"Names a trial that you follow: {NUMBER}" in message.text
        assert f"Names a trial that you follow: {NUMBER}" in (message.html or "")
        for who, why in ((anna, [()]), (ben, [("area",)])):
            found = consider(session, SETTINGS, clock.now(), who, introducing=True, most=None)
            assert [each.why_not for each in found.items] == why
        estimator = Estimator(session, load_areas(session), clock.now())
        assert [estimator.changed_since(each, 0) for each in list_preferences(session, anna)] == [True]
        assert [estimator.changed_since(each, 0) for each in list_preferences(session, ben)] == [False]
