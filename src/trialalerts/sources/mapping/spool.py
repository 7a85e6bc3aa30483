"""The records of a file while it is read: on disk, so that memory does not grow with the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, NamedTuple, Self

__all__ = ["RecordSpool", "SpooledRecord"]

_IN_MEMORY = 10_000_000


class SpooledRecord(NamedTuple):
    """A record that was put away: where it is, and its number and day of update as they are written."""

    start: int
    length: int
    number: str
    updated: str


class RecordSpool:
    """Keeps what records say, by the names of facts, while it is entered; a short file's stay in memory."""

    def __init__(self) -> None:
        self._file: IO[bytes] = BytesIO()
        self._end = 0

    def __enter__(self) -> Self:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, told: Mapping[str, str]) -> SpooledRecord:
        """Put a record away."""
        written = json.dumps(told).encode()  # in ASCII: a text may hold half a sign, which no UTF-8 has
        self._file.seek(self._end)
        self._file.write(written)
        kept = SpooledRecord(self._end, len(written), told.get("number", ""), told.get("updated", ""))
        self._end += len(written)
        return kept

    def get(self, kept: SpooledRecord) -> dict[str, str]:
        """Return a record as it was put away."""
        self._file.seek(kept.start)
        told: dict[str, str] = json.loads(self._file.read(kept.length))
        return told
