"""Fragments with holes: a template rendered and encoded once for many readers, each one's own words filled in.

A :class:`Hole` stands in for a text that differs from reader to reader. Templates may put it out as it is, join it to
other text and wrap it; an operator's own template may try anything else, and whatever depends on what a text says
raises :class:`Unfillable`, so that the template is rendered in full for each reader. What was rendered is split at the
holes; what stands between them is encoded once, what fills them is escaped, wrapped and encoded for each reader.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn, Self

from markupsafe import escape

from trialalerts.delivery.mail.quoted_printable import Quoted, decode, encode
from trialalerts.digests.render_recent import Recent

__all__ = ["Filler", "Fragment", "Hole", "MarkupHole", "Pieces", "Unfillable", "left_open", "whole"]

_NONCE: Final = secrets.token_hex(8)
"""Nothing that is read anywhere can hold it, so that no title can pass for a hole."""
_PAD = "\ue002" * 200
"""As long as a long text, so that a template that cuts texts off is found out: half a hole is none."""
_TRAP = "<xY> www.example.org  "
"""A tag, both cases, a link and two blanks: whatever a template does to any of them spoils the hole, and is seen."""
_HOLE = re.compile(
    f"\ue000{_NONCE}(\\d{{3}})({re.escape(_TRAP)}|{re.escape(str(escape(_TRAP)))}){_PAD}\ue001", re.DOTALL
)
_PLACE = re.compile(
    f"\ue003{_NONCE}(?P<indent>.*?)\ue004{_NONCE}(?P<text>.*?)\ue005{_NONCE}|(?P<hole>{_HOLE.pattern})", re.DOTALL
)
_HTML = "html"
_NONE = range(0)
_REMEMBERED = 10_000
_STEP = 150
"""What a step of a fragment takes in memory beside its bytes, about."""


class Unfillable(Exception):
    """A template did with a text what can be done only with each reader's own."""


def _sentinel(number: int) -> str:
    return f"\ue000{_NONCE}{number:03}{_TRAP}{_PAD}\ue001"


class Hole(str):
    """The place of a text that is the reader's own: it may be put out, joined to others and wrapped; it is not empty.

    Everything else that can be done to a text raises :class:`Unfillable`.
    """

    __slots__ = ()

    def __new__(cls, number: int) -> Self:
        return super().__new__(cls, _sentinel(number))

    def __str__(self) -> str:
        return str.__str__(self)

    def __bool__(self) -> bool:
        return True


class MarkupHole(Hole):
    """The place of HTML that is the reader's own, such as a finished card."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _refuse(*_: object, **__: object) -> NoReturn:
    raise Unfillable


_COMPARED = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__format__"}
_KEPT = (set(dir(object)) - _COMPARED) | {"__bool__", "__html__", "__module__", "__slots__", "__getnewargs__"}
for _kind in (Hole, MarkupHole):
    for _name in {*dir(_kind), "__radd__", "__rmod__", "__bytes__"} - _KEPT:
        setattr(_kind, _name, _refuse)


def left_open(text: str, indent: str) -> str | None:
    """Return what stands for a text that is to be wrapped once its holes are filled; None where it has none."""
    if _NONCE not in text:
        return None
    return f"\ue003{_NONCE}{indent}\ue004{_NONCE}{text}\ue005{_NONCE}"


class Pieces(NamedTuple):
    """Something written and encoded: the pieces, and how many bytes of UTF-8 they say."""

    pieces: Sequence[Quoted]
    weight: int

    @property
    def text(self) -> str:
        """What they say."""
        return decode(self.pieces)


def whole(text: str) -> Pieces:
    """Encode a text as one piece."""
    return Pieces([encode(text)], len(text.encode()))


class _Step(NamedTuple):
    """What stands between two holes, and what follows: the hole ``only``, or ``parts`` of text and holes together.

    ``filled`` holds what was filled in before, None where the hole is filled with what is written already; ``mode`` is
    how a text is written: ``""`` as it is, ``"html"`` escaped, ``">"`` and an indent wrapped.
    """

    literal: Quoted
    only: int | None
    parts: tuple[str | int, ...]
    filled: Recent[str, tuple[Quoted, int]] | None
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fragment:
    """What a template wrote, split at its holes; ``size`` is about what it takes in memory."""

    steps: tuple[_Step, ...]
    tail: Quoted
    weight: int
    size: int


class Filler:
    """Splits what templates wrote into fragments, and fills them for one reader after the other.

    Args:
        wrap: how text is wrapped: a text and the indent of its later lines.
    """

    def __init__(self, wrap: Callable[[str, str], str]) -> None:
        self._wrap = wrap
        self._filled: dict[str, Recent[str, tuple[Quoted, int]]] = {}

    def split(self, written: str, *, html: bool, raw: range = _NONE) -> Fragment:
        """Split what a template wrote with holes in it; those in ``raw`` are to be filled with what is written already.

        Raises:
            Unfillable: a hole was not put out as it is, or not escaped, or one that is raw was escaped or wrapped.
        """
        steps: list[_Step] = []
        weight = end = 0
        for start, stop, parts, mode in _slots(written, html=html, raw=raw):
            only = parts[0] if len(parts) == 1 and isinstance(parts[0], int) else None
            filled = None if only in raw else self._filled.setdefault(mode, Recent(_REMEMBERED))
            steps.append(_Step(_literal(written[end:start]), only, parts, filled, mode))
            weight += len(written[end:start].encode())
            end = stop
        tail = _literal(written[end:])
        weight += len(written[end:].encode())
        size = len(tail) + sum(len(step.literal) + _STEP for step in steps)
        return Fragment(steps=tuple(steps), tail=tail, weight=weight, size=size)

    def fill(self, fragment: Fragment, values: Sequence[str | Pieces], *, fresh: range = _NONE) -> Pieces:
        """Fill a fragment; ``values`` by the numbers of the holes. Those in ``fresh`` are no other reader's."""
        pieces: list[Quoted] = []
        weight = fragment.weight
        for literal, only, parts, filled, mode in fragment.steps:
            pieces.append(literal)
            value = values[only] if only is not None else _joined(parts, values)
            if filled is None:
                if isinstance(value, Pieces):  # by the order of the values it always is
                    pieces += value.pieces
                    weight += value.weight
                continue
            text = value if isinstance(value, str) else value.text
            found = filled.young.get(text) or filled.get(text)
            if found is None:
                found = self._encoded(mode, text)
                if only not in fresh:
                    filled.put(text, found)
            pieces.append(found[0])
            weight += found[1]
        pieces.append(fragment.tail)
        return Pieces(pieces, weight)

    def _encoded(self, mode: str, text: str) -> tuple[Quoted, int]:
        if mode == _HTML:
            text = str(escape(text))
        elif mode:
            text = self._wrap(text, mode[1:])
        return encode(text), len(text) if text.isascii() else len(text.encode())


def _slots(written: str, *, html: bool, raw: range) -> Iterator[tuple[int, int, tuple[str | int, ...], str]]:
    """Yield where each place to fill begins and ends, its parts and mode; what is wrapped holds all holes within."""
    for found in _PLACE.finditer(written):
        parts = _parts(found["text"] or found["hole"], html=html, raw=raw)
        indent = found["indent"]
        if indent is not None and (html or any(part in raw for part in parts if isinstance(part, int))):
            raise Unfillable
        yield found.start(), found.end(), parts, f">{indent}" if indent is not None else _HTML if html else ""


def _parts(text: str, *, html: bool, raw: range) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    end = 0
    for found in _HOLE.finditer(text):
        number = int(found[1])
        if (found[2] != _TRAP) is not (html and number not in raw):
            raise Unfillable
        parts += [_sound(text[end : found.start()]), number]
        end = found.end()
    return tuple(part for part in (*parts, _sound(text[end:])) if part != "")


def _joined(parts: Sequence[str | int], values: Sequence[str | Pieces]) -> str:
    return "".join(part if isinstance(part, str) else str(values[part]) for part in parts)


def _literal(text: str) -> Quoted:
    return encode(_sound(text))


def _sound(text: str) -> str:
    """Return a text between holes, as long as no half of a hole is in it."""
    if _NONCE in text or _PAD[:1] in text or "\r" in text:
        raise Unfillable
    return text
