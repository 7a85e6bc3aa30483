"""When sending stands still: too many bounces or complaints, a transport that does not work, one that refuses us."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select
from structlog.testing import capture_logs

from tests.delivery.post import NOW, deliveries, dice, queue_for, render, settings, states
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Refused, Unsent
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.tables import DeliveryState, Tally, TransportState
from trialalerts.delivery.policy.cooldown import cool_down, end_outage, outage, outages
from trialalerts.delivery.sending.breaker import pause_of, resume_sending, trip
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.doctor import examine
from trialalerts.settings import BreakerSettings
from trialalerts.subscribers.tables import Subscriber

BREAKER = BreakerSettings(bounce_rate=0.05, complaint_rate=0.001, window=timedelta(hours=24), at_least=100)


def send(db: Database, clock: FrozenClock, transport: MemoryTransport | None = None) -> SendCount:
    return send_queued(
        db, transport or MemoryTransport(), render, settings=settings(breaker=BREAKER), clock=clock, random=dice()
    )


def count(session: Session, what: HourlyCounts, number: int, hours_ago: float = 0) -> None:
    counters.count_up(session, what, number, at=NOW - timedelta(hours=hours_ago))


@pytest.mark.parametrize(
    ("sent", "what", "number", "stops"),
    [
        (1_000, HourlyCounts.BOUNCED, 50, False),
        (1_000, HourlyCounts.BOUNCED, 51, True),
        (99, HourlyCounts.BOUNCED, 99, False),
        (100, HourlyCounts.BOUNCED, 6, True),
        (2_000, HourlyCounts.COMPLAINED, 2, False),
        (2_000, HourlyCounts.COMPLAINED, 3, True),
        (2_000, HourlyCounts.DELIVERED, 2_000, False),
    ],
)
def test_too_many_bounces_or_complaints_pause_sending(
    db: Database, sent: int, what: HourlyCounts, number: int, stops: bool
) -> None:
    with db.write() as session:
        count(session, HourlyCounts.SENT, sent)
        count(session, what, number)
        assert (trip(session, BREAKER, now=NOW) is not None) is stops
    with db.read() as session:
        assert (pause_of(session) is not None) is stops


def test_bounces_are_divided_by_what_was_answered_and_small_numbers_are_chance(db: Database) -> None:
    small = BreakerSettings()
    with db.write() as session:
        count(session, HourlyCounts.REFUSED, 30)
        count(session, HourlyCounts.BOUNCED, 4)
        count(session, HourlyCounts.COMPLAINED, 1)
        assert trip(session, small, now=NOW) is None
        count(session, HourlyCounts.BOUNCED, 1)
        paused = trip(session, small, now=NOW)
    assert paused is not None
    assert "5 of 30 mails" in paused.reason


def test_what_is_older_than_the_window_does_not_count(db: Database) -> None:
    with db.write() as session:
        count(session, HourlyCounts.SENT, 1_000)
        count(session, HourlyCounts.BOUNCED, 500, hours_ago=26)
        assert trip(session, BREAKER, now=NOW) is None
        count(session, HourlyCounts.BOUNCED, 500, hours_ago=23)
        assert trip(session, BREAKER, now=NOW) is not None


def test_while_sending_is_paused_nothing_is_claimed_and_the_operator_is_told(db: Database) -> None:
    queue_for(db, ["a", "b"])
    with db.write() as session:
        count(session, HourlyCounts.SENT, 1_000)
        count(session, HourlyCounts.BOUNCED, 80)
    clock = FrozenClock(NOW)
    with capture_logs() as logs:
        ended = send(db, clock)
    assert ended.sent == 0
    assert ended.broken is not None
    assert "80 of 1,000 mails of the last 24 hours bounced (8.00%, at most 5.00%)" in ended.broken
    assert "trialalerts deliveries resume" in ended.broken
    (told,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert told["event"] == "sending.paused"
    assert {row.attempts for row in deliveries(db).values()} == {0}
    findings = [found for found in examine(settings(), db, clock) if found.what.startswith("sending is paused")]
    assert [(found.level, "80 of 1,000" in found.what) for found in findings] == [("broken", True)]
    with db.read() as session:
        assert "80 of 1,000" in make_report(session, now=NOW, days=1).sending["paused"]
    clock.advance(timedelta(days=3))  # the bounces are long gone; a person has still to look
    assert send(db, clock).sent == 0


def test_sending_resumes_and_the_same_old_bounces_do_not_stop_it_again(db: Database) -> None:
    queue_for(db, ["a", "b"])
    with db.write() as session:
        count(session, HourlyCounts.SENT, 1_000)
        count(session, HourlyCounts.BOUNCED, 80)
    clock = FrozenClock(NOW)
    assert send(db, clock).sent == 0
    with db.write() as session:
        assert resume_sending(session, now=NOW + timedelta(minutes=5)) is not None
        assert resume_sending(session, now=NOW + timedelta(minutes=5)) is None
    clock.advance(timedelta(minutes=6))
    assert send(db, clock) == SendCount(sent=2)
    with db.write() as session:  # new ones do
        counters.count_up(session, HourlyCounts.SENT, 98, at=clock.now())
        counters.count_up(session, HourlyCounts.BOUNCED, 6, at=clock.now())
        assert trip(session, BREAKER, now=clock.now()) is not None
        assert counters.since(session, NOW - timedelta(days=1))[HourlyCounts.BOUNCED] == 86, (
            "nothing counted is forgotten"
        )


def test_tallies_are_counted_by_the_hour_whoever_counts(db: Database) -> None:
    for minutes in (0, 10, 29, 30, 45):
        with db.write() as session:
            counters.count_up(session, HourlyCounts.SENT, 2, at=NOW + timedelta(minutes=minutes))
            counters.count_up(session, HourlyCounts.BOUNCED, 0, at=NOW)
    with db.write() as session:
        rows = session.exec(select(Tally).order_by(col(Tally.hour))).all()
        assert [(row.hour.hour, row.what, row.count) for row in rows] == [(9, "sent", 6), (10, "sent", 4)]
        counters.forget_counters(session, now=NOW + counters.KEPT + timedelta(minutes=15))
        assert counters.since(session, NOW - timedelta(days=1)) == {
            what: 4 if what == "sent" else 0 for what in HourlyCounts
        }


def test_each_mail_that_is_accepted_is_tallied_once(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport()
    transport.answer("b@example.org", Refused(reason="no such mailbox", permanent=True, code="550 5.1.1"))
    send(db, FrozenClock(NOW), transport)
    with db.read() as session:
        assert counters.since(session, NOW - timedelta(hours=1))[HourlyCounts.SENT] == 2
        report = make_report(session, now=NOW, days=1)
    assert report.mails == {"sent": 2, "delivered": 0, "bounced": 1, "complained": 0, "handed_off": 0, "nudged": 0}
    assert report.deliveries == {DeliveryState.FAILED: 1, DeliveryState.SENT: 2}


def test_a_transport_is_left_alone_longer_the_longer_it_does_not_work(db: Database) -> None:
    clock = FrozenClock(NOW)
    waits = []
    for _ in range(12):
        with db.write() as session:
            state = cool_down(session, "smtp", reason="connection refused", now=clock.now())
            assert state.retry_at is not None
            waits.append((state.retry_at - clock.now()).total_seconds())
            assert state.since == NOW
        clock.advance(timedelta(seconds=waits[-1] + 5))
    assert waits == [0, 5, 15, 35, 75, 155, 300, 300, 300, 300, 300, 300]
    with db.write() as session:
        assert [each.name for each in outages(session)] == ["smtp"]
        end_outage(session, "smtp")
        assert outage(session, "smtp") is None


def test_a_benched_transport_is_not_tried_and_what_it_asks_for_is_handled(db: Database) -> None:
    queue_for(db, ["a"])
    transport, clock = MemoryTransport(), FrozenClock(NOW)
    transport.answer("a@example.org", Unsent(reason="too many requests", retry_after=90))
    assert send(db, clock, transport).broken == "too many requests"
    clock.advance(timedelta(seconds=89))
    ended = send(db, clock, transport)
    assert (transport.tried, ended.sent, ended.released) == (1, 0, 0)
    assert ended.broken == "too many requests (tried again at 09:31:30 UTC)"
    findings = [found.what for found in examine(settings(), db, clock) if "does not work" in found.what]
    assert findings == [
        "the transport memory does not work since 2026-03-02 09:30 UTC, tried again at 09:31 UTC: too many requests"
    ]
    transport.answer("a@example.org", None)
    clock.advance(timedelta(seconds=1))
    assert send(db, clock, transport) == SendCount(sent=1)
    with db.read() as session:
        assert session.get(TransportState, "memory") is None


def test_refusals_because_of_us_bench_the_transport_and_blame_no_subscriber(db: Database) -> None:
    queue_for(db, ["a", "b", "c", "d"])
    with db.write() as session:
        for person in session.exec(select(Subscriber)).all():  # one domain alone would only rest itself
            person.address = f"{person.address[0]}@{person.address[0]}.example"
    transport = MemoryTransport()
    for name in "abcd":
        transport.answer(
            f"{name}@{name}.example", Refused(reason="blocked", permanent=True, code="550 5.7.1", ours=True)
        )
    with capture_logs() as logs:
        assert send(db, FrozenClock(NOW), transport).broken is not None
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["transport.refuses_us"]
    assert set(states(db).values()) == {DeliveryState.QUEUED}
    with db.read() as session:
        assert outage(session, "memory") is not None
