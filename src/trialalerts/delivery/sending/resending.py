"""Sending a mail once more: a copy with a Message-ID of its own, for somebody who may still be mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from trialalerts.delivery.mail.message import mail_domain, message_ids_for
from trialalerts.delivery.outbox.allowed import HELD_BACK
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending.recipient_check import Recipient, Withheld, check_recipients
from trialalerts.errors import InvalidInput
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Preference, SubscriberState

__all__ = ["QueuedCopy", "copies_of", "resend"]

_UNDER_WAY = {DeliveryState.QUEUED, DeliveryState.SENDING}
_WHY_NOT = {
    SubscriberState.PENDING.value: "has not confirmed yet",
    SubscriberState.UNSUBSCRIBED.value: "has unsubscribed",
    SubscriberState.BOUNCED.value: "gets no mail: what was sent there came back (bounced)",
    SubscriberState.COMPLAINED.value: "complained of our mail, and gets none",
    SubscriberState.ERASED.value: "was erased",
    HELD_BACK: "is not named in mail.only_to, which holds mail to all others back",
}


@dataclass(frozen=True, kw_only=True)
class QueuedCopy:
    """A copy that was queued: its number, and why and until when it waits, where it does."""

    delivery_id: int
    waits_for: str | None = None
    until: datetime | None = None


def resend(session: Session, settings: Settings, delivery: Delivery, *, now: datetime) -> QueuedCopy:
    """Queue a copy of a mail, whatever became of that one.

    Raises:
        InvalidInput: it is under way itself, a copy of it is, or its recipient must not be mailed; says why.
    """
    number = delivery.id
    if delivery.state in _UNDER_WAY:
        raise InvalidInput(f"Delivery {number} is {delivery.state}: it is on its way by itself.")
    copies = copies_of(session, delivery)
    if under_way := next((each for each in copies if each.state in _UNDER_WAY), None):
        raise InvalidInput(f"Delivery {under_way.id}, a copy of delivery {number}, is on its way already.")
    found = _checked(session, settings, delivery, now)
    made = session.exec(select(func.count()).where(col(Delivery.key).like(f"copy/{number}/%"))).one()
    row = Delivery(
        key=f"copy/{number}/{made + 1}",
        kind=delivery.kind,
        subscriber_id=delivery.subscriber_id,
        data=dict(delivery.data),
        message_id=message_ids_for([delivery.subscriber_id], mail_domain(settings.mail.sender))[0],
        state=DeliveryState.QUEUED,
        not_before=now,
        created_at=now,
        copy_of=number,
    )
    session.add(row)
    session.flush()
    if isinstance(found, Withheld):
        return QueuedCopy(delivery_id=row.id or 0, waits_for=found.reason, until=found.until)
    return QueuedCopy(delivery_id=row.id or 0)


def copies_of(session: Session, delivery: Delivery) -> list[Delivery]:
    """Return the copies of a delivery, oldest first."""
    rows = select(Delivery).where(col(Delivery.copy_of).is_not(None), col(Delivery.copy_of) == delivery.id)
    return list(session.exec(rows.order_by(col(Delivery.id))))


def _checked(session: Session, settings: Settings, delivery: Delivery, now: datetime) -> Recipient | Withheld:
    (found,) = check_recipients(session, [delivery], settings=settings, now=now)
    if isinstance(found, Recipient) or found.until is not None:
        if delivery.kind == CONFIRMATION and not _still_asks(session, delivery):
            raise InvalidInput(f"Delivery {delivery.id} asks for nothing any more: all it asked for was confirmed.")
        return found
    why = _WHY_NOT.get(found.reason, f"gets no mail: {found.reason}")
    who = f"its recipient (subscriber {delivery.subscriber_id})"
    raise InvalidInput(f"Delivery {delivery.id} is not sent again: {who} {why}.")


def _still_asks(session: Session, delivery: Delivery) -> bool:
    """Tell whether anything that a mail asks to confirm is still unconfirmed."""
    asked = delivery.data.get("preference_ids", [])
    rows = select(Preference.id).where(col(Preference.id).in_(asked), col(Preference.confirmed_at).is_(None))
    return session.exec(rows.limit(1)).first() is not None
