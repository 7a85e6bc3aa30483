"""The outbox: rows that move from state to state, and leases that run out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text

from tests.delivery.post import NOW, add_person, deliveries, dice, queue, queue_for, states
from trialalerts.database import Database
from trialalerts.delivery.outbox import lifecycle, requeueing
from trialalerts.delivery.outbox.lifecycle import Claimed, Settlement
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.errors import InvalidInput, NotFound

LEASE = timedelta(minutes=10)
THREE_DAYS = timedelta(days=3)


def claim(db: Database, owner: str = "one", limit: int = 100, after: timedelta = timedelta()) -> list[Claimed]:
    return lifecycle.claim(db, owner=owner, limit=limit, now=NOW + after, lease=LEASE)


def keys(db: Database, claimed: Sequence[Claimed]) -> list[str]:
    known = {row.id: key for key, row in deliveries(db).items()}
    return [known[each.id] for each in claimed]


def settle(db: Database, state: DeliveryState, *claimed: Claimed, **values: Any) -> None:
    settlements = [Settlement(delivery=each, state=state, **values) for each in claimed]
    with db.write() as session:
        lifecycle.settle(session, settlements, now=NOW, transport="memory")


def test_the_same_key_is_queued_once(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        assert queue(session, person, data={"digest_id": 7})
        assert not queue(session, person, data={"digest_id": 8})
    (row,) = deliveries(db).values()
    assert (row.state, row.attempts, row.data, row.not_before) == (DeliveryState.QUEUED, 0, {"digest_id": 7}, NOW)
    assert row.message_id.endswith("@example.org>")


def test_a_mail_queued_in_a_transaction_that_fails_was_never_queued(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as session:
        queue(session, add_person(session))
        raise RuntimeError
    assert deliveries(db) == {}


def test_a_claim_leases_the_oldest_that_are_due(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    with db.write() as session:
        queue(session, add_person(session, "later"), key="digest/later", not_before=NOW + timedelta(seconds=1))
    claimed = claim(db, limit=2)
    assert [(key, each.attempts) for key, each in zip(keys(db, claimed), claimed, strict=True)] == [
        ("digest/a", 1),
        ("digest/b", 1),
    ]
    assert {each.leased_until for each in claimed} == {NOW + LEASE}
    assert list(states(db).values()).count(DeliveryState.SENDING) == 2
    assert keys(db, claim(db, owner="two")) == ["digest/c"]
    assert claim(db, owner="three") == []


def test_an_expired_lease_is_claimed_again_with_the_same_message_id(db: Database) -> None:
    queue_for(db, ["a", "b"])
    (first,) = claim(db, limit=1)
    assert keys(db, claim(db, owner="two", after=LEASE - timedelta(seconds=1))) == ["digest/b"]
    again = claim(db, owner="three", after=LEASE)
    assert [(each.id, each.attempts, each.message_id) for each in again] == [(first.id, 2, first.message_id)]


def test_a_confirmation_is_claimed_before_all_digests(db: Database) -> None:
    queue_for(db, ["a", "b"])
    with db.write() as session:
        person = add_person(session, "new")
        queue(session, person, key="confirmation/1", kind="confirmation", not_before=NOW + timedelta(minutes=5))
    assert keys(db, claim(db, limit=1)) == ["digest/a"]
    assert keys(db, claim(db, limit=1, after=timedelta(minutes=5))) == ["confirmation/1"]


def test_claims_and_ends_read_no_more_of_the_queue_than_they_take(db: Database) -> None:
    """Neither the digests before a confirmation nor the queue behind the first rows is looked at or sorted."""
    with db.write() as session:
        person = add_person(session)
        for number in range(2_000):
            queue(session, person, key=f"digest/{number}")
        if not db.is_sqlite:
            session.connection().execute(text("ANALYZE delivery"))
    plans = []
    explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "

    def explained(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        del connection
        values = parameters[0] if isinstance(parameters, list) else parameters
        if not statement.startswith("BEGIN"):
            cursor.execute(explain + statement, values)
            plans.append(" ".join(str(row) for row in cursor.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explained)
    claimed = claim(db, limit=10)
    claims = plans.copy()
    plans.clear()
    settle(db, DeliveryState.SENT, *claimed[:5], provider_id="p")
    settle(db, DeliveryState.FAILED, *claimed[5:8], error="550")
    settle(db, DeliveryState.QUEUED, *claimed[8:])
    event.remove(db.engine, "before_cursor_execute", explained)
    assert len(claimed) == 10
    assert "ix_delivery_waiting_confirmation" in claims[1]
    assert all("ix_delivery_state_not_before" in plan for plan in (claims[0], *claims[2:]))
    assert len(plans) == 3, plans
    by_number = "INTEGER PRIMARY KEY" if db.is_sqlite else "delivery_pkey"
    assert [plan for plan in plans if by_number not in plan] == []
    assert not any("Sort" in plan or "TEMP B-TREE" in plan or "SCAN delivery" in plan for plan in claims + plans)


def test_two_claims_at_once_never_take_the_same_row(db: Database) -> None:
    queue_for(db, [f"n{number}" for number in range(60)])
    taken: list[list[str]] = []
    start = threading.Barrier(4)

    def work(owner: str) -> None:
        start.wait()
        mine: list[str] = []
        while found := claim(db, owner=owner, limit=7):
            mine += [str(each.id) for each in found]
        taken.append(mine)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [key for mine in taken for key in mine]
    assert len(every) == 60 == len(set(every))


def test_what_was_sent_is_sent_even_if_the_lease_has_gone_to_somebody_else(db: Database) -> None:
    queue_for(db, ["a"])
    slow = claim(db)
    quick = claim(db, owner="two", after=LEASE)
    settle(db, DeliveryState.SENT, *slow, provider_id="p-1")
    settle(db, DeliveryState.FAILED, quick[0], error="too late to say so")
    (row,) = deliveries(db).values()
    assert (row.state, row.sent_at, row.transport, row.leased_by) == (DeliveryState.SENT, NOW, "memory", None)
    assert row.provider_id == "p-1"


def test_only_the_holder_of_a_lease_may_settle_what_was_not_sent(db: Database) -> None:
    queue_for(db, ["a"])
    slow = claim(db)
    claim(db, owner="two", after=LEASE)
    settle(db, DeliveryState.QUEUED, *slow, counted=False)
    settle(db, DeliveryState.FAILED, slow[0], error="not mine any more")
    (row,) = deliveries(db).values()
    assert (row.state, row.leased_by, row.attempts) == (DeliveryState.SENDING, "two", 2)


def test_a_word_from_the_provider_is_not_taken_back_by_a_late_acknowledgement(db: Database) -> None:
    queue_for(db, ["a"])
    claimed = claim(db)
    with db.write() as session:
        row = session.get(Delivery, claimed[0].id)
        assert row is not None
        row.state = DeliveryState.DELIVERED
    settle(db, DeliveryState.SENT, *claimed)
    assert states(db) == {"digest/a": DeliveryState.DELIVERED}


def test_released_and_postponed_deliveries_count_no_attempt(db: Database) -> None:
    queue_for(db, ["a", "b"])
    first, second = claim(db)
    ends = [
        lifecycle.postponement(first, until=None, reason=None),
        lifecycle.postponement(second, until=NOW + timedelta(hours=1), reason="paused"),
    ]
    with db.write() as session:
        lifecycle.settle(session, ends, now=NOW, transport="memory")
    rows = deliveries(db)
    assert {key: (row.state, row.attempts) for key, row in rows.items()} == {
        "digest/a": (DeliveryState.QUEUED, 0),
        "digest/b": (DeliveryState.QUEUED, 0),
    }
    assert rows["digest/b"].not_before == NOW + timedelta(hours=1)


def test_a_retry_waits_longer_each_time_and_is_given_up_after_three_days(db: Database) -> None:
    queue_for(db, ["a"])
    random = dice()
    waits = []
    now = NOW
    while found := lifecycle.claim(db, owner="one", limit=1, now=now, lease=LEASE):
        end = lifecycle.retrial(
            found[0], now=now, give_up_after=THREE_DAYS, random=random, error="450 later", code="450 4.2.0"
        )
        with db.write() as session:
            lifecycle.settle(session, [end], now=now, transport="memory")
        if end.state is DeliveryState.FAILED:
            break
        waits.append(deliveries(db)["digest/a"].not_before - now)
        now += waits[-1]
    row = deliveries(db)["digest/a"]
    assert (row.state, row.last_error, row.last_code) == (DeliveryState.FAILED, "450 later", "450 4.2.0")
    assert timedelta(seconds=45) <= waits[0] <= timedelta(seconds=75)
    assert max(waits) <= timedelta(hours=7.5)
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=4)
    assert len(waits) == 19


@given(attempts=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_is_between_a_minute_and_six_hours_give_or_take_a_quarter(attempts: int, seed: int) -> None:
    wait = lifecycle.backoff(attempts, dice(seed))
    assert timedelta(seconds=45) <= wait <= timedelta(hours=7.5)


@pytest.mark.parametrize(
    ("code", "retry_after", "least", "most"),
    [
        ("450 4.2.0", None, timedelta(seconds=45), timedelta(seconds=75)),
        ("450 4.7.1", None, timedelta(minutes=3), timedelta(minutes=7)),
        ("451 4.7.1", None, timedelta(minutes=3), timedelta(minutes=7)),
        ("421 4.7.0", 1800.0, timedelta(minutes=30), timedelta(minutes=30)),
        (None, 10.0**9, timedelta(days=1), timedelta(days=1)),
        (None, 1.0, timedelta(seconds=45), timedelta(seconds=75)),
    ],
)
def test_greylisting_waits_longer_and_what_the_other_side_asks_for_is_handled(
    db: Database, code: str | None, retry_after: float | None, least: timedelta, most: timedelta
) -> None:
    queue_for(db, ["a"])
    (row,) = claim(db)
    end = lifecycle.retrial(
        row, now=NOW, give_up_after=THREE_DAYS, random=dice(), error="later", code=code, retry_after=retry_after
    )
    assert end.not_before is not None
    assert least <= end.not_before - NOW <= most


def test_failed_deliveries_are_queued_again_with_all_their_attempts(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    first, second, third = claim(db)
    settle(db, DeliveryState.FAILED, first, error="550", code="550 5.1.1")
    settle(db, DeliveryState.SUPPRESSED, second, error="unsubscribed")
    settle(db, DeliveryState.SENT, third)
    with db.write() as session:
        assert requeueing.requeue_failed(session, now=NOW + LEASE) == 1
    row = deliveries(db)["digest/a"]
    assert (row.state, row.attempts, row.not_before) == (DeliveryState.QUEUED, 0, NOW + LEASE)
    assert row.message_id == first.message_id
    with db.write() as session:
        requeueing.requeue(session, lifecycle.find_delivery(session, second.id), now=NOW)
    assert states(db)["digest/b"] is DeliveryState.QUEUED
    with db.write() as session, pytest.raises(InvalidInput, match="is sent; only failed, suppressed or queued"):
        requeueing.requeue(session, lifecycle.find_delivery(session, third.id), now=NOW)


def test_deliveries_are_listed_newest_first_by_state_and_person(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    (first,) = claim(db, limit=1)
    settle(db, DeliveryState.FAILED, first, error="550")
    with db.read() as session:
        assert [each.key for each in lifecycle.list_deliveries(session)] == ["digest/c", "digest/b", "digest/a"]
        assert [each.key for each in lifecycle.list_deliveries(session, limit=1)] == ["digest/c"]
        assert [each.key for each in lifecycle.list_deliveries(session, states=[DeliveryState.FAILED])] == ["digest/a"]
        mine = lifecycle.list_deliveries(session, subscriber_id=first.subscriber_id)
        assert [each.key for each in mine] == ["digest/a"]
        with pytest.raises(NotFound, match="no delivery 999"):
            lifecycle.find_delivery(session, 999)
