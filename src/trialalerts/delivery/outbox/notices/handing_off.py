"""Messages to the organisation's own nurse: queued once, kept until they have left, counted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete
from sqlmodel import Session, col

from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.notices.kinds import HANDOFF, HANDOFF_RETURNED
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.delivery.outbox.request_limits import RequestLimits, mails_asked_for, take_place
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["forget_handoffs", "hand_off", "tell_of_return"]

_A_DAY = timedelta(days=1)


def hand_off(
    session: Session,
    subscriber: Subscriber,
    written: Handoff,
    *,
    once: str,
    per_person: int,
    limits: RequestLimits,
    now: datetime,
    domain: str,
) -> bool:
    """Queue what somebody writes to the nurse; return False where they have written too much.

    Args:
        session: writes.
        subscriber: who writes.
        written: the message, not stored yet.
        once: the name of this one message: a form that is sent twice has the same, and is queued once.
        per_person: so many messages one person may write in a day.
        limits: how many mails people may bring about in all; beyond them it waits for its turn.
        now: aware.
        domain: the right side of the Message-ID.
    """
    number, key = id_of(subscriber), f"{HANDOFF}/{subscriber.key}/{once}"
    session.get_one(Subscriber, number, with_for_update=True)  # two forms at once are counted one after the other
    earlier = mails_asked_for(session, number, HANDOFF)
    if any(each.key == key for each in earlier):
        return True
    if sum(each.created_at > now - _A_DAY for each in earlier) >= per_person:
        return False
    turn = take_place(session, subscriber.address, limits, due=now, now=now)
    if turn is None:
        return False
    session.add(written)
    session.flush()
    data = {"handoff": written.id}
    return enqueue(
        session, key=key, kind=HANDOFF, subscriber_id=number, data=data, now=now, not_before=turn, domain=domain
    )


def tell_of_return(session: Session, delivery: Delivery, *, now: datetime, domain: str) -> None:
    """Tell its writer, once, that a message to the nurse came back: nobody else can send it again, for it is gone."""
    enqueue(
        session,
        key=f"{HANDOFF_RETURNED}/{delivery.id}",
        kind=HANDOFF_RETURNED,
        subscriber_id=delivery.subscriber_id,
        data={"sent": int((delivery.sent_at or delivery.created_at).timestamp())},
        now=now,
        domain=domain,
    )


def forget_handoffs(session: Session, numbers: Collection[int]) -> int:
    """Delete messages that have left; return how many were still there, so that each is counted once."""
    if not numbers:
        return 0
    gone: CursorResult[Any] = session.connection().execute(delete(Handoff).where(col(Handoff.id).in_(numbers)))
    return gone.rowcount
