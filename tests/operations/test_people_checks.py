"""Whoever is overdue is told, with how many and since when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.post import NOW, add_person
from tests.digests.stage import publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.database import Database
from trialalerts.operations.checks.people import about_overdue
from trialalerts.settings import Settings, SourceSettings
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, SubscriberState

HOUR = timedelta(hours=1)
WAITING = Settings(sources=(SourceSettings(name="ctgov", kind="feed", url="https://example.org/"),))


@pytest.mark.parametrize(
    ("late", "level", "words"),
    [
        ([], "good", "people: nobody is overdue"),
        ([timedelta(minutes=5), -HOUR], "good", "people: nobody is overdue"),
        ([HOUR], "look", "1 person is overdue since 2026-03-02 08:30 UTC"),
        ([HOUR, 3 * HOUR], "broken", "2 people are overdue since 2026-03-02 06:30 UTC"),
        ([timedelta(days=30)] * 3, "broken", "3 people are overdue since 2026-01-31 09:30 UTC"),
    ],
)
def test_overdue_people_are_counted(db: Database, late: list[timedelta], level: str, words: str) -> None:
    with db.write() as session:
        for number, by in enumerate(late):
            add_person(session, f"n{number}", next_due_at=NOW - by, cursor=7)
        for state in (SubscriberState.PAUSED, SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING):
            add_person(session, state.value, state=state, next_due_at=NOW - timedelta(days=3))
    with db.read() as session:
        (check,) = about_overdue(Settings(), session, NOW)
    assert (check.level, check.what.partition(";")[0]) == (level, words)
    assert ("no process is known to compose" in check.what) is (level != "good")
    assert bool(check.remedy) is (level != "good")


def test_who_waits_for_the_sources_first_sweep_is_not_overdue(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        add_person(session, "new", next_due_at=NOW - 5 * HOUR, cursor=NEVER_SERVED)
    with sqlite_db.read() as session:
        assert [check.level for check in about_overdue(WAITING, session, NOW)] == ["good"]
        assert [check.level for check in about_overdue(Settings(), session, NOW)] == ["broken"]


def test_who_is_served_at_once_is_overdue_only_where_something_is_new(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        item = store_trial(session, 1, NOW - 9 * HOUR)
        seen = publish(session, item, ChangeKind.OPENED, NOW - 9 * HOUR)
        store_subscriber(session, "imm", NOW - timedelta(days=9), cursor=seen, frequency=Frequency.IMMEDIATELY)
    with db.read() as session:
        assert [check.level for check in about_overdue(Settings(), session, NOW)] == ["good"]
    with db.write() as session:
        publish(session, item, ChangeKind.RESULTS_POSTED, NOW - 3 * HOUR)
    with db.read() as session:
        (check,) = about_overdue(Settings(), session, NOW)
    assert check.level == "broken"
    assert "1 person is overdue since 2026-03-02 06:30 UTC" in check.what
