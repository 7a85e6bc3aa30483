"""A memory of what was used of late, bounded by count and by bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps values by key; when it is half full, what was not used since it last was goes.

    Two dictionaries, a young and an old one: reading costs hardly more than a dictionary does, and threads may share
    it, since all that can happen between them is that a value is made twice.

    Args:
        most: so many values at most.
        most_bytes: what they may weigh together.
        weigh: the bytes of one value.
    """

    def __init__(self, most: int, *, most_bytes: int = 2**62, weigh: Callable[[V], int] = lambda _: 0) -> None:
        self._most = most // 2
        self._most_bytes = most_bytes // 2
        self._weigh = weigh
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """Return the value; None where it is not (or no longer) kept."""
        value = self.young.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> V:
        """Keep a value, in the place of the one that was kept under this key; return it."""
        self.young[key] = value
        self.grew(self._weigh(value))
        return value

    def grew(self, size: int) -> None:
        """Note that a value that is kept weighs more by so many bytes."""
        self._bytes += size
        if len(self.young) >= self._most or self._bytes >= self._most_bytes:
            self._old, self.young, self._bytes = self.young, {}, 0

    def __len__(self) -> int:
        return len(self.young) + len(self._old)
