"""The link that somebody asks for: it comes to whoever is served, never too often, and tells strangers nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from tests.delivery.post import NOW, add_person
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.asking import answer_sign_up, request_link, request_link_for
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION, LINK
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, RequestedMail
from trialalerts.subscribers.tables import SubscriberState

LIMITS = RequestLimits(per_hour=100, secret="a secret of these tests")


def ask(session: Session, address: str, minutes: float = 0) -> bool:
    now = NOW + timedelta(minutes=minutes)
    return request_link_for(session, address, now=now, domain="example.org", limits=LIMITS)


def kinds(session: Session) -> list[str]:
    return list(session.exec(select(Delivery.kind).order_by(col(Delivery.id))))


def send_all(session: Session) -> None:
    for each in session.exec(select(Delivery)):
        each.state = DeliveryState.SENT
    session.flush()


@pytest.mark.parametrize("state", [SubscriberState.ACTIVE, SubscriberState.PAUSED])
def test_whoever_is_served_gets_their_link_however_the_address_is_spelled(db: Database, state: SubscriberState) -> None:
    with db.write() as session:
        person = add_person(session, state=state)
        assert ask(session, person.address.upper())
        assert kinds(session) == [LINK]


def test_who_never_confirmed_is_asked_to_confirm_once_more(db: Database) -> None:
    with db.write() as session:
        assert ask(session, add_person(session, state=SubscriberState.PENDING).address)
        assert kinds(session) == [CONFIRMATION]


@pytest.mark.parametrize(
    "state",
    [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED],
)
def test_who_is_not_to_be_mailed_gets_nothing_for_what_a_stranger_asks(db: Database, state: SubscriberState) -> None:
    with db.write() as session:
        assert not ask(session, add_person(session, state=state).address)
        assert kinds(session) == []


def test_an_address_that_nobody_has_leaves_nothing_behind(db: Database) -> None:
    with db.write() as session:
        assert not ask(session, "nobody@example.org")
        assert kinds(session) == []
        assert session.exec(select(RequestedMail)).all() == []


def test_asked_again_within_ten_minutes_the_mail_that_went_is_the_answer(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        assert ask(session, person.address)
        send_all(session)
        assert ask(session, person.address, minutes=9)
        assert kinds(session) == [LINK]
        assert ask(session, person.address, minutes=11)
        assert kinds(session) == [LINK, LINK]


def test_nobody_gets_more_than_five_in_a_day(db: Database) -> None:
    with db.write() as session:
        person = add_person(session)
        answers = []
        for round_ in range(8):
            answers.append(ask(session, person.address, minutes=30 * round_))
            send_all(session)
        assert answers == [True] * 5 + [False] * 3
        assert kinds(session) == [LINK] * 5


def test_who_has_left_gets_the_link_that_they_ask_for_on_their_own_page(db: Database) -> None:
    with db.write() as session:
        person = add_person(session, state=SubscriberState.UNSUBSCRIBED)
        assert request_link(session, person, now=NOW, domain="example.org")
        assert kinds(session) == [LINK]


@pytest.mark.parametrize(("to_confirm", "kind"), [([4], CONFIRMATION), ([], LINK)])
def test_a_sign_up_is_answered_by_what_is_left_to_do(db: Database, to_confirm: list[int], kind: str) -> None:
    with db.write() as session:
        person = add_person(session)
        assert answer_sign_up(session, person, to_confirm, now=NOW, domain="example.org", limits=LIMITS)
        assert kinds(session) == [kind]
