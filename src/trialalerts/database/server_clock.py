"""The clock of a PostgreSQL server, by which all machines on one database go.

Leases, due times and stamps of several machines are compared with each other, so they have to come from one clock. It
is asked once a minute and carried on in between by a counter that nobody can set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from trialalerts.clock import Clock, SystemClock
from trialalerts.database.engine import Database

__all__ = ["ServerClock", "clock_of", "skew_of"]

_ASKED_EVERY = 60.0
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where the system has such a counter: who wakes up must see that a lease is over."""


def _counted() -> float:
    return time.clock_gettime(_COUNTER)


class ServerClock:
    """The time as the database has it; :meth:`skew` tells how far this machine's own clock is ahead of it.

    While the server cannot be reached the last answer is carried on; before the first one it is the machine's time.

    Args:
        db: a PostgreSQL database.
        own: the clock of this machine.
        counter: seconds that only grow.
    """

    def __init__(self, db: Database, own: Clock | None = None, *, counter: Callable[[], float] = _counted) -> None:
        self._db = db
        self._own = own or SystemClock()
        self._counter = counter
        self._lock = Lock()
        self._asked: tuple[float, datetime] | None = None
        self._tried_at = float("-inf")

    def now(self) -> datetime:
        """Return the present moment by the database's clock, aware, in UTC."""
        self._refresh()
        if self._asked is None:
            return self._own.now()
        at, moment = self._asked
        return moment + timedelta(seconds=self._counter() - at)

    def skew(self) -> timedelta:
        """Return how far this machine's clock is ahead of the database's (negative: behind) now."""
        self._refresh()
        if self._asked is None:
            return timedelta()
        at, moment = self._asked
        return self._own.now() - (moment + timedelta(seconds=self._counter() - at))

    def _refresh(self) -> None:
        with self._lock:
            if self._counter() - self._tried_at < _ASKED_EVERY:
                return
            self._tried_at = self._counter()
            try:
                with self._db.engine.connect() as connection:
                    connection.execution_options(trialalerts_writes=False)
                    moment = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            except SQLAlchemyError:
                return  # whoever asked meets the same database, and tells what is wrong with it
            self._asked = self._counter(), moment.astimezone(UTC)


def clock_of(db: Database) -> Clock:
    """Return the clock to go by: the server's on PostgreSQL, the machine's own on SQLite, which is on one machine."""
    return SystemClock() if db.is_sqlite else ServerClock(db)


def skew_of(clock: Clock) -> timedelta:
    """Return how far this machine's clock is ahead of the one that is gone by; nothing where it is the same."""
    return clock.skew() if isinstance(clock, ServerClock) else timedelta()
