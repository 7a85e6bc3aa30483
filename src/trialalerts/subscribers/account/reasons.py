"""When and why people left; why is counted without saying who."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.subscribers.tables import (
    Consent,
    ConsentAction,
    LeavingReason,
    Subscriber,
    SubscriberState,
)

__all__ = ["REASONS", "count_reason", "left_at"]

REASONS = ("too_many", "not_fitting", "found", "no_need", "other")
"""What somebody may say when they leave."""


def left_at(session: Session, subscriber: Subscriber) -> datetime | None:
    """Return when somebody who is gone left last; None where they have not."""
    if subscriber.state is not SubscriberState.UNSUBSCRIBED:
        return None
    rows = select(Consent.at).where(
        Consent.subscriber_id == subscriber.id, col(Consent.action) == ConsentAction.UNSUBSCRIBED
    )
    return session.exec(rows.order_by(col(Consent.id).desc())).first()


def count_reason(session: Session, reason: str, *, now: datetime) -> None:
    """Count why somebody left, by the month; what is none of the reasons is not counted."""
    if reason not in REASONS:
        return
    row = {"month": now.date().replace(day=1), "reason": reason, "count": 1}
    counted = insert_into(session, LeavingReason).values(row)
    once_more = {"count": col(LeavingReason.count) + 1}
    session.connection().execute(counted.on_conflict_do_update(index_elements=["month", "reason"], set_=once_more))
