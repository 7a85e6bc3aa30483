"""The tables of the announcements: what is told to many at once, and who they are."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime, empty_list

__all__ = ["Announcement", "AnnouncementRecipient", "AnnouncementState", "Handoff"]


class AnnouncementState(StrEnum):
    """Whether the mails of an announcement may leave: now, later, or never."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Announcement(SQLModel, table=True):
    """An article, or a message of its own, that is told to those who follow something somewhere.

    ``name`` is its identity: it is told once to each person however often it is started. ``item_id`` is the article;
    without one ``texts`` holds the message, once a language. ``addressed`` says for whom it is: a list of limits, all
    of which are to be met. Everybody up to the subscriber ``after_id`` is queued, all where it is ``complete``.
    ``with_digest``: it goes into the next digest of each, or alone where none comes at their hour. ``handover`` is the
    JSON of :class:`~trialalerts.digests.announcements.handover.Handover` where it tells that the service changes hands.
    """

    __tablename__ = "announcement"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    title: str
    item_id: int | None = Field(default=None, sa_type=BigId)
    texts: list[dict[str, Any]] = Field(default_factory=empty_list, sa_type=Json)
    addressed: list[dict[str, Any]] = Field(default_factory=empty_list, sa_type=Json)
    state: AnnouncementState = Field(sa_type=EnumText(AnnouncementState))
    with_digest: bool = False
    not_before: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)
    after_id: int = Field(default=0, sa_type=BigId)
    complete: bool = False
    handover: str | None = None


class AnnouncementRecipient(SQLModel, table=True):
    """Somebody who is told an announcement: by a mail of its own, or in the digest ``digest_id``."""

    __tablename__ = "announcement_recipient"
    __table_args__ = (
        UniqueConstraint("announcement_id", "subscriber_id", name="uq_announcement_recipient"),
        Index(
            "ix_announcement_recipient_digest_id",
            "digest_id",
            sqlite_where=text("digest_id IS NOT NULL"),
            postgresql_where=text("digest_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    announcement_id: int = Field(foreign_key="announcement.id", ondelete="CASCADE", sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    digest_id: int | None = Field(default=None, sa_type=BigId)


class Handoff(SQLModel, table=True):
    """What a reader writes to the organisation's own nurse about a trial; deleted when it has left.

    ``number`` is the trial's; ``name`` and ``phone`` are empty where the reader gave none.
    """

    __tablename__ = "handoff"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    number: str
    message: str = ""
    name: str = ""
    phone: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
