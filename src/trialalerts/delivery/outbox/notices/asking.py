"""The mails that anybody can ask for by an address: how many it may get, so that nobody can be bombed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from trialalerts.database.bulk import Rows
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.lifecycle import NewMail, enqueue, queued_rows
from trialalerts.delivery.outbox.notices.kinds import GOODBYE, LINK, NEW_ADDRESS, OLD_ADDRESS
from trialalerts.delivery.outbox.request_limits import (
    AT_MOST_EVERY,
    MOST_A_DAY,
    RequestLimits,
    mails_asked_for,
    next_number,
    take_place,
)
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.account.moving import is_taken
from trialalerts.subscribers.account.unsubscribing import (
    Unsubscribe,
    Unsubscribed,
    UnsubscribeResult,
    unsubscribe_many,
)
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import AddressChange, Subscriber, SubscriberState, id_of

__all__ = ["answer_sign_up", "ask_new_address", "request_link", "request_link_for", "unsubscribe_with_goodbye"]

_A_DAY = timedelta(days=1)
_NOBODY = -1
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_KNOWN = _SERVED | {SubscriberState.UNSUBSCRIBED}


def answer_sign_up(
    session: Session,
    subscriber: Subscriber,
    to_confirm: Collection[int],
    *,
    now: datetime,
    domain: str,
    limits: RequestLimits | None = None,
) -> bool:
    """Queue what answers a sign-up: a mail that asks to confirm what is new, else a link to the settings.

    Returns:
        Whether a mail will come.
    """
    if to_confirm:
        return request_confirmation(session, subscriber, to_confirm, now=now, domain=domain, limits=limits)
    return request_link(session, subscriber, now=now, domain=domain, limits=limits)


def request_link(
    session: Session, subscriber: Subscriber, *, now: datetime, domain: str, limits: RequestLimits | None = None
) -> bool:
    """Queue a mail with a fresh link to the settings; return whether one will come, or has come just now.

    An address gets one in ten minutes and five a day. Where a stranger may have asked, ``limits`` say how many there
    are in all, and who has left gets none: they must not be mailed for what others do.
    """
    if subscriber.state not in (_SERVED if limits else _KNOWN):
        return False
    earlier = mails_asked_for(session, id_of(subscriber), LINK)
    if _is_answered(earlier, now):
        return True
    if sum(each.not_before > now - _A_DAY for each in earlier) >= MOST_A_DAY:
        return False
    turn = take_place(session, subscriber.address, limits, due=now, now=now) if limits else now
    if turn is None:
        return False
    return enqueue(
        session,
        key=f"{LINK}/{subscriber.key}/{next_number(earlier)}",
        kind=LINK,
        subscriber_id=id_of(subscriber),
        data={},
        now=now,
        not_before=turn,
        domain=domain,
    )


def request_link_for(session: Session, address: str, *, now: datetime, domain: str, limits: RequestLimits) -> bool:
    """Queue the link for whoever has this address; who never confirmed is asked again.

    For an address that nobody has, as much is read and written, and taken back: how long it takes tells nothing.
    """
    rows = select(Subscriber).where(col(Subscriber.address_key) == address_key(address))
    subscriber = session.exec(rows).first()
    if subscriber is not None and subscriber.state is SubscriberState.PENDING:
        waiting = [id_of_wish for each in list_preferences(session, subscriber) if (id_of_wish := each.id) is not None]
        return request_confirmation(session, subscriber, waiting, now=now, domain=domain, limits=limits)
    if subscriber is not None and subscriber.state in _SERVED:
        return request_link(session, subscriber, now=now, domain=domain, limits=limits)
    mails_asked_for(session, _NOBODY, LINK)
    unused = session.begin_nested()
    take_place(session, address, limits, due=now, now=now)
    unused.rollback()
    return False


def unsubscribe_with_goodbye(
    session: Session, asked: Sequence[Unsubscribe], *, now: datetime, domain: str
) -> UnsubscribeResult:
    """Let all of them go, and queue the last mail to each who left by it: at most one a day, and none to who never
    confirmed.
    """

    def goodbyes(left: Sequence[Unsubscribed]) -> Rows:
        mails = [
            NewMail(
                key=f"{GOODBYE}/{each.key}/{now.date().isoformat()}",
                kind=GOODBYE,
                subscriber_id=each.id,
                data={"left": int(now.timestamp())},
            )
            for each in left
            if each.was_confirmed
        ]
        return queued_rows(mails, now=now, domain=domain)

    return unsubscribe_many(session, asked, now=now, written_with=goodbyes)


def ask_new_address(
    session: Session, subscriber: Subscriber, asked: AddressChange, *, now: datetime, domain: str, limits: RequestLimits
) -> bool:
    """Queue the mails to both addresses; return False where the new one has had too many mails that others asked for.

    Where somebody else has the new address, they get their own link instead: nobody learns that it is known.
    """
    if is_taken(session, subscriber, asked):
        request_link_for(session, asked.address, now=now, domain=domain, limits=limits)
        turn: datetime | None = None
    elif (turn := take_place(session, asked.address, limits, due=now, now=now)) is None:
        return False
    moment = int(asked.asked_at.timestamp())
    for kind, due in ((NEW_ADDRESS, turn), (OLD_ADDRESS, now)):
        if due is not None:
            key = f"{kind}/{subscriber.key}/{moment}"
            number = id_of(subscriber)
            data = {"asked": moment}
            enqueue(
                session, key=key, kind=kind, subscriber_id=number, data=data, now=now, not_before=due, domain=domain
            )
    return True


def _is_answered(earlier: Sequence[Delivery], now: datetime) -> bool:
    """Tell whether a mail waits, or went within the last minutes: what is in it is as good as new."""
    return any(each.state is DeliveryState.QUEUED or each.not_before > now - AT_MOST_EVERY for each in earlier)
