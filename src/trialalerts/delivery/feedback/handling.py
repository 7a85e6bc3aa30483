"""Heeding: each event is stored once and does its work in the same transaction, or neither happens.

A delivery goes forward only (sent, delivered, bounced, complained): a late *delivered* undoes nothing; only what a
provider took and did not send goes again. What names no mail of ours (see ``attribution``) is kept, counted, and moves
nobody; a complaint among it counts for the breaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, delete, func, select

from trialalerts.database import Database, table_of
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.delivery.feedback.about_us import COUNTED_FOR, in_words, is_about_us, record_about_us, why_of
from trialalerts.delivery.feedback.attribution import attribute
from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason
from trialalerts.delivery.feedback.status import UNMATCHED_WITHIN
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.notices.handing_off import tell_of_return
from trialalerts.delivery.outbox.notices.kinds import ELSEWHERE, HANDOFF
from trialalerts.delivery.outbox.suppressions import domain_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent
from trialalerts.delivery.policy import answers, effects, mass_guard
from trialalerts.logs import Logger
from trialalerts.plurals import counted
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = [
    "KEPT_FOR",
    "UNMATCHED",
    "UNSTORABLE",
    "FeedbackCount",
    "apply_events",
    "forget_complaints",
    "handle_feedback",
    "note_complaint",
    "prune_feedback",
]

log = Logger()

KEPT_FOR = timedelta(days=30)
_TOO_OLD = KEPT_FOR - timedelta(days=1)
"""What happened longer ago may have been heard and forgotten already, so that it would count twice."""
UNSTORABLE = (DBAPIError, ValueError)
"""What a database says to a value that it cannot hold, when it is not the database's own fault."""
_AT_ONCE = 200
_FINAL = {EventKind.BOUNCED, EventKind.REJECTED}
_TALLIED = {EventKind.DELIVERED, EventKind.BOUNCED, EventKind.COMPLAINED}

_UNSETTLED = {DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT}
_NOT_YET_HEARD_OF = _UNSETTLED | {DeliveryState.FAILED, DeliveryState.SUPPRESSED, DeliveryState.HELD}
_FORWARD = {
    EventKind.REJECTED: (DeliveryState.FAILED, {DeliveryState.SENDING, DeliveryState.SENT}),
    EventKind.FAILED: (DeliveryState.FAILED, {DeliveryState.SENDING, DeliveryState.SENT}),
    EventKind.DELIVERED: (DeliveryState.DELIVERED, _NOT_YET_HEARD_OF),
    EventKind.BOUNCED: (DeliveryState.BOUNCED, _NOT_YET_HEARD_OF | {DeliveryState.DELIVERED}),
    EventKind.COMPLAINED: (
        DeliveryState.COMPLAINED,
        _NOT_YET_HEARD_OF | {DeliveryState.DELIVERED, DeliveryState.BOUNCED},
    ),
}
"""Where an event takes a delivery, and from where: one still queued was taken by a try that nobody heard back of."""


@dataclass(frozen=True, kw_only=True)
class FeedbackCount:
    """What came of a row of events; ``broken`` says why reading a mailbox ended early, where it did."""

    heard: int = 0
    repeated: int = 0
    unmatched: int = 0
    broken: str | None = None

    def __add__(self, other: FeedbackCount) -> FeedbackCount:
        """Add up two counts."""
        return FeedbackCount(
            heard=self.heard + other.heard,
            repeated=self.repeated + other.repeated,
            unmatched=self.unmatched + other.unmatched,
            broken=self.broken or other.broken,
        )


def handle_feedback(db: Database, settings: Settings, events: Sequence[Event], *, now: datetime) -> FeedbackCount:
    """Store events and do what they ask for.

    On PostgreSQL each has its own transaction: one that locks many deliveries could meet another, or the sender's
    acknowledgements, in a deadlock. Cut off in between, those heard before are known when it is all told again.

    Raises:
        DatabaseUnavailable, DatabaseUnusable: nothing more can be stored now.
        DBAPIError, ValueError: one event cannot be stored; all others were.
    """
    size = _AT_ONCE if db.is_sqlite else 1
    count = FeedbackCount()
    faults: list[Exception] = []
    waiting = list(in_chunks(events, size))
    while waiting:
        some = waiting.pop(0)
        try:
            with db.write() as session:
                count += apply_events(session, settings, some, now=now)
        except UNSTORABLE as fault:
            if len(some) == 1:
                faults.append(fault)
            else:  # look for the one that harms the others
                waiting[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
    if faults:
        raise faults[0]
    return count


def apply_events(session: Session, settings: Settings, events: Sequence[Event], *, now: datetime) -> FeedbackCount:
    """Store events and do what they ask for, in the caller's transaction."""
    count = FeedbackCount()
    for event in events:
        count += _one(session, settings, event, now)
    return count


def prune_feedback(session: Session, *, now: datetime) -> int:
    """Delete the events that were received more than 30 days ago; return how many."""
    forget_complaints(session, now=now)
    old = delete(FeedbackEvent).where(col(FeedbackEvent.received_at) < now - KEPT_FOR)
    return session.connection().execute(old).rowcount


def _one(session: Session, settings: Settings, event: Event, now: datetime) -> FeedbackCount:
    if event.at < now - _TOO_OLD:
        return FeedbackCount(repeated=1)
    delivery, number = attribute(session, settings, event)
    subscriber = session.get(Subscriber, number, with_for_update=True) if number is not None else None
    if subscriber is not None and subscriber.state is SubscriberState.ERASED:
        event = replace(event, raw="")  # it may hold the address that was erased
    if not _store(session, event, delivery, subscriber, now):
        return FeedbackCount(repeated=1)
    if subscriber is None:
        log.info("feedback.unmatched", provider=event.provider, kind=event.kind)
        if event.kind is EventKind.COMPLAINED and not event.provider_ids:  # else it is of somebody else's mail
            note_complaint(session, now=now)
            counters.count_up(session, counters.HourlyCounts.COMPLAINED, 1, at=now)
        return FeedbackCount(heard=1, unmatched=1)
    if delivery is None:
        moved = _handle_without_delivery(session, settings, subscriber, event, now)
    elif is_about_us(event):
        record_about_us(session, settings, subscriber, delivery, event, now=now)
        return FeedbackCount(heard=1)
    else:
        moved = _move(session, delivery, event, now)
        if event.kind is EventKind.DELIVERED:
            mass_guard.end_probed(session, {delivery.id or 0}, now=now, arrived=True)
        _handle_for(subscriber, session, settings, delivery, event, moved=moved, now=now)
    if moved and event.kind in _TALLIED:
        # Last: its row is the one that all transactions of an hour share.
        counters.count_up(session, counters.HourlyCounts(event.kind), 1, at=now)
    log.debug("feedback.handled", provider=event.provider, kind=event.kind, subscriber=number, moved=moved)
    return FeedbackCount(heard=1)


def _handle_without_delivery(
    session: Session, settings: Settings, subscriber: Subscriber, event: Event, now: datetime
) -> bool:
    """Heed a complaint of somebody whose mail is stored no more; return whether it is news."""
    if event.kind is not EventKind.COMPLAINED or subscriber.state is SubscriberState.COMPLAINED:
        return False
    secret = settings.service.secret.get_secret_value()
    effects.record_complaint(session, secret, subscriber, how=event.provider, now=now)
    return True


def _store(
    session: Session, event: Event, delivery: Delivery | None, subscriber: Subscriber | None, now: datetime
) -> bool:
    """Store an event; return False where it is there already."""
    row = {
        "provider": event.provider,
        "event_id": event.event_id,
        "kind": event.kind.value,
        "reason": event.reason.value if event.reason else None,
        "code": event.code,
        "delivery_id": delivery.id if delivery else None,
        "subscriber_id": subscriber.id if subscriber else None,
        "at": event.at,
        "received_at": now,
        "raw": event.raw,
    }
    table = table_of(FeedbackEvent)
    once = insert_into(session, table).values(row).on_conflict_do_nothing(index_elements=["provider", "event_id"])
    return session.connection().execute(once.returning(table.c.id)).first() is not None


def _move(session: Session, delivery: Delivery, event: Event, now: datetime) -> bool:
    """Take the delivery forward; return whether it moved."""
    target, origins = _FORWARD.get(event.kind, (None, set()))
    if target is None or delivery.state not in origins:
        return False
    delivery.state = target
    delivery.feedback_at = now
    delivery.leased_by = delivery.leased_until = None
    if target is DeliveryState.DELIVERED:
        delivery.last_code = delivery.last_error = None
    else:
        delivery.last_code = event.code
        delivery.last_error = in_words(event)
    if target is not DeliveryState.FAILED:
        delivery.sent_at = delivery.sent_at or event.at
    session.add(delivery)
    session.flush()
    return True


def _handle_for(
    subscriber: Subscriber,
    session: Session,
    settings: Settings,
    delivery: Delivery,
    event: Event,
    *,
    moved: bool,
    now: datetime,
) -> None:
    secret, how = settings.service.secret.get_secret_value(), event.provider
    if delivery.kind in ELSEWHERE and (event.kind is not EventKind.DELIVERED or delivery.kind == HANDOFF):
        _handle_elsewhere(session, settings, delivery, event, moved=moved, now=now)
    elif event.kind is EventKind.COMPLAINED or event.reason is FeedbackReason.SPAM:
        effects.record_complaint(session, secret, subscriber, how=how, now=now)
    elif event.kind is EventKind.UNSUBSCRIBED or event.reason is FeedbackReason.UNSUBSCRIBED:
        effects.record_unsubscribe(session, subscriber, how=how, now=now)
    elif event.kind is EventKind.DELIVERED:
        effects.got_through(session, subscriber, at=event.at)
    elif effects.concerns_another_address(session, delivery):
        log.info("feedback.of_a_former_address", provider=event.provider, delivery=delivery.id)
    elif (event.hard and event.kind in _FINAL) or _deferred_again(session, subscriber, event):
        listed = (
            event.reason is FeedbackReason.LISTED
        )  # the provider did not ask the server: nothing that a guard could doubt
        if listed or _believed(session, subscriber, delivery, event, moved=moved, now=now):
            detail, why = event.code or in_words(event), why_of(event, delivery)
            reason = "listed" if listed else "bounced"
            effects.record_hard_bounce(
                session, secret, subscriber, how=how, detail=detail, why=why, reason=reason, now=now
            )
    elif event.kind is EventKind.BOUNCED and moved:  # several servers may tell of one mail; it counts once
        detail = event.code or in_words(event)
        why = why_of(event, delivery)
        effects.record_soft_bounce(session, secret, subscriber, how=how, detail=detail, why=why, at=event.at, now=now)


def _handle_elsewhere(
    session: Session, settings: Settings, delivery: Delivery, event: Event, *, moved: bool, now: datetime
) -> None:
    """Heed what came of a mail that went to another address than its reader's."""
    if event.kind is EventKind.COMPLAINED or event.reason is FeedbackReason.SPAM:
        secret = settings.service.secret.get_secret_value()
        effects.record_complaint_elsewhere(session, secret, delivery, how=event.provider, now=now)
    if moved and delivery.kind == HANDOFF and delivery.state is DeliveryState.BOUNCED:
        tell_of_return(session, delivery, now=now, domain=mail_domain(settings.mail.sender))
    log.info("feedback.of_a_former_address", provider=event.provider, delivery=delivery.id)


def _believed(
    session: Session, subscriber: Subscriber, delivery: Delivery, event: Event, *, moved: bool, now: datetime
) -> bool:
    """Tell whether somebody is gone; False where a guard doubts it: the mail goes again once mail is taken there."""
    domain, sent_at = domain_of(subscriber.address), delivery.sent_at or now
    answers.take_turn(session, now=now)
    if moved:
        told, counted_at = event.evidence or event.code or "", max(sent_at, now - COUNTED_FOR)
        answers.came_back(session, domain, [answers.Answer.GONE], sent_at=counted_at, now=now)
        answers.note_replies(session, {domain: (event.code, told or in_words(event))}, at=now)
        mass_guard.look(session, [domain], now=now, sent_at=counted_at, told=told)
    resting = {each.scope: each for each in mass_guard.holds(session)}
    hold = resting.get(mass_guard.EVERYWHERE) or resting.get(domain)
    if hold is None:
        return True
    if delivery.state in {DeliveryState.BOUNCED, DeliveryState.FAILED}:
        delivery.state, delivery.attempts = DeliveryState.QUEUED, 0
        delivery.not_before, delivery.last_error = hold.retry_at, mass_guard.held_words(hold.scope)
        delivery.request_key = str(uuid4())  # under the old one a provider would only repeat that it took it
        session.flush()
    return False


def _deferred_again(session: Session, subscriber: Subscriber, event: Event) -> bool:
    """Tell whether a mail is deferred with words that say nobody is there, for the second time since one arrived."""
    if (event.kind, event.reason) != (EventKind.DEFERRED, FeedbackReason.INVALID):
        return False
    told = select(FeedbackEvent).where(
        col(FeedbackEvent.subscriber_id) == subscriber.id,
        col(FeedbackEvent.kind).in_([EventKind.DEFERRED.value, EventKind.DELIVERED.value]),
        col(FeedbackEvent.event_id) != event.event_id,
    )
    events = session.exec(told.order_by(col(FeedbackEvent.at))).all()
    delivered = max((each.at for each in events if each.kind == EventKind.DELIVERED.value), default=None)
    gone = [
        each.at
        for each in events
        if (each.kind, each.reason) == (EventKind.DEFERRED.value, FeedbackReason.INVALID.value)
    ]
    return any(delivered is None or at > delivered for at in gone)


UNMATCHED = "complaints-unmatched"


def note_complaint(session: Session, *, now: datetime) -> None:
    """Note that somebody complained of whom nobody knows who it was; the event is stored already."""
    number = _number(session, now)
    text = (
        f"{counted(number, 'complaint')} of the last {UNMATCHED_WITHIN.days} days named no mail of ours, so that "
        "nobody was unsubscribed; the breaker counts them. Look at the reports in the mailbox: was service.secret "
        "changed?"
    )
    note_finding(session, UNMATCHED, "", text, now=now)


def forget_complaints(session: Session, *, now: datetime) -> None:
    """End the finding where the last such complaint is long ago."""
    if _number(session, now) == 0:
        end_findings(session, UNMATCHED)


def _number(session: Session, now: datetime) -> int:
    found = select(func.count()).where(
        col(FeedbackEvent.received_at) > now - UNMATCHED_WITHIN,
        col(FeedbackEvent.kind) == EventKind.COMPLAINED.value,
        col(FeedbackEvent.subscriber_id).is_(None),
    )
    return session.exec(found).one()
