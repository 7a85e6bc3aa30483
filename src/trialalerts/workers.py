"""The further processes of a daemon: started with it, started again when one ends, ended with it.

Python runs on one core; a machine with several is used by several processes. Between them they share the work as
daemons on many machines do: through the database. A helper holds a pipe to the daemon that started it: when the daemon
is gone, however it went, the pipe closes and the helper ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import structlog

__all__ = ["HELPING", "Workers", "watch_the_daemon"]

log = structlog.get_logger()

HELPING = ("compose", "send")
"""The roles that helpers take part in: the others gain nothing by it."""
_PAUSE_SECONDS = 10.0
"""A helper that ended is started again after this pause, so that one that cannot work is not started all the time."""


class Workers:
    """The helpers of one daemon.

    Args:
        command: starts a helper; it is to call :func:`watch_the_daemon`.
        number: how many there are to be.
    """

    def __init__(self, command: Sequence[str], number: int) -> None:
        self._command = list(command)
        self._running: list[subprocess.Popen[bytes]] = []
        self._next_start = [0.0] * number  # of each place that is free: when it may be taken

    def look_after(self) -> None:
        """Start those who are missing; to be called again and again."""
        for helper in [each for each in self._running if each.poll() is not None]:
            self._running.remove(helper)
            self._next_start.append(time.monotonic() + _PAUSE_SECONDS)
            log.error("helper.ended", pid=helper.pid, code=helper.returncode, again_in=f"{_PAUSE_SECONDS:.0f}s")
        for due in [each for each in self._next_start if each <= time.monotonic()]:
            self._next_start.remove(due)
            helper = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603 - this program itself
            self._running.append(helper)
            log.info("helper.started", pid=helper.pid)

    def tell_to_end(self) -> None:
        """Ask all of them to end as soon as what they hold is finished."""
        for helper in self._running:
            helper.terminate()

    def end(self, seconds: float) -> None:
        """Wait until they have ended; whoever has not after ``seconds`` is killed, which loses nothing."""
        deadline = time.monotonic() + seconds
        for helper in self._running:
            try:
                helper.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                helper.kill()
                helper.wait()
            if helper.stdin:
                helper.stdin.close()
        self._running.clear()


def watch_the_daemon(then: Callable[[], object]) -> None:
    """Call ``then`` when the daemon that started this process is gone."""

    def read() -> None:
        # Not by sys.stdin: a thread that reads it when the program ends makes Python abort.
        while os.read(sys.stdin.fileno(), 1):
            pass
        then()

    threading.Thread(target=read, name="the daemon", daemon=True).start()
