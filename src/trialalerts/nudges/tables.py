"""The table of the ways: whose turn it is at each, and how it stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Field, SQLModel

from trialalerts.database.types import UtcDateTime

__all__ = ["LONGEST_REST", "NUDGE_LEASE", "NudgeWay"]

NUDGE_LEASE = timedelta(minutes=2)
"""How long after its last sign of life a process keeps a way to itself."""
LONGEST_REST = timedelta(minutes=30)
"""So long a way that fails is left alone at the most."""


class NudgeWay(SQLModel, table=True):
    """A way that the configuration offers, by its name there, since it was used first.

    ``failures`` count in a row; until ``retry_at`` it is left alone.
    """

    __tablename__ = "nudge_way"

    name: str = Field(primary_key=True)
    failures: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_by: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
