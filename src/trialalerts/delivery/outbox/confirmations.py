"""The mails that ask for a confirmation: how many an address may get, so that nobody can be bombed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["CONFIRMATION", "request_confirmation"]

CONFIRMATION = "confirmation"
"""The kind of these deliveries; their data: ``{"preference_ids": [int]}``."""

_AT_MOST_EVERY = timedelta(minutes=10)
_A_DAY = timedelta(days=1)
_MOST_A_DAY = 5


def request_confirmation(
    session: Session, subscriber: Subscriber, preference_ids: Collection[int], *, now: datetime, domain: str
) -> bool:
    """Queue a mail that asks the subscriber to confirm these preferences; return whether one will come.

    An address gets one in ten minutes and five a day. What is asked for while a mail still waits goes into
    that mail; new preferences asked for just after one went wait for the end of the ten minutes, and the
    same ones asked for again are answered by the mail that went.
    """
    earlier = _earlier(session, subscriber)
    waiting = next((each for each in earlier if each.state is DeliveryState.QUEUED), None)
    if waiting is not None:
        waiting.data = {"preference_ids": sorted({*waiting.data["preference_ids"], *preference_ids})}
        session.flush()
        return True
    recent = [each for each in earlier if each.not_before > now - _A_DAY]
    last = max((each.not_before for each in recent), default=now - _AT_MOST_EVERY)
    due = max(now, last + _AT_MOST_EVERY)
    asked = {number for each in recent if each.not_before == last for number in each.data.get("preference_ids", ())}
    if len(recent) >= _MOST_A_DAY or (due > now and asked.issuperset(preference_ids)):
        return False
    return enqueue(
        session,
        key=f"{CONFIRMATION}/{subscriber.key}/{_next_number(earlier)}",
        kind=CONFIRMATION,
        subscriber_id=id_of(subscriber),
        data={"preference_ids": sorted(preference_ids)},
        now=now,
        not_before=due,
        domain=domain,
    )


def _earlier(session: Session, subscriber: Subscriber) -> list[Delivery]:
    rows = select(Delivery).where(col(Delivery.subscriber_id) == subscriber.id, col(Delivery.kind) == CONFIRMATION)
    return list(session.exec(rows))


def _next_number(earlier: Sequence[Delivery]) -> int:
    """Return a number that none of them has: the oldest may be forgotten by now."""
    numbers = [each.key.rpartition("/")[2] for each in earlier if each.key]
    return max((int(number) for number in numbers if number.isdecimal()), default=0) + 1
