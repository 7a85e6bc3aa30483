"""Packed files: a zip is opened file by file, so that memory does not grow with it, and one that is a trap is refused.

What a file unpacks to is known before that is done. A registry as a whole is ten times as large as its zip; a zip bomb
is a thousand times and more.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trialalerts.errors import SourceError

__all__ = ["unzipped"]

_LARGEST = 300_000_000
_LARGEST_ZIP = 5_000_000_000
_MOST_TIMES = 50
_READABLE = (".csv", ".tsv", ".txt", ".xml", ".json")


def unzipped(body: bytes | Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Give the files in a zip or gzip file with their names, one by one; any other file is given as it is.

    Args:
        body: the file, or where it is.
        name: its name or address, without secrets, for messages.

    Raises:
        SourceError: it is broken, too large, or holds nothing that could be read.
        OSError: it cannot be read.
    """
    with io.BytesIO(body) if isinstance(body, bytes) else body.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] == b"\x1f\x8b":
            yield name, _gunzipped(file, name)
        elif start == b"PK\x03\x04":
            yield from _files_of(file, name)
        else:
            yield name, file.read()


def _files_of(file: IO[bytes], name: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as pack:
            inside = [each for each in pack.infolist() if each.filename.lower().endswith(_READABLE)]
            if not inside:
                raise SourceError(f"{name} is a zip file without any {', '.join(_READABLE)} in it.")
            _check_sizes(inside, file.seek(0, io.SEEK_END), name)
            for each in inside:
                yield f"{name}/{each.filename}", pack.read(each)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        raise SourceError(f"{name} is a zip file that is broken or locked; make it anew.") from None


def _check_sizes(inside: list[zipfile.ZipInfo], packed: int, name: str) -> None:
    """Refuse what cannot be a registry, by what the zip says of its files: no more than that is ever unpacked.

    ``packed`` is how large the zip itself is; what it says of that is not believed, for files may overlap in it.
    """
    large = next((each for each in inside if each.file_size > _LARGEST), None)
    if large is not None:
        raise SourceError(f"{name}/{large.filename} is larger than {_LARGEST:,} bytes; part it into smaller files.")
    whole = sum(each.file_size for each in inside)
    if whole > _LARGEST_ZIP:
        raise SourceError(f"{name} holds more than {_LARGEST_ZIP:,} bytes; part it into several.")
    if whole > _LARGEST and whole > packed * _MOST_TIMES:
        raise SourceError(f"{name} unpacks to more than {_MOST_TIMES} times its size, as a trap would; make it anew.")


def _gunzipped(file: IO[bytes], name: str) -> bytes:
    try:
        with gzip.open(file) as stream:
            found = stream.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error):
        raise SourceError(f"{name} is a gzip file that is broken; make it anew.") from None
    if len(found) > _LARGEST:
        raise SourceError(f"{name} holds more than {_LARGEST:,} bytes; part it into smaller files.")
    return found
