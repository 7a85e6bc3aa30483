"""The check beside the steps: in a process of its own where there is much to check, so that both cores work."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from multiprocessing import get_context

from tests.half_a_year.specification import Due, Specification
from trialalerts.database import Database, open_database

__all__ = ["Checker"]


class Checker:
    """Holds what was composed to the specification, while the round goes on.

    Args:
        db: where it reads what was told.
        apart: whether in a process of its own, which takes seconds to begin; else in a thread.
    """

    def __init__(self, db: Database, *, apart: bool) -> None:
        url = db.engine.url.render_as_string(hide_password=False)
        self._pool: Executor = (
            ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(url,))
            if apart
            else ThreadPoolExecutor(1, initializer=_begin, initargs=(url,))
        )
        self._asked: Future[Counter[str]] | None = None
        self._is_closed = False
        self.checked: Counter[str] = Counter()

    def begin(self, due: Due, now: datetime) -> None:
        """Check what was composed for those who were due; what stands in the database must stand until it is done."""
        self._asked = self._pool.submit(_check, due, now)

    def settle(self) -> None:
        """Wait for the check that was begun last.

        Raises:
            AssertionError: somebody was not told what the specification says.
        """
        if self._asked is not None:
            self.checked = self._asked.result()
            self._asked = None

    def close(self) -> None:
        """End the process or thread; it may be ended twice."""
        if not self._is_closed:
            self._is_closed = True
            self._pool.submit(_end).result()
            self._pool.shutdown()


_HELD: list[tuple[Database, Specification]] = []
"""What the process or thread of the check keeps from round to round."""


def _begin(url: str) -> None:
    _HELD[:] = [(open_database(url), Specification())]


def _check(due: Due, now: datetime) -> Counter[str]:
    ((db, specification),) = _HELD
    with db.read() as session:
        specification.check(session, due, now)
    return specification.checked.copy()


def _end() -> None:
    ((db, _),) = _HELD
    db.dispose()
