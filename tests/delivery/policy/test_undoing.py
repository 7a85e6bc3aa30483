"""A wrong day is undone: what a mail server's error suppressed is lifted in bulk, and the mail comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from tests.delivery.post import NOW, SECRET, add_person, queue
from trialalerts.database import Database
from trialalerts.delivery.outbox.suppressions import (
    SuppressionReason,
    is_suppressed,
    lift_suppressions,
    list_suppressions,
    suppress,
)
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy.effects import record_complaint, record_hard_bounce
from trialalerts.delivery.policy.undoing import Picked, TakenBack, pick, review_suppressions, take_back
from trialalerts.subscribers.people import end_pauses, pause
from trialalerts.subscribers.tables import Subscriber, SubscriberState

DAY = timedelta(days=1)


def bounced(session: Session, address: str, *, rule: str, code: str, words: str, at: datetime = NOW) -> None:
    person = add_person(session, address, cursor=7, confirmed_at=NOW)
    for key, state in (("came-back", DeliveryState.FAILED), ("withheld", DeliveryState.SUPPRESSED)):
        queue(session, person, key=f"{key}/{address}")
        mail = session.exec(select(Delivery).where(Delivery.key == f"{key}/{address}")).one()
        mail.state = state
        mail.last_error = "suppressed (bounced)" if state is DeliveryState.SUPPRESSED else words
    session.flush()
    first = session.exec(select(Delivery.id).where(Delivery.key == f"came-back/{address}")).one()
    why = SuppressionReason(rule=rule, code=code, words=words, transport="smtp", delivery_id=first)
    record_hard_bounce(session, SECRET, person, how="smtp", detail=code, why=why, now=at)


@pytest.fixture
def wrong_day(db: Database) -> Database:
    with db.write() as session:
        for name in ("mona", "lisa"):
            bounced(session, f"{name}@wrong.example", rule="gone.unknown", code="550 5.1.1", words="user unknown")
        bounced(
            session, "paul@wrong.example", rule="gone.unknown", code="550 5.1.1", words="user unknown", at=NOW + DAY
        )
        bounced(session, "carl@other.example", rule="gone.closed", code="550 5.2.1", words="550 5.2.1 sender rejected")
    return db


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (Picked(domain="wrong.example"), 3),
        (Picked(domain="WRONG.example", until=NOW + DAY), 2),
        (Picked(since=NOW + DAY), 1),
        (Picked(rule="gone"), 4),
        (Picked(rule="gone.unknown", code="550"), 3),
        (Picked(rule="gone.un"), 0),
        (Picked(code="5.2.1"), 1),
        (Picked(reason="bounced"), 4),
        (Picked(reason="operator"), 0),
        (Picked(domain="example"), 0),
    ],
    ids=str,
)
def test_suppressions_are_picked_by_what_they_have_in_common(wrong_day: Database, wanted: Picked, number: int) -> None:
    with wrong_day.read() as session:
        assert len(pick(session, SECRET, wanted)) == number


def test_who_was_moved_to_bounced_is_active_again_and_nothing_is_lost(wrong_day: Database) -> None:
    with wrong_day.read() as session:
        found = pick(session, SECRET, Picked(domain="wrong.example"))
    assert take_back(wrong_day, SECRET, found, how="operator", now=NOW + 2 * DAY) == TakenBack(lifted=3, resumed=3)
    assert take_back(wrong_day, SECRET, found, how="operator", now=NOW + 2 * DAY) == TakenBack()
    with wrong_day.read() as session:
        people = session.exec(select(Subscriber).where(col(Subscriber.address).endswith("@wrong.example"))).all()
        assert {person.state for person in people} == {SubscriberState.ACTIVE}
        assert all(person.next_due_at is not None for person in people)
        numbers = [person.id for person in people]
        mails = session.exec(select(Delivery).where(col(Delivery.subscriber_id).in_(numbers))).all()
        assert {(mail.state, mail.attempts) for mail in mails} == {(DeliveryState.QUEUED, 0)}
        assert [each.code for each in list_suppressions(session)] == ["550 5.2.1"]


def test_a_complaint_is_never_lifted_in_bulk(db: Database) -> None:
    with db.write() as session:
        bounced(session, "mona@wrong.example", rule="gone.unknown", code="550 5.1.1", words="x")
        person = session.exec(select(Subscriber)).one()
        session.delete(list_suppressions(session)[0])
        session.flush()
        record_complaint(session, SECRET, person, how="arf", now=NOW)
        assert pick(session, SECRET, Picked(since=NOW - DAY)) == []
        assert pick(session, SECRET, Picked(reason="complained")) == []


def test_the_review_names_whom_todays_rules_would_leave_alone(wrong_day: Database) -> None:
    with wrong_day.read() as session:
        (found,) = review_suppressions(session, SECRET)
    assert (found.address, found.class_now) == ("carl@other.example", "ours")
    assert found.rule_now != found.suppression.rule


NEW_SECRET = "another secret of these tests, long enough"


def test_what_a_previous_secret_hashed_is_picked_and_lifted(wrong_day: Database) -> None:
    secrets = [NEW_SECRET, SECRET]
    with wrong_day.read() as session:
        assert pick(session, NEW_SECRET, Picked(domain="wrong.example")) == []
        found = pick(session, secrets, Picked(domain="wrong.example"))
        assert len(found) == 3
    assert take_back(wrong_day, secrets, found, how="operator", now=NOW) == TakenBack(lifted=3, resumed=3)


def test_lifting_leaves_no_second_row_of_a_previous_secret(wrong_day: Database) -> None:
    address = "mona@wrong.example"
    with wrong_day.write() as session:
        assert suppress(session, NEW_SECRET, address, reason="operator", now=NOW)
        assert lift_suppressions(session, [NEW_SECRET, SECRET], address, how="operator", now=NOW).found
        assert is_suppressed(session, [NEW_SECRET, SECRET], address) is None


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (None, SubscriberState.PAUSED),
        (date(2026, 5, 1), SubscriberState.PAUSED),
        (date(2026, 3, 3), SubscriberState.ACTIVE),
    ],
    ids=["paused for good", "paused for longer", "the pause is over meanwhile"],
)
def test_whoever_had_paused_is_paused_still_when_a_bounce_is_taken_back(
    db: Database, until: date | None, state: SubscriberState
) -> None:
    later = NOW + 5 * DAY
    with db.write() as session:
        bounced(session, "ada@example.org", rule="gone.unknown", code="550", words="user unknown")
        ada = session.exec(select(Subscriber)).one()
        lift_suppressions(session, SECRET, ada.address, how="operator", now=NOW)
        pause(session, ada, until=until, how="web", now=NOW)
        record_hard_bounce(session, SECRET, ada, how="smtp", detail="550", now=NOW)
        assert str(ada.state) == "bounced"
        assert lift_suppressions(session, SECRET, ada.address, how="guard", now=later).resumed is (
            state is SubscriberState.ACTIVE
        )
        assert str(ada.state) == state.value
        assert (ada.next_due_at is None) is (state is SubscriberState.PAUSED)
    with db.write() as session:
        assert end_pauses(session, datetime(2026, 5, 2, tzinfo=UTC)) == (
            state is SubscriberState.PAUSED and until is not None
        )
