"""Parts of a letter, run and encoded once for many readers, and filled with each one's own words.

What a block writes depends on the values that it names, so it is kept by these: the same reason stands in hundreds of
cards, and is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from trialalerts.delivery.mail.quoted_printable import Quoted, decode, encode
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.digests.rendering.slots import CutText, Slot

__all__ = ["Encoded", "Part", "PartWriter", "SlotFiller", "joined"]

_RESULT_BYTES = 20_000_000
_Found = tuple[Quoted, int]
"""What a slot is filled with, and how many bytes of UTF-8 it says."""
_OVERHEAD = 300
"""What a kept value takes in memory beside its bytes, about."""


class Encoded(NamedTuple):
    """Something written and encoded: the pieces, and how many bytes of UTF-8 they say."""

    pieces: Sequence[Quoted]
    weight: int

    @property
    def text(self) -> str:
        """What they say."""
        return decode(self.pieces)


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Return all of it as one."""
    return Encoded([piece for part in parts for piece in part.pieces], sum([part.weight for part in parts]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a letter, cut at its slots; ``words`` are those that all readers of its language share.

    ``again`` makes it with the shipped templates: what it is filled from where an own block fails.
    """

    steps: tuple[tuple[Quoted, Slot], ...]
    tail: Quoted
    weight: int
    words: Mapping[str, Any]
    again: Callable[[], Part] | None = None

    @property
    def size(self) -> int:
        """The bytes that it takes in memory, about."""
        literals = sum(len(literal) + _OVERHEAD for literal, _ in self.steps)
        return literals + len(self.tail) + _OVERHEAD + (3_000 if self.again else 0)


class PartWriter(Protocol):
    """Makes the parts of a letter and fills them: shared by many readers, or (in tests) each at once."""

    def cut(self, name: str, words: Mapping[str, Any], shared: Mapping[str, Any]) -> Part:
        """Run the template ``name`` for all who share these values beside the ``words`` of the language."""
        ...

    def fill(self, part: Part, values: Mapping[str, Any], inside: Mapping[str, Encoded] = ...) -> Encoded:
        """Return a part for one reader; ``inside`` are the finished cards and lines."""
        ...


class SlotFiller:
    """Fills parts; keeps what blocks wrote, by the values that they name. Threads may share one.

    Args:
        failed: is told what an own block did wrong.
    """

    def __init__(self, failed: Callable[[Slot, Exception, Mapping[str, Any]], None]) -> None:
        self._failed = failed
        self._results: LruCache[object, _Found] = LruCache(_RESULT_BYTES)

    def part(self, cut: CutText, words: Mapping[str, Any], again: Callable[[], Part] | None = None) -> Part:
        """Encode what was cut."""
        *literals, tail = [encode(text) for text in cut.texts]
        return Part(
            steps=tuple(zip(literals, cut.slots, strict=True)),
            tail=tail,
            weight=sum(len(text.encode()) for text in cut.texts),
            words=words,
            again=again,
        )

    def fill(self, part: Part, values: Mapping[str, Any], inside: Mapping[str, Encoded]) -> Encoded:
        """Return a part for one reader: with the shipped template where an own one fails on the reader's values."""
        pieces: list[Quoted] = []
        weight = part.weight
        words = part.words
        language, known = words["lang"], self._results.get
        for literal, slot in part.steps:
            pieces.append(literal)
            if slot.part is not None:
                pieces += inside[slot.part].pieces
                weight += inside[slot.part].weight
                continue
            try:
                names = slot.names
                if slot.is_kept:
                    named = values[names[0]] if len(names) == 1 else tuple([values[name] for name in names])
                    key = (slot, language, named)
                    found = known(key) or self._kept(key, _encoded(slot.write(words, values)))
                elif slot.template is None:
                    found = _link(slot.write(words, values))
                else:
                    found = _encoded(slot.write(words, values))
            except Exception as error:
                if part.again is None:
                    raise
                self._failed(slot, error, {**words, **values})
                return self.fill(part.again(), values, inside)
            pieces.append(found[0])
            weight += found[1]
        pieces.append(part.tail)
        return Encoded(pieces, weight)

    def _kept(self, key: object, found: _Found) -> _Found:
        return self._results.put(key, found, len(found[0]) + _OVERHEAD)


def _encoded(text: str) -> _Found:
    return encode(text), len(text) if text.isascii() else len(text.encode())


@lru_cache(maxsize=256)
def _link(address: str) -> _Found:
    """Encode a link that is put out as it is: most stand several times in a mail, and in no other."""
    return _encoded(address)
