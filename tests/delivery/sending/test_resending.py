"""A mail sent once more: a copy of its own, to somebody who may still be mailed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from tests.delivery.post import NOW, SECRET, add_person, deliveries, dice, queue, render, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.lifecycle import find_delivery
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending.resending import QueuedCopy, copies_of, resend
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber, SubscriberState


def sent_once(db: Database, kind: str = "digest") -> MemoryTransport:
    with db.write() as session:
        queue(session, add_person(session), key="first", kind=kind)
    transport = MemoryTransport()
    send(db, transport)
    return transport


def send(db: Database, transport: MemoryTransport) -> None:
    send_queued(db, transport, render, settings=settings(), clock=FrozenClock(NOW), random=dice())


def copied(db: Database, number: int = 1) -> QueuedCopy:
    with db.write() as session:
        return resend(session, settings(), find_delivery(session, number), now=NOW)


def test_a_mail_that_was_sent_goes_once_more_under_a_name_of_its_own(db: Database) -> None:
    transport = sent_once(db)
    copy = copied(db)
    send(db, transport)
    first, second = transport.sent
    assert first.recipient == second.recipient
    assert first.message.message_id != second.message.message_id
    with db.read() as session:
        row = find_delivery(session, copy.delivery_id)
        assert (row.copy_of, row.state, row.data, row.kind) == (1, DeliveryState.SENT, {"digest_id": 1}, "digest")
        assert find_delivery(session, 1).copy_of is None
        assert [each.id for each in copies_of(session, find_delivery(session, 1))] == [copy.delivery_id]
        assert copies_of(session, row) == []


def test_it_may_go_again_and_again_but_not_twice_at_once(db: Database) -> None:
    transport = sent_once(db)
    second = copied(db)
    with pytest.raises(InvalidInput, match=rf"Delivery {second.delivery_id}, a copy of delivery 1, is on its way"):
        copied(db)
    with pytest.raises(InvalidInput, match=f"Delivery {second.delivery_id} is queued: it is on its way by itself"):
        copied(db, second.delivery_id)
    send(db, transport)
    copied(db)
    copied(db, second.delivery_id)
    send(db, transport)
    assert len({each.message.message_id for each in transport.sent}) == 4


@pytest.mark.parametrize("state", [each for each in DeliveryState if each not in {"queued", "sending"}])
def test_whatever_became_of_it_it_may_go_again(sqlite_db: Database, state: DeliveryState) -> None:
    sent_once(sqlite_db)
    with sqlite_db.write() as session:
        find_delivery(session, 1).state = state
    assert copied(sqlite_db).waits_for is None


WHY = {
    SubscriberState.PENDING: "has not confirmed yet",
    SubscriberState.UNSUBSCRIBED: "has unsubscribed",
    SubscriberState.BOUNCED: "came back",
    SubscriberState.COMPLAINED: "complained",
    SubscriberState.ERASED: "was erased",
}


@pytest.mark.parametrize(("state", "why"), WHY.items())
def test_who_must_not_be_mailed_gets_no_copy_and_the_operator_the_reason(
    sqlite_db: Database, state: SubscriberState, why: str
) -> None:
    sent_once(sqlite_db)
    with sqlite_db.write() as session:
        session.exec(select(Subscriber)).one().state = state
    with pytest.raises(
        InvalidInput, match=rf"Delivery 1 is not sent again: its recipient \(subscriber 1\) .*{why}"
    ) as e:
        copied(sqlite_db)
    assert "@" not in str(e.value)
    assert len(deliveries(sqlite_db)) == 1


def test_a_suppressed_address_gets_no_copy(db: Database) -> None:
    sent_once(db)
    with db.write() as session:
        suppress(session, SECRET, "MONA@example.org", reason="operator", now=NOW)
    with pytest.raises(InvalidInput, match=r"suppressed \(operator\)"):
        copied(db)


def test_whom_only_to_does_not_name_gets_no_copy(sqlite_db: Database) -> None:
    sent_once(sqlite_db)
    with sqlite_db.write() as session, pytest.raises(InvalidInput, match=r"is not named in mail\.only_to"):
        resend(session, settings(only_to=("me@example.org",)), find_delivery(session, 1), now=NOW)


def test_a_copy_waits_for_the_end_of_a_pause_and_says_so(sqlite_db: Database) -> None:
    sent_once(sqlite_db)
    until = NOW + timedelta(days=2)
    with sqlite_db.write() as session:
        person = session.exec(select(Subscriber)).one()
        person.state, person.paused_until = SubscriberState.PAUSED, until
    copy = copied(sqlite_db)
    assert (copy.waits_for, copy.until) == ("paused", until)


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_confirmation_goes_again_only_while_there_is_something_to_confirm(
    sqlite_db: Database, confirmed: bool
) -> None:
    with sqlite_db.write() as session:
        person = add_person(session, state=SubscriberState.PENDING)
        asked = Preference(
            subscriber_id=person.id or 0,
            area_id="any",
            region_kind=RegionKind.ANYWHERE,
            region_label="anywhere",
            created_at=NOW,
            confirmed_at=NOW if confirmed else None,
        )
        session.add(asked)
        session.flush()
        queue(session, person, kind="confirmation", data={"preference_ids": [asked.id]})
    send(sqlite_db, MemoryTransport())
    if confirmed:
        with pytest.raises(InvalidInput, match="asks for nothing any more"):
            copied(sqlite_db)
    else:
        copied(sqlite_db)


def test_a_copy_counts_as_a_delivery_like_any_other(db: Database) -> None:
    sent_once(db)
    copied(db)
    with db.read() as session:
        assert len(session.exec(select(Delivery)).all()) == 2
