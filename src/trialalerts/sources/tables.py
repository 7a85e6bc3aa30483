"""The tables of the sources: where each one stands, and what could not be read whole."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from trialalerts.database.types import Json, UtcDateTime

__all__ = ["ArticleApproval", "HeldRecord", "Problem", "SourceDay", "SourceState"]


class SourceState(SQLModel, table=True):
    """What a source has given so far and when it is asked again.

    ``cursor`` belongs to the kind of source; it is written only in the transaction that stores the
    rows it covers. ``baseline_done_at`` is empty until the first complete sweep, which announces nothing.
    ``gone`` tells for which address the server said that it is gone for good: it is not asked again.
    ``first_attempt_at`` is when that was first tried, ``patience_ended_at`` when first digests no longer waited for it.
    ``interval`` is the ``every``, in seconds, that gave ``next_poll_at``; None where something else did.
    ``leased_by`` polls it until ``leased_until``; nobody else does meanwhile. ``held_since`` says since when
    nothing of it is told (see ``holding``).
    """

    __tablename__ = "source"

    name: str = Field(primary_key=True)
    kind: str
    cursor: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    etag: str | None = None
    last_modified: str | None = None
    baseline_done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    patience_ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_poll_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone: str | None = None
    error_count: int = 0
    last_error: str | None = None
    interval: int | None = None
    leased_by: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_since: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SourceDay(SQLModel, table=True):
    """A source was read to its end on a day (in UTC), once or more often."""

    __tablename__ = "source_day"

    source: str = Field(primary_key=True)
    day: date = Field(primary_key=True)


class HeldRecord(SQLModel, table=True):
    """An entry of a source that is held: what was read, neither told nor lost."""

    __tablename__ = "held_record"

    source: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    draft: dict[str, Any] = Field(sa_type=Json)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class ArticleApproval(SQLModel, table=True):
    """What of an editors' article was approved: ``digest`` stands for all that its file said but its status."""

    __tablename__ = "article_approval"

    source: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    approved_by: str
    at: datetime = Field(sa_type=UtcDateTime)


class Problem(SQLModel, table=True):
    """A record that could not be read whole: which one, which field, and why. The rest of it was kept."""

    __tablename__ = "problem"

    source: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    message: str
    seen_at: datetime = Field(sa_type=UtcDateTime)
