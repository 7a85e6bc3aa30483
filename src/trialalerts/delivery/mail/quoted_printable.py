"""Bodies in quoted-printable: pieces that are encoded once and joined many times, and what they say in plain text.

A piece ends in a line break, hard or soft, so that pieces can be put one behind the other without a line getting
longer than 76 bytes. Most of a mail is the same for many readers; its pieces are encoded for the first and used for
all.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import NewType

__all__ = ["Body", "Quoted", "decode", "encode", "plain_text"]

Quoted = NewType("Quoted", bytes)
"""A piece of a body as ``encode`` makes it: empty, or lines of at most 76 bytes that each end in CRLF.

No line begins with a dot, so that nobody on the way has to look for those that SMTP doubles.
"""

_SURROGATES = re.compile(r"[\ud800-\udfff]")
_HARD, _SOFT = b"\r\n", b"=\r\n"
_LONGEST = 76


class Body:
    """The text of one part of a message: as it is, or in pieces that were encoded before.

    The text gets LF line ends and a last one; NUL and lone surrogates become U+FFFD. Pieces are decoded only when
    somebody reads :attr:`text`.
    """

    __slots__ = ("_pieces", "_text")

    def __init__(self, content: str | Sequence[Quoted]) -> None:
        self._text: str | None = plain_text(content) if isinstance(content, str) else None
        self._pieces: Sequence[Quoted] | None = None if isinstance(content, str) else content

    @property
    def text(self) -> str:
        """The text, with LF line ends."""
        if self._text is None:
            self._text = plain_text(decode(self._pieces or ()))
        return self._text

    @property
    def lines(self) -> Sequence[bytes]:
        """The encoded lines, to be joined: the last one ends in a hard line break."""
        if self._pieces is None:
            return (encode(self.text),)
        last = next((piece for piece in reversed(self._pieces) if piece), _SOFT)
        return (*self._pieces, _HARD) if last.endswith(_SOFT) else self._pieces

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def encode(text: str) -> Quoted:
    """Encode a piece of text (RFC 2045, 6.7), cleaned like a :class:`Body` but without adding a last line end.

    A CR that stands at one end of a piece and its LF at the beginning of the next count as two line ends.
    """
    if not text:
        return Quoted(b"")
    if text.isascii() and text.isprintable() and not text.endswith(" "):  # mostly a link or a few words on one line
        return _without_dots(binascii.b2a_qp(text.encode() + _HARD)[:-2] + _SOFT)
    raw = _queues(text).replace("\n", "\r\n").encode()
    if raw.endswith((b" ", b"\t")) or b" \r\n" in raw or b"\t\r\n" in raw:
        lines = [_line(line) for line in raw.split(_HARD)]
        return _without_dots(_HARD.join(lines) + (_SOFT if lines[-1] else b""))
    if raw.endswith(_HARD):
        return _without_dots(binascii.b2a_qp(raw))
    # A line end in the place of the soft break: without it the last line could fill up all the 76 bytes.
    return _without_dots(binascii.b2a_qp(raw + _HARD)[:-2] + _SOFT)


def _without_dots(encoded: bytes) -> Quoted:
    """Encode the dots at the beginning of lines, too: ``b2a_qp`` does so where a dot stands alone."""
    if encoded.startswith(b".") or b"\n." in encoded:
        encoded = b"".join([_without_dot(line) for line in encoded.splitlines(keepends=True)])
    return Quoted(encoded)


def _without_dot(line: bytes) -> bytes:
    if not line.startswith(b"."):
        return line
    line = b"=2E" + line[1:]
    if len(line) <= _LONGEST + len(_HARD):
        return line
    # The line was full: it is broken before its last signs, and never within an encoded one.
    at = next(at for at in (_LONGEST - 3, _LONGEST - 2, _LONGEST - 1) if b"=" not in line[at - 2 : at])
    return line[:at] + _SOFT + _without_dot(line[at:])


def _line(line: bytes) -> bytes:
    """Encode one line that may end in a blank.

    Before a line end ``b2a_qp`` encodes a blank without looking how full the line is; at the end of its input it
    looks. Without a CRLF in its input it breaks lines with LF.
    """
    room_for_a_soft_break = b"" if line.endswith((b" ", b"\t")) else _HARD
    encoded = binascii.b2a_qp(line + room_for_a_soft_break)
    return encoded[:-2] if room_for_a_soft_break else encoded.replace(b"=\n", _SOFT)


def decode(pieces: Iterable[Quoted]) -> str:
    """Return what encoded pieces say, with LF line ends."""
    return binascii.a2b_qp(b"".join(pieces)).decode().replace("\r\n", "\n")


def plain_text(text: str) -> str:
    """Return the text with LF line ends and a last one, without NUL and lone surrogates."""
    lines = _queues(text)
    return lines if lines.endswith("\n") else lines + "\n"


def _queues(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return lines if lines.isascii() else _SURROGATES.sub("\ufffd", lines)
