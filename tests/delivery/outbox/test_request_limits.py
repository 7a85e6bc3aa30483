"""What strangers can bring about is limited in the database, an hour in all and a day for each mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from tests.delivery.post import NOW
from trialalerts.database import Database
from trialalerts.delivery.outbox.request_limits import MOST_A_DAY, RequestLimits, take_place
from trialalerts.delivery.outbox.tables import RequestedMail
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
