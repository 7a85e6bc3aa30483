"""The further processes of a daemon: started with it, started again when one ends, ended with it.

Python runs on one core; a machine with several is used by several processes. Between them they share the work as
daemons on many machines do: through the database. A helper holds a pipe to the daemon that started it: when the daemon
is gone, however it went, the pipe closes and the helper ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trialalerts.logs import Logger

__all__ = ["HELPING", "Workers", "usable_cores", "usual_processes", "watch_the_daemon"]

log = Logger()

HELPING = ("compose", "send")
"""The roles that helpers take part in: the others gain nothing by it."""
_USUAL_MOST = 4
"""More than these gain little: the mail server or the database is what everybody waits for then."""
_PAUSE_SECONDS = 10.0
"""A helper that ended is started again after this pause, so that one that cannot work is not started all the time."""


def usual_processes() -> int:
    """Return of how many processes a daemon is where nobody says it: one for each core, at most four."""
    return min(_USUAL_MOST, usable_cores())


def usable_cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use, at least one: those it may run on, within its share of their time.

    A container has the cores of its host and a share of them (``--cpus``, ``CPUQuota=``): four processes that share
    half a core are slower than one. ``root`` is where ``/proc`` and ``/sys`` are looked for.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([cores, *_shares(root)])))


def _shares(root: Path) -> Iterator[float]:
    """Yield how many cores' time each control group (version 2) grants that this process is in."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    own = next((line.removeprefix("0::/") for line in groups if line.startswith("0::/")), None)
    if own is None:
        return
    mount = root / "sys/fs/cgroup"
    for group in (mount / own, *(mount / parent for parent in Path(own).parents)):
        try:
            quota, period = (group / "cpu.max").read_text().split()
            if quota != "max":
                yield int(quota) / int(period)
        except (OSError, ValueError):
            continue


class Workers:
    """The helpers of one daemon.

    Args:
        command: starts a helper, with its number behind it (1, 2 …); it is to call :func:`watch_the_daemon`.
        number: how many there are to be.
    """

    def __init__(self, command: Sequence[str], number: int) -> None:
        self._command = list(command)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._next_start = dict.fromkeys(range(1, number + 1), 0.0)  # of each helper that is missing

    def look_after(self) -> None:
        """Start those who are missing; to be called again and again."""
        for number, helper in [each for each in self._running.items() if each[1].poll() is not None]:
            del self._running[number]
            self._next_start[number] = time.monotonic() + _PAUSE_SECONDS
            log.error("helper.ended", pid=helper.pid, code=helper.returncode, again_in=f"{_PAUSE_SECONDS:.0f}s")
        for number in [each for each, at in self._next_start.items() if at <= time.monotonic()]:
            del self._next_start[number]
            command = [*self._command, str(number)]
            helper = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - this program itself
            self._running[number] = helper
            log.info("helper.started", pid=helper.pid)

    def tell_to_reload(self) -> None:
        """Let all of them read the configuration anew."""
        for helper in self._running.values():
            helper.send_signal(signal.SIGHUP)

    def tell_to_end(self) -> None:
        """Ask all of them to end as soon as what they hold is finished."""
        for helper in self._running.values():
            helper.terminate()

    def end(self, seconds: float) -> None:
        """Wait until they have ended; whoever has not after ``seconds`` is killed, which loses nothing."""
        deadline = time.monotonic() + seconds
        for helper in self._running.values():
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
