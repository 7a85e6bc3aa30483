"""Owns working ahead: the next values of an iterator are made in a thread while the last one is used."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import NamedTuple, TypeVar

__all__ = ["ahead"]

_Value = TypeVar("_Value")


class _End(NamedTuple):
    """Why no value follows: the error that the iterator raised, None where it just ended."""

    error: BaseException | None


def ahead(values: Iterator[_Value], *, most: int) -> Generator[_Value, None, None]:
    """Give the values of an iterator, at most ``most`` of them made before they are asked for.

    What the iterator raises is raised here. Close the generator to end the thread before the values do.
    """
    made: Queue[_Value | _End] = Queue(maxsize=most)
    closed = threading.Event()
    thread = threading.Thread(target=_make, args=(values, made, closed), name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(value := made.get(), _End):
            yield value
        if value.error is not None:
            raise value.error
    finally:
        closed.set()
        while thread.is_alive():  # it may wait for room
            with suppress(Empty):
                made.get_nowait()
            thread.join(timeout=0.01)


def _make(values: Iterator[_Value], made: Queue[_Value | _End], closed: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for value in values:
            made.put(value)
            if closed.is_set():
                break
    except BaseException as raised:  # noqa: BLE001 - it belongs to whoever asks for the next value
        error = raised
    made.put(_End(error))
