"""Questions to others: asked all at once, and waited for no longer than three seconds.

Each has a thread that dies with the process: a name server that never answers must not keep the doctor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Thread

from trialalerts.operations.checks import DoctorCheck

__all__ = ["SECONDS", "AskedMeanwhile", "Question"]

SECONDS = 3.0
"""So long the answers may take in all, from when they were asked for."""
_SOONER = 0.3
"""A question gets so much less, to say itself what it did not hear."""

Question = Callable[[float], Iterable[DoctorCheck]]
"""What is asked of others within so many seconds; run on a thread of its own."""


class AskedMeanwhile:
    """Asks questions, each on a thread of its own, while something else is done.

    Args:
        questions: by the name of what is asked, as it stands in a line: ``the transport smtp``.
        seconds: how long they may take in all.
    """

    def __init__(self, questions: Mapping[str, Question], *, seconds: float = SECONDS) -> None:
        self._names = list(questions)
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._heard: SimpleQueue[tuple[str, list[DoctorCheck]]] = SimpleQueue()
        for name, question in questions.items():
            Thread(target=self._ask, args=(name, question), daemon=True).start()

    def answers(self) -> Iterator[DoctorCheck]:
        """Return what was found, in the order of the questions; what nobody answered in time is worth a look."""
        found: dict[str, list[DoctorCheck]] = {}
        while len(found) < len(self._names):
            try:
                name, checks = self._heard.get(timeout=max(0.0, self._until - time.monotonic()))
            except Empty:
                break
            found[name] = checks
        for name in self._names:
            yield from found.get(name) or [_silent(name, f"no answer within {self._seconds:g} seconds")]

    def _ask(self, name: str, question: Question) -> None:
        try:
            checks = list(question(self._seconds - _SOONER))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with others' answers is no fault of ours
            checks = [_silent(name, type(error).__name__)]
        self._heard.put((name, checks or [DoctorCheck(level="good", what=f"{name}: nothing to say")]))


def _silent(name: str, why: str) -> DoctorCheck:
    return DoctorCheck(
        level="look",
        what=f"{name} cannot be asked: {why}",
        why="nobody knows whether it works",
        remedy="look after the network and the name server of this machine, then run: trialalerts doctor",
    )
