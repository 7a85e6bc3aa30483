"""What the operator was told of, and who watches."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Field, SQLModel

from trialalerts.database.types import UtcDateTime

__all__ = ["WATCH_LEASE", "Alert", "WatchTurn"]

WATCH_LEASE = timedelta(minutes=3)
"""How long after its last sign of life a process keeps the watch to itself."""


class Alert(SQLModel, table=True):
    """Something that stands still as the operator hears of it: once when it holds, once when it is over.

    ``told_at`` is empty while its patience lasts. ``over_at`` is when it was first seen no more; the row goes once
    that was told, or at once where nothing had been told.
    """

    __tablename__ = "alert"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    text: str
    since: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WatchTurn(SQLModel, table=True):
    """Which process watches just now, and the day of the last summary; in a row ``desk`` who writes to editors."""

    __tablename__ = "watch_turn"

    name: str = Field(primary_key=True)
    leased_by: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    summary_on: date | None = None
