"""Many rows at once: naming them in one statement, inserting, copying, on each database in its fastest way.

A list of parameters (``IN (?, ?, …)``) makes another statement for each length, which is written and understood anew
each time; here the numbers go over as one value. On SQLite a statement with 500 rows of values costs two thirds of
running one 500 times. PostgreSQL takes rows as text (COPY); as arrays they cost three times as much, most of it in
the driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, CursorResult, Insert, String, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

from trialalerts.database.types import BigId, table_of

__all__ = ["copy_many", "in_chunks", "in_list", "insert_into", "insert_many", "is_sqlite", "list_value", "write_many"]


_ROWS = 500
"""SQLite takes 32,766 values in a statement."""
_T = TypeVar("_T")


def in_chunks(values: Iterable[_T], size: int = _ROWS) -> Iterator[list[_T]]:
    """Part values into lists of at most ``size``, so many as fit into one statement.

    >>> list(in_chunks("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    whole = list(values)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def is_sqlite(session: Session) -> bool:
    """Tell whether this is SQLite (else PostgreSQL)."""
    return session.get_bind().dialect.name == "sqlite"


def in_list(column: ColumnElement[Any], name: str, *, sqlite: bool, text: bool = False) -> ColumnElement[bool]:
    """Return the condition that a column (numbers, or ``text``) is one of the values of the parameter ``name``."""
    if sqlite:
        return column.in_(select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value))
    return column == any_(bindparam(name, type_=ARRAY(String() if text else BigId)))


def list_value(values: Iterable[int] | Iterable[str], *, sqlite: bool) -> Any:
    """Return the values as such a parameter."""
    return orjson.dumps(list(values)).decode() if sqlite else list(values)


def write_many(
    connection: Connection, statement: str, row: str, rows: Sequence[Sequence[Any]], *, before: Sequence[Any] = ()
) -> int:
    """Run ``statement``, where ``{rows}`` stands for a list of ``row``, such as ``(?, ?)``; return the rows touched.

    ``before`` are the values that stand before the list.
    """
    touched = 0
    for some in in_chunks(rows):
        filled = statement.format(rows=",".join([row] * len(some)))
        done: CursorResult[Any] = connection.exec_driver_sql(filled, (*before, *chain.from_iterable(some)))
        touched += done.rowcount
    return touched


def insert_many(session: Session, insert: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run an insert for many rows, of which each has the same names, as one statement.

    It asks for the ids: only then SQLAlchemy writes one for all rows, where psycopg would send one for each.
    """
    if rows:
        session.connection().execute(insert.returning(*insert.table.primary_key), list(rows)).close()


def copy_many(connection: Connection, table: str, columns: str, lines: Sequence[str]) -> None:
    """Copy rows into a table of PostgreSQL; each line holds the values, with tabs between and a line end behind.

    The caller sees to it that no value holds a tab, a line end or a backslash.
    """
    driver = connection.connection.driver_connection
    if lines and driver is not None:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write("".join(lines))


def insert_into(where: Session | Connection, table: type[SQLModel] | Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert with ``on_conflict_do_nothing`` and ``on_conflict_do_update``.

    Args:
        where: what it will be executed on; its database decides the form.
        table: the table, or the class of its rows.
    """
    connection = where.connection() if isinstance(where, Session) else where
    target = table if isinstance(table, Table) else table_of(table)
    return sqlite.insert(target) if connection.dialect.name == "sqlite" else postgresql.insert(target)
