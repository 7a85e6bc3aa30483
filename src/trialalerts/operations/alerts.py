"""Alerts: which findings were told to the operator, and that they are over."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from trialalerts.database.types import UtcDateTime

__all__ = ["Alert"]


class Alert(SQLModel, table=True):
    """A finding as the operator heard of it: told once when it holds, once when it is over.

    ``told_at`` is empty while its patience lasts; a row goes once its end was told, or when it ended untold.
    """

    __tablename__ = "alert"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    text: str
    since: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
