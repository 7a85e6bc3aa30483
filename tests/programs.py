"""Programs that a test runs as processes: forked from one that has read their modules and the disease areas.

What is killed, frozen or told to end is a process like any other, with its own signals, threads and database; only the
seconds are spared that a fresh one spends reading the same thousand modules, and working out the same dictionaries.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_until_ready
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Literal, Self, TextIO

from tests import worked_out

__all__ = ["Program", "Vocabulary", "start"]

_ORIGIN = multiprocessing.get_context("forkserver")
_ORIGIN.set_forkserver_preload(
    [
        "pytest",
        *(
            f"trialalerts.{name}"
            for name in ("cli.run", "daemon", "bootstrap", "operations.doctor", "pipeline", "web.app")
        ),
        "tests.worked_out",
    ]
)


@dataclass
class Vocabulary:
    """Where the disease areas come from that the first of the programs works out; without ``found`` it does not."""

    found: Callable[[], Path] | None = None


VOCABULARY = Vocabulary()


@cache
def _begin() -> None:
    """Start the process of which all others are forked."""
    folder = str(Path(__file__).resolve().parent.parent)  # it imports from its environment's path alone
    told = {"PYTHONPATH": os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))}
    if VOCABULARY.found is not None:
        told[worked_out.DATABASE] = str(VOCABULARY.found())
    before = dict(os.environ)
    os.environ.update(told)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(kw_only=True)
class Program:
    """A program that was started, with what :class:`subprocess.Popen` has for it; a context manager that waits."""

    _process: ForkServerProcess
    stdout: TextIO | None = None
    pid: int = field(init=False)
    returncode: int | None = field(init=False, default=None)
    _reading: threading.Lock = field(init=False, default_factory=threading.Lock)
    """Several threads may wait for a program; how it ended can be read once."""

    def __post_init__(self) -> None:
        assert self._process.pid is not None
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()
        if self.stdout is not None:
            self.stdout.close()

    def poll(self) -> int | None:
        """Return the exit code, minus the number of the signal that ended it; None while it runs."""
        with self._reading:
            if self.returncode is None:
                self.returncode = self._process.exitcode
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        wait_until_ready([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Read its output to the end and wait for it, as :meth:`wait` does."""
        assert self.stdout is not None
        with self.stdout:
            output = self.stdout.read()
        self.wait(timeout)
        return output, None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as it stands."""
        self.send_signal(signal.SIGKILL)


def start(
    module: str,
    *words: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    out: Path | Literal["pipe"] | None = None,
    err: Path | None = None,
    stdin: Path | None = None,
) -> Program:
    """Start ``python -m module words`` in ``folder``; what it prints is added to files or goes nowhere.

    Args:
        module: what has a part for ``__name__ == "__main__"``.
        words: its arguments.
        folder: where it works.
        environment: all its variables; None: those of this process.
        out: the file for its output; a pipe of which the program's ``stdout`` is the end that is read.
        err: the file for its errors.
        stdin: what it reads, a terminal for example; None: nothing.
    """
    variables = dict(os.environ if environment is None else environment)
    if out != "pipe":
        return Program(_process=_forked(module, words, folder, variables, out, err, stdin))
    reader, writer = _ORIGIN.Pipe(duplex=False)
    with reader, writer:
        process = _forked(module, words, folder, variables, writer, err, stdin)
        return Program(_process=process, stdout=os.fdopen(os.dup(reader.fileno())))


def _forked(*about: object) -> ForkServerProcess:
    _begin()
    process = _ORIGIN.Process(target=_run, args=about, daemon=True)
    process.start()
    return process


def _run(
    module: str,
    words: Sequence[str],
    folder: Path,
    variables: dict[str, str],
    out: Path | Connection | None,
    err: Path | None,
    stdin: Path | None,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    sys.argv = [module, *words]
    for number, where in ((1, out), (2, err)):
        if isinstance(where, Connection):
            os.dup2(where.fileno(), number)
            where.close()
        else:
            os.dup2(os.open(where or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    if stdin is not None:
        os.dup2(os.open(stdin, os.O_RDONLY | os.O_NOCTTY), 0)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    runpy.run_module(module, run_name="__main__", alter_sys=True)
