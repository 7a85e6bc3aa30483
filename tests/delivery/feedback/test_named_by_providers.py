"""Events that bring no token of ours name a mail by what its provider called it; what was not sent goes again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.delivery.feedback.senders import MAILGUN_KEY, NOW, mailgun_signature, senders
from tests.delivery.feedback.stage import Office
from trialalerts.database.findings import open_findings
from trialalerts.delivery.feedback.events import EventKind, FeedbackReason, SendAgain
from trialalerts.delivery.feedback.webhooks.call import WebhookCall
from trialalerts.delivery.outbox.lifecycle import Claimed, Settlement, settle
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy.cooldown import end_outage, outage
from trialalerts.subscribers.tables import SubscriberState

SENDERS = senders()
NAMES = {
    "ses": "0102",
    "postmark": "00000000-0000",
    "resend": "e-1",
    "sendgrid": "1.2",
    "mailgun": "m1@x",
    "brevo": "b1@x",
}
TOMORROW = datetime(2026, 3, 3, tzinfo=UTC)


def named(office: Office, name: str, provider_id: str, *, person: str = "mona") -> int:
    """Send a mail that its provider called so."""
    number = office.sent(person)
    with office.db.write() as session:
        delivery = session.exec(select(Delivery).where(Delivery.id == number)).one()
        delivery.transport, delivery.provider_id, delivery.attempts = name, provider_id, 1
        session.add(delivery)
    return number


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_complaint_without_a_token_finds_its_mail(office: Office, name: str) -> None:
    number = named(office, name, NAMES[name])
    named(office, name, "of somebody else", person="lisa")
    sender = SENDERS[name]
    told = sender.tell("complained", None)
    if name == "mailgun":
        told["event-data"]["message"]["headers"]["message-id"] = NAMES[name]
    if name == "brevo":
        told["message-id"] = f"<{NAMES[name]}>"
    body = json.dumps(told).encode()
    events = sender.webhook.events(WebhookCall(headers=sender.sign(body, NOW), body=body, now=NOW))
    assert office.handle(*events).unmatched == 0
    assert office.state(number) is DeliveryState.COMPLAINED
    assert office.person().state is SubscriberState.COMPLAINED
    assert office.person("lisa").state is SubscriberState.ACTIVE


def test_who_leaves_at_mailgun_leaves_without_variables(office: Office, shared_cases: Path) -> None:
    """mailgun-unsubscribed-without-variables."""
    number = named(office, "mailgun", "abc.1@mg.example.org")
    text = (shared_cases / "providers" / "mailgun-unsubscribed-without-variables" / "payload.json").read_text()
    told = json.loads(text.replace("MESSAGE-ID-OF-THE-DELIVERY", "abc.1@mg.example.org"))
    told["signature"] = mailgun_signature(MAILGUN_KEY)
    events = SENDERS["mailgun"].webhook.events(WebhookCall(headers={}, body=json.dumps(told).encode(), now=NOW))
    assert office.handle(*events).unmatched == 0
    assert office.person().state is SubscriberState.UNSUBSCRIBED
    assert office.events()[-1].delivery_id == number


def test_a_name_of_another_provider_names_nothing(office: Office) -> None:
    named(office, "smtp", "e-1")
    assert office.tell(EventKind.COMPLAINED, provider="resend", provider_ids=("e-1",)).unmatched == 1
    assert office.person().state is SubscriberState.ACTIVE


def test_a_token_counts_before_a_name(office: Office) -> None:
    named(office, "postmark", "p-1", person="lisa")
    number = office.sent("mona")
    office.tell(EventKind.COMPLAINED, number, provider_ids=("p-1",))
    assert office.person("mona").state is SubscriberState.COMPLAINED
    assert office.person("lisa").state is SubscriberState.ACTIVE


def test_the_longest_name_counts_where_names_begin_alike(office: Office) -> None:
    short, long = named(office, "sendgrid", "a", person="lisa"), named(office, "sendgrid", "a.b", person="mona")
    office.tell(EventKind.DELIVERED, provider="sendgrid", provider_ids=("a.b.c", "a.b", "a"))
    assert (office.state(short), office.state(long)) == (DeliveryState.SENT, DeliveryState.DELIVERED)


@pytest.mark.parametrize(
    ("name", "folder"), [("resend", "resend-failed-by-quota"), ("sendgrid", "sendgrid-dropped-by-quota")]
)
def test_a_quota_rests_the_transport_and_the_mail_goes_again(
    office: Office, shared_cases: Path, name: str, folder: str
) -> None:
    told = json.loads((shared_cases / "providers" / folder / "payload.json").read_text())
    data = told["data"] if name == "resend" else told[0]
    provider_id = data["email_id"] if name == "resend" else "m1"
    number = named(office, name, provider_id)
    sender, body = SENDERS[name], json.dumps(told).encode()
    events = sender.webhook.events(WebhookCall(headers=sender.sign(body, NOW), body=body, now=NOW))
    office.handle(*events)
    delivery = office.delivery(number)
    assert (delivery.state, delivery.not_before) == (DeliveryState.QUEUED, TOMORROW)
    assert delivery.request_key, "the provider would only repeat that it took it"
    assert office.person().state is SubscriberState.ACTIVE
    assert office.suppression() is None
    with office.db.read() as session:
        rests = outage(session, name)
        assert rests is not None
        assert rests.retry_at == TOMORROW
        (finding,) = open_findings(session, "provider-quota")
        assert (finding.subject, "quota" in finding.text) == (name, True)
    office.handle(*events)
    assert office.delivery(number).request_key == delivery.request_key, "told again it does nothing"
    with office.db.write() as session:
        end_outage(session, name, over_at=NOW)
        assert outage(session, name) is not None, "a mail that was under way does not end the rest"
        end_outage(session, name, over_at=TOMORROW)
        assert open_findings(session, "provider-quota") == []


def test_what_a_provider_did_not_send_goes_again_until_it_was_tried_often(office: Office) -> None:
    number = named(office, "brevo", "b-1")
    office.tell(EventKind.FAILED, number, reason=FeedbackReason.BLOCKED, again=SendAgain.LATER)
    assert office.state(number) is DeliveryState.QUEUED
    assert NOW < office.delivery(number).not_before < NOW + timedelta(minutes=5)
    with office.db.write() as session:
        delivery = session.exec(select(Delivery).where(Delivery.id == number)).one()
        delivery.state, delivery.attempts = DeliveryState.SENT, 1_000
        session.add(delivery)
    office.tell(EventKind.FAILED, number, reason=FeedbackReason.BLOCKED, again=SendAgain.LATER)
    assert office.state(number) is DeliveryState.FAILED


def acknowledged(office: Office, number: int, provider_id: str) -> None:
    """Let the sender write down what the provider answered."""
    row = office.delivery(number)
    claimed = Claimed(
        id=number,
        kind=row.kind,
        subscriber_id=row.subscriber_id,
        data={},
        message_id=row.message_id,
        attempts=1,
        not_before=NOW,
        leased_until=NOW,
        leased_by="somebody",
    )
    with office.db.write() as session:
        settlement = Settlement(delivery=claimed, state=DeliveryState.SENT, provider_id=provider_id)
        settle(session, [settlement], now=NOW, transport="brevo")


@pytest.mark.parametrize("kind", [EventKind.FAILED, EventKind.REJECTED], ids=str)
@pytest.mark.parametrize("again", list(SendAgain), ids=str)
def test_what_a_provider_says_before_its_answer_is_written_down_goes_again(
    office: Office, kind: EventKind, again: SendAgain
) -> None:
    number = office.sent(state=DeliveryState.SENDING)
    with office.db.write() as session:
        delivery = session.get_one(Delivery, number)
        delivery.attempts, delivery.leased_by, delivery.leased_until = 1, "somebody", NOW + timedelta(minutes=9)
    event = office.event(
        kind, number, provider="brevo", reason=FeedbackReason.BLOCKED, again=again, provider_ids=("b-1",)
    )
    office.handle(event)
    acknowledged(office, number, "b-1")
    delivery = office.delivery(number)
    assert delivery.state is DeliveryState.QUEUED
    assert delivery.not_before > NOW
    assert (delivery.leased_by, delivery.provider_id) == (None, "b-1")
    assert office.person().state is SubscriberState.ACTIVE


def test_what_a_provider_says_of_an_earlier_try_does_not_stop_the_next_one(office: Office) -> None:
    number = named(office, "brevo", "b-1")
    with office.db.write() as session:
        session.get_one(Delivery, number).state = DeliveryState.SENDING
    office.tell(
        EventKind.FAILED,
        number,
        provider="brevo",
        reason=FeedbackReason.BLOCKED,
        again=SendAgain.TOMORROW,
        provider_ids=("b-1",),
    )
    assert office.state(number) is DeliveryState.SENDING
    acknowledged(office, number, "b-2")
    assert office.state(number) is DeliveryState.SENT


def test_what_was_delivered_does_not_go_again(office: Office) -> None:
    number = office.sent("mona", state=DeliveryState.DELIVERED)
    office.tell(EventKind.FAILED, number, reason=FeedbackReason.BLOCKED, again=SendAgain.TOMORROW)
    assert office.state(number) is DeliveryState.DELIVERED


def test_who_is_on_a_providers_list_is_listed(office: Office) -> None:
    number = office.sent("mona")
    office.tell(EventKind.REJECTED, number, reason=FeedbackReason.LISTED, hard=True)
    suppression = office.suppression()
    assert suppression is not None
    assert suppression.reason == "listed"
    assert office.person().state is SubscriberState.BOUNCED


def deferred(office: Office, number: int) -> None:
    """A deferral with words that say nobody is there."""
    office.tell(EventKind.DEFERRED, number, reason=FeedbackReason.INVALID, code="550 5.1.1", provider="brevo")
    office.clock.advance(timedelta(hours=6))


def test_a_second_deferral_that_says_nobody_is_there_is_believed(office: Office) -> None:
    """brevo-deferred-but-gone: no bounce may ever follow."""
    deferred(office, office.sent("mona"))
    assert office.person().state is SubscriberState.ACTIVE
    deferred(office, office.sent("mona"))
    assert office.person().state is SubscriberState.BOUNCED


def test_a_mail_that_arrives_in_between_disproves_the_first(office: Office) -> None:
    deferred(office, office.sent("mona"))
    office.tell(EventKind.DELIVERED, office.sent("mona"))
    office.clock.advance(timedelta(hours=6))
    deferred(office, office.sent("mona"))
    assert office.person().state is SubscriberState.ACTIVE
