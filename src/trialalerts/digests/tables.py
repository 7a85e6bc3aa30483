"""Owns the table of the digests: what each subscriber was told, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime

__all__ = ["Digest", "DigestKind"]


class DigestKind(StrEnum):
    """What a digest tells: ``first`` shows what is recruiting now, ``regular`` what changed."""

    FIRST = "first"
    REGULAR = "regular"


class Digest(SQLModel, table=True):
    """A window of changes told to one subscriber: those with ``from_seq`` < seq ≤ ``to_seq`` that match.

    ``entries`` is a list of the JSON of :class:`~trialalerts.digests.entries.Entry`, best first.
    """

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("subscriber_id", "from_seq", name="uq_digest_subscriber_from_seq"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    kind: DigestKind = Field(sa_type=EnumText(DigestKind))
    from_seq: int = Field(sa_type=BigId)
    to_seq: int = Field(sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    entries: list[Any] = Field(default_factory=list, sa_type=Json)
