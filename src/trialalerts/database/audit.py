"""The audit trail: who changed what, and when; rows are added, never changed."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, col, select

from trialalerts.database.bulk import Rows, write_together
from trialalerts.database.types import BigId, UtcDateTime, table_of
from trialalerts.redaction import without_secrets

__all__ = [
    "WEB",
    "AuditEntry",
    "AuditedChange",
    "audit_rows",
    "command_line",
    "list_changes",
    "note_change",
    "note_changes",
]

WEB = "web"
"""Who changed what was changed on the pages, or by a link of a mail."""


class AuditEntry(SQLModel, table=True):
    """One change: ``who`` is ``command line (name)``, ``desk (editor)``, ``web`` or ``daemon``.

    ``subject`` is a thing by its number, ``action`` a noun and a verb (``subscriber.paused``), ``old`` and ``new`` are
    short texts. No subscriber's address: they are known by the number, a suppression by its hash.
    """

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    who: str
    action: str
    subject: str
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedChange:
    """What one change comes to, as :class:`AuditEntry` has it."""

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
    note_changes(session, [AuditedChange(who=who, action=action, subject=subject, old=old, new=new)], now=now)


def note_changes(session: Session, changes: Sequence[AuditedChange], *, now: datetime) -> None:
    """Add many changes in one statement, in their order."""
    write_together(session, [audit_rows(changes, now=now)])


def audit_rows(changes: Sequence[AuditedChange], *, now: datetime) -> Rows:
    """Return the lines of the trail for many changes, in their order, to be written with what else is."""
    rows = [
        {
            "at": now,
            "who": each.who,
            "action": each.action,
            "subject": each.subject,
            "old": _cleaned(each.old),
            "new": _cleaned(each.new),
        }
        for each in changes
    ]
    return Rows(table_of(AuditEntry), rows)


def list_changes(
    session: Session,
    *,
    since: datetime | None = None,
    subject: str | None = None,
    action: str | None = None,
    who: str | None = None,
    limit: int | None = None,
) -> Sequence[AuditEntry]:
    """Return the trail, newest first. A subject is met whole; action and who by their beginning, too."""
    rows = select(AuditEntry).order_by(col(AuditEntry.id).desc())
    if since is not None:
        rows = rows.where(col(AuditEntry.at) >= since)
    if subject is not None:
        rows = rows.where(col(AuditEntry.subject) == subject)
    if action is not None:
        rows = rows.where(col(AuditEntry.action).startswith(action, autoescape=True))
    if who is not None:
        rows = rows.where(col(AuditEntry.who).startswith(who, autoescape=True))
    return session.exec(rows if limit is None else rows.limit(limit)).all()


def command_line() -> str:
    """Return who works on the command line: the user of the operating system."""
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's user often has no name
        return "command line"


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(*_: Any) -> None:
    raise RuntimeError("the audit trail is only ever added to")


def _cleaned(value: str | None) -> str | None:
    return None if value is None else without_secrets(" ".join(value.split()))
