"""Owns writing many rows into SQLite with few statements.

A statement with 500 rows of values costs two thirds of running one 500 times, and Python's lock is free meanwhile.
PostgreSQL takes arrays instead: one statement, whatever their length.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.engine import Connection

__all__ = ["write_many"]

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
