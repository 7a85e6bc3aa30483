"""Pacing: no more requests to one server than it wants, and a wait that the end of the program cuts short.

A source is asked by one process at a time, the one that has its lease. Whoever begins waits a whole interval before
the first request, for another process may have asked a moment ago: so the pace holds across processes without a table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["RequestPace"]

_NAP = 0.2


class RequestPace:
    """Lets requests pass, none sooner than an interval after the one before; threads may share it.

    Args:
        per_second: how many requests a second; None: no limit.
        monotonic: gives seconds that only grow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        per_second: float | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = monotonic() + self._interval

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until it is this request's turn.

        Args:
            check: asked about five times a second; what it raises ends the wait.
        """
        if not self._interval:
            return
        with self._lock:
            turn = max(self._next, self._monotonic())
            self._next = turn + self._interval
        while (left := turn - self._monotonic()) > 0:
            check()
            self._sleep(min(left, _NAP))
