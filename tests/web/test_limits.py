from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import RequestingClient
from trialalerts.web.clients.limits import ClientLimit, SharedClientLimit, client_of


def test_a_client_may_do_so_many_things_and_then_waits(clock: FrozenClock) -> None:
    limit = ClientLimit(clock, times=3, within=timedelta(minutes=15))
    assert [limit.wait("198.51.100.7") for _ in range(4)] == [0, 0, 0, 900]
    clock.advance(timedelta(minutes=5))
    assert limit.wait("198.51.100.7") == 600
    clock.advance(timedelta(minutes=10))
    assert limit.wait("198.51.100.7") == 0


def test_another_client_is_not_held_up(clock: FrozenClock) -> None:
    limit = ClientLimit(clock, times=1, within=timedelta(minutes=15))
    assert [limit.wait(client) for client in ("a", "a", "b")] == [0, 900, 0]


def test_a_clock_set_back_locks_nobody_out(clock: FrozenClock) -> None:
    limit = ClientLimit(clock, times=1, within=timedelta(minutes=15))
    limit.wait("a")
    clock.advance(timedelta(days=-1))
    assert limit.wait("a") == 0


def test_a_flood_of_clients_does_not_fill_the_memory(clock: FrozenClock) -> None:
    limit = ClientLimit(clock, times=1, within=timedelta(minutes=15))
    for number in range(25_000):
        limit.wait(str(number))
    assert len(limit._seen) == 20_000


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::1", "2001:0db8:0001:0002"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_household_counts_as_one_client(host: str | None, client: str) -> None:
    assert client_of(host) == client


def _shared(db: Database, clock: FrozenClock, times: int = 3) -> SharedClientLimit:
    return SharedClientLimit(db, clock, secret="a secret of these tests", times=times, within=timedelta(minutes=15))


def test_several_processes_share_a_limit_and_a_restart_forgets_nothing(db: Database, clock: FrozenClock) -> None:
    first, second = _shared(db, clock), _shared(db, clock)
    assert [limit.wait("a") for limit in (first, second, first, second, first)] == [0, 0, 0, 900, 900]
    assert _shared(db, clock).wait("a") == 900
    assert second.wait("b") == 0
    clock.advance(timedelta(minutes=15))
    assert _shared(db, clock).wait("a") == 0


def test_a_flood_of_one_client_writes_no_more_than_what_is_allowed(db: Database, clock: FrozenClock) -> None:
    limit = _shared(db, clock)
    waits = [limit.wait("a") for _ in range(50)]
    assert waits == [0] * 3 + [900] * 47
    with db.read() as session:
        assert session.exec(select(RequestingClient.count)).one() == 3


def test_processes_that_count_at_the_same_time_allow_no_more(db: Database, clock: FrozenClock) -> None:
    limits = [_shared(db, clock, times=10) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        waits = list(threads.map(lambda number: limits[number % 4].wait("a"), range(24)))
    assert waits.count(0) == 10
