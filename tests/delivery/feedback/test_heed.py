"""Heeding: each event does its work once, forward only, and only for the mail that a signed token names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
import structlog
from structlog.testing import capture_logs

from tests.delivery.feedback.stage import SETTINGS, Office
from tests.delivery.post import NOW, settings
from trialalerts.database import Database
from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason
from trialalerts.delivery.feedback.handling import KEPT_FOR, UNSTORABLE, FeedbackCount, apply_events, prune_feedback
from trialalerts.delivery.mail.verp import delivery_metadata
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.subscribers.tables import SubscriberState

DELIVERED, BOUNCED, COMPLAINED = DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED


def test_sent_is_not_delivered_until_somebody_says_so(office: Office) -> None:
    number = office.sent()
    office.tell(EventKind.SENT, number)
    assert office.state(number) is DeliveryState.SENT
    office.tell(EventKind.DEFERRED, number)
    assert office.state(number) is DeliveryState.SENT
    office.tell(EventKind.DELIVERED, number)
    assert office.state(number) is DELIVERED
    assert office.delivery(number).feedback_at == NOW


@pytest.mark.parametrize(
    "order", list(permutations([EventKind.DELIVERED, EventKind.BOUNCED, EventKind.COMPLAINED])), ids=str
)
def test_a_delivery_goes_forward_only_in_whatever_order_it_is_told(
    office: Office, order: tuple[EventKind, ...]
) -> None:
    number = office.sent()
    for kind in order:
        office.tell(kind, number)
    assert office.state(number) is COMPLAINED


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (EventKind.DELIVERED, DeliveryState.QUEUED, DELIVERED),
        (EventKind.DELIVERED, DeliveryState.SENDING, DELIVERED),
        (EventKind.DELIVERED, DeliveryState.FAILED, DELIVERED),
        (EventKind.DELIVERED, BOUNCED, BOUNCED),
        (EventKind.BOUNCED, DELIVERED, BOUNCED),
        (EventKind.BOUNCED, COMPLAINED, COMPLAINED),
        (EventKind.COMPLAINED, BOUNCED, COMPLAINED),
        (EventKind.REJECTED, DeliveryState.SENT, DeliveryState.FAILED),
        (EventKind.REJECTED, DeliveryState.QUEUED, DeliveryState.QUEUED),
        (EventKind.REJECTED, DELIVERED, DELIVERED),
        (EventKind.FAILED, DeliveryState.SENT, DeliveryState.FAILED),
        (EventKind.AUTORESPONDED, DELIVERED, DELIVERED),
        (EventKind.UNKNOWN, DeliveryState.SENT, DeliveryState.SENT),
    ],
    ids=str,
)
def test_where_an_event_takes_a_delivery(
    office: Office, kind: EventKind, before: DeliveryState, after: DeliveryState
) -> None:
    number = office.sent(state=before)
    office.tell(kind, number)
    assert office.state(number) is after


def test_what_was_delivered_before_it_was_acknowledged_is_not_sent_again(office: Office) -> None:
    number = office.sent(state=DeliveryState.SENDING)
    office.tell(EventKind.DELIVERED, number)
    delivery = office.delivery(number)
    assert (delivery.state, delivery.sent_at, delivery.leased_by) == (DELIVERED, NOW, None)


def test_why_a_mail_came_back_stands_with_it(office: Office) -> None:
    number = office.sent()
    office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, code="550 5.1.1", hard=True)
    assert (office.delivery(number).last_code, office.delivery(number).last_error) == (
        "550 5.1.1",
        "bounced (invalid)",
    )


def test_the_same_event_is_handled_once(office: Office) -> None:
    number = office.sent()
    event = office.event(EventKind.DELIVERED, number)
    assert office.handle(event) == FeedbackCount(heard=1)
    assert office.handle(event, replace(event, kind=EventKind.COMPLAINED)) == FeedbackCount(repeated=2)
    assert office.state(number) is DELIVERED
    assert len(office.events()) == 1
    assert office.tallies() == {"delivered": 1}


def test_the_same_id_from_two_providers_is_two_events(office: Office) -> None:
    number = office.sent()
    one = office.event(EventKind.DELIVERED, number)
    assert office.handle(one, replace(one, provider="resend")) == FeedbackCount(heard=2)


def test_what_two_channels_tell_of_one_mail_counts_once(office: Office) -> None:
    number = office.sent()
    for provider in ("ses", "mailbox"):
        office.tell(EventKind.BOUNCED, number, provider=provider, reason=FeedbackReason.BOUNCED)
    assert office.tallies() == {"bounced": 1}
    soft = office.soft_bounces()
    assert soft is not None
    assert soft.in_a_row == 1


def test_one_event_told_by_many_at_once_is_handled_once(office: Office) -> None:
    number = office.sent()
    event = office.event(EventKind.BOUNCED, number, reason=FeedbackReason.BOUNCED)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: office.handle(event), range(16)))
    assert sum(count.heard for count in counts) == 1
    assert office.tallies() == {"bounced": 1}


def test_many_events_of_few_mails_at_once_end_right(office: Office) -> None:
    numbers = [office.sent(name) for name in ("mona", "lisa", "vera", "inge")]
    kinds = [EventKind.DELIVERED, EventKind.BOUNCED, EventKind.COMPLAINED]
    batches = [
        [office.event(kind, number) for number in order for kind in kinds] for order in list(permutations(numbers))[::4]
    ]
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda batch: office.handle(*batch), batches))
    assert sum(count.heard for count in counts) == len(batches) * 12
    assert {office.state(number) for number in numbers} == {COMPLAINED}
    assert office.tallies()["complained"] == 4


@pytest.mark.parametrize("poisoned", [{0}, {1}, {0, 3}, {0, 1, 2, 3}], ids=str)
def test_an_event_that_no_database_takes_harms_only_itself(office: Office, poisoned: set[int]) -> None:
    numbers = [office.sent(f"person{number}") for number in range(4)]
    events = [
        office.event(EventKind.DELIVERED, number, raw="\ud800" if place in poisoned else "{}")
        for place, number in enumerate(numbers)
    ]
    with pytest.raises(UNSTORABLE):
        office.handle(*events)
    expected = [DeliveryState.SENT if place in poisoned else DELIVERED for place in range(4)]
    assert [office.state(number) for number in numbers] == expected


@pytest.mark.parametrize("token", [None, "", "token", "b+token@bounce.example.org", "x" * 400, "ä"], ids=str)
def test_an_event_without_a_right_token_moves_nobody_and_is_kept(office: Office, token: str | None) -> None:
    number = office.sent()
    assert office.tell(EventKind.COMPLAINED, token=token) == FeedbackCount(heard=1, unmatched=1)
    assert office.state(number) is DeliveryState.SENT
    assert office.person().state is SubscriberState.ACTIVE
    (event,) = office.events()
    assert (event.delivery_id, event.subscriber_id, event.kind) == (None, None, "complained")


def test_a_token_signed_with_another_secret_is_not_believed(office: Office) -> None:
    number = office.sent()
    others = SETTINGS.model_copy(update={"service": SETTINGS.service.model_copy(update={"secret": _secret("other")})})
    forged = delivery_metadata(others, number)["delivery"]
    assert office.tell(EventKind.COMPLAINED, token=forged).unmatched == 1
    assert office.suppression() is None


def _secret(text: str) -> object:
    return type(settings().service.secret)(text)


def test_a_right_token_of_a_delivery_that_is_gone_is_kept_unmatched(office: Office) -> None:
    assert office.tell(EventKind.BOUNCED, 4711, hard=True).unmatched == 1


def test_a_matched_event_names_its_delivery_and_subscriber(office: Office) -> None:
    number = office.sent()
    office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, code="550 5.1.1", hard=True, raw='{"a": 1}')
    (event,) = office.events()
    assert (event.delivery_id, event.subscriber_id) == (number, office.person().id)
    assert (event.kind, event.reason, event.code, event.raw) == ("bounced", "invalid", "550 5.1.1", '{"a": 1}')
    assert (event.at, event.received_at) == (NOW, NOW)


def test_the_event_and_its_work_are_one_transaction(office: Office, db: Database) -> None:
    number = office.sent()
    event = office.event(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, hard=True)

    def cut_off(events: list[Event]) -> None:
        with db.write() as session:
            apply_events(session, SETTINGS, events, now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_off([event])
    assert (office.events(), office.tallies(), office.suppression()) == ([], {}, None)
    assert office.state(number) is DeliveryState.SENT
    assert office.handle(event) == FeedbackCount(heard=1)
    assert office.state(number) is BOUNCED


def test_what_happened_so_long_ago_that_it_may_be_forgotten_already_is_not_handled(office: Office) -> None:
    number = office.sent()
    office.tell(EventKind.BOUNCED, number, at=NOW - KEPT_FOR, hard=True)
    assert office.state(number) is DeliveryState.SENT
    assert office.events() == []


def test_events_are_forgotten_after_thirty_days(office: Office, db: Database) -> None:
    office.tell(EventKind.UNKNOWN, raw="first")
    office.clock.advance(timedelta(days=20))
    office.tell(EventKind.UNKNOWN, raw="second")
    office.clock.advance(timedelta(days=11))
    with db.write() as session:
        assert prune_feedback(session, now=office.clock.now()) == 1
    assert [event.raw for event in office.events()] == ["second"]


def test_a_refusal_that_is_about_us_is_told_to_the_operator_and_blames_nobody(office: Office) -> None:
    number = office.sent()
    with capture_logs() as logs:
        office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.BLOCKED, code="550 5.7.1", hard=True)
    assert office.state(number) is DeliveryState.QUEUED, "it goes again"
    assert (office.person().state, office.suppression(), office.soft_bounces()) == (SubscriberState.ACTIVE, None, None)
    (told,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (told["event"], told["code"]) == ("feedback.about_us", "550 5.7.1")


def test_nothing_personal_is_logged(office: Office) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs:
        number = office.sent()
        for kind in EventKind:
            office.tell(kind, number, hard=True, raw="mona@example.org")
            office.tell(kind, raw="mona@example.org")
    assert "@" not in repr(logs)
    assert "mona" not in repr(logs)
