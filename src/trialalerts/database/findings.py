"""Findings: what the operator should know, kept for as long as it holds.

A room that notices something notes it under its kind and subject; noting it again moves ``last_seen_at`` and renews
the text. The room ends it once it holds no more. Doctor and report show what is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.database.types import UtcDateTime
from trialalerts.redaction import without_secrets

__all__ = ["Finding", "end_findings", "note_finding", "open_findings"]


class Finding(SQLModel, table=True):
    """Something that the operator should know.

    ``kind`` is a word with dashes (``source-held``), ``subject`` what it is about (a source, a transport, a mail
    domain; empty: the service). Neither they nor ``text`` hold an address or a disease.
    """

    __tablename__ = "finding"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    text: str
    since: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)


def note_finding(session: Session, kind: str, subject: str, text: str, *, now: datetime) -> None:
    """Note that something holds: new, or still so; ``since`` stays that of the first time.

    Args:
        session: a session that may write; the finding stands once it commits.
        kind: a word with dashes.
        subject: what it is about; empty where it is the whole service.
        text: one sentence that names the thing, the value and the remedy; without address or disease.
        now: aware.
    """
    text = without_secrets(" ".join(text.split()))
    row = {"kind": kind, "subject": subject, "text": text, "since": now, "last_seen_at": now}
    insert = insert_into(session, Finding).values(row)
    renewed = {"text": insert.excluded.text, "last_seen_at": insert.excluded.last_seen_at}
    session.connection().execute(insert.on_conflict_do_update(index_elements=["kind", "subject"], set_=renewed))


def end_findings(session: Session, kind: str, subjects: Iterable[str] | None = None) -> int:
    """End the findings of a kind, of these subjects or (None) of all; return how many were open."""
    found = delete(Finding).where(col(Finding.kind) == kind)
    if subjects is not None:
        found = found.where(col(Finding.subject).in_(list(subjects)))
    return session.connection().execute(found).rowcount


def open_findings(session: Session, kind: str | None = None) -> Sequence[Finding]:
    """Return what is open, the oldest first; of one kind or of all."""
    asked = select(Finding).order_by(col(Finding.since), col(Finding.kind), col(Finding.subject))
    return session.exec(asked if kind is None else asked.where(col(Finding.kind) == kind)).all()
