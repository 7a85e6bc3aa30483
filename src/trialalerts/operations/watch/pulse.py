"""The pulse of a process: what its steps do, kept in memory and written down now and then.

Steps begin every few seconds; a row for each would keep the disk busy for nothing. What was not written down when a
process is killed is at most half a minute old.
"""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.heartbeats import Beat, forget_heartbeats, forget_process, write_beats
from trialalerts.errors import ConfigurationError, TrialAlertsError

__all__ = ["BEATS_EVERY", "BY_HAND", "Pulse", "failure_words", "process_name"]

BEATS_EVERY = timedelta(seconds=30)
BY_HAND = "once"
"""What the process of ``run --once`` is called, behind its machine: it comes and goes, and is missed by nobody."""
_PACKAGE = Path(__file__).parent.parent.parent
_FORGOTTEN_AFTER = timedelta(days=7)


def process_name() -> str:
    """Return what this process is called among the heartbeats: machine and process id."""
    return f"{platform.node()}:{os.getpid()}"


def failure_words(error: BaseException) -> str:
    """Return an error and the place where it arose: no text of an unforeseen one, which may hold an address."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if _PACKAGE in Path(frame.filename).parents and frame.filename != __file__:
            place = f" ({Path(frame.filename).relative_to(_PACKAGE)}:{frame.lineno})"
    said = str(error) if isinstance(error, TrialAlertsError | ConfigurationError) else type(error).__name__
    return f"{said}{place}"


class Pulse:
    """Notes when each step begins, ends and fails; :meth:`flush` writes it down.

    Args:
        db: the database.
        clock: tells the time.
        process: what this process is called; by default machine and process id.
    """

    def __init__(self, db: Database, clock: Clock, *, process: str | None = None) -> None:
        self.process = process or process_name()
        self._db = db
        self._clock = clock
        self._lock = Lock()
        self._beats: dict[str, Beat] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note that a step begins, and how it ends; what it raises goes on."""
        self._note(name, started_at=self._clock.now())
        try:
            yield
        except Exception as error:
            self._note(name, failed_at=self._clock.now(), error=failure_words(error))
            raise
        self._note(name, finished_at=self._clock.now())

    def succeeded(self, name: str) -> bool:
        """Tell whether a step of this process ever ended well."""
        with self._lock:
            return name in self._beats and self._beats[name].finished_at is not None

    def flush(self) -> None:
        """Write down what was noted, with a sign of life of the process itself."""
        now = self._clock.now()
        self._note("process", started_at=now)
        self._note("process", finished_at=now)
        with self._lock:
            beats = list(self._beats.values())
        with self._db.write() as session:
            write_beats(session, self.process, beats)
            forget_heartbeats(session, before=now - _FORGOTTEN_AFTER)

    def end(self) -> None:
        """Forget the process: it ends in good order, and is missed by nobody."""
        with self._db.write() as session:
            forget_process(session, self.process)

    def _note(self, name: str, **what: Any) -> None:
        with self._lock:
            known = self._beats.get(name) or Beat(step=name, started_at=self._clock.now())
            self._beats[name] = replace(known, **what)
