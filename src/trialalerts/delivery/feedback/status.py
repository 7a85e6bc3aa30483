"""What an operator should know of the feedback: what named no mail of ours, what was about us, the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.delivery.feedback.events import FeedbackReason
from trialalerts.delivery.outbox.tables import Delivery, FeedbackEvent, MailboxState

__all__ = ["ABOUT_US_WITHIN", "SILENT_FOR", "UNMATCHED_WITHIN", "FeedbackStatus", "feedback_status", "is_silent"]

UNMATCHED_WITHIN = timedelta(days=7)
ABOUT_US_WITHIN = timedelta(days=1)
_A_DAY = timedelta(days=1)
SILENT_FOR = timedelta(days=3)
"""A webhook tells at least that mails were delivered: so long without a word, something is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class FeedbackStatus:
    """How many events of the last seven days named no mail; how many of the last day were about us, the last code."""

    unmatched: int
    about_us: int
    last_code: str | None
    mailbox: MailboxState | None


def feedback_status(session: Session, *, mailbox: str | None, now: datetime) -> FeedbackStatus:
    """Return how the feedback stands; ``mailbox`` is the name of the one that is configured."""
    unmatched = select(func.count()).where(
        col(FeedbackEvent.received_at) > now - UNMATCHED_WITHIN, col(FeedbackEvent.subscriber_id).is_(None)
    )
    recent = col(FeedbackEvent.received_at) > now - ABOUT_US_WITHIN
    blocked = recent & (col(FeedbackEvent.reason) == FeedbackReason.BLOCKED.value)
    last = select(FeedbackEvent.code).where(blocked).order_by(col(FeedbackEvent.id).desc()).limit(1)
    return FeedbackStatus(
        unmatched=session.exec(unmatched).one(),
        about_us=session.exec(select(func.count()).where(blocked)).one(),
        last_code=session.exec(last).first(),
        mailbox=session.get(MailboxState, mailbox) if mailbox else None,
    )


def is_silent(session: Session, provider: str, *, now: datetime) -> bool:
    """Tell whether mail left through a provider in the last three days, a day ago or earlier, and nothing was heard."""
    since = now - SILENT_FOR
    heard = select(FeedbackEvent.id).where(
        col(FeedbackEvent.received_at) > since, col(FeedbackEvent.provider) == provider
    )
    theirs = (col(Delivery.transport) == provider, col(Delivery.provider_id).is_not(None))
    sent = select(Delivery.id).where(*theirs, col(Delivery.sent_at) > since, col(Delivery.sent_at) < now - _A_DAY)
    if session.exec(heard.limit(1)).first() is not None:
        return False
    return session.exec(sent.order_by(col(Delivery.id).desc()).limit(1)).first() is not None
