"""Packing of what is only ever read as a whole: zstd, with a dictionary that knows how records of trials look.

Alone, a record is too short to be packed well: half of it are names of fields, of diseases and of towns. The
dictionary (``packing.txt``) holds these, and the words that criteria are made of; with it a record takes three fifths
of what it takes by zlib, and is unpacked in a third of the time. Its text was made from our own names of fields, the
MeSH headings and towns that come with the program, and criteria that we wrote ourselves.

What was packed with it can be unpacked with it alone: not a letter of it may ever change. Another dictionary is
another file, and another number in the first byte of what it packs.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from pathlib import Path

import zstandard

from trialalerts.errors import DatabaseUnusable

__all__ = ["pack", "unpack"]

_DICTIONARY = Path(__file__).with_name("packing.txt")
_SHA256 = "5e668330f8e9afcc93200d8ed23f76f5cd76339a33c11301710d1aaee5a10611"
_NUMBER = b"\x01"
_LEVEL = 5
"""Level 3 takes half of the time for four bytes of a hundred more, level 6 a third more for three fewer."""


class _Tools(threading.local):
    """What packs and unpacks in one thread: the library's own are for one at a time."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary(), write_checksum=True)
        self.unpacker = zstandard.ZstdDecompressor(dict_data=_dictionary())


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    text = _DICTIONARY.read_bytes()
    if hashlib.sha256(text).hexdigest() != _SHA256:  # an editor, or a tool that writes line ends its own way
        raise DatabaseUnusable(f"{_DICTIONARY} is not as it was shipped, and no record can be read: install it anew.")
    made = zstandard.ZstdCompressionDict(text, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    made.precompute_compress(level=_LEVEL)
    return made


@cache
def _tools() -> _Tools:
    return _Tools()


def pack(plain: bytes) -> bytes:
    """Return bytes packed.

    >>> unpack(pack(b"taking part")), len(pack(b'{"facility":"University Hospital","city":"London"}' * 9)) < 40
    (b'taking part', True)
    """
    return _NUMBER + _tools().packer.compress(plain)


def unpack(packed: bytes) -> bytes:
    """Return what :func:`pack` packed.

    Raises:
        ValueError: it was not packed so, or is broken.
    """
    if packed[:1] != _NUMBER:
        raise ValueError(f"packed with no dictionary that this program knows: {packed[:1]!r}")
    try:
        plain = _tools().unpacker.decompress(packed[1:], allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:  # the latter where the size that it claims to have is broken
        raise ValueError(f"what was packed is broken: {error}") from None
    if not plain and packed != pack(b""):  # the library believes without a look that there is nothing
        raise ValueError("what was packed is broken: it claims to be empty")
    return plain
