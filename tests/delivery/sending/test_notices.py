"""Whom a notice goes to: those who may get it, at the address that it is about."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session

from tests.delivery.post import NOW, SECRET, add_person, settings
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.kinds import GOODBYE, HEARTBEAT, LINK, NEW_ADDRESS, OLD_ADDRESS
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy.effects import concerns_another_address, record_complaint_elsewhere
from trialalerts.delivery.sending.recipient_check import Recipient, Withheld, check_recipients
from trialalerts.subscribers.account.moving import ask_for_address
from trialalerts.subscribers.tables import AddressChange, Subscriber, SubscriberState

ASKED = {"asked": int(NOW.timestamp())}
SETTINGS = settings()


def notice(person: Subscriber, kind: str, data: dict[str, Any] | None = None) -> Delivery:
    return Delivery(
        id=1,
        kind=kind,
        subscriber_id=person.id or 0,
        data=data or {},
        message_id="<1@example.org>",
        state=DeliveryState.QUEUED,
        not_before=NOW,
        created_at=NOW,
    )


def checked(session: Session, delivery: Delivery) -> Recipient | Withheld:
    (found,) = check_recipients(session, [delivery], settings=SETTINGS, now=NOW)
    return found


@pytest.mark.parametrize(
    ("kind", "state", "goes"),
    [
        (LINK, SubscriberState.ACTIVE, True),
        (LINK, SubscriberState.UNSUBSCRIBED, True),
        (LINK, SubscriberState.COMPLAINED, False),
        (GOODBYE, SubscriberState.UNSUBSCRIBED, True),
        (GOODBYE, SubscriberState.ACTIVE, False),
        (HEARTBEAT, SubscriberState.UNSUBSCRIBED, False),
        ("digest", SubscriberState.UNSUBSCRIBED, False),
    ],
)
def test_each_kind_goes_to_those_who_may_get_it(db: Database, kind: str, state: SubscriberState, goes: bool) -> None:
    with db.write() as session:
        found = checked(session, notice(add_person(session, state=state), kind))
    assert isinstance(found, Recipient) is goes


def test_the_mails_about_a_new_address_go_to_either(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        old = person.address
        ask_for_address(session, person, "new@example.net", now=NOW)
        found = [checked(session, notice(person, kind, ASKED)) for kind in (NEW_ADDRESS, OLD_ADDRESS)]
        assert [each.address for each in found if isinstance(each, Recipient)] == ["new@example.net", old]
        assert isinstance(checked(session, notice(person, NEW_ADDRESS, {"asked": 1})), Withheld)  # a wish of before


def test_a_new_address_that_must_not_be_mailed_gets_nothing(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        ask_for_address(session, person, "new@example.net", now=NOW)
        suppress(session, SECRET, "new@example.net", reason="complained", detail="test", now=NOW)
        assert isinstance(checked(session, notice(person, NEW_ADDRESS, ASKED)), Withheld)
        assert isinstance(checked(session, notice(person, OLD_ADDRESS, ASKED)), Recipient)


def test_what_comes_back_from_a_new_address_says_nothing_of_the_one_of_today(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        ask_for_address(session, person, "new@example.net", now=NOW)
        delivery = notice(person, NEW_ADDRESS, ASKED)
        assert concerns_another_address(session, delivery)
        record_complaint_elsewhere(session, SECRET, delivery, how="test", now=NOW)
        assert session.get(AddressChange, person.id) is None
        assert isinstance(checked(session, notice(person, LINK)), Recipient)
        ask_for_address(session, person, "new@example.net", now=NOW)
        assert isinstance(checked(session, notice(person, NEW_ADDRESS, ASKED)), Withheld)
