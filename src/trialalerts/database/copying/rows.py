"""Rows in one form for both databases: read in pages by their key, written in bulk, summed up.

The form is SQLite's own: moments as text in UTC, truth as 0 and 1, JSON as text with its keys in order. So a row has
the same sum wherever it lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
import psycopg
from sqlalchemy import JSON, Boolean, Column, Connection, Date, Table

from trialalerts.database.types import UtcDateTime
from trialalerts.errors import DatabaseUnusable

__all__ = ["Page", "TableSum", "pages_of", "sum_of", "sum_table", "write_rows"]

Row = tuple[Any, ...]
_AT_ONCE = 5_000
_MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_POSTGRESQL_FORMS: tuple[tuple[type, str], ...] = (
    (UtcDateTime, "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
    (JSON, "{}::text"),
    (Boolean, "{}::int"),
    (Date, "{}::text"),
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows in their portable form, and the key of the last one."""

    rows: list[Row]
    last_key: list[Any]


@dataclass(frozen=True, kw_only=True)
class TableSum:
    """How many rows, and the sum of all their hashes, whatever their order."""

    rows: int = 0
    checksum: int = 0

    def __add__(self, other: TableSum) -> TableSum:
        return TableSum(rows=self.rows + other.rows, checksum=(self.checksum + other.checksum) % 2**64)


def pages_of(connection: Connection, table: Table, *, after: Sequence[Any] | None = None) -> Iterator[Page]:
    """Yield a table's rows in the order of its key, those behind ``after`` only."""
    keys = [table.columns.keys().index(column.key) for column in table.primary_key]
    canonical = _canonical(table)
    while True:
        rows = connection.exec_driver_sql(*_asked(connection, table, after)).all()
        if rows:
            after = [rows[-1][number] for number in keys]
            yield Page(rows=[_portable(tuple(row), canonical) for row in rows], last_key=after)
        if len(rows) < _AT_ONCE:
            return


def sum_of(rows: Sequence[Row]) -> TableSum:
    """Return the sum of rows. PostgreSQL knows no negative zero in JSON: it counts as zero."""
    total = 0
    for row in rows:
        text = orjson.dumps(row, default=bytes.hex).replace(b"-0.0", b"0.0")
        total += int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    return TableSum(rows=len(rows), checksum=total % 2**64)


def sum_table(connection: Connection, table: Table) -> TableSum:
    """Return the sum of all rows of a table."""
    return sum((sum_of(page.rows) for page in pages_of(connection, table)), TableSum())


def write_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write portable rows, on each database in its fastest way.

    Raises:
        DatabaseUnusable: PostgreSQL takes a value in no form, such as a text with a NUL.
    """
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', list(rows))
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
    except (psycopg.DataError, psycopg.IntegrityError) as error:  # its text would show what stands in the row
        raise DatabaseUnusable(f"The table {table.name} cannot be written: {type(error).__name__}.") from None


def _asked(connection: Connection, table: Table, after: Sequence[Any] | None) -> tuple[str, tuple[Any, ...]]:
    sqlite = connection.dialect.name == "sqlite"
    columns = ", ".join(f'"{c.name}"' if sqlite else _as_portable(c) for c in table.columns)
    key = ", ".join(f'"{column.name}"' for column in table.primary_key)
    marks = ", ".join(["?" if sqlite else "%s"] * len(table.primary_key))
    behind = f"WHERE ({key}) > ({marks}) " if after is not None else ""
    return f'SELECT {columns} FROM "{table.name}" {behind}ORDER BY {key} LIMIT {_AT_ONCE}', tuple(after or ())


def _as_portable(column: Column[Any]) -> str:
    name = f'"{column.name}"'
    return next((form.format(name) for kind, form in _POSTGRESQL_FORMS if isinstance(column.type, kind)), name)


def _canonical(table: Table) -> list[tuple[int, bool]]:
    """Return the columns that have to be brought into form, and whether each is JSON (else a moment)."""
    return [
        (number, isinstance(column.type, JSON))
        for number, column in enumerate(table.columns)
        if isinstance(column.type, JSON | UtcDateTime)
    ]


def _portable(row: Row, canonical: Sequence[tuple[int, bool]]) -> Row:
    if not canonical:
        return row
    values = list(row)
    for number, is_json in canonical:
        value = values[number]
        if value is None:
            continue
        if is_json:
            values[number] = orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS).decode()
        elif len(value) != 26:  # noqa: PLR2004 - the length of the form itself
            values[number] = _moment(value)
    return tuple(values)


def _moment(text: str) -> str:
    found = datetime.fromisoformat(text)
    return (found.astimezone(UTC) if found.tzinfo else found).strftime(_MOMENT)
