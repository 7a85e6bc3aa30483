"""A changed ``every`` of a source holds at once, and nothing cries wolf in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.operations.checks.sources import about_sources
from trialalerts.operations.stamps import future_stamps
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.polling.poll import poll_due
from trialalerts.sources.polling.state import next_poll
from trialalerts.sources.tables import SourceState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def every(interval: timedelta, path: str) -> Settings:
    return Settings(sources=(SourceSettings(name="ours", kind="folder", path=path, every=interval),))


def polled(db: Database, settings: Settings, at: datetime) -> bool:
    return bool(poll_due(db, settings, FrozenClock(at)))


def state_of(db: Database) -> SourceState:
    with db.read() as session:
        return session.get_one(SourceState, "ours")


@pytest.mark.parametrize(
    ("before", "after", "later", "is_due"),
    [
        (DAY, HOUR, timedelta(minutes=59), False),
        (DAY, HOUR, HOUR, True),
        (HOUR, DAY, 5 * HOUR, False),
        (HOUR, DAY, DAY, True),
        (HOUR, HOUR, HOUR, True),
    ],
)
def test_a_new_interval_counts_from_the_last_poll(
    db: Database, tmp_path: object, before: timedelta, after: timedelta, later: timedelta, is_due: bool
) -> None:
    assert polled(db, every(before, str(tmp_path)), NOW)
    assert polled(db, every(after, str(tmp_path)), NOW + later) is is_due
    due = (NOW + later if is_due else NOW) + after
    assert state_of(db).next_poll_at == due
    assert polled(db, every(after, str(tmp_path)), due - timedelta(seconds=1)) is False
    assert polled(db, every(after, str(tmp_path)), due) is True


def test_a_source_that_fails_waits_by_the_new_interval_as_well(db: Database, tmp_path: object) -> None:
    missing = f"{tmp_path}/missing"
    assert polled(db, every(DAY, missing), NOW)
    assert polled(db, every(HOUR, missing), NOW + timedelta(minutes=59)) is False
    assert polled(db, every(HOUR, missing), NOW + HOUR) is True
    assert state_of(db).next_poll_at == NOW + HOUR + 2 * HOUR


@pytest.mark.parametrize(("before", "after"), [(DAY, HOUR), (HOUR, DAY), (30 * DAY, timedelta(minutes=1))])
def test_the_doctor_is_right_at_once_after_the_change(
    db: Database, tmp_path: object, before: timedelta, after: timedelta
) -> None:
    polled(db, every(before, str(tmp_path)), NOW)
    later = NOW + before * 0.9
    settings = every(after, str(tmp_path))
    with db.read() as session:
        levels = {
            check.level for check in about_sources(settings, session, later) if check.what.startswith("source ours:")
        }
        assert levels == {"good"}
        assert future_stamps(session, settings, later) == {}
        assert next_poll(session.get(SourceState, "ours"), settings.sources[0]) == NOW + after


def test_the_doctor_still_sees_that_nobody_polls(db: Database, tmp_path: object) -> None:
    settings = every(HOUR, str(tmp_path))
    polled(db, settings, NOW)
    with db.read() as session:
        (check, *_) = about_sources(settings, session, NOW + 4 * HOUR)
    assert (check.level, "due every 1:00:00" in check.what) == ("broken", True)
