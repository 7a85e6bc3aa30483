"""Machines on one PostgreSQL go by its clock; one whose own clock differs says so, and far off sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from tests.digests.stage import SETTINGS, store_subscriber
from trialalerts.clock import SystemClock
from trialalerts.database import Database, open_database
from trialalerts.database.findings import open_findings
from trialalerts.database.server_clock import ServerClock, clock_of, skew_of
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.operations.timekeeping import CLOCK_SKEW, Timekeeper
from trialalerts.pipeline import Pipeline
from trialalerts.subscribers.tables import Subscriber


@dataclass(kw_only=True)
class WrongClock:
    """A machine's clock that is ahead by so much."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the moment that it shows."""
        return SystemClock().now() + self.ahead


@dataclass(kw_only=True)
class Counter:
    """Seconds that grow when they are told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Database]:
    """The database of the machines."""
    with open_database(postgresql_url) as db:
        yield db


@pytest.fixture
def nobody_there() -> Iterator[Database]:
    """A database that cannot be reached."""
    with open_database("postgresql+psycopg://nobody@127.0.0.1:1/nothing") as db:
        yield db


def told(db: Database) -> list[str]:
    with db.read() as session:
        return [finding.text for finding in open_findings(session, CLOCK_SKEW)]


@pytest.mark.parametrize("ahead", [timedelta(days=3653), timedelta(), -timedelta(days=3653)], ids=str)
def test_the_time_is_the_databases_whatever_the_machine_says(postgresql: Database, ahead: timedelta) -> None:
    clock = ServerClock(postgresql, WrongClock(ahead=ahead))
    assert abs(clock.now() - SystemClock().now()) < timedelta(minutes=1)
    assert abs(clock.skew() - ahead) < timedelta(minutes=1)


def test_between_two_questions_a_counter_carries_it_on(postgresql: Database) -> None:
    own, counter = WrongClock(), Counter()
    clock = ServerClock(postgresql, own, counter=counter)
    first = clock.now()
    own.ahead = timedelta(days=9)  # somebody sets the machine's clock: the counter does not care
    counter.seconds += 50
    assert clock.now() - first == timedelta(seconds=50)
    counter.seconds += 50  # asked anew: the server's time has not gone on so far
    assert clock.now() - first < timedelta(seconds=50)


def test_where_the_database_is_away_the_last_answer_is_carried_on(postgresql: Database, nobody_there: Database) -> None:
    own, counter = WrongClock(ahead=timedelta(days=9)), Counter()
    clock = ServerClock(postgresql, own, counter=counter)
    first = clock.now()
    clock._db = nobody_there
    counter.seconds += 3600
    assert clock.now() - first == timedelta(hours=1)
    stranger = ServerClock(nobody_there, own)
    assert abs(stranger.now() - own.now()) < timedelta(minutes=1)
    assert stranger.skew() == timedelta()


def test_sqlite_is_on_one_machine_and_goes_by_its_clock(sqlite_db: Database) -> None:
    clock = clock_of(sqlite_db)
    assert isinstance(clock, SystemClock)
    assert skew_of(clock) == timedelta()


@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_difference_is_told_while_it_lasts_and_a_large_one_stops_the_sending(postgresql: Database, sign: int) -> None:
    own = WrongClock()
    keeper = Timekeeper(postgresql, SETTINGS, ServerClock(postgresql, own))
    direction = "ahead of" if sign > 0 else "behind"
    for ahead, may_send, words in (
        (timedelta(seconds=10), True, None),
        (timedelta(seconds=100), True, direction),
        (timedelta(minutes=8), False, "nothing is sent from here until it is right"),
        (timedelta(minutes=2), True, direction),
        (timedelta(), True, None),
    ):
        own.ahead = sign * ahead
        assert keeper.look().may_send is may_send
        assert [str(words) in text for text in told(postgresql)] == ([True] if words else [])


def test_a_machine_whose_clock_is_far_off_sends_nothing_and_loses_nothing(postgresql: Database) -> None:
    own, transport = WrongClock(ahead=timedelta(minutes=8)), MemoryTransport()
    clock = ServerClock(postgresql, own)
    with postgresql.write() as session:
        store_subscriber(session, "ada", clock.now())
        session.flush()
        ada = session.exec(select(Subscriber)).one()
        request_confirmation(session, ada, [1], now=clock.now(), domain="example.org")
    pipeline = Pipeline(SETTINGS, postgresql, clock, transport)
    count = pipeline.send()
    assert (count.sent, transport.sent) == (0, [])
    assert "clock" in str(count.broken)
    with postgresql.read() as session:
        assert session.exec(select(Delivery.state)).all() == [DeliveryState.QUEUED]
    own.ahead = timedelta()
    assert pipeline.send().sent == 1
    assert [envelope.recipient for envelope in transport.sent] == ["ada@example.org"]
