"""Going on where something broke off: a leaving taken back, a bounce that counts no longer."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.subscribers.account.telling import note_confirmed
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.people import resume, schedule_next
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, SubscriberState

__all__ = ["come_back", "take_bounce_back"]

_WISHES = {ConsentAction.CONFIRMED, ConsentAction.PAUSED, ConsentAction.RESUMED}


def come_back(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Take leaving back: all is as it was before, a pause included; return False where there is nothing to take back.

    Nothing is lost: the cursor has stood still meanwhile.
    """
    if subscriber.state is not SubscriberState.UNSUBSCRIBED:
        return False
    subscriber.state = _state_before(session, subscriber, now)
    subscriber.state_reason = None
    if subscriber.state is not SubscriberState.PAUSED:
        subscriber.paused_until = None
    schedule_next(subscriber, now)
    said = {"what": "leaving taken back", "old": SubscriberState.UNSUBSCRIBED.value, "new": subscriber.state.value}
    runs = subscriber.state is SubscriberState.ACTIVE
    action = ConsentAction.RESUMED if runs else ConsentAction.CHANGED  # a pause that goes on is still the last wish
    record_consent(session, subscriber, action, how=how, **said, now=now)
    if subscriber.state is not SubscriberState.PENDING:
        note_confirmed(session, subscriber.key, now=now)
    session.flush()
    return True


def _state_before(session: Session, subscriber: Subscriber, now: datetime) -> SubscriberState:
    if subscriber.confirmed_at is None:
        return SubscriberState.PENDING
    return SubscriberState.PAUSED if _had_paused(session, subscriber, now) else SubscriberState.ACTIVE


def take_bounce_back(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Go on where a bounce, which counts no longer, broke off: whoever had paused is paused still.

    Returns:
        Whether digests come again.

    Raises:
        InvalidInput: their mail had not bounced.
    """
    if subscriber.state is not SubscriberState.BOUNCED or not _had_paused(session, subscriber, now):
        resume(session, subscriber, how=how, now=now)
        return True
    subscriber.state = SubscriberState.PAUSED
    subscriber.state_reason = None
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what="bounce taken back, still paused", now=now)
    session.flush()
    return False


def _had_paused(session: Session, subscriber: Subscriber, now: datetime) -> bool:
    """Tell whether a pause was the last that somebody wished, and lasts."""
    rows = select(Consent.action).where(Consent.subscriber_id == subscriber.id, col(Consent.action).in_(_WISHES))
    last = session.exec(rows.order_by(col(Consent.id).desc())).first()
    lasts = subscriber.paused_until is None or subscriber.paused_until > now
    return last is ConsentAction.PAUSED and lasts
