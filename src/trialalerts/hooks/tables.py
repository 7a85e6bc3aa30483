"""The tables of the webhooks: whom we call, and the calls that are to be made or were."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime, empty_list

__all__ = ["CallState", "Hook", "HookCall"]

_WAITING = text("state = 'queued'")


class CallState(StrEnum):
    """Where a call stands: it is to be made (again), was taken, or was given up."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Hook(SQLModel, table=True):
    """A program's address that we call. Which events it hears of stands in ``event_listener``, by its ``name``.

    ``areas`` are ids, ``regions`` what :class:`~trialalerts.vocabulary.places.regions.Region` holds: of trials and
    articles it hears of those that concern one of them; of all where there are none. ``cursor`` is the number of the
    last change that was queued for it, or passed over. The secret is not stored: it is made of ``service.secret``, the
    name and ``secret_number``; by ``secret_check`` one sees of which secret of the service it was made. Until a day
    after ``rotated_at`` the one before signs, too. ``failures`` count in a row; until ``retry_at`` it is left alone.
    A webhook with ``disabled_at`` is not called.
    """

    __tablename__ = "webhook"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    url: str
    areas: list[str] = Field(default_factory=empty_list, sa_type=Json)
    regions: list[dict[str, Any]] = Field(default_factory=empty_list, sa_type=Json)
    cursor: int = Field(sa_type=BigId)
    secret_number: int = 1
    secret_check: str
    previous_check: str | None = None
    rotated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failures: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    sent_calls: int = Field(default=0, sa_type=BigId)
    failed_tries: int = Field(default=0, sa_type=BigId)
    leased_by: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HookCall(SQLModel, table=True):
    """One event told to one webhook, once by its ``event_key``; the body is the same in each try.

    ``waited`` are the seconds of pause after its failed tries: by them it is given up, for a machine that was down for
    a week has tried nothing. ``last_error`` is in words of our own: nothing that the other side said stands in it.
    """

    __tablename__ = "webhook_call"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_key", name="uq_webhook_call_webhook_id_event_key"),
        Index("ix_webhook_call_waiting", "webhook_id", "not_before", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_webhook_call_created_at", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    webhook_id: int = Field(foreign_key="webhook.id", ondelete="CASCADE", sa_type=BigId)
    event_key: str
    event: str
    body: str = Field(sa_type=Text)
    state: CallState = Field(sa_type=EnumText(CallState))
    attempts: int = 0
    waited: int = 0
    not_before: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
