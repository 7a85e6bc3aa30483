"""Leases on rows: taken by one process, kept up while its work goes on, and given back.

Any number of processes may want to do the same; the row says whose turn it is. A lease can be kept up by a thread of
its own, however long a step takes. Of a process that dies or is frozen the lease runs out and another takes it.
Whoever wakes up after that stores nothing: the lease is looked at in the transaction that stores.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, CursorResult, Table, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, SQLModel, or_

from trialalerts.clock import Clock
from trialalerts.database.engine import Database
from trialalerts.database.types import table_of
from trialalerts.errors import TrialAlertsError

__all__ = ["Lease", "LeaseLost", "LeasedRow", "worker_id"]

_SIGNS_OF_LIFE = 3


def worker_id() -> str:
    """Return a name for one piece of work of this process that nobody else has: machine, process, a drawn number."""
    return f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"


class LeasedRow(Protocol):
    """A row that can be leased."""

    leased_by: str | None
    leased_until: datetime | None


class LeaseLost(Exception):
    """Another process has taken the row over; nothing is stored."""


class Lease:
    """One worker's claim to one row. Nobody else holds the same: each has a name of its own.

    Args:
        db: the database.
        table: the class of the row; it has the columns ``name``, ``leased_by`` and ``leased_until``.
        name: of the row, which must be there before the lease is taken.
        clock: tells when a lease runs out.
        length: how long it holds without a sign of life.
    """

    def __init__(self, db: Database, table: type[SQLModel], name: str, clock: Clock, *, length: timedelta) -> None:
        self.owner = worker_id()
        self._db = db
        self._table: Table = table_of(table)
        self._name = name
        self._clock = clock
        self._length = length
        self._lost = threading.Event()
        self._ended = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether it is known that somebody else took the row over."""
        return self._lost.is_set()

    def take(self, session: Session, *conditions: ColumnElement[bool]) -> bool:
        """Take the lease if nobody holds it (and the conditions hold), in one statement: of many, one succeeds."""
        now, columns = self._clock.now(), self._table.c
        free = or_(columns.leased_by.is_(None), columns.leased_until <= now)
        return self._update(session, free, *conditions, leased_by=self.owner, leased_until=now + self._length)

    def change(self, session: Session, **values: Any) -> bool:
        """Change the row if the lease is still ours, and give a sign of life unless it is given back by the values."""
        held = self._table.c.leased_by == self.owner
        return self._update(session, held, **{"leased_until": self._clock.now() + self._length, **values})

    def hold(self, row: LeasedRow) -> None:
        """Make sure, in the transaction that locked the row, that the lease is still ours; give a sign of life.

        One that ran out and that nobody took is ours: as long as the row is locked nobody can.

        Raises:
            LeaseLost: somebody else has the row by now.
        """
        if row.leased_by != self.owner:
            self._lost.set()
            raise LeaseLost
        row.leased_until = self._clock.now() + self._length

    def end(self, row: LeasedRow) -> None:
        """Give the lease back in the transaction that locked the row.

        Raises:
            LeaseLost: somebody else has the row by now.
        """
        self.hold(row)
        row.leased_by = row.leased_until = None

    def renew(self) -> bool:
        """Give a sign of life; return whether the lease is still ours."""
        with self._db.write() as session:
            held = self.change(session)
        if not held and not self._ended.is_set():
            self._lost.set()
        return held

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Give signs of life from a thread until the block ends; give the lease back then, if it is still held."""
        thread = threading.Thread(target=self._keep_up, name=f"lease {self._name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._give_back()

    def _keep_up(self) -> None:
        # An elapsed time, whatever the clock says: it decides only how often the row is written.
        while not self._ended.wait(self._length.total_seconds() / _SIGNS_OF_LIFE) and not self.lost:
            try:
                self.renew()
            except (TrialAlertsError, SQLAlchemyError):
                continue  # the work meets the same database and tells what is wrong with it

    def _give_back(self) -> None:
        """Give back what a transaction has not: the work was ended by an error of the database, or by force."""
        try:
            with self._db.write() as session:
                self.change(session, leased_by=None, leased_until=None)
        except (TrialAlertsError, SQLAlchemyError):
            return  # it runs out by itself

    def _update(self, session: Session, *conditions: ColumnElement[bool], **values: Any) -> bool:
        statement = update(self._table).where(self._table.c.name == self._name, *conditions).values(values)
        result: CursorResult[Any] = session.connection().execute(statement)
        return result.rowcount == 1
