"""What is our fault, or the mail's own, blames nobody: by the door, by a bounce mail and by a webhook alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session

from tests.delivery.feedback.bounce_samples import SAMPLES
from tests.delivery.feedback.stage import SETTINGS, Office
from tests.delivery.mailserver import Mailbox, running
from tests.delivery.post import NOW, dice, queue_for, render, settings, states
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.feedback.events import Event, EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.envelope import Refused
from trialalerts.delivery.mail.reply_codes import ProviderSays, classify
from trialalerts.delivery.mail.verp import delivery_metadata, return_address
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy import answers, mass_guard, refusal_findings
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.delivery.transports.smtp.replies import SmtpReply, refusal
from trialalerts.subscribers.tables import SubscriberState

HOUR = timedelta(hours=1)
OURS = "550 5.7.1 Service unavailable; client host [192.0.2.7] blocked using zen.example"
FAULTY = {
    "size": "552 5.3.4 Message size exceeds fixed limit",
    "virus": "554 5.7.1 Message contains a virus",
    "form": "550 5.6.0 Message rejected: duplicate header From",
    "size by a 4xx": "452 4.3.4 message too large for this system",
    "an attachment": "552 5.7.0 This attachment type is blocked",
    "a bare line feed": "550 5.6.11 bare LF received after DATA",
}


def by_webhook(words: str, token: str, at: Office, *, provider: str = "postmark") -> Event:
    """A bounce as a provider tells it, with the other server's words."""
    event = at.event(EventKind.BOUNCED, provider=provider, token=token)
    return event.with_meaning(Meaning.told(words, kind=EventKind.BOUNCED, provider=ProviderSays.SOFT))


def by_mail(words: str, address: str, *, code: str) -> list[Event]:
    """A bounce mail such as Postfix sends."""
    mail = SAMPLES["postfix"].format(to=address)
    mail = mail.replace("Status: 5.1.1", f"Status: {code}")
    begin, end = mail.index("550 5.1.1 <mona"), mail.index("virtual mailbox table")
    mail = mail[:begin] + words + mail[end + len("virtual mailbox table") :]
    return events_of(mail.encode(), arrived=NOW, is_ours=lambda _: True)


def told(office: Office, way: str, number: int, words: str) -> None:
    """Let a mail come back with these words."""
    if way == "a webhook":
        office.handle(by_webhook(words, delivery_metadata(SETTINGS, number)["delivery"], office))
    else:
        (event,) = by_mail(words, return_address(SETTINGS, number), code=words.split()[1])
        office.handle(replace(event, event_id=f"{way} {number} {office.clock.now()}"))


def nobody_blamed(office: Office, *names: str) -> None:
    for name in names:
        assert office.person(name).state is SubscriberState.ACTIVE
        assert office.suppression(name) is None
        assert office.soft_bounces(name) is None
    assert "bounced" not in office.tallies(), "the breaker would divide it"


def findings(session: Session) -> list[tuple[str, str]]:
    return [(each.kind, each.subject) for each in open_findings(session)]


def test_the_replies_of_this_page_are_of_these_classes() -> None:
    assert classify(OURS).bounce_class == "ours"
    assert {name: classify(reply).bounce_class.value for name, reply in FAULTY.items()} == dict.fromkeys(
        FAULTY, "message"
    )


# --- the mail's own fault


@pytest.mark.parametrize("words", FAULTY.values(), ids=FAULTY)
def test_a_mails_own_fault_at_the_door_fails_that_mail_and_is_named(sqlite_db: Database, words: str) -> None:
    queue_for(sqlite_db, ["a", "b", "c", "d"])
    transport = MemoryTransport()
    code, _, text = words.partition(" ")
    for name in "abc":
        transport.answer(f"{name}@example.org", refusal(SmtpReply(int(code), text.encode()), "message"))
    count = send_queued(sqlite_db, transport, render, settings=settings(), clock=FrozenClock(NOW), random=dice())
    assert (count.failed, count.sent, count.broken) == (3, 1, None)
    with sqlite_db.read() as session:
        assert findings(session) == [(refusal_findings.FAULTY, classify(words).rule)]
        (finding,) = open_findings(session)
        assert code in finding.text
        assert "@" not in finding.text
        assert (outages(session), mass_guard.holds(session)) == ([], [])


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_no_command_at_which_it_is_said_makes_it_the_servers_fault(sqlite_db: Database, command: str) -> None:
    queue_for(sqlite_db, ["a", "b", "c", "d"])
    mailbox = Mailbox(answers={command: [FAULTY["form"]] * 3})
    with running(mailbox) as port:
        transport = open_transport(f"smtp://127.0.0.1:{port}?tls=none&connections=1")
        send_queued(sqlite_db, transport, render, settings=settings(), clock=FrozenClock(NOW), random=dice())
    assert sorted(states(sqlite_db).values()) == [*[DeliveryState.FAILED] * 3, DeliveryState.SENT]
    with sqlite_db.read() as session:
        assert findings(session) == [(refusal_findings.FAULTY, "msg.form")]
        assert outages(session) == []


def test_what_is_larger_than_a_provider_takes_is_the_mails_own_fault(sqlite_db: Database) -> None:
    queue_for(sqlite_db, ["a"])
    transport = MemoryTransport()
    transport.answer("a@example.org", Refused(reason="the message has 9 bytes", permanent=True, ours=True))
    send_queued(sqlite_db, transport, render, settings=settings(), clock=FrozenClock(NOW), random=dice())
    assert states(sqlite_db) == {"digest/a": DeliveryState.FAILED}
    with sqlite_db.read() as session:
        assert findings(session) == [(refusal_findings.FAULTY, "msg")]


@pytest.mark.parametrize("way", ["a webhook", "a bounce mail"])
def test_a_mails_own_fault_that_comes_back_fails_that_mail_and_is_named_for_a_day(office: Office, way: str) -> None:
    number = office.sent("mona")
    told(office, way, number, FAULTY["size"])
    assert office.state(number) is DeliveryState.FAILED
    nobody_blamed(office, "mona")
    with office.db.read() as session:
        assert findings(session) == [(refusal_findings.FAULTY, "msg.size")]
    with office.db.write() as session:
        mass_guard.forget_holds(session, now=NOW + timedelta(hours=23))
        assert findings(session)
        mass_guard.forget_holds(session, now=NOW + timedelta(hours=25))
        assert not findings(session)


# --- our fault


@pytest.mark.parametrize("way", ["a webhook", "a bounce mail"])
def test_what_comes_back_because_of_us_goes_again_and_is_named(office: Office, way: str) -> None:
    number = office.sent("mona")
    told(office, way, number, OURS)
    delivery = office.delivery(number)
    assert delivery.state is DeliveryState.QUEUED
    assert NOW < delivery.not_before <= NOW + 2 * HOUR
    assert delivery.request_key, "the provider would only repeat that it took it"
    nobody_blamed(office, "mona")
    with office.db.read() as session:
        (finding,) = open_findings(session)
        assert (finding.kind, finding.subject) == (refusal_findings.REFUSED, "example.org")
        assert "550 5.7.1" in finding.text
        assert "us.list" in finding.text


@pytest.mark.parametrize("way", ["a webhook", "a bounce mail"])
def test_what_comes_back_because_of_us_counts_for_the_guard(office: Office, way: str) -> None:
    names = ["mona", "lisa", "paul"]
    numbers = [office.sent(name) for name in names]
    with office.db.write() as session:
        answers.count_answers(session, {("example.org", answers.Answer.ANSWERED): 3}, at=NOW)
    for number in numbers:
        told(office, way, number, OURS)
    nobody_blamed(office, *names)
    assert {office.state(number) for number in numbers} == {DeliveryState.QUEUED}
    with office.db.read() as session:
        assert [each.scope for each in mass_guard.holds(session)] == ["example.org"]
        assert findings(session) == [(mass_guard.HELD, "example.org")]


@pytest.mark.parametrize("way", ["a webhook", "a bounce mail"])
def test_what_comes_back_because_of_us_again_and_again_fails_in_the_end_and_counts_for_nobody(
    office: Office, way: str
) -> None:
    number = office.sent("mona")
    with office.db.write() as session:
        session.get_one(Delivery, number).attempts = 1_000
    told(office, way, number, OURS)
    assert office.state(number) is DeliveryState.FAILED
    nobody_blamed(office, "mona")


def test_two_who_tell_of_one_try_let_it_go_again_once(office: Office) -> None:
    number = office.sent("mona")
    told(office, "a webhook", number, OURS)
    with office.db.write() as session:  # it goes again, and arrives
        delivery = session.get_one(Delivery, number)
        delivery.state, delivery.sent_at = DeliveryState.SENT, NOW
    office.clock.advance(HOUR)
    told(office, "a bounce mail", number, OURS)
    assert office.state(number) is DeliveryState.SENT


def test_a_late_word_of_an_earlier_try_does_nothing(office: Office) -> None:
    number = office.sent("mona")
    with office.db.write() as session:
        delivery = session.get_one(Delivery, number)
        delivery.transport, delivery.provider_id, delivery.attempts = "postmark", "second", 2
    token = delivery_metadata(SETTINGS, number)["delivery"]
    office.handle(replace(by_webhook(OURS, token, office), provider_ids=("first",)))
    assert office.state(number) is DeliveryState.SENT
    office.handle(replace(by_webhook(OURS, token, office), provider_ids=("second",)))
    assert office.state(number) is DeliveryState.QUEUED


@pytest.mark.parametrize("state", [DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.FAILED], ids=str)
def test_a_mail_that_goes_again_anyway_or_was_given_up_stays_as_it_is(office: Office, state: DeliveryState) -> None:
    number = office.sent("mona", state=state)
    told(office, "a webhook", number, OURS)
    assert office.state(number) is state
    nobody_blamed(office, "mona")


def test_a_mail_that_was_called_delivered_and_came_back_because_of_us_goes_again(office: Office) -> None:
    number = office.sent("mona", state=DeliveryState.DELIVERED)
    told(office, "a bounce mail", number, OURS)
    assert office.state(number) is DeliveryState.QUEUED
