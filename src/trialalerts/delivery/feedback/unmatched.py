"""Complaints that name no mail of ours: one finding, for as long as there were any of late."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from trialalerts.database.findings import end_findings, note_finding
from trialalerts.delivery.feedback.events import EventKind
from trialalerts.delivery.feedback.status import UNMATCHED_WITHIN
from trialalerts.delivery.outbox.tables import FeedbackEvent
from trialalerts.plurals import counted

__all__ = ["UNMATCHED", "forget_complaints", "note_complaint"]

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
