"""The seam through which long work says how far it is.

What works long takes a :class:`ProgressMeter` and knows nothing of terminals; ``cli/progress.py`` shows one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

__all__ = ["NO_PROGRESS", "ProgressMeter", "tracked"]

_Item = TypeVar("_Item")


class ProgressMeter(Protocol):
    """Hears of long work: which stage begins, and how much of it is done."""

    def stage(self, what: str, total: int | None = None) -> None:
        """Begin a stage, told in the plural of what is counted (``people stored``); None: nobody knows how many."""

    def advance(self, count: int = 1) -> None:
        """Count ``count`` more of the stage as done."""


class _Silent:
    def stage(self, what: str, total: int | None = None) -> None:
        pass

    def advance(self, count: int = 1) -> None:
        pass


NO_PROGRESS: ProgressMeter = _Silent()
"""Tells nobody: the default of what takes a :class:`ProgressMeter`."""


def tracked(items: Iterable[_Item], progress: ProgressMeter, what: str, total: int | None = None) -> Iterator[_Item]:
    """Yield the items as one stage; each counts once the next is asked for."""
    progress.stage(what, total)
    for item in items:
        yield item
        progress.advance()
