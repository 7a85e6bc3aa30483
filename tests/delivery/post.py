"""A small post office for the tests: people, queued mail, and a renderer that writes one line to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlmodel import Session, col, select

from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.settings import MailSettings, ServiceSettings, Settings
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "a secret for tests only"


def dice(seed: int = 1) -> Random:
    """Jitter that falls the same way each time."""
    return Random(seed)


def settings(**mail: Any) -> Settings:
    """Settings with a secret, and what a test wants for ``[mail]``."""
    return Settings(service=ServiceSettings(secret=SecretStr(SECRET)), mail=MailSettings(**mail))


def add_person(
    session: Session, name: str = "mona", state: SubscriberState = SubscriberState.ACTIVE, **values: Any
) -> Subscriber:
    """Store a subscriber ``name@example.org``; a name with an @ is the whole address."""
    address = name if "@" in name else f"{name}@example.org"
    person = Subscriber(
        key=f"key-{name}",
        address=address,
        address_key=address_key(address),
        state=state,
        locale="en",
        timezone="UTC",
        frequency=Frequency.WEEKLY,
        **{"created_at": NOW, **values},
    )
    session.add(person)
    session.flush()
    return person


def queue(session: Session, person: Subscriber, key: str = "digest/1", kind: str = "digest", **values: Any) -> bool:
    """Queue a mail."""
    assert person.id is not None
    row: dict[str, Any] = {"data": {"digest_id": 1}, "now": NOW, "domain": "example.org", **values}
    return enqueue(session, key=key, kind=kind, subscriber_id=person.id, **row)


def queue_for(db: Database, names: Iterable[str]) -> None:
    """Store a subscriber of each name and queue one digest for each, in this order."""
    with db.write() as session:
        for name in names:
            queue(session, add_person(session, name), key=f"digest/{name}")


def deliveries(db: Database) -> dict[str, Delivery]:
    """All deliveries by key."""
    with db.read() as session:
        return {each.key or "": each for each in session.exec(select(Delivery).order_by(col(Delivery.id)))}


def states(db: Database) -> dict[str, DeliveryState]:
    """The state of each delivery by key."""
    return {key: each.state for key, each in deliveries(db).items()}


def render(session: Session, mails: Sequence[tuple[Delivery, Subscriber]]) -> list[Message | Exception | None]:
    """Write the plainest messages."""
    del session
    return [plain_message(delivery, subscriber) for delivery, subscriber in mails]


def plain_message(delivery: Delivery, subscriber: Subscriber) -> Message:
    """Write the plainest message."""
    return Message(
        sender="Trial Alerts <alerts@example.org>",
        to=subscriber.address,
        subject="Your trial alerts",
        text=f"Delivery {delivery.id}\n",
        message_id=delivery.message_id,
        date=NOW,
    )
