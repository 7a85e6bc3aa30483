"""What strangers can bring about is limited in the database, an hour in all and a day for each mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, delete, select

from tests.delivery.post import NOW
from trialalerts.database import Database
from trialalerts.delivery.outbox.request_limits import MOST_A_DAY, RequestLimits, count_client, take_place
from trialalerts.delivery.outbox.tables import RequestedMail, RequestingClient
from trialalerts.subscribers.addresses import mailbox_of

LIMITS = RequestLimits(per_hour=3, secret="a secret of these tests")


def ask(session: Session, address: str, minutes: float = 0, limits: RequestLimits = LIMITS) -> datetime | None:
    now = NOW + timedelta(minutes=minutes)
    return take_place(session, address, limits, due=now, now=now)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("anna@example.org", "anna@example.org"),
        ("Anna+trials@Example.org", "anna@example.org"),
        ("a.n.n.a+1@gmail.com", "anna@gmail.com"),
        ("anna@googlemail.com", "anna@gmail.com"),
        ("anna.lee+x@outlook.com", "anna.lee@outlook.com"),
        ("anna-shop@yahoo.de", "anna@yahoo.de"),
        ("an_n-a@protonmail.com", "anna@proton.me"),
        ("anna@me.com", "anna@icloud.com"),
        ("+x@example.org", "+x@example.org"),
        ("anna.lee@example.org", "anna.lee@example.org"),
    ],
)
def test_tags_and_dots_lead_to_the_same_mailbox(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


def test_beyond_so_many_an_hour_they_wait_for_their_turn(db: Database) -> None:
    turns = []
    for number in range(8):
        with db.write() as session:  # each in a transaction of its own, as different processes do
            turns.append(ask(session, f"p{number}@example.org", minutes=number))
    minutes = [(turn - NOW) / timedelta(minutes=1) for turn in turns if turn]
    assert minutes == [0, 1, 2, 60, 61, 62, 120, 121]


def test_a_mailbox_has_had_enough_after_some_a_day_whatever_its_tags(db: Database) -> None:
    wide = RequestLimits(per_hour=1_000, secret=LIMITS.secret)
    with db.write() as session:
        turns = [ask(session, f"m.ona+{number}@gmail.com", minutes=number, limits=wide) for number in range(9)]
        assert [turn is not None for turn in turns] == [True] * MOST_A_DAY + [False] * (9 - MOST_A_DAY)
        assert ask(session, "other@gmail.com", minutes=10, limits=wide) is not None
        assert ask(session, "mona@googlemail.com", minutes=24 * 60 + 1, limits=wide) is not None


def test_what_is_kept_is_no_address_and_goes_after_a_day(db: Database) -> None:
    with db.write() as session:
        ask(session, "mona@example.org")
        (kept,) = session.exec(select(RequestedMail)).all()
        assert "mona" not in kept.mailbox_hash
        ask(session, "lisa@example.org", minutes=24 * 60)
        assert len(session.exec(select(RequestedMail)).all()) == 1


def test_a_flood_is_refused_once_the_wait_is_days_and_leaves_nothing_behind(sqlite_db: Database) -> None:
    one = RequestLimits(per_hour=1, secret=LIMITS.secret)
    with sqlite_db.write() as session:
        turns = [ask(session, f"p{number}@example.org", limits=one) for number in range(100)]
        assert sum(turn is not None for turn in turns) == 73
        assert len(session.exec(select(RequestedMail)).all()) == 73


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses=st.lists(st.integers(0, 90), min_size=1, max_size=20), per_hour=st.integers(1, 4))
def test_no_hour_has_more_than_its_number(sqlite_db: Database, pauses: list[int], per_hour: int) -> None:
    limits = RequestLimits(per_hour=per_hour, secret=LIMITS.secret)
    with sqlite_db.engine.connect() as connection, Session(connection) as session:
        minutes, turns = 0, []
        for number, pause in enumerate(pauses):
            minutes += pause
            if turn := ask(session, f"p{number}@example.org", minutes, limits):
                assert turn >= NOW + timedelta(minutes=minutes)
                turns.append(turn)
        session.rollback()
    for first in turns:
        assert sum(first <= turn < first + timedelta(hours=1) for turn in turns) <= per_hour


# ---- one client


def count(db: Database, client: str, minutes: float = 0) -> int:
    """Count one more call in a transaction of its own, as different processes do."""
    now, within = NOW + timedelta(minutes=minutes), timedelta(minutes=15)
    with db.write() as session:
        return count_client(session, client, LIMITS.secret, times=3, within=within, now=now)


def test_a_client_may_ask_so_often_and_then_waits_whichever_process_it_asks(db: Database) -> None:
    assert [count(db, "198.51.100.7", minute) for minute in (0, 0, 5, 5, 6)] == [0, 0, 0, 600, 540]
    assert count(db, "203.0.113.9", 6) == 0
    assert [count(db, "198.51.100.7", minute) for minute in (14.999, 15, 15, 15, 15)] == [1, 0, 0, 0, 900]


def test_a_clock_set_back_locks_no_client_out(db: Database) -> None:
    assert [count(db, "a", minute) for minute in (0, 0, 0, 0, -60)] == [0, 0, 0, 900, 0]


def test_of_a_client_a_hash_is_kept_and_only_until_its_time_is_over(db: Database) -> None:
    for minute in range(0, 40, 2):
        count(db, f"198.51.100.{minute}", minute)
    with db.read() as session:
        rows = session.exec(select(RequestingClient)).all()
    assert sorted((row.since - NOW) / timedelta(minutes=1) for row in rows) == [24, 26, 28, 30, 32, 34, 36, 38]
    assert all(len(row.client_hash) == 64 and "198.51" not in row.client_hash for row in rows)


@given(calls=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 8)), max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_counts_as_a_simple_count_does(db: Database, calls: list[tuple[str, int]]) -> None:
    with db.write() as session:
        session.exec(delete(RequestingClient))
    minute, began, counted = 0, dict.fromkeys("abc", -99), dict.fromkeys("abc", 0)
    for client, later in calls:
        minute += later
        if minute - began[client] >= 15:
            began[client], counted[client] = minute, 0
        counted[client] += 1
        waits = 0 if counted[client] <= 3 else (began[client] + 15 - minute) * 60
        assert count(db, client, minute) == waits
