"""Owns what an operator should know of the feedback: what named no mail of ours, what was about us, the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.delivery.feedback.events import Reason
from trialalerts.delivery.tables import FeedbackEvent, MailboxState

__all__ = ["ABOUT_US_WITHIN", "UNMATCHED_WITHIN", "Standing", "standing"]

UNMATCHED_WITHIN = timedelta(days=7)
ABOUT_US_WITHIN = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many events of the last seven days named no mail; how many of the last day were about us, the last code."""

    unmatched: int
    about_us: int
    last_code: str | None
    mailbox: MailboxState | None


def standing(session: Session, *, mailbox: str | None, now: datetime) -> Standing:
    """Return how the feedback stands; ``mailbox`` is the name of the one that is configured."""
    unmatched = select(func.count()).where(
        col(FeedbackEvent.received_at) > now - UNMATCHED_WITHIN, col(FeedbackEvent.delivery_id).is_(None)
    )
    recent = col(FeedbackEvent.received_at) > now - ABOUT_US_WITHIN
    blocked = recent & (col(FeedbackEvent.reason) == Reason.BLOCKED.value)
    last = select(FeedbackEvent.code).where(blocked).order_by(col(FeedbackEvent.id).desc()).limit(1)
    return Standing(
        unmatched=session.exec(unmatched).one(),
        about_us=session.exec(select(func.count()).where(blocked)).one(),
        last_code=session.exec(last).first(),
        mailbox=session.get(MailboxState, mailbox) if mailbox else None,
    )
