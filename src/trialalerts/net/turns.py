"""Turns: each of those outside who are called has one at a time, in a thread of its own.

Nobody waits for a turn but :meth:`Turns.finish`: who is slow holds up an own thread, no other turn and no mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Generic, Protocol, Self, TypeVar

__all__ = ["Turns"]


class _Count(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


CountT = TypeVar("CountT", bound=_Count)


class Turns(Generic[CountT]):
    """Threads in which one after the other is called.

    Args:
        take: takes the turn of one by its name, and returns what came of it. It raises nothing; it ends soon after
            :meth:`stops` says so.
        at_once: so many have their turn at the same time.
        called: what the threads are called.
        stop: True lets no turn begin, and ends those at work.
    """

    def __init__(
        self, take: Callable[[str], CountT], *, at_once: int, called: str, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._take = take
        self._at_once = at_once
        self._called = called
        self._told_to_stop = stop
        self._closed = Event()
        self._lock = Lock()
        self._at_work: dict[str, Future[CountT]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def begin(self, due: Iterable[str]) -> int:
        """Let each begin its turn that is not at work already; return how many did."""
        begun = 0
        with self._lock:
            self._at_work = {name: turn for name, turn in self._at_work.items() if not turn.done()}
            for name in due:
                if name not in self._at_work and not self.stops():
                    self._at_work[name] = self._pool().submit(self._take, name)
                    begun += 1
        return begun

    def finish(self, begin: Callable[[], int], count: CountT) -> CountT:
        """Do rounds until ``begin`` lets nobody begin any more, and wait for each; add what came of it to ``count``."""
        while begin():
            with self._lock:
                turns = list(self._at_work.values())
            for turn in turns:
                count += turn.result()
        return count

    def stops(self) -> bool:
        """Whether a turn that is at work should end."""
        return self._closed.is_set() or self._told_to_stop()

    def close(self) -> None:
        """End the turns that are at work, and wait for that."""
        self._closed.set()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix=self._called)
        return self._threads
