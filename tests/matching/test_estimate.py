"""The estimate: how much a preference would bring, before it is saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.digests.stage import publish, store_areas, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.matching.estimate import Estimator
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas import load_areas


def preference(clock: FrozenClock, **values: Any) -> Preference:
    columns: dict[str, Any] = {
        "area_id": "D009103",
        "region_kind": RegionKind.ANYWHERE,
        "region_label": "anywhere",
        **values,
    }
    return Preference(subscriber_id=0, created_at=clock.now(), **columns)


def estimator(db: Database, clock: FrozenClock) -> Estimator:
    with db.read() as session:
        return Estimator(session, load_areas(session), clock.now())


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
    found = estimator(sqlite_db, clock).of(preference(clock))
    assert (found.recruiting_now, found.changes, found.changes_a_week) == (1, 3, 0.75)


def test_a_young_history_is_measured_from_its_beginning_by_a_week_at_least(
    sqlite_db: Database, clock: FrozenClock
) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        for days in (14, 2):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=days))
    assert estimator(sqlite_db, clock).of(preference(clock)).changes_a_week == 1.0


def test_a_preference_that_brings_nothing_is_answered_with_what_brings_something(
    sqlite_db: Database, clock: FrozenClock
) -> None:
    with sqlite_db.write() as session:
        store_trial(session, 1, clock.now(), area="D001327")
    york = {"country": "GB", "latitude": 53.96, "longitude": -1.08, "radius_km": 20.0}
    asked = preference(clock, region_kind=RegionKind.PLACE, **york)
    found = estimator(sqlite_db, clock)
    assert found.of(asked).is_empty
    assert found.instead_of(asked) == []
    wide = preference(clock, region_kind=RegionKind.PLACE, **{**york, "radius_km": 60.0})
    (suggestion,) = found.instead_of(wide)
    assert (suggestion.what, suggestion.estimate.recruiting_now) == ("the area “Autoimmune diseases”", 1)
    near = preference(clock, area_id="D001327", region_kind=RegionKind.PLACE, **york)
    (suggestion,) = found.instead_of(near)
    assert suggestion.what == "a radius of 60 km"


def test_more_than_anybody_reads_is_called_so(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        trial = store_trial(session, 1, clock.now())
        for _ in range(161):
            publish(session, trial, ChangeKind.OPENED, clock.now() - timedelta(days=27, hours=23))
    assert estimator(sqlite_db, clock).of(preference(clock)).is_broad
