"""The second process of the half year: it sends as a second sender does, and holds each round to the specification.

It checks while the first process goes on, and upon what the database held when the round was composed: so both cores
work, and nothing waits for the check but the next one.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from multiprocessing import get_context

from sqlalchemy import text
from sqlmodel import Session

from tests.half_a_year.post_office import PostOffice
from tests.half_a_year.specification import Due, Specification
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.delivery.sending.channels import ProcessShare
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings

__all__ = ["SHARES", "SecondProcess"]

SHARES = ProcessShare(number=0, processes=2), ProcessShare(number=1, processes=2)
"""How the two processes part the connections to the mail servers."""


class SecondProcess:
    """Sends beside the first process, and holds what was composed to the specification.

    Args:
        db: where both work.
        apart: whether it is a process of its own, which takes seconds to begin; else a thread.
    """

    def __init__(self, db: Database, *, apart: bool) -> None:
        url = db.engine.url.render_as_string(hide_password=False)
        self._pool: Executor = (
            ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(url,))
            if apart
            else ThreadPoolExecutor(1, initializer=_begin, initargs=(url,))
        )
        self._composed: tuple[Due, datetime] | None = None
        self._looked: Future[None] | None = None
        self._asked: Future[Counter[str]] | None = None
        self._sending: Future[PostOffice] | None = None
        self._is_closed = False
        self.checked: Counter[str] = Counter()
        self.worked = 0.0
        """Seconds of the processor that it took, when it is closed; 0 where it is a thread."""

    def composed(self, due: Due, now: datetime) -> None:
        """Look at the database as soon as all is sent that was begun: what was composed is checked later."""
        self._looked = self._pool.submit(_look)
        self._composed = due, now

    def begin_to_send(self, settings: Settings, post: PostOffice, now: datetime, *, limit: int | None = None) -> None:
        """Begin to send what is queued, while the first process goes on."""
        self._sending = self._pool.submit(_send, settings, post.as_it_stands(), now, limit)

    def end_sending(self, post: PostOffice) -> None:
        """Wait until all is sent that was begun; ``post`` knows of it afterwards."""
        if self._sending is not None:
            post.took(self._sending.result())
            self._sending = None

    def check(self) -> None:
        """Check what was composed last while the first process goes on."""
        if self._composed is not None and self._looked is not None:
            self._looked.result()
            self.settle()
            self._asked = self._pool.submit(_check, *self._composed)
            self._composed = None

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
            self.worked = self._pool.submit(_end, os.getpid()).result()
            self._pool.shutdown()


class _Held:
    """What the process or thread keeps from round to round."""

    def __init__(self, url: str) -> None:
        self.db = open_database(url)
        self.specification = Specification()
        self.post = PostOffice()
        self.clock: FrozenClock | None = None
        self.steps: Pipeline | None = None
        self.look = ExitStack()
        self.session: Session | None = None


_HELD: list[_Held] = []


def _begin(url: str) -> None:
    _HELD[:] = [_Held(url)]


def _look() -> None:
    """Open a transaction that sees what is stored now, and goes on to see that."""
    (held,) = _HELD
    held.look.close()
    held.session = held.look.enter_context(held.db.read())
    held.session.connection().execute(text("SELECT count(*) FROM subscriber"))


def _send(settings: Settings, post: PostOffice, now: datetime, limit: int | None) -> PostOffice:
    (held,) = _HELD
    if held.steps is None or held.clock is None:
        held.clock = FrozenClock(now)
        held.steps = Pipeline(settings, held.db, held.clock, held.post, share=SHARES[1])
    held.clock.advance(now - held.clock.now())
    held.post.stand_as(post)
    held.steps.send(limit=limit)
    return held.post


def _check(due: Due, now: datetime) -> Counter[str]:
    (held,) = _HELD
    assert held.session is not None, "nobody looked"
    try:
        held.specification.check(held.session, due, now)
    finally:
        held.look.close()
        held.session = None
    return held.specification.checked.copy()


def _end(first: int) -> float:
    (held,) = _HELD
    held.look.close()
    held.db.dispose()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 0.0 if os.getpid() == first else used.ru_utime + used.ru_stime
