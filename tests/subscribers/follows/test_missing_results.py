"""That a trial's results are missing a year after its end is told to those who follow it, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial
from tests.digests.test_compose import digests_of, told_in
from trialalerts.catalog.facts import PartialDate
from trialalerts.catalog.tables import Change, ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.follows.results import tell_missing_results
from trialalerts.subscribers.follows.trials import follow_columns

BEGAN = datetime(2025, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
END = PartialDate(value="2025-03-02", precision="day", kind="actual")


@pytest.fixture
def clock() -> FrozenClock:
    """A year after the trial ended, and a day."""
    return FrozenClock(datetime(2026, 3, 3, 9, tzinfo=UTC))


def stage(db: Database, clock: FrozenClock, *, since: datetime = BEGAN, **facts: Any) -> Item:
    """Store a trial that anna follows since a day, and its source, which was read just now."""
    with db.write() as session:
        store_areas(session)
        item = store_trial(session, 1, BEGAN, **{"status": "COMPLETED", "completion": END, "enrolment": 80, **facts})
        session.add(SourceState(name="test", kind="clinicaltrials_gov", last_success_at=clock.now()))
        follow = follow_columns(item.id or 0) | {"confirmed_at": since}
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[follow])
        store_subscriber(session, "ben", clock.now(), cursor=0)
        return item


def told(db: Database) -> list[dict[str, Any]]:
    with db.read() as session:
        kinds = select(Change).where(Change.kind == ChangeKind.RESULTS_MISSING)
        return [change.after for change in session.exec(kinds)]


def read_source(db: Database, at: datetime) -> None:
    with db.write() as session:
        session.get_one(SourceState, "test").last_success_at = at


def test_followers_are_told_once_and_nobody_else(db: Database, clock: FrozenClock) -> None:
    stage(db, clock)
    assert tell_missing_results(db, clock) == 1
    assert told(db) == [{"ended": "2025-03-02", "months": 12}]
    compose_due(db, SETTINGS, clock)
    assert told_in(db, digests_of(db, "anna")[0]) == ["results_missing"]
    assert digests_of(db, "ben") == []
    for _ in range(3):
        clock.advance(DAY)
        read_source(db, clock.now())
        assert tell_missing_results(db, clock) == 0
    compose_due(db, SETTINGS, clock)
    assert len(digests_of(db, "anna")) == 1


def test_it_is_told_on_the_day_and_not_before(db: Database, clock: FrozenClock) -> None:
    clock.advance(-2 * DAY)
    stage(db, clock)
    assert tell_missing_results(db, clock) == 0
    clock.advance(DAY)
    read_source(db, clock.now())
    assert tell_missing_results(db, clock) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"completion": END.model_copy(update={"kind": "estimated"})},
        {"completion": END.model_copy(update={"kind": None})},
        {"status": "WITHDRAWN", "enrolment": 0},
        {"enrolment": 0},
        {"has_results": True},
        {"status": "ACTIVE_NOT_RECRUITING"},
    ],
    ids=["planned", "nobody says", "called off", "nobody took part", "there are results", "not over"],
)
def test_it_is_not_told_of(db: Database, clock: FrozenClock, facts: dict[str, Any]) -> None:
    stage(db, clock, **facts)
    assert tell_missing_results(db, clock) == 0


def test_a_registry_without_results_says_nothing_by_having_none(db: Database, clock: FrozenClock) -> None:
    item = stage(db, clock)
    with db.write() as session:
        session.get_one(Item, item.id).registry_name = "who.int"
    assert tell_missing_results(db, clock) == 0


def test_who_began_when_it_was_so_is_not_told_but_of_what_the_registry_says_later(
    db: Database, clock: FrozenClock
) -> None:
    item = stage(db, clock, since=clock.now(), last_update_posted="2025-04-01")
    assert tell_missing_results(db, clock) == 0
    clock.advance(3 * DAY)
    read_source(db, clock.now())
    assert tell_missing_results(db, clock) == 0
    clock.advance(DAY)
    read_source(db, clock.now())
    with db.write() as session:  # only now its end is entered as an actual one
        row = session.get_one(Item, item.id)
        row.facts = row.facts | {"last_update_posted": "2026-03-06"}
    assert tell_missing_results(db, clock) == 1


def test_what_was_due_long_ago_is_no_news(db: Database, clock: FrozenClock) -> None:
    stage(db, clock, since=BEGAN.replace(year=2015), completion=END.model_copy(update={"value": "2016-03-02"}))
    assert tell_missing_results(db, clock) == 0


def test_after_results_were_told_nothing_is_missed(db: Database, clock: FrozenClock) -> None:
    item = stage(db, clock)
    with db.write() as session:
        publish(session, item, ChangeKind.RESULTS_POSTED, BEGAN)  # the record lost them since
    assert tell_missing_results(db, clock) == 0


def _ahead(clock: FrozenClock) -> None:
    clock.advance(timedelta(days=700))


def _back(clock: FrozenClock) -> None:
    clock.advance(timedelta(days=-5))


@pytest.mark.parametrize("jump", [_ahead, _back])
def test_a_clock_that_jumps_tells_it_once(
    db: Database, clock: FrozenClock, jump: Callable[[FrozenClock], None]
) -> None:
    stage(db, clock)
    tell_missing_results(db, clock)
    right = clock.now()
    jump(clock)
    tell_missing_results(db, clock)
    clock.advance(right - clock.now())
    tell_missing_results(db, clock)
    clock.advance(DAY)
    tell_missing_results(db, clock)
    assert len(told(db)) == 1


def test_a_clock_ahead_tells_nothing_of_a_registry_that_was_read_by_the_right_one(
    db: Database, clock: FrozenClock
) -> None:
    clock.advance(-30 * DAY)
    stage(db, clock)
    clock.advance(60 * DAY)
    assert tell_missing_results(db, clock) == 0


def test_after_a_month_off_it_waits_until_the_registry_was_read(db: Database, clock: FrozenClock) -> None:
    clock.advance(-15 * DAY)
    stage(db, clock)
    clock.advance(31 * DAY)
    assert tell_missing_results(db, clock) == 0
    clock.advance(DAY)
    read_source(db, clock.now())
    assert tell_missing_results(db, clock) == 1


def test_trials_that_nobody_follows_are_not_looked_at(db: Database, clock: FrozenClock) -> None:
    stage(db, clock)
    with db.write() as session:
        store_trial(session, 2, BEGAN, status="COMPLETED", completion=END)
    assert tell_missing_results(db, clock) == 1
