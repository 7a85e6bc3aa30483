"""What feedback does to people: who is no longer mailed, why, and how they come back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.feedback.stage import SETTINGS, Office
from tests.delivery.post import NOW, SECRET
from trialalerts.delivery.feedback.events import EventKind, FeedbackReason
from trialalerts.delivery.mail.reply_codes import classify
from trialalerts.delivery.outbox.suppressions import Lifted, lift_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy import answers, mass_guard
from trialalerts.delivery.policy.effects import end_parkings
from trialalerts.delivery.policy.refusals import record_refusal
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import SubscriberChanges, confirm, edit, find_subscriber
from trialalerts.subscribers.tables import ConsentAction, SubscriberState

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def soft(office: Office, *, name: str = "mona") -> None:
    """Send a mail and let it come back for a passing reason."""
    office.tell(EventKind.BOUNCED, office.sent(name), reason=FeedbackReason.BOUNCED, code="452 4.2.2")


def unparked(office: Office) -> int:
    with office.db.write() as session:
        return end_parkings(session, now=office.clock.now())


def again(office: Office, name: str = "mona") -> Lifted:
    with office.db.write() as session:
        return lift_suppressions(session, SECRET, f"{name}@example.org", how="operator", now=office.clock.now())


# --- hard bounces


@pytest.mark.parametrize("kind", [EventKind.BOUNCED, EventKind.REJECTED], ids=str)
@pytest.mark.parametrize("state", [SubscriberState.ACTIVE, SubscriberState.PAUSED], ids=str)
def test_a_hard_bounce_suppresses_at_once_and_says_why(office: Office, kind: EventKind, state: SubscriberState) -> None:
    office.tell(kind, office.sent(person=state), reason=FeedbackReason.INVALID, code="550 5.1.1", hard=True)
    person, suppression = office.person(), office.suppression()
    assert (person.state, person.state_reason, person.next_due_at) == (
        SubscriberState.BOUNCED,
        "postmark: 550 5.1.1",
        None,
    )
    assert suppression is not None
    assert (suppression.reason, suppression.detail) == ("bounced", "postmark: 550 5.1.1")
    assert office.consents() == [("changed", "postmark", "bounced: 550 5.1.1")]


def test_a_hard_bounce_told_twice_is_written_down_once(office: Office) -> None:
    for _ in range(2):
        office.tell(EventKind.BOUNCED, office.sent(), reason=FeedbackReason.INVALID, hard=True)
    assert len(office.consents()) == 1


def test_whose_confirmation_mail_bounced_stays_pending_and_is_never_made_active(office: Office) -> None:
    office.tell(
        EventKind.BOUNCED, office.sent(person=SubscriberState.PENDING), reason=FeedbackReason.INVALID, hard=True
    )
    assert office.person().state is SubscriberState.PENDING
    assert office.suppression() is not None
    assert again(office) == Lifted(found=True, resumed=False)
    assert office.person().state is SubscriberState.PENDING
    with office.db.write() as session:
        assert confirm(session, find_subscriber(session, "mona@example.org"), [], how="link", now=NOW)


def test_a_bounce_of_a_former_address_says_nothing_of_the_new_one(office: Office) -> None:
    number = office.sent(ago=HOUR)
    with office.db.write() as session:
        person = find_subscriber(session, "mona@example.org")
        edit(session, person, SubscriberChanges(address="lisa@example.org"), how="web", now=NOW)
    for hard in (True, False):
        office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.BOUNCED, hard=hard)
    assert office.state(number) is DeliveryState.BOUNCED
    assert (office.person().state, office.suppression("lisa")) == (SubscriberState.ACTIVE, None)
    assert office.soft_bounces() is None


def test_other_changes_and_changes_before_the_mail_do_not_matter(office: Office) -> None:
    number = office.sent()
    with office.db.write() as session:
        person = find_subscriber(session, "mona@example.org")
        changed = ConsentAction.CHANGED
        record_consent(session, person, changed, how="web", what="address", now=NOW - HOUR)
        record_consent(session, person, changed, how="web", what="frequency, hour", now=NOW + HOUR)
    office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, hard=True)
    assert office.suppression() is not None


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED], ids=str)
def test_who_has_left_stays_as_they_left(office: Office, state: SubscriberState) -> None:
    number = office.sent(person=state)
    office.tell(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, hard=True)
    office.tell(EventKind.COMPLAINED, number)
    assert office.person().state is state
    assert office.suppression() is not None
    assert office.consents() == []


def test_of_somebody_erased_nothing_comes_back(office: Office) -> None:
    number = office.sent(person=SubscriberState.ERASED)
    for kind in (EventKind.BOUNCED, EventKind.COMPLAINED, EventKind.UNSUBSCRIBED):
        office.tell(kind, number, hard=True)
    soft(office)
    assert (office.person().state, office.suppression(), office.consents()) == (SubscriberState.ERASED, None, [])


def test_erasing_somebody_erases_what_was_told_of_them_before_and_after(office: Office) -> None:
    number = office.sent()
    soft(office)
    office.tell(EventKind.BOUNCED, number, raw="mona@example.org")
    with office.db.write() as session:
        erase(session, find_subscriber(session, "mona@example.org"), how="operator", now=NOW)
    assert (office.events(), office.soft_bounces()) == ([], None)
    office.tell(EventKind.DELIVERED, number, raw="mona@example.org")
    office.tell(EventKind.BOUNCED, number, raw="mona@example.org", hard=True)
    assert {event.raw for event in office.events()} == {""}
    assert office.person().state is SubscriberState.ERASED


# --- soft bounces


def test_each_soft_bounce_in_a_row_lets_the_address_rest_for_longer(office: Office) -> None:
    hours = []
    for _ in range(8):
        soft(office)
        counted = office.soft_bounces()
        assert counted is not None
        assert counted.not_before is not None
        hours.append((counted.not_before - office.clock.now()) / HOUR)
    assert hours == [2, 4, 8, 16, 32, 64, 64, 64]


def test_a_score_of_five_over_fourteen_days_parks_and_three_tries_later_suppresses(office: Office) -> None:
    for _ in range(5):
        soft(office)
        office.clock.advance(3 * DAY)
    assert office.person().state is SubscriberState.ACTIVE, "only twelve days from the first to the last"
    soft(office)
    for days in (30, 90, 180):
        person = office.person()
        assert (person.state, office.suppression()) == (SubscriberState.BOUNCED, None)
        assert "parked" in (person.state_reason or "")
        office.clock.advance((days - 1) * DAY)
        assert unparked(office) == 0
        office.clock.advance(DAY)
        assert unparked(office) == 1
        assert office.person().state is SubscriberState.ACTIVE
        soft(office)
    suppression = office.suppression()
    assert suppression is not None
    assert suppression.reason == "unwell"


def test_a_mail_that_gets_through_after_parking_clears_it(office: Office) -> None:
    for _ in range(6):
        soft(office)
        office.clock.advance(3 * DAY)
    office.clock.advance(30 * DAY)
    assert unparked(office) == 1
    office.tell(EventKind.DELIVERED, office.sent("mona"))
    assert office.soft_bounces() is None


def test_several_soft_bounces_of_a_day_count_once(office: Office) -> None:
    for _ in range(3):
        soft(office)
    counted = office.soft_bounces()
    assert counted is not None
    assert (counted.in_a_row, counted.score) == (3, 1.0)


def test_the_trouble_of_a_domain_counts_for_none_of_its_addresses(office: Office) -> None:
    for name in ("anna", "berta", "clara", "dora"):
        soft(office, name=name)
    scores = [counted.score for name in ("clara", "dora") if (counted := office.soft_bounces(name))]
    assert scores == [0.0, 0.0]


def test_many_soft_bounces_within_a_short_time_do_not_suppress(office: Office) -> None:
    for _ in range(30):
        soft(office)
        office.clock.advance(8 * HOUR)
    assert (office.suppression(), office.person().state) == (None, SubscriberState.ACTIVE)


def test_a_delivery_ends_the_row(office: Office) -> None:
    for _ in range(4):
        soft(office)
        office.clock.advance(DAY)
    office.tell(EventKind.DELIVERED, office.sent())
    assert office.soft_bounces() is None
    soft(office)
    counted = office.soft_bounces()
    assert counted is not None
    assert counted.in_a_row == 1


def test_a_delivery_from_before_the_last_bounce_does_not_end_the_row(office: Office) -> None:
    earlier = office.sent()
    office.clock.advance(HOUR)
    soft(office)
    office.tell(EventKind.DELIVERED, earlier, at=NOW)
    counted = office.soft_bounces()
    assert counted is not None
    assert counted.in_a_row == 1


def test_where_nobody_says_delivered_a_mail_that_did_not_come_back_ends_the_row(office: Office) -> None:
    for _ in range(4):
        soft(office)
        office.clock.advance(DAY)
    office.sent()
    office.clock.advance(6 * DAY)
    soft(office)
    counted = office.soft_bounces()
    assert counted is not None
    assert counted.in_a_row == 1
    assert office.suppression() is None


def test_what_is_only_late_does_not_count(office: Office) -> None:
    for _ in range(6):
        office.tell(EventKind.DEFERRED, office.sent(), reason=FeedbackReason.BOUNCED, code="450 4.2.0")
        office.clock.advance(DAY)
    assert (office.soft_bounces(), office.suppression()) == (None, None)


# --- refusals at the door


def refuse(office: Office, code: str, said: str = "") -> bool:
    number = office.person().id or 0
    now, meaning = office.clock.now(), classify(f"{code} {said}") if said else None
    with office.db.write() as session:
        return record_refusal(session, SETTINGS, subscriber_id=number, how="smtp", code=code, meaning=meaning, now=now)


@pytest.mark.parametrize(("code", "reason"), [("550 5.1.1", ""), ("550", "No such user")])
def test_a_hard_refusal_at_the_door_suppresses_like_a_hard_bounce(office: Office, code: str, reason: str) -> None:
    office.sent()
    assert refuse(office, code, reason)
    assert (office.person().state, office.person().state_reason) == (SubscriberState.BOUNCED, f"smtp: {code}")
    assert office.suppression() is not None


def test_a_soft_refusal_at_the_door_counts_like_a_soft_bounce(office: Office) -> None:
    office.sent()
    for _ in range(4):
        assert refuse(office, "452 4.2.2", "mailbox full")
        office.clock.advance(DAY)
    counted = office.soft_bounces()
    assert counted is not None
    assert counted.in_a_row == 4
    office.clock.advance(10 * DAY)
    assert refuse(office, "552 5.2.2", "mailbox full")
    assert office.person().state is SubscriberState.BOUNCED


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("550 5.7.1", "refused"),
        ("421 4.7.0", "refused"),
        ("550 5.1.1", "192.0.2.7 is on a block list"),
        ("550 5.1.90", "daily limit of recipients"),
        ("552 5.3.4", "message too large"),
        ("550", ""),
        ("422", ""),
        ("406", ""),
        ("HTTP 500", ""),
    ],
)
def test_a_refusal_that_does_not_plainly_speak_of_the_address_blames_nobody(
    office: Office, code: str, said: str
) -> None:
    office.sent()
    assert not refuse(office, code, said)
    assert (office.person().state, office.soft_bounces(), office.tallies()) == (SubscriberState.ACTIVE, None, {})


# --- complaints and unsubscribing


@pytest.mark.parametrize(
    ("kind", "reason"), [(EventKind.COMPLAINED, None), (EventKind.REJECTED, FeedbackReason.SPAM)], ids=str
)
def test_who_complains_has_left_and_is_never_mailed_again(
    office: Office, kind: EventKind, reason: FeedbackReason | None
) -> None:
    office.tell(kind, office.sent(), reason=reason, provider="ses")
    person, suppression = office.person(), office.suppression()
    assert (person.state, person.state_reason, person.next_due_at) == (
        SubscriberState.COMPLAINED,
        "ses: complained",
        None,
    )
    assert suppression is not None
    assert suppression.reason == "complained"
    assert office.consents() == [("unsubscribed", "ses", "complained")]


@pytest.mark.parametrize(
    ("kind", "reason"), [(EventKind.UNSUBSCRIBED, None), (EventKind.REJECTED, FeedbackReason.UNSUBSCRIBED)], ids=str
)
def test_who_tells_the_provider_to_stop_is_unsubscribed(
    office: Office, kind: EventKind, reason: FeedbackReason | None
) -> None:
    office.tell(kind, office.sent(), reason=reason, provider="mailgun")
    assert office.person().state is SubscriberState.UNSUBSCRIBED
    assert office.suppression() is None
    assert office.consents() == [("unsubscribed", "mailgun", "")]


# --- lifting


def test_lifting_lets_a_bounced_subscriber_get_digests_again_and_forgets_the_bounces(office: Office) -> None:
    soft(office)
    office.tell(EventKind.BOUNCED, office.sent(), reason=FeedbackReason.INVALID, hard=True)
    assert again(office) == Lifted(found=True, resumed=True)
    person = office.person()
    assert (person.state, person.state_reason) == (SubscriberState.ACTIVE, None)
    assert person.next_due_at is not None
    assert (office.suppression(), office.soft_bounces()) == (None, None)
    assert office.consents()[-1] == ("resumed", "operator", "")
    assert again(office) == Lifted(found=False)


def test_lifting_brings_nobody_back_who_left(office: Office) -> None:
    office.tell(EventKind.COMPLAINED, office.sent())
    assert again(office) == Lifted(found=True, resumed=False)
    assert office.person().state is SubscriberState.COMPLAINED


def test_a_late_event_of_before_does_not_undo_the_lifting(office: Office) -> None:
    number = office.sent()
    told = office.event(EventKind.BOUNCED, number, reason=FeedbackReason.INVALID, hard=True)
    office.handle(told)
    again(office)
    office.handle(told)
    assert office.person().state is SubscriberState.ACTIVE


# --- the mass guard


def test_bounces_that_come_back_of_too_many_people_are_believed_of_nobody(office: Office) -> None:
    names = [f"p{number}" for number in range(10)]
    numbers = {name: office.sent(name, ago=2 * DAY) for name in names}
    with office.db.write() as session:
        answers.count_answers(session, {("example.org", answers.Answer.ANSWERED): 20}, at=NOW - 2 * DAY)
    for name in names:
        office.tell(EventKind.BOUNCED, numbers[name], reason=FeedbackReason.INVALID, code="550 5.1.1", hard=True)
    with office.db.read() as session:
        assert [hold.scope for hold in mass_guard.holds(session)] == ["example.org"]
    with office.db.read() as session:
        held = [session.get_one(Delivery, number).state for number in list(numbers.values())[5:]]
    assert set(held) == {DeliveryState.QUEUED}, "they go again when mail is taken again"
    mass_guard.take_back_pending(office.db, SECRET, now=office.clock.now())
    for name in names:
        assert (office.person(name).state, office.suppression(name)) == (SubscriberState.ACTIVE, None)
        assert office.state(numbers[name]) is DeliveryState.QUEUED
