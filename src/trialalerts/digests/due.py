"""Owns who is due: active subscribers whose hour has come and for whom something may be new."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, func, select

from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, Subscriber, SubscriberState

__all__ = ["due_subscribers", "lowest_cursor", "newcomers_due", "upcoming"]


def _is_due(now: datetime, last_change: int) -> ColumnElement[bool]:
    """Those whose hour has come; of the ones who are served at once, those who have not seen every change."""
    return and_(
        col(Subscriber.state) == SubscriberState.ACTIVE,
        col(Subscriber.next_due_at) <= now,
        or_(col(Subscriber.frequency) != Frequency.IMMEDIATELY, col(Subscriber.cursor) < last_change),
    )


def lowest_cursor(session: Session, now: datetime, last_change: int) -> int | None:
    """Return the lowest cursor of all who are due and had their first digest; None where nobody is."""
    asked = select(func.min(Subscriber.cursor)).where(_is_due(now, last_change), col(Subscriber.cursor) > NEVER_SERVED)
    return session.exec(asked).one()


def newcomers_due(session: Session, now: datetime, last_change: int) -> bool:
    """Tell whether anybody is due who is still to get the first digest."""
    asked = select(Subscriber.id).where(_is_due(now, last_change), col(Subscriber.cursor) == NEVER_SERVED).limit(1)
    return session.exec(asked).first() is not None


def due_subscribers(session: Session, now: datetime, last_change: int, limit: int) -> list[Subscriber]:
    """Return at most ``limit`` subscribers who are due, locked until the transaction ends.

    On PostgreSQL those whom another composer works on are passed over; SQLite has one writer at a time anyway.
    """
    asked = (
        select(Subscriber)
        .where(_is_due(now, last_change))
        .order_by(col(Subscriber.next_due_at), col(Subscriber.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(asked))


def upcoming(session: Session, limit: int) -> list[Subscriber]:
    """Return the active subscribers whose hour comes first."""
    asked = select(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    return list(session.exec(asked.order_by(col(Subscriber.next_due_at), col(Subscriber.id)).limit(limit)))
