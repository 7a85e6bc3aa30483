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
from trialalerts.delivery import benching, breaker, tallies
from trialalerts.delivery.tallies import Tallied
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
    both_do(db, lambda session, now: benching.bench(session, "smtp", reason="gone", now=now))
    with db.read() as session:
        state = benching.standing(session, "smtp")
        assert state is not None
        assert (state.since, state.reason) == (NOW, "gone")


def test_two_senders_may_find_a_transport_at_work_again_at_once(db: Database) -> None:
    with db.write() as session:
        benching.bench(session, "smtp", reason="gone", now=NOW)
    both_do(db, lambda session, _: benching.clear(session, "smtp"))
    with db.read() as session:
        assert benching.standing(session, "smtp") is None


def test_two_senders_may_find_too_many_bounces_at_once(db: Database) -> None:
    with db.write() as session:
        tallies.add(session, Tallied.SENT, 100, at=NOW)
        tallies.add(session, Tallied.BOUNCED, 50, at=NOW)
    both_do(db, lambda session, now: breaker.trip(session, BreakerSettings(), now=now))
    with db.read() as session:
        paused = breaker.pause_of(session)
        assert paused is not None
        assert paused.since == NOW
