"""What the guards noted while a clock was ahead must not silence mail, nor count twice, when it is right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from tests.digests.stage import store_subscriber
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import DomainTally, SendingHold, SoftBounces, Suppression
from trialalerts.delivery.policy import answers
from trialalerts.operations.stamps import future_stamps, put_right
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
