"""The estimate: how much a preference would bring, before it is saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.digests.stage import publish, store_areas, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.matching import estimate as estimating
from trialalerts.matching.estimate import Estimate, Estimator
from trialalerts.sources.polling.state import watched_since
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import load_areas


def preference(clock: FrozenClock, **values: Any) -> Preference:
    columns: dict[str, Any] = {
        "area_id": "D009103",
        "region_kind": RegionKind.ANYWHERE,
        "region_label": "anywhere",
        **values,
    }
    return Preference(subscriber_id=0, created_at=clock.now(), **columns)


def estimate_of(db: Database, clock: FrozenClock, asked: Preference) -> Estimate:
    with db.read() as session:
        return Estimator(session, load_areas(session), clock.now()).of(asked)


def alternatives_to(db: Database, clock: FrozenClock, asked: Preference) -> list[tuple[str, str, int]]:
    with db.read() as session:
        found = Estimator(session, load_areas(session), clock.now()).alternatives(asked)
        return [(each.kind, each.name or each.value, each.recruiting_now) for each in found]


@pytest.fixture(autouse=True)
def _areas(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        store_areas(session)


def test_open_trials_and_the_changes_of_four_weeks_are_counted(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        store_trial(session, 2, clock.now(), status="COMPLETED")
        for days in (40, 27, 13, 1):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=days))
    found = estimate_of(sqlite_db, clock, preference(clock))
    assert (found.recruiting_now, found.changes, found.changes_a_week) == (1, 3, 0.75)


def test_where_very_much_happens_a_sample_tells_how_much_and_little_of_it_is_counted(
    sqlite_db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it happened: in a week of the four, or while a source stood still; and whatever else changed."""
    monkeypatch.setattr(estimating, "_SAMPLE", 20)
    monkeypatch.setattr(estimating, "_SURE", 10)
    with sqlite_db.write() as session:
        for number in range(110):
            trial = store_trial(session, number, clock.now() - timedelta(days=90))
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=20))
            publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now() - timedelta(days=1))
        for number in range(110, 113):
            trial = store_trial(session, number, clock.now(), area="D001327", phases=["PHASE3"])
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=26))
    found = estimate_of(sqlite_db, clock, preference(clock))
    assert (found.changes, found.weeks) == (110, 4.0)
    wide = estimate_of(sqlite_db, clock, preference(clock, area_id="any"))
    assert wide.changes == 110
    few = estimate_of(sqlite_db, clock, preference(clock, area_id="any", excluded_areas=["D009103"]))
    assert (few.changes, few.is_empty) == (3, False)


@pytest.mark.parametrize(("days", "a_week"), [(13.9, None), (14, 1.0), (21, 2 / 3), (28, 0.5), (300, 0.25)])
def test_news_a_week_is_not_known_before_two_weeks_of_history(
    sqlite_db: Database, clock: FrozenClock, days: float, a_week: float | None
) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        for ago in (days, 2):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=ago))
    found = estimate_of(sqlite_db, clock, preference(clock)).changes_a_week
    assert found == (None if a_week is None else pytest.approx(a_week))


def test_a_quiet_history_is_one_too_and_an_empty_catalog_is_none(sqlite_db: Database, clock: FrozenClock) -> None:
    assert estimate_of(sqlite_db, clock, preference(clock)).changes_a_week is None
    with sqlite_db.write() as session:
        store_trial(session, 1, clock.now() - timedelta(days=20))
    assert estimate_of(sqlite_db, clock, preference(clock)).changes_a_week == 0


@pytest.mark.parametrize(("watched", "a_week"), [(13, None), (20, 0.35), (100, 0.25)])
def test_the_history_of_all_sources_begins_with_the_last_baseline(
    sqlite_db: Database, clock: FrozenClock, watched: int, a_week: float | None
) -> None:
    names = ["old", "new", "never"]
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now() - timedelta(days=90))
        publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=2))
        for name, days in (("old", 200), ("new", watched)):
            session.add(SourceState(name=name, kind="feed", baseline_done_at=clock.now() - timedelta(days=days)))
    with sqlite_db.read() as session:
        since, complete = watched_since(session, names)
        found = Estimator(session, load_areas(session), clock.now(), watched_since=since, complete=complete)
        assert watched_since(session, names[:2]) == (clock.now() - timedelta(days=watched), True)
        assert watched_since(session, []) == (None, True)
        estimate = found.of(preference(clock))
    assert not estimate.complete
    assert estimate.changes_a_week == (None if a_week is None else pytest.approx(a_week))


def test_a_preference_that_brings_nothing_is_answered_with_what_brings_something(
    sqlite_db: Database, clock: FrozenClock
) -> None:
    with sqlite_db.write() as session:
        store_trial(session, 1, clock.now(), area="D001327")
    york = {"country": "GB", "latitude": 53.96, "longitude": -1.08, "radius_km": 20.0}
    asked = preference(clock, region_kind=RegionKind.PLACE, **york)
    assert estimate_of(sqlite_db, clock, asked).is_empty
    assert alternatives_to(sqlite_db, clock, asked) == []
    wide = preference(clock, region_kind=RegionKind.PLACE, **{**york, "radius_km": 60.0})
    assert alternatives_to(sqlite_db, clock, wide) == [("area", "Autoimmune diseases", 1)]
    near = preference(clock, area_id="D001327", region_kind=RegionKind.PLACE, **york)
    assert alternatives_to(sqlite_db, clock, near) == [("radius", "60", 1)]


def test_more_than_anybody_reads_is_called_so(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        for _ in range(161):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=27, hours=23))
    assert estimate_of(sqlite_db, clock, preference(clock)).is_broad


def test_of_an_unknown_week_nobody_says_that_it_is_too_much(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        for _ in range(300):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=1))
    assert not estimate_of(sqlite_db, clock, preference(clock)).is_broad
