"""Who polls a source: a lease on its row, taken by one, kept up while the poll goes on, and given back.

Any number of processes may want to poll; the row says whose turn it is. A lease is kept up by a thread of
its own, however long a page takes. Of a process that dies or is frozen the lease runs out and another takes
it. Whoever wakes up after that stores nothing: the lease is looked at in the transaction that stores.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, and_, col, or_, update

from trialalerts.clock import Clock
from trialalerts.database.engine import Database
from trialalerts.errors import TrialAlertsError
from trialalerts.sources.tables import SourceState

__all__ = ["LEASE", "Lease", "LeaseLost", "polled_by"]

LEASE = timedelta(minutes=5)
"""How long after its last sign of life a poller keeps a source to itself; clocks should agree far better than this."""
_SIGNS_OF_LIFE = 3


class LeaseLost(Exception):
    """Another process has taken the source over; nothing is stored."""


class Lease:
    """One poller's claim to one source. Nobody else holds the same: each poll has a name of its own.

    Args:
        db: the database.
        source: the name of the source; its row must be there before the lease is taken.
        clock: tells when a lease runs out.
        length: how long it holds without a sign of life.
    """

    def __init__(self, db: Database, source: str, clock: Clock, *, length: timedelta | None = None) -> None:
        self.owner = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._db = db
        self._source = source
        self._clock = clock
        self._length = length or LEASE
        self._lost = threading.Event()
        self._ended = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether it is known that somebody else took the source over."""
        return self._lost.is_set()

    def take(self, session: Session, *, only_due: bool = False) -> bool:
        """Take the lease if nobody holds it (and the source is due), in one statement: of many, one succeeds."""
        now = self._clock.now()
        free = or_(col(SourceState.leased_by).is_(None), col(SourceState.leased_until) <= now)
        due = or_(col(SourceState.next_poll_at).is_(None), col(SourceState.next_poll_at) <= now)
        wanted = and_(free, due) if only_due else free
        return self._update(session, wanted, leased_by=self.owner, leased_until=now + self._length)

    def hold(self, state: SourceState) -> None:
        """Make sure, in the transaction that locked the row, that the lease is still ours; give a sign of life.

        One that ran out and that nobody took is ours: as long as the row is locked nobody can.

        Raises:
            LeaseLost: somebody else has the source by now.
        """
        if state.leased_by != self.owner:
            self._lost.set()
            raise LeaseLost
        state.leased_until = self._clock.now() + self._length

    def end(self, state: SourceState) -> None:
        """Give the lease back in the transaction that locked the row.

        Raises:
            LeaseLost: somebody else has the source by now.
        """
        self.hold(state)
        state.leased_by = state.leased_until = None

    def renew(self) -> bool:
        """Give a sign of life; return whether the lease is still ours."""
        with self._db.write() as session:
            until = self._clock.now() + self._length
            held = self._update(session, col(SourceState.leased_by) == self.owner, leased_until=until)
        if not held and not self._ended.is_set():
            self._lost.set()
        return held

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Give signs of life from a thread until the block ends; give the lease back then, if it is still held."""
        thread = threading.Thread(target=self._keep_up, name=f"lease {self._source}", daemon=True)
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
                continue  # the poll meets the same database and tells what is wrong with it

    def _give_back(self) -> None:
        """Give back what a transaction has not: the poll was ended by an error of the database, or by force."""
        try:
            with self._db.write() as session:
                self._update(session, col(SourceState.leased_by) == self.owner, leased_by=None, leased_until=None)
        except (TrialAlertsError, SQLAlchemyError):
            return  # it runs out by itself

    def _update(self, session: Session, condition: ColumnElement[bool], **values: Any) -> bool:
        statement = update(SourceState).where(col(SourceState.name) == self._source, condition).values(values)
        result: CursorResult[Any] = session.connection().execute(statement)
        return result.rowcount == 1


def polled_by(state: SourceState | None, now: datetime) -> str | None:
    """Return who polls a source just now (machine, process and poll), None where nobody does."""
    held = state is not None and state.leased_until is not None and state.leased_until > now
    return state.leased_by if state and held else None
