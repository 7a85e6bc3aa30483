"""Packing of what is only ever read as a whole: zstd, with a dictionary that knows how records of trials look.

Alone, a record is too short to be packed well: half of it are names of fields, of diseases and of towns. The
dictionary (``dictionary.txt``) holds these, and the words that criteria are made of; with it a record takes three
fifths of what it takes by zlib, and no more time. Its text was made from our own names of fields, the MeSH headings and
towns that come with the program, and criteria that we wrote ourselves.

What was packed with it can be unpacked with it alone: not a letter of it may ever change. Another dictionary is
another file, and another number in the first byte of what it packs.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from functools import cache
from pathlib import Path

from trialalerts.errors import DatabaseUnusable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["check_dictionary", "pack", "unpack"]

_DICTIONARY = Path(__file__).with_name("dictionary.txt")
_SHA256 = "5e668330f8e9afcc93200d8ed23f76f5cd76339a33c11301710d1aaee5a10611"
_NUMBER = b"\x01"
_LEVEL = 5
"""Level 3 takes half of the time for four bytes of a hundred more, level 6 a third more for three fewer."""


class _Packer(threading.local):
    """What packs in one thread: making it anew for each value would take four times as long."""

    def __init__(self) -> None:
        parameter = zstd.CompressionParameter
        options: dict[int, int] = {parameter.compression_level: _LEVEL, parameter.checksum_flag: 1}
        self.kept = zstd.ZstdCompressor(options=options, zstd_dict=_dictionary().as_digested_dict)


@cache
def _dictionary() -> zstd.ZstdDict:
    text = _DICTIONARY.read_bytes().replace(b"\r\n", b"\n")  # as some checkouts have it
    if hashlib.sha256(text).hexdigest() != _SHA256:
        raise DatabaseUnusable(f"{_DICTIONARY} is not as it was shipped, and no record can be read: install it anew.")
    return zstd.ZstdDict(text, is_raw=True)


@cache
def _packer() -> _Packer:
    return _Packer()


def check_dictionary() -> None:
    """Do nothing where the dictionary is as it was shipped.

    Raises:
        DatabaseUnusable: it is not.
    """
    _dictionary()


def pack(plain: bytes) -> bytes:
    """Return bytes packed.

    >>> unpack(pack(b"taking part")), len(pack(b'{"facility":"University Hospital","city":"London"}' * 9)) < 40
    (b'taking part', True)
    """
    return _NUMBER + _packer().kept.compress(plain, zstd.ZstdCompressor.FLUSH_FRAME)


def unpack(packed: bytes) -> bytes:
    """Return what :func:`pack` packed.

    Raises:
        ValueError: it was not packed so, or is broken.
    """
    if packed[:1] != _NUMBER:
        raise ValueError(f"packed with no dictionary that this program knows: {packed[:1]!r}")
    try:
        return zstd.decompress(packed[1:], zstd_dict=_dictionary().as_digested_dict)
    except (zstd.ZstdError, MemoryError) as error:  # the latter where the size that it claims to have is broken
        raise ValueError(f"what was packed is broken: {error}") from None
