"""Attempts to unsubscribe by links that we do not know: counted, and told while there are any."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.database.findings import end_findings, note_finding
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.plurals import counted

__all__ = ["UNKNOWN_LINK", "end_unknown_links", "note_unknown_link"]

UNKNOWN_LINK = "unknown-unsubscribe-link"
"""The kind of the finding that people try to leave by links that we do not know."""
_WINDOW = timedelta(days=7)


def note_unknown_link(session: Session, *, now: datetime, times: int = 1) -> None:
    """Count that somebody's mail program tried to unsubscribe, so many ``times``, and we could not tell whom."""
    counters.count_up(session, HourlyCounts.UNKNOWN_LINK, times, at=now)
    note_finding(session, UNKNOWN_LINK, "", _told(_number(session, now)), now=now)


def end_unknown_links(session: Session, *, now: datetime) -> None:
    """End the finding a week after the last attempt."""
    if not _number(session, now):
        end_findings(session, UNKNOWN_LINK)


def _number(session: Session, now: datetime) -> int:
    return counters.since(session, counters.hour_of(now - _WINDOW))[HourlyCounts.UNKNOWN_LINK]


def _told(number: int) -> str:
    return (
        f"{counted(number, 'attempt')} of the last 7 days to unsubscribe by one click, by links that we do not know: "
        "who made them may still get mail. Was service.secret changed (put the old one into service.previous_secrets), "
        "or an older database put in its place?"
    )
