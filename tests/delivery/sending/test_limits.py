"""How fast mail may leave: limits that hold whoever sends, domains that do not hold up each other, nights of rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.buckets import memory_database
from tests.delivery.post import NOW, add_person, deliveries, dice, queue, render, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import DeliveryState, SoftBounces
from trialalerts.delivery.sending.limits import Grant, Limits, Request, quiet_until
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.tables import SubscriberState

QUEUED, SENT = DeliveryState.QUEUED, DeliveryState.SENT


deadline_free = hypothesis.settings(deadline=None, max_examples=50)


def queue_to(db: Database, domain: str, number: int, **values: Any) -> None:
    """Queue so many mails to a domain."""
    with db.write() as session:
        for each in range(number):
            person = add_person(session, f"n{each}-{domain}")
            person.address = f"n{each}@{domain}"
            person.address_key = address_key(person.address)
            queue(session, person, key=f"{domain}/{each}", **values)


def send(
    db: Database, clock: FrozenClock, transport: MemoryTransport, *, goes_on: bool = False, **mail: Any
) -> SendCount:
    """Send a round; with ``goes_on`` it waits for turns, which moves the clock."""
    wait: Callable[[float], object] | None = None
    if goes_on:
        wait = lambda seconds: clock.advance(timedelta(seconds=seconds))  # noqa: E731 - a clock that is waited for
    return send_queued(db, transport, render, settings=settings(**mail), clock=clock, random=dice(), wait=wait)


def sent_to(transport: MemoryTransport) -> Counter[str]:
    return Counter(each.recipient.partition("@")[2] for each in transport.sent)


def test_all_mail_leaves_at_the_pace_of_its_limit(db: Database) -> None:
    queue_to(db, "example.org", 25)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    moments: list[datetime] = []
    transport = MemoryTransport(meanwhile=lambda _: moments.append(clock.now()))
    count = send(db, clock, transport, goes_on=True, limits={"per_second": 10})
    assert (count.sent, count.again_at) == (25, None)
    assert clock.now() - NOW == pytest.approx(timedelta(seconds=2.4), abs=timedelta(seconds=0.4))
    for start in moments:
        # what is granted at once is a fifth of a second's worth early
        assert sum(start <= moment < start + timedelta(seconds=1) for moment in moments) <= 12
    assert {row.attempts for row in deliveries(db).values()} == {1}


def test_a_round_that_may_not_wait_says_when_the_next_mail_may_leave(db: Database) -> None:
    queue_to(db, "example.org", 3)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    count = send(db, clock, transport, limits={"per_second": 0.5})
    assert (count.sent, count.again_at) == (1, NOW + timedelta(seconds=2))
    assert send(db, clock, transport, limits={"per_second": 0.5}).sent == 0
    clock.advance(timedelta(seconds=2))
    assert send(db, clock, transport, limits={"per_second": 0.5}).sent == 1


def test_a_limit_holds_for_several_processes_and_after_a_restart(db: Database) -> None:
    """Each takes its turns from the table; none keeps anything in its head."""
    queue_to(db, "example.org", 40)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    for _ in range(20):
        for _ in range(3):
            send(db, clock, transport, limits={"per_second": 5})
        clock.advance(timedelta(seconds=0.25))
    assert sum(sent_to(transport).values()) == pytest.approx(5 * 20 * 0.25, abs=2)


def test_a_day_has_so_many_mails_and_the_rest_leaves_the_day_after(db: Database) -> None:
    queue_to(db, "example.org", 10)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    count = send(db, clock, transport, limits={"per_day": 4})
    assert (count.sent, count.again_at) == (4, datetime(2026, 3, 3, tzinfo=UTC))
    clock.advance(timedelta(hours=5))
    assert send(db, clock, transport, limits={"per_day": 4}).sent == 0
    clock.move_to(datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC))
    assert send(db, clock, transport, limits={"per_day": 4}).sent == 4
    assert {row.attempts for row in deliveries(db).values() if row.state is QUEUED} == {0}


def test_a_slow_domain_does_not_hold_up_the_others(db: Database) -> None:
    queue_to(db, "slow.example.org", 200)
    queue_to(db, "quick.example.org", 50)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    domains = {"Slow.Example.org": {"per_second": 1}}
    send(db, clock, transport, batch=50, domains=domains)
    assert sent_to(transport) == {"slow.example.org": 1, "quick.example.org": 50}
    waiting = sorted(row.not_before for row in deliveries(db).values() if row.state is QUEUED)
    steps = {later - earlier for earlier, later in pairwise(waiting)}
    assert steps == {timedelta(seconds=1)}, "each has an appointment of its own"


def test_each_waiting_mail_of_a_slow_domain_is_looked_at_about_once(db: Database) -> None:
    queue_to(db, "slow.example.org", 30)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    looked_at = 0
    for _ in range(40):
        count = send(db, clock, transport, domains={"slow.example.org": {"per_second": 2}})
        looked_at += count.sent + count.postponed
        clock.advance(timedelta(seconds=0.5))
    assert sent_to(transport).total() == 30
    assert looked_at <= 2 * 30


def test_a_domain_has_its_own_day(db: Database) -> None:
    queue_to(db, "small.example.org", 7)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    for day in range(4):
        send(db, clock, transport, domains={"small.example.org": {"per_day": 2}})
        assert sent_to(transport).total() == min(7, 2 * (day + 1))
        clock.move_to(datetime(2026, 3, 3 + day, 0, 0, 1, tzinfo=UTC))


def test_a_domain_has_so_many_connections_and_the_others_use_the_rest(db: Database) -> None:
    queue_to(db, "narrow.example.org", 30)
    queue_to(db, "wide.example.org", 30)
    at_once: Counter[str] = Counter()
    most: Counter[str] = Counter()

    class Watched(MemoryTransport):
        def take(self, envelopes: Any) -> Any:
            domains = {each.recipient.partition("@")[2] for each in envelopes}
            assert len(domains) == 1, "a batch to a narrow domain holds nothing else"
            (domain,) = domains
            at_once[domain] += 1
            most[domain] = max(most[domain], at_once[domain])
            taken = super().take(envelopes)
            at_once[domain] -= 1
            return taken

    transport = Watched(batch=5, connections=4)
    clock = FrozenClock(NOW)
    for _ in range(40):
        send(db, clock, transport, domains={"narrow.example.org": {"connections": 1}})
        clock.advance(timedelta(seconds=5))
    assert sent_to(transport) == {"narrow.example.org": 30, "wide.example.org": 30}
    assert most["narrow.example.org"] == 1


def test_a_confirmation_passes_all_digests_and_rests_at_no_hour(db: Database) -> None:
    queue_to(db, "example.org", 20)
    with db.write() as session:
        person = add_person(session, "new", state=SubscriberState.PENDING)
        queue(session, person, key="confirmation/1", kind="confirmation")
    clock, transport = FrozenClock(NOW), MemoryTransport()
    send(db, clock, transport, limits={"per_day": 1}, quiet_hours="08:00-20:00")
    assert [each.recipient for each in transport.sent] == ["new@example.org"]
    queued = [row.not_before for row in deliveries(db).values() if row.state is QUEUED]
    assert set(queued) == {NOW}


def test_digests_wait_for_the_end_of_the_night_where_the_reader_lives(db: Database) -> None:
    zones = {"Europe/London": 9, "America/New_York": 4, "Asia/Kolkata": 15, "Pacific/Auckland": 22}
    with db.write() as session:
        for number, zone in enumerate(zones):
            person = add_person(session, f"z{number}")
            person.timezone = zone
            queue(session, person, key=zone)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    assert send(db, clock, transport, quiet_hours="22:00-07:00") == SendCount(sent=2, postponed=2)
    rows = deliveries(db)
    assert rows["America/New_York"].not_before == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert rows["Pacific/Auckland"].not_before == datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
    assert {row.attempts for row in rows.values() if row.state is QUEUED} == {0}


def test_who_bounced_softly_is_left_alone_for_a_while(db: Database) -> None:
    queue_to(db, "example.org", 2)
    with db.write() as session:
        bounced = deliveries(db)["example.org/0"].subscriber_id
        until = NOW + timedelta(hours=12)
        session.add(SoftBounces(subscriber_id=bounced, in_a_row=2, first_at=NOW, last_at=NOW, not_before=until))
    assert send(db, FrozenClock(NOW), MemoryTransport()) == SendCount(sent=1, postponed=1)
    assert deliveries(db)["example.org/0"].not_before == until
    assert send(db, FrozenClock(until), MemoryTransport()) == SendCount(sent=1)


@pytest.mark.parametrize(
    ("day", "most"), [(-1, 2), (0, 2), (1, 3), (2, 5), (3, 12)], ids=["before", "first", "second", "capped", "after"]
)
def test_a_new_sender_warms_up(sqlite_db: Database, day: int, most: int) -> None:
    queue_to(sqlite_db, "example.org", 12)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    begun = NOW.date() - timedelta(days=day)
    plan: dict[str, Any] = {"warm_up_from": begun, "warm_up": (2, 3, 8)}
    limits = {"per_day": 5} if day == 2 else {}
    assert send(sqlite_db, clock, transport, limits=limits, **plan).sent == most


def test_without_limits_no_turn_is_taken() -> None:
    limits = Limits(settings().mail)
    assert not limits.applies(NOW, ["", ""])
    assert limits.bucket_of("mona@example.org") == ""
    assert not Limits(settings(warm_up_from=date(2020, 1, 1)).mail).applies(NOW)


@deadline_free
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.lists(st.sampled_from(["", "a.example", "b.example"]), max_size=8)), max_size=12
    )
)
def test_no_lane_ever_runs_faster_than_its_limit(rounds: list[tuple[float, list[str]]]) -> None:
    limits = Limits(
        settings(
            limits={"per_second": 4, "per_day": 30},
            domains={"a.example": {"per_second": 1}, "b.example": {"per_day": 3}},
        ).mail
    )
    now = NOW
    left: list[tuple[datetime, str]] = []
    with memory_database() as db:
        for seconds, buckets in rounds:
            now += timedelta(seconds=seconds)
            with db.write() as session:
                turns = limits.take(session, [Request(bucket=bucket) for bucket in buckets], now=now)
            for bucket, turn in zip(buckets, turns, strict=True):
                assert turn == Grant() or turn.now != (turn.until is not None)
                assert turn.until is None or turn.until >= now
                if turn.now:
                    left.append((now, bucket))
    assert len(left) <= 30
    assert sum(bucket == "b.example" for _, bucket in left) <= 3
    for lanes_of, rate in ((("", "a.example", "b.example"), 4), (("a.example",), 1)):
        moments = [moment for moment, bucket in left if bucket in lanes_of]
        for first in moments:
            within = [moment for moment in moments if first <= moment < first + timedelta(seconds=2)]
            assert len(within) <= 2 * rate + 0.2 * rate + 1


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        ("", "UTC", "2026-03-02T23:00", None),
        ("22:00-07:00", "UTC", "2026-03-02T21:59", None),
        ("22:00-07:00", "UTC", "2026-03-02T22:00", "2026-03-03T07:00"),
        ("22:00-07:00", "UTC", "2026-03-03T06:59", "2026-03-03T07:00"),
        ("22:00-07:00", "UTC", "2026-03-03T07:00", None),
        ("9:00-17:30", "UTC", "2026-03-02T12:00", "2026-03-02T17:30"),
        ("12:00-12:00", "UTC", "2026-03-02T12:00", None),
        # the clocks go forward at 01:00 UTC: 02:30 does not exist that night
        ("22:00-02:30", "Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:30"),
        # the clocks go back at 01:00 UTC: the hour from 02:00 comes twice
        ("22:00-02:30", "Europe/Berlin", "2026-10-25T00:10", "2026-10-25T00:30"),
        ("22:00-02:30", "Europe/Berlin", "2026-10-25T01:10", "2026-10-25T01:30"),
    ],
)
def test_quiet_hours_are_local_and_end_when_they_should(hours: str, zone: str, now: str, until: str | None) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert quiet_until(hours, zone, at) == expected


@given(
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    zone=st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    start=st.times(),
    end=st.times(),
)
def test_quiet_hours_end_soon_and_it_is_not_quiet_then(now: datetime, zone: str, start: Any, end: Any) -> None:
    hours = f"{start:%H:%M}-{end:%H:%M}"
    until = quiet_until(hours, zone, now)
    if until is not None:
        assert timedelta() < until - now <= timedelta(hours=25)
