"""What feedback does to a subscriber. Every change says why: in the state, in the suppression, in the consent log.

A hard bounce suppresses the address at once, provisionally. Soft ones are counted, at most one a day: each lets the
address rest for longer, and a score of five over fourteen days or more *parks* the subscriber: no digests until one is
tried again, after 30, 90 and 180 days; then the address is suppressed. What is about us does nothing to the subscriber.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, exists, func, select

from trialalerts.delivery.outbox.notices.kinds import ELSEWHERE, HANDOFF, NEW_ADDRESS
from trialalerts.delivery.outbox.suppressions import SuppressionReason, domain_of, suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SoftBounces
from trialalerts.subscribers.account.returning import take_bounce_back
from trialalerts.subscribers.account.telling import note_left
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.people import unsubscribe
from trialalerts.subscribers.tables import AddressChange, Consent, ConsentAction, Subscriber, SubscriberState, id_of

__all__ = [
    "PARKED_FOR",
    "concerns_another_address",
    "end_parkings",
    "got_through",
    "one_got_through",
    "record_complaint",
    "record_complaint_elsewhere",
    "record_hard_bounce",
    "record_soft_bounce",
    "record_unsubscribe",
]

_MOST = 5.0
_AT_LEAST = timedelta(days=14)
PARKED_FOR = (timedelta(days=30), timedelta(days=90), timedelta(days=180))
_TROUBLE_OF_A_DOMAIN = 3
"""Where so many addresses of a domain have trouble on one day, it is the domain's and counts for none of them."""
_WEAK = {"time": 0.5}
"""What is about the way to the server (timed out, DNS, loops) rather than about the mailbox weighs less."""
_FIRST_REST = timedelta(hours=2)
_LONGEST_REST = timedelta(hours=64)
_BOUNCES_WITHIN = timedelta(days=5)
"""So long mail servers go on trying, as a rule: what did not come back by then got through."""
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_SENT = {DeliveryState.SENT, DeliveryState.DELIVERED}


def record_hard_bounce(
    session: Session,
    secret: str,
    subscriber: Subscriber,
    *,
    how: str,
    detail: str,
    why: SuppressionReason | None = None,
    reason: str = "bounced",
    now: datetime,
) -> None:
    """Suppress the address of a subscriber, provisionally at first, and stop serving them.

    Somebody who has not confirmed stays pending: from *bounced* one can be resumed, and nobody may become active
    who never agreed.
    """
    if subscriber.state is SubscriberState.ERASED:
        return
    why = why or SuppressionReason(transport=how, code=detail)
    suppress(session, secret, subscriber.address, reason=reason, detail=f"{how}: {detail}", why=why, now=now)
    if subscriber.state not in _SERVED and subscriber.state is not SubscriberState.PENDING:
        return
    if subscriber.state in _SERVED:
        subscriber.state = SubscriberState.BOUNCED
    subscriber.state_reason = f"{how}: {detail}"
    subscriber.next_due_at = None
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"bounced: {detail}", now=now)
    session.flush()


def record_soft_bounce(
    session: Session,
    secret: str,
    subscriber: Subscriber,
    *,
    how: str,
    detail: str,
    why: SuppressionReason | None = None,
    at: datetime,
    now: datetime,
) -> None:
    """Count a soft bounce (``at`` the moment when it happened) and let the address rest."""
    if subscriber.state is SubscriberState.ERASED:
        return
    counted = session.get(SoftBounces, id_of(subscriber), with_for_update=True)
    if counted is None or one_got_through(session, subscriber, since=counted.last_at, until=now - _BOUNCES_WITHIN):
        if counted is not None:
            session.delete(counted)
            session.flush()
        counted = SoftBounces(subscriber_id=id_of(subscriber), first_at=at, last_at=at)
        session.add(counted)
    counted.in_a_row += 1
    counted.first_at, counted.last_at = min(counted.first_at, at), max(counted.last_at, at)
    counted.not_before = now + min(_FIRST_REST * 2 ** min(counted.in_a_row - 1, 10), _LONGEST_REST)
    session.flush()
    if counted.counted_on != at.date() and not _trouble_of_the_domain(session, subscriber, at):
        counted.counted_on = at.date()
        counted.score += _WEAK.get(why.rule or "", 1.0) if why else 1.0
    session.flush()
    if counted.score >= _MOST and counted.last_at - counted.first_at >= _AT_LEAST:
        _park(session, secret, subscriber, counted, how=how, detail=detail, why=why, now=now)


def end_parkings(session: Session, *, now: datetime) -> int:
    """Let those be tried again whose parking is over: parked anew when the mail comes back; return how many."""
    over = (
        select(Subscriber)
        .join(SoftBounces, col(SoftBounces.subscriber_id) == col(Subscriber.id))
        .where(col(SoftBounces.parked_until) <= now)
        .order_by(col(Subscriber.id))
    )
    found = list(session.exec(over))
    for subscriber in found:
        counted = session.get_one(SoftBounces, id_of(subscriber))
        counted.parked_until = None
        if subscriber.state is SubscriberState.BOUNCED and subscriber.confirmed_at is not None:
            take_bounce_back(session, subscriber, how="schedule", now=now)
    session.flush()
    return len(found)


def got_through(session: Session, subscriber: Subscriber, *, at: datetime) -> None:
    """Forget the soft bounces before a mail that was delivered ``at`` this moment."""
    counted = session.get(SoftBounces, id_of(subscriber), with_for_update=True)
    if counted is not None and at > counted.last_at:
        session.delete(counted)
        session.flush()


def record_complaint(session: Session, secret: str, subscriber: Subscriber, *, how: str, now: datetime) -> None:
    """Let somebody go who called a mail spam, and never mail the address again."""
    if subscriber.state is SubscriberState.ERASED:
        return
    suppress(session, secret, subscriber.address, reason="complained", detail=how, now=now)
    if subscriber.state in {SubscriberState.COMPLAINED, SubscriberState.UNSUBSCRIBED}:
        return
    note_left(session, [(subscriber.key, subscriber.state)], now=now)
    subscriber.state = SubscriberState.COMPLAINED
    subscriber.state_reason = f"{how}: complained"
    subscriber.next_due_at = None
    record_consent(session, subscriber, ConsentAction.UNSUBSCRIBED, how=how, what="complained", now=now)
    session.flush()


def record_complaint_elsewhere(session: Session, secret: str, delivery: Delivery, *, how: str, now: datetime) -> None:
    """Never mail an address again at which somebody called spam that it was asked for, or was until then."""
    asked = session.get(AddressChange, delivery.subscriber_id) if delivery.kind != HANDOFF else None
    if asked is None:
        return
    address = asked.address if delivery.kind == NEW_ADDRESS else asked.old_address
    suppress(session, secret, address, reason="complained", detail=how, now=now)
    session.delete(asked)
    session.flush()


def record_unsubscribe(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> None:
    """Let somebody go who told the provider to stop."""
    unsubscribe(session, subscriber, how=how, now=now)


def concerns_another_address(session: Session, delivery: Delivery) -> bool:
    """Tell whether a mail went to another address than the one of today: then a bounce says nothing of that one."""
    if delivery.kind in ELSEWHERE:
        return True
    changes = select(Consent.what).where(
        col(Consent.subscriber_id) == delivery.subscriber_id,
        col(Consent.action) == ConsentAction.CHANGED,
        col(Consent.at) > (delivery.sent_at or delivery.created_at),
    )
    return any("address" in what.split(", ") for what in session.exec(changes))


def _park(
    session: Session,
    secret: str,
    subscriber: Subscriber,
    counted: SoftBounces,
    *,
    how: str,
    detail: str,
    why: SuppressionReason | None,
    now: datetime,
) -> None:
    """Stop serving somebody for a time, or, where all tries came back, for good."""
    often = f"{counted.in_a_row} soft bounces in a row since {counted.first_at:%Y-%m-%d}, last: {detail}"
    if counted.tries >= len(PARKED_FOR):
        record_hard_bounce(session, secret, subscriber, how=how, detail=often, why=why, reason="unwell", now=now)
        return
    if subscriber.state not in _SERVED:
        return
    counted.parked_until = now + PARKED_FOR[counted.tries]
    counted.tries += 1
    subscriber.state = SubscriberState.BOUNCED
    subscriber.state_reason = f"{how}: {often}; parked, tried again on {counted.parked_until:%Y-%m-%d}"
    subscriber.next_due_at = None
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"parked: {often}", now=now)
    session.flush()


def _trouble_of_the_domain(session: Session, subscriber: Subscriber, at: datetime) -> bool:
    """Tell whether several addresses of the same domain had a soft bounce within a day."""
    domain = domain_of(subscriber.address)
    others = (
        select(func.count())
        .select_from(SoftBounces)
        .join(Subscriber, col(SoftBounces.subscriber_id) == col(Subscriber.id))
        .where(
            col(SoftBounces.last_at) > at - timedelta(days=1),
            col(Subscriber.address_key).endswith(f"@{domain}", autoescape=True),
        )
    )
    return session.exec(others).one() >= _TROUBLE_OF_A_DOMAIN


def one_got_through(session: Session, subscriber: Subscriber, *, since: datetime, until: datetime) -> bool:
    """Tell whether a mail sent since then did not come back: over plain SMTP nobody says *delivered*."""
    theirs = select(Delivery.id).where(
        col(Delivery.subscriber_id) == subscriber.id,
        col(Delivery.state).in_(_SENT),
        col(Delivery.sent_at) > since,
        col(Delivery.sent_at) < until,
    )
    return bool(session.exec(select(exists(theirs))).one())
