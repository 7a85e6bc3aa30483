"""Writing many rows at once, on each database in the way in which it is fastest.

On SQLite a statement with 500 rows of values costs two thirds of running one 500 times. PostgreSQL takes rows as text
(COPY); as arrays they cost three times as much, most of it in the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.engine import Connection

__all__ = ["copy_many", "write_many"]

_ROWS = 500
"""SQLite takes 32,766 values in a statement."""


def write_many(
    connection: Connection, statement: str, row: str, rows: Sequence[Sequence[Any]], *, before: Sequence[Any] = ()
) -> int:
    """Run ``statement``, where ``{rows}`` stands for a list of ``row``, such as ``(?, ?)``; return the rows touched.

    ``before`` are the values that stand before the list.
    """
    touched = 0
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        filled = statement.format(rows=",".join([row] * len(some)))
        done: CursorResult[Any] = connection.exec_driver_sql(filled, (*before, *chain.from_iterable(some)))
        touched += done.rowcount
    return touched


def copy_many(connection: Connection, table: str, columns: str, lines: Sequence[str]) -> None:
    """Copy rows into a table of PostgreSQL; each line holds the values, with tabs between and a line end behind.

    The caller sees to it that no value holds a tab, a line end or a backslash.
    """
    driver = connection.connection.driver_connection
    if lines and driver is not None:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write("".join(lines))
