"""Owns the tables of the delivery: the outbox and the suppressions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime

__all__ = ["Delivery", "DeliveryState", "Suppression"]


class DeliveryState(StrEnum):
    """Where a delivery stands. *sent* (the transport accepted it) is not *delivered*."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Delivery(SQLModel, table=True):
    """One mail to one subscriber, queued in the transaction that decided on it.

    ``key`` is unique and names the reason, so that the same mail is never queued twice
    (``digest/17``, ``confirmation/<subscriber key>/<n>``). ``kind`` tells the renderer what to write
    from ``data``; bodies are never stored. ``message_id`` is made once and kept through every retry.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state_not_before", "state", "not_before"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True)
    kind: str
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    message_id: str = Field(unique=True)
    state: DeliveryState = Field(sa_type=EnumText(DeliveryState))
    attempts: int = 0
    not_before: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_by: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    transport: str | None = None
    last_code: str | None = None
    last_error: str | None = None


class Suppression(SQLModel, table=True):
    """An address that must not be mailed, known only by its keyed hash."""

    __tablename__ = "suppression"

    address_hash: str = Field(primary_key=True)
    reason: str
    detail: str | None = None
    since: datetime = Field(sa_type=UtcDateTime)
