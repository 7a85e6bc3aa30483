"""What comes back because of us: nobody is blamed, the mail goes again, and it counts as a refusal at the door would.

A mail that a server or a provider took, and that comes back for our reputation, rate, set-up or content, is queued
again until it was tried for ``mail.give_up_after``. One that comes back for a fault of its own fails: it would come
back again. Several may tell of the same try (a bounce mail and a webhook); whoever told first counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

from sqlmodel import Session, col, select

from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, SendAgain
from trialalerts.delivery.mail.reply_codes import BounceClass
from trialalerts.delivery.outbox.lifecycle import backoff, given_up
from trialalerts.delivery.outbox.suppressions import SuppressionReason, domain_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent
from trialalerts.delivery.policy import answers, cooldown, mass_guard, refusal_findings
from trialalerts.delivery.policy.restricted import record_restriction
from trialalerts.logs import Logger
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["COUNTED_FOR", "in_words", "is_about_us", "record_about_us", "why_of"]

log = Logger()

COUNTED_FOR = timedelta(days=6)
"""A bounce of an older mail counts for a guard as if the mail had been sent then: older counts are not kept."""
_CAME_BACK = {EventKind.BOUNCED, EventKind.REJECTED, EventKind.FAILED}
_TAKEN = {
    EventKind.BOUNCED: {DeliveryState.SENT, DeliveryState.DELIVERED},
    EventKind.REJECTED: {DeliveryState.SENT},
    EventKind.FAILED: {DeliveryState.SENT},
}
"""From where a mail goes again: one that waits or is under way does so by itself."""
_UNDER_WAY = {DeliveryState.QUEUED, DeliveryState.SENDING}


def is_about_us(event: Event) -> bool:
    """Tell whether a mail came back through our fault or its own, not through the person's."""
    return event.kind in _CAME_BACK and (event.reason is FeedbackReason.BLOCKED or event.again is not None)


def record_about_us(
    session: Session, settings: Settings, subscriber: Subscriber, delivery: Delivery, event: Event, *, now: datetime
) -> None:
    """Do what a bounce asks for that is about us, or about the mail itself; the event is stored already."""
    log.warning("feedback.about_us", provider=event.provider, kind=event.kind, code=event.code, delivery=delivery.id)
    if event.bounce_class is BounceClass.MESSAGE:
        if delivery.state in _TAKEN[event.kind] | _UNDER_WAY:
            _fail(session, delivery, event, now)
            answers.take_turn(session, now=now)
            rule, number = event.rule or "msg", delivery.id or 0
            refusal_findings.note_faulty(session, rule, _told(event), delivery_id=number, now=now)
        return
    if delivery.state is DeliveryState.SENDING and _came_before_the_answer(delivery, event):
        delivery.transport, delivery.provider_id = event.provider, next(iter(event.provider_ids), None)
    elif delivery.state not in _TAKEN[event.kind] or _is_of_another_try(session, delivery, event):
        return
    if event.again is not SendAgain.TOMORROW:
        _count(session, domain_of(subscriber.address), delivery, event, now)
    if given_up(delivery.attempts, settings.mail.give_up_after):
        _fail(session, delivery, event, now)
    else:
        _queue_again(session, delivery, event, now)
    if answers.keeps_one_address_from_us(event.brake):
        _let_rest(session, settings, subscriber, delivery, event, now)


def in_words(event: Event) -> str:
    """Return what an event says, where no server's words or code are known."""
    return f"{event.kind} ({event.reason})" if event.reason else str(event.kind)


def why_of(event: Event, delivery: Delivery) -> SuppressionReason:
    """Return what is kept beside a suppression that an event brings."""
    return SuppressionReason(
        rule=event.rule,
        code=event.code,
        words=event.evidence or None,
        transport=event.provider,
        delivery_id=delivery.id,
    )


def _count(session: Session, domain: str, delivery: Delivery, event: Event, now: datetime) -> None:
    """Count the refusal as of the moment when the mail was taken, and let the guard look at it."""
    sent_at = max(delivery.sent_at or now, now - COUNTED_FOR)
    answers.came_back(session, domain, answers.about_us(event.brake), sent_at=sent_at, now=now)
    answers.note_replies(session, {domain: (event.code, _told(event))}, at=now)
    mass_guard.look(session, [domain], now=now, sent_at=sent_at, told=_told(event))
    mass_guard.note_refusals(session, {domain: _told(event)}, now=now)


def _let_rest(
    session: Session, settings: Settings, subscriber: Subscriber, delivery: Delivery, event: Event, now: datetime
) -> None:
    """Let the one address rest that a server's policy keeps from us."""
    record_restriction(
        session,
        settings.service.secret.get_secret_value(),
        subscriber,
        how=event.provider,
        detail=event.code or in_words(event),
        why=why_of(event, delivery),
        rests_until=delivery.not_before if delivery.state is DeliveryState.QUEUED else now,
        now=now,
    )


def _queue_again(session: Session, delivery: Delivery, event: Event, now: datetime) -> None:
    """Queue a mail again, with another idempotency key: under the old one a provider would only repeat its answer."""
    delivery.not_before = now + backoff(max(1, delivery.attempts), Random())  # noqa: S311 - jitter
    if event.again is SendAgain.TOMORROW:
        delivery.not_before = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        reason = f"{event.provider} took mails and did not send them, for the quota of the account is used up"
        cooldown.rest_until(session, event.provider, reason=reason, until=delivery.not_before, now=now)
    delivery.state, delivery.sent_at, delivery.request_key = DeliveryState.QUEUED, None, str(uuid4())
    delivery.leased_by = delivery.leased_until = None
    delivery.last_code, delivery.last_error = event.code, in_words(event)
    session.add(delivery)
    session.flush()


def _fail(session: Session, delivery: Delivery, event: Event, now: datetime) -> None:
    delivery.state, delivery.feedback_at = DeliveryState.FAILED, now
    delivery.leased_by = delivery.leased_until = None
    delivery.last_code, delivery.last_error = event.code, in_words(event)
    session.add(delivery)
    session.flush()


def _came_before_the_answer(delivery: Delivery, event: Event) -> bool:
    """Tell whether a provider says that it will not send what it is only just taking: the row is not written yet.

    The sender, which writes next that it was taken, leaves alone what waits and bears the name of a transport.
    """
    return event.again is not None and (delivery.provider_id is None or delivery.provider_id not in event.provider_ids)


def _is_of_another_try(session: Session, delivery: Delivery, event: Event) -> bool:
    """Tell whether an event is about an earlier try, or repeats what another source told: the mail went again for it.

    By its name at the provider a try is known for sure. A bounce mail names the delivery only.
    """
    if event.provider_ids and event.provider == delivery.transport and delivery.provider_id:
        return delivery.attempts > 1 and delivery.provider_id not in event.provider_ids
    told = select(FeedbackEvent.provider).where(
        col(FeedbackEvent.delivery_id) == delivery.id,
        col(FeedbackEvent.kind).in_([each.value for each in _CAME_BACK]),
    )
    first = session.exec(told.order_by(col(FeedbackEvent.id)).limit(1)).first()
    return first is not None and first != event.provider


def _told(event: Event) -> str:
    """Return what was said and by whom it was told, without addresses."""
    said = " ".join(filter(None, (event.code, event.evidence))) or in_words(event)
    return f"{said} ({', '.join(filter(None, (event.rule, f'told by {event.provider}')))})"
