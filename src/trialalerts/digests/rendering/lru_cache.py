"""A cache bounded by bytes: what was not used for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["LruCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Keeps values by key, of ``most_bytes`` together. Threads may share one: at worst a value is made twice."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._writing = Lock()

    def get(self, key: K) -> V | None:
        """Return the value; None where it is not (or no longer) kept."""
        found = self._kept.get(key)
        if found is None:
            return None
        try:  # noqa: SIM105 - suppress takes longer than all the rest, and a mail asks seventeen times
            self._kept.move_to_end(key)
        except KeyError:  # another thread needed the room
            pass
        return found[0]

    def put(self, key: K, value: V, size: int) -> V:
        """Keep a value of so many bytes, in the place of the one that was kept under this key; return it."""
        with self._writing:
            before = self._kept.pop(key, None)
            self._kept[key] = (value, size)
            self._bytes += size - (before[1] if before else 0)
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        return value

    def __len__(self) -> int:
        return len(self._kept)
