"""Confirmation mails: one that asks, and never enough of them to hurt anybody."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from tests.delivery.post import NOW, add_person
from trialalerts.database import Database
from trialalerts.delivery.outbox import lifecycle
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.tables import Subscriber, SubscriberState


def request(session: Session, person: Subscriber, *ids: int, minutes: float = 0) -> bool:
    return request_confirmation(session, person, ids, now=NOW + timedelta(minutes=minutes), domain="example.org")


def mails(session: Session) -> list[Delivery]:
    return list(session.exec(select(Delivery).order_by(col(Delivery.id))))


def send_all(session: Session, minutes: float = 0) -> None:
    """Pretend that all that is due went out."""
    now = NOW + timedelta(minutes=minutes)
    due = lifecycle.claim_due(session, owner="one", limit=100, now=now, lease=timedelta(minutes=10))
    sent = [lifecycle.Settlement(delivery=each, state=DeliveryState.SENT) for each in due]
    lifecycle.settle(session, sent, now=now, transport="memory")
    session.expire_all()


def test_a_mail_is_queued_that_carries_ids_only(db: Database) -> None:
    with db.write() as session:
        assert request(session, add_person(session, state=SubscriberState.PENDING), 4, 2)
        (mail,) = mails(session)
    assert (mail.key, mail.kind, mail.data) == ("confirmation/key-mona/1", CONFIRMATION, {"preference_ids": [2, 4]})
    assert mail.not_before == NOW


def test_what_is_asked_while_a_mail_waits_goes_into_that_mail(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        assert request(session, person, 1)
        assert request(session, person, 2, minutes=1)
        (mail,) = mails(session)
    assert mail.data == {"preference_ids": [1, 2]}


def test_the_same_asked_again_within_ten_minutes_is_answered_by_the_mail_that_went(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        request(session, person, 1)
        send_all(session)
        assert not request(session, person, 1, minutes=9)
        assert len(mails(session)) == 1
        assert request(session, person, 1, minutes=10)
        assert [mail.key for mail in mails(session)] == ["confirmation/key-mona/1", "confirmation/key-mona/2"]


def test_something_new_asked_within_ten_minutes_waits_for_their_end(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        request(session, person, 1)
        send_all(session)
        assert request(session, person, 2, minutes=3)
        assert request(session, person, 3, minutes=4)
        _, mail = mails(session)
    assert mail.data == {"preference_ids": [2, 3]}
    assert mail.not_before == NOW + timedelta(minutes=10)


def test_each_person_is_counted_alone(db: Database) -> None:
    with db.write() as session:
        assert request(session, add_person(session, "a"), 1)
        assert request(session, add_person(session, "b"), 1)
        assert len(mails(session)) == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5)), max_size=40))
def test_nobody_can_be_bombed(sqlite_db: Database, steps: list[tuple[int, int]]) -> None:
    """However often somebody is signed up: never two in ten minutes, never more than five in a day."""
    with sqlite_db.write() as session:
        person = add_person(session, f"n{len(session.exec(select(Subscriber)).all())}")
        minute = 0
        for wait, number in steps:
            minute += wait
            send_all(session, minute)
            request(session, person, number, minutes=minute)
        times = sorted(mail.not_before for mail in mails(session) if mail.subscriber_id == person.id)
    assert all(later - earlier >= timedelta(minutes=10) for earlier, later in pairwise(times))
    assert all(later - earlier >= timedelta(days=1) for earlier, later in zip(times, times[5:], strict=False))
