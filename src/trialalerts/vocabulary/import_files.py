"""The opening of vocabulary files, plain or gzip, and what is said when one cannot be read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from trialalerts.errors import InvalidInput

__all__ = ["VocabularyCount", "first_bytes", "open_vocabulary_file"]

_GZIP = b"\x1f\x8b"
_START = 4096
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class VocabularyCount:
    """What an import did: areas that are new, that got something new, that were as they are; what it refused.

    ``refused`` counts by kind: names that contradict their area, gene symbols, words that are no diseases,
    cross-references whose names differ.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of diseases in the file."""
        return self.new + self.updated + self.unchanged


@contextmanager
def open_vocabulary_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked.

    Raises:
        InvalidInput: it cannot be opened, or what is read while it is open is cut off, damaged or no UTF-8 text.
    """
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            yield cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=file))) if packed else file
    except OSError as error:  # a missing file, and what gzip finds wrong
        raise InvalidInput(f"{path}: this file cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise InvalidInput(f"{path}: this gzip file is cut off or damaged: {error}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: this is no UTF-8 text (byte {error.start}); download the file again") from None


def first_bytes(file: IO[bytes]) -> bytes:
    """Return how a file begins, without byte order mark and blanks; it stands at its beginning again afterwards."""
    start = file.read(_START)
    file.seek(0)
    return start.removeprefix(_BOM).lstrip()
