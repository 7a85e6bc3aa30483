"""Queueing mail again: what failed, and what ``mail.only_to`` held back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, func, or_, select, update
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.delivery.outbox.allowed import EVERYBODY, AllowedRecipients
from trialalerts.delivery.outbox.notices.kinds import NUDGE
from trialalerts.delivery.outbox.request_keys import renewed_key
from trialalerts.delivery.outbox.suppressions import domain_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.tables import Subscriber

__all__ = ["MailsMeant", "count_meant", "requeue", "requeue_failed", "requeue_meant", "requeue_withheld"]

_T = table_of(Delivery)
_CAN_GO_AGAIN = {DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.SUPPRESSED}


@dataclass(frozen=True, kw_only=True)
class MailsMeant:
    """Which mails: those in ``state``, of all of them those that meet whatever else is said.

    ``since``: queued, last due or last heard of then or later. ``domain``: to addresses at it. ``allowed``: to those
    whom ``mail.only_to`` admits.
    """

    state: DeliveryState
    numbers: Collection[int] = ()
    since: datetime | None = None
    domain: str | None = None
    allowed: AllowedRecipients = EVERYBODY

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on :class:`Delivery` that this is."""
        found = _T.c.state == self.state
        if self.numbers:
            found &= _T.c.id.in_(self.numbers)
        if self.since is not None:
            found &= or_(*(column >= self.since for column in (_T.c.created_at, _T.c.not_before, _T.c.feedback_at)))
        people = table_of(Subscriber)
        if self.domain is not None:
            at = people.c.address_key.endswith(f"@{domain_of('x@' + self.domain.strip().lstrip('@'))}", autoescape=True)
            found &= _T.c.subscriber_id.in_(select(people.c.id).where(at))
        if self.allowed:
            found &= _T.c.subscriber_id.in_(select(people.c.id).where(self.allowed.admitted()))
        return found


def count_meant(session: Session, meant: MailsMeant) -> int:
    """Return how many mails that are."""
    rows = select(func.count()).select_from(_T).where(meant.condition())
    number: int = session.connection().execute(rows).scalar_one()
    return number


def requeue_meant(session: Session, meant: MailsMeant, *, now: datetime) -> int:
    """Queue these mails again, due at once; return how many. Each is checked again before it leaves."""
    return _requeue_where(session, meant.condition(), now)


def requeue(session: Session, delivery: Delivery, *, now: datetime) -> None:
    """Queue a failed, suppressed or waiting delivery again, due at once, with all its attempts before it.

    Raises:
        InvalidInput: it was sent, is being sent just now, or is held back.
    """
    if delivery.state is DeliveryState.HELD:
        raise InvalidInput(
            f"Delivery {delivery.id} is held back by mail.only_to; to let it go: "
            f"trialalerts deliveries retry --held {delivery.id}"
        )
    if delivery.state not in _CAN_GO_AGAIN:
        raise InvalidInput(
            f"Delivery {delivery.id} is {delivery.state}; only failed, suppressed or queued ones go again. "
            f"To send a copy of it: trialalerts deliveries resend {delivery.id}"
        )
    _requeue_where(session, (_T.c.id == delivery.id) & _T.c.state.in_(_CAN_GO_AGAIN), now)


def requeue_failed(session: Session, *, now: datetime) -> int:
    """Queue all failed deliveries again; return how many."""
    return requeue_meant(session, MailsMeant(state=DeliveryState.FAILED), now=now)


def requeue_withheld(session: Session, subscriber_id: int, reason: str, *, now: datetime) -> int:
    """Queue the digests again that were kept from somebody for this reason, which is over; return how many."""
    theirs = (_T.c.subscriber_id == subscriber_id) & _T.c.kind.in_(("digest", NUDGE)) & _T.c.key.is_(None)
    kept = (_T.c.state == DeliveryState.SUPPRESSED) & (_T.c.last_error == reason)
    return _requeue_where(session, theirs & kept, now)


def _requeue_where(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    anew = {"state": DeliveryState.QUEUED, "not_before": now, "attempts": 0, "request_key": renewed_key(session)}
    statement = update(_T).where(condition).values({**anew, "leased_by": None, "leased_until": None})
    result: CursorResult[Any] = session.connection().execute(statement)
    return result.rowcount
