"""The asking ahead: while one page is read and stored, the next is already on its way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Prefetcher"]

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


class Prefetcher(Generic[_Question, _Answer]):
    """Asks one question ahead in a thread of its own; never two at once. A context manager.

    Args:
        ask: answers a question.
        interrupt: makes an ``ask`` that is under way raise soon; called when nobody wants the answer any more.
    """

    def __init__(self, ask: Callable[[_Question], _Answer], interrupt: Callable[[], None]) -> None:
        self._ask = ask
        self._interrupt = interrupt
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._asked: tuple[_Question, Future[_Answer]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._asked is not None and not self._asked[1].done():
            self._interrupt()
        self._threads.shutdown(cancel_futures=True)

    def prepare(self, question: _Question) -> None:
        """Begin to ask; :meth:`get` gives the answer."""
        self._asked = question, self._threads.submit(self._ask, question)

    def get(self, question: _Question) -> _Answer:
        """Return the answer, or raise what asking raised."""
        asked, self._asked = self._asked, None
        if asked is None:
            return self._ask(question)
        answer = asked[1].result()
        return answer if asked[0] == question else self._ask(question)
