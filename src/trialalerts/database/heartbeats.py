"""Heartbeats: when each step of each process began, ended and failed last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.database.types import UtcDateTime
from trialalerts.redaction import without_secrets

__all__ = ["Beat", "Heartbeat", "forget_heartbeats", "forget_process", "heartbeats", "write_beats"]

_LONGEST = 500


class Heartbeat(SQLModel, table=True):
    """A step of a process: ``process`` is its machine and process id, ``step`` what the daemon calls it.

    ``error`` is the last failure in one line, with the place where it arose; it stays after a later success, so that
    ``failed_at`` > ``finished_at`` tells whether the step fails now. No address, no disease.
    """

    __tablename__ = "heartbeat"

    process: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the step failed when it ended last."""
        return self.failed_at is not None and (self.finished_at is None or self.failed_at > self.finished_at)


@dataclass(frozen=True, kw_only=True)
class Beat:
    """What is known of one step of this process (see :class:`Heartbeat`)."""

    step: str
    started_at: datetime
    finished_at: datetime | None = None
    failed_at: datetime | None = None
    error: str | None = None


def write_beats(session: Session, process: str, beats: Iterable[Beat]) -> None:
    """Write down what the steps of a process did, in the place of what was known of them."""
    for beat in beats:
        row = {"process": process, **asdict(beat)}
        row["error"] = beat.error and without_secrets(" ".join(beat.error.split()))[:_LONGEST]
        insert = insert_into(session, Heartbeat).values(row)
        renewed = {name: insert.excluded[name] for name in ("started_at", "finished_at", "failed_at", "error")}
        session.connection().execute(insert.on_conflict_do_update(index_elements=["process", "step"], set_=renewed))


def heartbeats(session: Session) -> Sequence[Heartbeat]:
    """Return all heartbeats, those of one step together."""
    return session.exec(select(Heartbeat).order_by(col(Heartbeat.step), col(Heartbeat.process))).all()


def forget_process(session: Session, process: str) -> None:
    """Forget a process that ended in good order."""
    session.connection().execute(delete(Heartbeat).where(col(Heartbeat.process) == process))


def forget_heartbeats(session: Session, *, before: datetime) -> int:
    """Forget steps of which nothing was heard since ``before``; return how many rows went."""
    return session.connection().execute(delete(Heartbeat).where(col(Heartbeat.started_at) < before)).rowcount
