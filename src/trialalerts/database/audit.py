"""The audit trail: who changed what, and when; rows are added, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Session, SQLModel

from trialalerts.database.types import BigId, UtcDateTime
from trialalerts.redaction import without_secrets

__all__ = ["AuditEntry", "note_change"]


class AuditEntry(SQLModel, table=True):
    """One change: ``who`` is ``command line (name)``, ``web`` or ``daemon``; ``subject`` a thing by its number.

    ``action`` is a noun and a verb (``subscriber.paused``). ``old`` and ``new`` are short texts. No address: a
    subscriber is known by the number, a suppression by its hash.
    """

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    who: str
    action: str
    subject: str
    old: str | None = None
    new: str | None = None


def note_change(
    session: Session,
    who: str,
    action: str,
    subject: str,
    *,
    now: datetime,
    old: str | None = None,
    new: str | None = None,
) -> None:
    """Add one change to the trail; it stands once the session commits."""
    entry = AuditEntry(at=now, who=who, action=action, subject=subject, old=_cleaned(old), new=_cleaned(new))
    session.add(entry)


def _cleaned(value: str | None) -> str | None:
    return None if value is None else without_secrets(" ".join(value.split()))
