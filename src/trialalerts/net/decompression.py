"""The unpacking of bodies: gzip, deflate and brotli, never more than was allowed.

httpx unpacks too, but each piece whole: 64 kB of a crafted body can become gigabytes. Here the
output is limited before it is made.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

__all__ = ["ACCEPTED", "BrokenBody", "TooLarge", "unpacked"]

ACCEPTED = "gzip, deflate, br"
"""What we say in ``Accept-Encoding``."""

_NO_ENCODING = frozenset({"", "identity", "none", "null", "plain", "text", "utf-8", "utf8", "8bit", "7bit", "binary"})
"""What servers write that pack nothing."""
_PACKED = frozenset(
    {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "exi", "pack200-gzip", "dcb", "dcz"}
)
_STEP = 1 << 20
_AUTOMATIC = zlib.MAX_WBITS | 32  # gzip or zlib, by their first bytes
_RAW = -zlib.MAX_WBITS
_GZIP = b"\x1f\x8b"


class TooLarge(Exception):
    """The body is larger than allowed."""


class BrokenBody(Exception):
    """The body cannot be unpacked, or it ends too early."""


class _Unpacker(Protocol):
    def feed(self, piece: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


def unpacked(pieces: Iterable[bytes], encoding: str, most: int) -> bytes:
    """Join the pieces of a body and unpack them.

    Args:
        pieces: the bytes as they came.
        encoding: the value of ``Content-Encoding``; empty, ``identity``, or a word that is no way of packing
            (``none``, ``utf-8``): not packed.
        most: how many unpacked bytes are allowed.

    Raises:
        TooLarge: there are more; what was read until then is forgotten.
        BrokenBody: the bytes are not what ``encoding`` says, or end too early.
    """
    unpacker = _unpacker(encoding.strip().lower())
    body = bytearray()
    for piece in pieces:
        for part in unpacker.feed(piece):
            body += part
            if len(body) > most:
                raise TooLarge
    unpacker.finish()
    return bytes(body)


def _unpacker(encoding: str) -> _Unpacker:
    named = [name for part in encoding.split(",") if (name := part.strip()) not in _NO_ENCODING]
    if not named:
        return _Plain()
    if named in (["gzip"], ["x-gzip"], ["deflate"]):
        return _Zlib()
    if named == ["br"]:
        return _Brotli()
    if named[0] in _PACKED or len(named) > 1:
        raise BrokenBody(f"its encoding {encoding[:40]!r} was not asked for")
    return _Plain()  # the name of no packing at all: a character set, a transfer encoding


class _Plain:
    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def finish(self) -> None:
        pass


class _Zlib:
    """gzip (also several members after one another), zlib, and the bare deflate that some servers send."""

    def __init__(self) -> None:
        self._beginning = b""
        self._inflate: zlib._Decompress | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        rest = piece
        if self._inflate is None:
            self._beginning += piece
            if len(self._beginning) < 2:  # noqa: PLR2004 - the two bytes that tell the kind
                return
            self._inflate = zlib.decompressobj(_kind(self._beginning))
            rest = self._beginning
        while rest and not (self._inflate.eof and not rest.startswith(_GZIP)):
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_AUTOMATIC)
            try:
                yield self._inflate.decompress(rest, _STEP)
            except zlib.error:
                raise BrokenBody("it is damaged, or not packed as its header says") from None
            rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def finish(self) -> None:
        if self._inflate is None or not self._inflate.eof:
            raise BrokenBody("it ends too early")


def _kind(beginning: bytes) -> int:
    is_zlib = beginning[0] & 0x0F == zlib.DEFLATED and int.from_bytes(beginning[:2]) % 31 == 0
    return _AUTOMATIC if is_zlib or beginning.startswith(_GZIP) else _RAW


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # the package ships no type hints

        self._decompressor = brotli.Decompressor()
        self._error = brotli.error

    def feed(self, piece: bytes) -> Iterator[bytes]:
        try:
            yield self._decompressor.process(piece, output_buffer_limit=_STEP)
            while not self._decompressor.can_accept_more_data():
                yield self._decompressor.process(b"", output_buffer_limit=_STEP)
        except self._error:
            raise BrokenBody("it is damaged") from None

    def finish(self) -> None:
        if not self._decompressor.is_finished():
            raise BrokenBody("it ends too early")
