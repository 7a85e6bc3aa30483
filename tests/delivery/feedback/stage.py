"""A post office whose mails have left: deliveries to hear of, and short words for what is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from sqlmodel import col, select

from tests.delivery.post import NOW, SECRET, add_person, queue, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.feedback.events import Event, EventKind
from trialalerts.delivery.feedback.handling import FeedbackCount, handle_feedback
from trialalerts.delivery.mail.verp import delivery_metadata
from trialalerts.delivery.outbox.suppressions import is_suppressed
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent, SoftBounces, Suppression, Tally
from trialalerts.subscribers.tables import Consent, Subscriber, SubscriberState

SETTINGS = settings(bounces="b@bounce.example.org", **{"from": "Trial Alerts <alerts@example.org>"})

_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Office:
    """A database with people and mails that were sent to them."""

    db: Database
    clock: FrozenClock

    def sent(
        self,
        name: str = "mona",
        *,
        state: DeliveryState = DeliveryState.SENT,
        person: SubscriberState = SubscriberState.ACTIVE,
        ago: timedelta = timedelta(),
    ) -> int:
        """Store a mail to ``name`` that was sent; return its number."""
        with self.db.write() as session:
            known = session.exec(select(Subscriber).where(Subscriber.key == f"key-{name}")).first()
            confirmed = None if person is SubscriberState.PENDING else NOW
            known = known or add_person(session, name, person, confirmed_at=confirmed, next_due_at=NOW)
            key = f"digest/{next(_numbers)}"
            queue(session, known, key=key)
            delivery = session.exec(select(Delivery).where(Delivery.key == key)).one()
            delivery.state = state
            waiting = state in {DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SUPPRESSED}
            delivery.sent_at = None if waiting else self.clock.now() - ago
            delivery.created_at = self.clock.now() - ago
            session.add(delivery)
            session.flush()
            assert delivery.id is not None
            return delivery.id

    def event(self, kind: EventKind, delivery: int | None = None, **values: Any) -> Event:
        """An event of this mail, told just now."""
        token = None if delivery is None else delivery_metadata(SETTINGS, delivery)["delivery"]
        known: dict[str, Any] = {"event_id": f"e{next(_numbers)}", "at": self.clock.now(), "token": token, "raw": "{}"}
        return Event(**({"provider": "postmark", "kind": kind} | known | values))

    def tell(self, kind: EventKind, delivery: int | None = None, **values: Any) -> FeedbackCount:
        """Heed one event."""
        return self.handle(self.event(kind, delivery, **values))

    def handle(self, *events: Event) -> FeedbackCount:
        """Heed events."""
        return handle_feedback(self.db, SETTINGS, events, now=self.clock.now())

    def delivery(self, number: int) -> Delivery:
        """The mail as stored."""
        with self.db.read() as session:
            return session.exec(select(Delivery).where(Delivery.id == number)).one()

    def state(self, number: int) -> DeliveryState:
        """Where a mail stands."""
        return self.delivery(number).state

    def person(self, name: str = "mona") -> Subscriber:
        """The subscriber as stored."""
        with self.db.read() as session:
            return session.exec(select(Subscriber).where(Subscriber.key == f"key-{name}")).one()

    def suppression(self, name: str = "mona") -> Suppression | None:
        """Why the address is not mailed."""
        with self.db.read() as session:
            return is_suppressed(session, SECRET, f"{name}@example.org")

    def soft_bounces(self, name: str = "mona") -> SoftBounces | None:
        """What is counted against the address."""
        with self.db.read() as session:
            return session.get(SoftBounces, self.person(name).id)

    def consents(self, name: str = "mona") -> list[tuple[str, str, str]]:
        """Action, how and what, oldest first."""
        number = self.person(name).id
        with self.db.read() as session:
            rows = select(Consent).where(Consent.subscriber_id == number).order_by(col(Consent.id))
            return [(row.action.value, row.how, row.what) for row in session.exec(rows)]

    def events(self) -> list[FeedbackEvent]:
        """What was told, oldest first."""
        with self.db.read() as session:
            return list(session.exec(select(FeedbackEvent).order_by(col(FeedbackEvent.id))))

    def tallies(self) -> dict[str, int]:
        """What was counted, by name."""
        with self.db.read() as session:
            return {row.what: row.count for row in session.exec(select(Tally))}
