"""Asking where somebody wants to be told whether that is meant: how often, so that nobody can be bombed with it.

Once it is, a mail says so: whoever else holds a link of theirs cannot lead their news away unseen.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import Session

from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.notices.kinds import NUDGE_CONFIRMATION, NUDGES_BEGUN
from trialalerts.delivery.outbox.request_limits import (
    MOST_A_DAY,
    RequestLimits,
    mails_asked_for,
    next_number,
    take_place,
)
from trialalerts.subscribers.account.nudging import ask_for_nudges
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["request_nudges", "tell_that_nudges_begin"]

_A_DAY = timedelta(days=1)


def request_nudges(
    session: Session,
    subscriber: Subscriber,
    way: str,
    recipient: str,
    *,
    now: datetime,
    domain: str,
    limits: RequestLimits,
) -> bool:
    """Note the wish and queue what asks there; return False, with nothing noted, where there were too many.

    One reader may ask five times a day, and five times a day one recipient is asked, by whomever.
    """
    number = id_of(subscriber)
    session.get_one(Subscriber, number, with_for_update=True)  # two forms at once are counted one after the other
    earlier = mails_asked_for(session, number, NUDGE_CONFIRMATION)
    if sum(each.created_at > now - _A_DAY for each in earlier) >= MOST_A_DAY:
        return False
    # It is counted as mails to an address are, which it is not: its hash looks like one.
    counted_as = f"{sha256(recipient.encode()).hexdigest()}@{way}"
    turn = take_place(session, counted_as, limits, due=now, now=now)
    if turn is None:
        return False
    choice = ask_for_nudges(session, subscriber, way, recipient, now=now)
    return enqueue(
        session,
        key=f"{NUDGE_CONFIRMATION}/{subscriber.key}/{next_number(earlier)}",
        kind=NUDGE_CONFIRMATION,
        subscriber_id=number,
        data={"asked": int((choice.asked_at or now).timestamp())},
        now=now,
        not_before=turn,
        domain=domain,
    )


def tell_that_nudges_begin(session: Session, subscriber: Subscriber, asked: int, *, now: datetime, domain: str) -> bool:
    """Tell by mail, once for each wish, that news goes elsewhere; ``asked`` is the moment of the wish, in seconds."""
    return enqueue(
        session,
        key=f"{NUDGES_BEGUN}/{subscriber.key}/{asked}",
        kind=NUDGES_BEGUN,
        subscriber_id=id_of(subscriber),
        data={"asked": asked},
        now=now,
        domain=domain,
    )
