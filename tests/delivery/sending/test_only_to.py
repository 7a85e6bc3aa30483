"""``mail.only_to``: mail to all others is held back for good, and nobody is blamed for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select
from structlog.testing import capture_logs

from tests.delivery.post import (
    NOW,
    SECRET,
    add_person,
    deliveries,
    dice,
    queue,
    queue_for,
    render,
    settings,
    states,
)
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.envelope import Unsent
from trialalerts.delivery.outbox.allowed import EVERYBODY, allowed_recipients
from trialalerts.delivery.outbox.requeueing import MailsMeant, count_meant, requeue_failed, requeue_meant
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import (
    DeliveryState,
    DomainTally,
    RefusedAddress,
    SendingPause,
    SoftBounces,
    Suppression,
    Tally,
)
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.subscribers.erasure import close_books
from trialalerts.subscribers.tables import Subscriber, SubscriberState

HELD, SENT, QUEUED, SUPPRESSED = (
    DeliveryState.HELD,
    DeliveryState.SENT,
    DeliveryState.QUEUED,
    DeliveryState.SUPPRESSED,
)
ME = ("me@example.org",)
EVERYBODYS_MAIL: tuple[str, ...] = ()


def send(
    db: Database, only_to: tuple[str, ...], transport: MemoryTransport | None = None, at: FrozenClock | None = None
) -> SendCount:
    return send_queued(
        db,
        transport or MemoryTransport(),
        render,
        settings=settings(only_to=only_to),
        clock=at or FrozenClock(NOW),
        random=dice(),
    )


ADMITTED = [
    (("me@example.org",), "ME@Example.ORG", True),
    (("Me@EXAMPLE.org",), "me@example.org", True),
    (("me@example.org",), "me+tag@example.org", False),
    (("me@example.org",), "you@example.org", False),
    (("@example.org",), "you@example.org", True),
    (("@Example.ORG",), "You@EXAMPLE.org", True),
    (("@example.org",), "you@staff.example.org", False),
    (("@example.org",), "you@badexample.org", False),
    (("@bücher.example",), "anna@xn--bcher-kva.example", True),
    (("@xn--bcher-kva.example",), "anna@BÜCHER.example", True),
    (("anna@BÜCHER.example",), "Anna@bücher.example", True),
    (("straße@example.org",), "STRASSE@example.org", True),
    (("@a_b.example",), "you@axb.example", False),
    (("@a.example", "me@example.org"), "me@example.org", True),
    ((), "anybody@anywhere.example", True),
]


@pytest.mark.parametrize(("only_to", "address", "admitted"), ADMITTED)
def test_addresses_and_domains_are_compared_as_everywhere(
    sqlite_db: Database, only_to: tuple[str, ...], address: str, admitted: bool
) -> None:
    allowed = allowed_recipients(only_to)
    assert allowed.admits(address) is admitted
    if only_to:  # the database, asked for all at once, says the same
        with sqlite_db.write() as session:
            person = add_person(session, address)
            found = session.exec(select(Subscriber.id).where(allowed.admitted())).all()
            assert (person.id in found) is admitted


def test_an_empty_list_keeps_nobody_from_mail() -> None:
    assert not EVERYBODY
    assert not allowed_recipients(())


def test_the_list_is_read_once_however_many_mails_there_are() -> None:
    assert allowed_recipients(ME) is allowed_recipients(tuple(ME))


@pytest.mark.parametrize("kind", ["digest", "confirmation", "whatever comes later"])
def test_mail_of_every_kind_to_others_is_held_back_and_counted(db: Database, kind: str) -> None:
    with db.write() as session:
        queue(session, add_person(session, "me"), key="mine", kind="digest")
        queue(session, add_person(session, "other"), key="theirs", kind=kind)
    transport = MemoryTransport()
    with capture_logs() as logs:
        assert send(db, ME, transport) == SendCount(sent=1, held=1)
    assert [each.recipient for each in transport.sent] == ["me@example.org"]
    assert states(db) == {"mine": SENT, "theirs": HELD}
    assert "other@" not in str(logs)


def test_nobody_is_blamed_and_nothing_is_tallied(db: Database) -> None:
    queue_for(db, [f"other{number}" for number in range(30)])
    assert send(db, ME) == SendCount(held=30)
    with db.read() as session:
        for table in (Suppression, SoftBounces, RefusedAddress, DomainTally, Tally):
            assert session.exec(select(table)).all() == []
        assert pause_of(session) is None
        assert open_findings(session) == []
        assert {each.state for each in session.exec(select(Subscriber))} == {SubscriberState.ACTIVE}
    assert {each.attempts for each in deliveries(db).values()} == {0}


def test_taking_the_key_away_sends_nothing_of_it(db: Database) -> None:
    queue_for(db, ["other"])
    send(db, ME)
    transport, clock = MemoryTransport(), FrozenClock(NOW + timedelta(days=3))
    assert send(db, EVERYBODYS_MAIL, transport, clock) == SendCount()
    with db.write() as session:
        assert requeue_failed(session, now=clock.now()) == 0
    assert send(db, EVERYBODYS_MAIL, transport, clock) == SendCount()
    with db.write() as session:
        assert requeue_meant(session, MailsMeant(state=HELD), now=clock.now()) == 1
    assert send(db, EVERYBODYS_MAIL, transport, clock) == SendCount(sent=1)
    assert deliveries(db)["digest/other"].last_error is None


def quiet(session: Session) -> None:
    person = add_person(session, "paused", state=SubscriberState.PAUSED, paused_until=NOW + timedelta(days=2))
    queue(session, person, key="mail")


def waiting_for_a_retry(session: Session) -> None:
    queue(session, add_person(session, "slow"), key="mail", not_before=NOW + timedelta(hours=2))


def no_transport(session: Session) -> None:
    queue(session, add_person(session, "other"), key="mail")
    session.add(SendingPause(name="breaker", since=NOW, reason="too many bounces"))


@pytest.mark.parametrize("waits", [quiet, waiting_for_a_retry, no_transport])
def test_what_waited_for_something_else_does_not_leave_once_the_key_is_gone(db: Database, waits: object) -> None:
    assert callable(waits)
    with db.write() as session:
        waits(session)
    send(db, ME)
    assert states(db) == {"mail": HELD}


def test_a_transport_that_does_not_work_lets_nothing_through_later(db: Database) -> None:
    queue_for(db, ["me", "other"])
    broken = MemoryTransport()
    broken.answer("me@example.org", Unsent(reason="The server is away."))
    send(db, ME, broken)
    assert states(db) == {"digest/me": QUEUED, "digest/other": HELD}


@pytest.mark.parametrize("state", [each for each in SubscriberState if each not in {"active", "paused", "pending"}])
def test_who_must_not_be_mailed_anyway_is_suppressed_as_ever(sqlite_db: Database, state: SubscriberState) -> None:
    with sqlite_db.write() as session:
        queue(session, add_person(session, "gone", state=state), key="mail")
    send(sqlite_db, ME)
    assert states(sqlite_db) == {"mail": SUPPRESSED}


def test_what_was_held_back_is_checked_again_when_it_is_let_go(db: Database) -> None:
    queue_for(db, ["left", "complained", "away"])
    send(db, ME)
    with db.write() as session:
        people = {each.key: each for each in session.exec(select(Subscriber))}
        people["key-left"].state = SubscriberState.UNSUBSCRIBED
        suppress(session, SECRET, people["key-complained"].address, reason="complained", now=NOW)
        close_books(session, people["key-away"])
        requeue_meant(session, MailsMeant(state=HELD), now=NOW)
    transport = MemoryTransport()
    send(db, EVERYBODYS_MAIL, transport)
    assert transport.sent == []
    assert set(states(db).values()) == {SUPPRESSED}


def test_only_what_is_meant_is_let_go(db: Database) -> None:
    with db.write() as session:
        for number, address in enumerate(["a@one.example", "b@ONE.example", "c@two.example"]):
            at = NOW + timedelta(days=number)
            queue(session, add_person(session, address), key=address, now=at)
    send(db, ME, at=FrozenClock(NOW + timedelta(days=3)))
    with db.read() as session:
        for meant, number in (
            (MailsMeant(state=HELD), 3),
            (MailsMeant(state=HELD, domain="One.Example"), 2),
            (MailsMeant(state=HELD, domain="@one.example"), 2),
            (MailsMeant(state=HELD, since=NOW + timedelta(days=1)), 2),
            (MailsMeant(state=HELD, since=NOW + timedelta(days=1), domain="one.example"), 1),
            (MailsMeant(state=HELD, numbers=[1, 3]), 2),
            (MailsMeant(state=HELD, allowed=allowed_recipients(("c@two.example",))), 1),
            (MailsMeant(state=DeliveryState.FAILED), 0),
        ):
            assert count_meant(session, meant) == number, meant
