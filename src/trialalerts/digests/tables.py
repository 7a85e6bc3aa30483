"""The table of the digests: what each subscriber was told, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime, empty_list
from trialalerts.matching.query import SelectionKind

__all__ = ["Digest", "DigestKind", "Selection", "SelectionKind", "Taken"]


class DigestKind(StrEnum):
    """What a digest tells: ``first`` shows what is recruiting now, ``regular`` what changed."""

    FIRST = "first"
    REGULAR = "regular"


class Selection(SQLModel, table=True):
    """What a preference brought: the numbers of changes or items, ascending. Never changed once it is stored.

    Many preferences bring the same (30,000 different selections for 390,000 preferences over 7,000 changes), so that
    digests refer to them instead of holding lists of their own.
    """

    __tablename__ = "selection"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: SelectionKind = Field(sa_type=EnumText(SelectionKind))
    numbers: list[int] = Field(sa_type=Json)


class Digest(SQLModel, table=True):
    """What is told to one subscriber: the changes with ``from_seq`` < seq ≤ ``to_seq`` that match, or what is open.

    ``parts`` is a list of ``[preference id, selection id]``: what is told, and which preference asked for it. In which
    order, and why, is worked out when it is read (see :mod:`trialalerts.digests.reading`). ``from_seq`` is below zero
    where a digest tells what is open: to a newcomer, or (then it is ``added``) for a preference that is new.
    """

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("subscriber_id", "from_seq", name="uq_digest_subscriber_from_seq"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    kind: DigestKind = Field(sa_type=EnumText(DigestKind))
    from_seq: int = Field(sa_type=BigId)
    to_seq: int = Field(sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    parts: list[list[int]] = Field(default_factory=empty_list, sa_type=Json)
    added: bool = False


class Taken(SQLModel, table=True):
    """Up to which place, among those who are due, composers have taken pages (see :mod:`trialalerts.digests.claims`).

    Empty before the first page of a round.
    """

    __tablename__ = "due_taken"

    name: str = Field(primary_key=True)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    subscriber_id: int | None = Field(default=None, sa_type=BigId)
