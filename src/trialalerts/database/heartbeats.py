"""Heartbeats: when each step of each process began, ended and failed last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.database.types import UtcDateTime
from trialalerts.redaction import without_secrets

__all__ = ["Heartbeat", "begin_step", "end_step", "fail_step", "forget_heartbeats", "heartbeats"]


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


def begin_step(session: Session, process: str, step: str, *, now: datetime) -> None:
    """Note that a step begins."""
    row = {"process": process, "step": step, "started_at": now}
    insert = insert_into(session, Heartbeat).values(row)
    renewed = insert.on_conflict_do_update(
        index_elements=["process", "step"], set_={"started_at": insert.excluded.started_at}
    )
    session.connection().execute(renewed)


def end_step(session: Session, process: str, step: str, *, began: datetime, now: datetime) -> None:
    """Note that a step ended well."""
    row = {"process": process, "step": step, "started_at": began, "finished_at": now}
    insert = insert_into(session, Heartbeat).values(row)
    renewed = insert.on_conflict_do_update(
        index_elements=["process", "step"],
        set_={"started_at": insert.excluded.started_at, "finished_at": insert.excluded.finished_at},
    )
    session.connection().execute(renewed)


def fail_step(session: Session, process: str, step: str, error: str, *, began: datetime, now: datetime) -> None:
    """Note that a step failed, with the error in one line and where it arose."""
    row = {
        "process": process,
        "step": step,
        "started_at": began,
        "failed_at": now,
        "error": without_secrets(" ".join(error.split()))[:500],
    }
    insert = insert_into(session, Heartbeat).values(row)
    renewed = insert.on_conflict_do_update(
        index_elements=["process", "step"],
        set_={name: insert.excluded[name] for name in ("started_at", "failed_at", "error")},
    )
    session.connection().execute(renewed)


def heartbeats(session: Session) -> Sequence[Heartbeat]:
    """Return all heartbeats, those of one step together."""
    return session.exec(select(Heartbeat).order_by(col(Heartbeat.step), col(Heartbeat.process))).all()


def forget_heartbeats(session: Session, *, before: datetime) -> int:
    """Forget processes of which nothing was heard since ``before``; return how many rows went."""
    return session.connection().execute(delete(Heartbeat).where(col(Heartbeat.started_at) < before)).rowcount
