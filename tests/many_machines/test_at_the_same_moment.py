"""Two senders that note the same thing at the same moment: the second waits for the first, and both go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, text

from tests.many_machines.fleet import wait_for
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.policy import cooldown
from trialalerts.delivery.sending import breaker
from trialalerts.settings import BreakerSettings

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def db(postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL, where two may write at once."""
    with open_database(postgresql_url) as db:
        yield db


def somebody_waits(db: Database) -> bool:
    with db.read() as session:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(session.connection().execute(waiting).scalar_one())


def both_do(db: Database, work: Callable[[Session, datetime], object]) -> None:
    """Let a second one do the work while the first one's transaction is not over yet."""
    begun = threading.Event()

    def second() -> None:
        with db.write() as session:
            begun.set()
            work(session, NOW + timedelta(seconds=1))

    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            work(session, NOW)
            done = pool.submit(second)
            assert begun.wait(10)
            wait_for(lambda: somebody_waits(db) or done.done(), seconds=60)
        done.result(timeout=60)


def test_two_senders_may_find_a_transport_broken_at_once(db: Database) -> None:
    both_do(db, lambda session, now: cooldown.cool_down(session, "smtp", reason="gone", now=now))
    with db.read() as session:
        state = cooldown.outage(session, "smtp")
        assert state is not None
        assert (state.since, state.reason) == (NOW, "gone")


def test_two_senders_may_find_a_transport_at_work_again_at_once(db: Database) -> None:
    with db.write() as session:
        cooldown.cool_down(session, "smtp", reason="gone", now=NOW)
    both_do(db, lambda session, _: cooldown.end_outage(session, "smtp"))
    with db.read() as session:
        assert cooldown.outage(session, "smtp") is None


def test_two_senders_may_find_too_many_bounces_at_once(db: Database) -> None:
    with db.write() as session:
        counters.count_up(session, HourlyCounts.SENT, 100, at=NOW)
        counters.count_up(session, HourlyCounts.BOUNCED, 50, at=NOW)
    both_do(db, lambda session, now: breaker.trip(session, BreakerSettings(), now=now))
    with db.read() as session:
        paused = breaker.pause_of(session)
        assert paused is not None
        assert paused.since == NOW
