"""How long commands show how far they are: a bar on a terminal, a line now and then elsewhere.

All of it goes to standard error, so that an answer on standard output stays whole. Work that is over within a few
seconds says nothing where there is no terminal.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from trialalerts.progress import NO_PROGRESS

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from trialalerts.progress import ProgressMeter

__all__ = ["SECONDS_BETWEEN_LINES", "show_progress"]

SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def show_progress(
    title: str, *, quiet: bool = False, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[ProgressMeter]:
    """Show the progress of what runs inside, as in ``with show_progress("areas import", quiet=json) as progress:``.

    Args:
        title: what plain lines begin with: the command.
        quiet: show nothing, as with ``--json``.
        monotonic: seconds that only go up.
    """
    if quiet:
        yield NO_PROGRESS
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _Bar(bars)
    else:
        yield _Lines(title, sys.stderr, monotonic)


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class _Bar:
    """One bar of Rich's; a new stage takes the place of the one before."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._task = bars.add_task("", total=None, visible=False)

    def stage(self, what: str, total: int | None = None) -> None:
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(what, total=total)

    def advance(self, count: int = 1) -> None:
        self._bars.advance(self._task, count)


class _Lines:
    """A plain line every so many seconds."""

    def __init__(self, title: str, out: TextIO, monotonic: Callable[[], float]) -> None:
        self._title = title
        self._out = out
        self._monotonic = monotonic
        self._next = monotonic() + SECONDS_BETWEEN_LINES
        self._what = ""
        self._done = 0
        self._total: int | None = None

    def stage(self, what: str, total: int | None = None) -> None:
        self._what, self._total, self._done = what, total, 0

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = self._monotonic()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_LINES
            self._out.write(f"{self._title}: {self._what}: {self._how_far()}\n")
            self._out.flush()

    def _how_far(self) -> str:
        if not self._total:
            return f"{self._done:,}"
        return f"{self._done:,} of {self._total:,} ({100 * self._done // self._total} %)"
