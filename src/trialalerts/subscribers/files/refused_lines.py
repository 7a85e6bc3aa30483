"""The file of a list's refused lines: each with its number, the reason, and its cells as they were.

Once mended, it is imported like any list: its two first columns are left out then.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from trialalerts.errors import InvalidInput
from trialalerts.files import create_private
from trialalerts.subscribers.files.bulk_import import LineError
from trialalerts.subscribers.files.csv_layout import REFUSED_COLUMNS

__all__ = ["write_refused"]


def write_refused(path: Path, columns: Sequence[str], lines: Iterable[LineError]) -> None:
    """Write the lines to ``path``, readable to ourselves alone.

    Raises:
        InvalidInput: it cannot be written there.
    """
    own = [place for place, name in enumerate(columns) if name.lower() not in REFUSED_COLUMNS]
    try:
        create_private(path)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=os.linesep)
            writer.writerow([*REFUSED_COLUMNS, *(columns[place] for place in own)])
            for each in sorted(lines, key=lambda each: each.line):
                writer.writerow([each.line, each.message, *_cells(each.cells, own, len(columns))])
    except OSError as error:
        raise InvalidInput(f"{path}: the refused lines cannot be written: {error.strerror}") from None


def _cells(cells: Sequence[str], own: Sequence[int], columns: int) -> list[str]:
    """Return a line's cells without a number and a reason of before, and with what stands behind the last column."""
    return [*(cells[place] for place in own if place < len(cells)), *cells[columns:]]
