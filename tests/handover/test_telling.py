"""Telling people that a service changes hands: everybody who gets mails, once, those who came later too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.digests.stage import store_areas, store_subscriber
from tests.handover.stage import RECEIVER, Organisation, called, text_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.announcing import cancel_announcement, reached_before
from trialalerts.digests.announcements.handover import handovers_of
from trialalerts.errors import InvalidInput
from trialalerts.operations.handover.drafting import drafted_handover
from trialalerts.operations.retention.pruning import prune
from trialalerts.subscribers.tables import SubscriberState

SERVED = {"cursor": 0, "confirmed_seq": 0}


@pytest.fixture
def giver(db: Database, clock: FrozenClock) -> Organisation:
    """An organisation with people in all states; none of them is due for a digest."""
    later = clock.now() + timedelta(days=400)
    with db.write() as session:
        store_areas(session)
        people: dict[str, dict[str, Any]] = {
            "anna": {},
            "quiet": {"announcements": False},
            "paused": {"state": SubscriberState.PAUSED, "next_due_at": None},
            "bern": {"locale": "de-CH", "timezone": "Europe/Zurich"},
            "pending": {"state": SubscriberState.PENDING},
            "gone": {"state": SubscriberState.UNSUBSCRIBED},
            "bounced": {"state": SubscriberState.BOUNCED},
        }
        for name, values in people.items():
            store_subscriber(session, name, clock.now(), **{**SERVED, "next_due_at": later, **values})
    return Organisation(db=db, clock=clock)


def test_everybody_who_gets_mails_is_told_those_too_who_pause_or_want_no_announcements(giver: Organisation) -> None:
    assert giver.announce() == 4
    told = giver.round()
    assert set(told) == {"anna", "quiet", "paused", "bern"}
    for (message,) in told.values():
        assert RECEIVER in text_of(message)
        assert "/object/" in text_of(message)
        assert "/unsubscribe/" in text_of(message)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "clerosis" not in text_of(message) + str(message["Subject"])
    day = (giver.clock.now() + timedelta(days=40)).date()
    assert f"not before {day.day} {day:%B %Y}" in text_of(told["anna"][0])
    assert "übernimmt" in text_of(told["bern"][0])
    assert giver.round() == {}
    giver.clock.advance(timedelta(days=1))
    assert giver.announce() == 0
    assert giver.round() == {}


def test_who_signs_up_later_is_told_and_of_a_later_day(giver: Organisation) -> None:
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=30))
    with giver.db.write() as session:
        later = giver.clock.now() + timedelta(days=400)
        store_subscriber(session, "late", giver.clock.now(), **SERVED, next_due_at=later)
        called(session, "pending").state = SubscriberState.ACTIVE
        called(session, "pending").next_due_at = later
    told = giver.round()
    assert set(told) == {"late", "pending"}
    day = (giver.clock.now() + timedelta(days=30)).date()
    assert f"not before {day.day} {day:%B %Y}" in text_of(told["late"][0])
    assert giver.round() == {}


def test_only_whom_the_mail_reached_long_enough_ago_counts_as_told(giver: Organisation) -> None:
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=100))
    prune(giver.db, giver.settings, giver.clock.now())  # the mails are older than deliveries are kept
    with giver.db.read() as session:
        ((announcement, _),) = handovers_of(session)
        now = giver.clock.now()
        told = {called(session, name).id for name in ("anna", "quiet", "paused", "bern")}
        assert reached_before(session, announcement, now) == told
        assert reached_before(session, announcement, now - timedelta(days=101)) == set()


def drafted(giver: Organisation, days: int, *, receiver: str = RECEIVER, notice_days: int = 30, site: str = "") -> None:
    with giver.db.read() as session:
        now = giver.clock.now()
        day: date = (now + timedelta(days=days)).date()
        drafted_handover(session, giver.settings, receiver, day=day, notice_days=notice_days, website=site, now=now)


def test_nobody_is_told_too_late_nor_of_two_receivers(giver: Organisation) -> None:
    wrong: list[tuple[int, dict[str, Any], str]] = [
        (29, {}, "people are told 30 days before"),
        (40, {"notice_days": 29}, "expected 30 days or more"),
        (40, {"notice_days": 41}, "people are told 41 days before"),
        (40, {"receiver": " \n"}, "Say who takes over"),
        (40, {"site": "javascript:alert(1)"}, "expected an address"),
    ]
    for days, more, said in wrong:
        with pytest.raises(InvalidInput, match=said):
            drafted(giver, days, **more)
    giver.announce()
    drafted(giver, 41)
    with pytest.raises(InvalidInput, match="it can only become later"):
        drafted(giver, 39)
    with pytest.raises(InvalidInput, match="announcements cancel 1"):
        drafted(giver, 60, receiver="Third Society")
    with giver.db.write() as session:
        cancel_announcement(session, handovers_of(session)[0][0])
    drafted(giver, 60, receiver="Third Society")


def test_called_off_it_reaches_nobody_any_more(giver: Organisation) -> None:
    giver.announce()
    with giver.db.write() as session:
        cancel_announcement(session, handovers_of(session)[0][0])
    assert giver.round() == {}
