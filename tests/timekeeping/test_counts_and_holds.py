"""What the guards noted while a clock was ahead must not silence mail, nor count twice, when it is right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from tests.digests.stage import store_subscriber
from trialalerts.database import Database
from trialalerts.database.audit import AuditEntry, note_change
from trialalerts.delivery.outbox.tables import DomainTally, RequestedMail, SendingHold, SoftBounces, Suppression
from trialalerts.delivery.policy import answers
from trialalerts.operations.stamps import future_stamps, put_right
from trialalerts.operations.watch.tables import WATCH_LEASE, WatchTurn
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

NOW = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
AHEAD = NOW + timedelta(days=400)
GONE = {("example.org", answers.Answer.ANSWERED): 3, ("example.org", answers.Answer.GONE): 2}


def test_answers_of_hours_to_come_are_counted_in_the_hour_at_hand(db: Database) -> None:
    with db.write() as session:
        for at in (NOW, AHEAD, AHEAD + timedelta(hours=3)):
            answers.count_answers(session, GONE, at=at)
        assert put_right(session, Settings(), NOW, everything=False) == {"tally.hour": 8}
        rows = session.exec(select(DomainTally).order_by(DomainTally.domain, DomainTally.what)).all()
        counted = [(row.domain, row.what, row.count, row.hour) for row in rows]
    hour = NOW.replace(minute=0)
    assert counted == [
        ("", "answered", 9, hour), ("", "gone", 6, hour),
        ("example.org", "answered", 9, hour), ("example.org", "gone", 6, hour),
    ]  # fmt: skip


def test_what_waits_for_a_moment_far_ahead_waits_no_longer_than_it_may(db: Database) -> None:
    with db.write() as session:
        store_subscriber(session, "ada", NOW)
        session.flush()
        person = session.exec(select(Subscriber.id)).one()
        session.add(SendingHold(scope="example.org", cause="gone", since=NOW, retry_at=AHEAD, wait=3600, reason="x"))
        session.add(SoftBounces(subscriber_id=person or 0, first_at=NOW, last_at=NOW, parked_until=AHEAD))
        session.add(Suppression(address_hash="b", reason="bounced", since=NOW, provisional_until=AHEAD))
        session.flush()
        assert future_stamps(session, Settings(), NOW) == {
            "sending_hold.retry_at": 1, "soft_bounces.parked_until": 1, "suppression.provisional_until": 1,
        }  # fmt: skip
        put_right(session, Settings(), NOW, everything=False)
        assert session.exec(select(SendingHold)).one().retry_at == NOW
        assert session.exec(select(SoftBounces)).one().parked_until == NOW
        assert session.exec(select(Suppression)).one().provisional_until == NOW + timedelta(days=7)
        assert future_stamps(session, Settings(), NOW) == {}


def test_the_trail_stays_as_it_was_written_and_stops_nothing(db: Database) -> None:
    with db.write() as session:
        note_change(session, "command line (ops)", "subscriber.paused", "subscriber 1", now=AHEAD)
    with db.write() as session:
        put_right(session, Settings(), NOW, everything=True)
    with db.read() as session:
        assert [row.at for row in session.exec(select(AuditEntry))] == [AHEAD]


def test_the_watch_and_those_who_ask_wait_no_longer_than_they_may(db: Database) -> None:
    with db.write() as session:
        session.add(WatchTurn(name="watch", leased_by="somebody", leased_until=AHEAD))
        session.add(RequestedMail(due_at=AHEAD, mailbox_hash="a hash"))
    with db.write() as session:
        mended = put_right(session, Settings(), NOW, everything=True)
    assert {"watch_turn.leased_until", "requested_mail.due_at"} <= mended.keys()
    with db.read() as session:
        assert session.get_one(WatchTurn, "watch").leased_until == NOW + WATCH_LEASE
        assert [row.due_at for row in session.exec(select(RequestedMail))] == [NOW]
