"""Many rows at once: naming them in one statement, inserting, copying, on each database in its fastest way.

A list of parameters (``IN (?, ?, …)``) makes another statement for each length, which is written and understood anew
each time; here the numbers go over as one value. On SQLite a statement with 500 rows of values costs two thirds of
running one 500 times. PostgreSQL takes rows as text (COPY); as arrays they cost three times as much, most of it in
the driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Insert,
    String,
    Table,
    TextClause,
    any_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy import text as plain_sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

from trialalerts.database.types import BigId, table_of

__all__ = [
    "Rows", "copy_many", "in_chunks", "in_list", "insert_into", "insert_many", "is_sqlite", "list_value", "write_many",
    "write_together",
]  # fmt: skip


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


class Rows(NamedTuple):
    """Rows of one table, all with the same names: new ones or, with ``key``, new values for those of these keys.

    Of new ones, such as have a value in the column ``unique`` that is there already are left out.
    """

    table: Table
    rows: Sequence[Mapping[str, Any]]
    key: str | None = None
    unique: str | None = None


def write_together(session: Session, written: Sequence[Rows]) -> None:
    """Write rows of several tables, in their order: on PostgreSQL in one statement.

    There each statement is a way to the server and back, and one with many values is taken apart anew by the driver;
    here a table's rows go over as one text, and the statement is the same for any number of them.
    """
    session.flush()  # what was written before stands before
    some = [each for each in written if each.rows]
    if is_sqlite(session):
        for each in some:
            _write_alone(session, each)
    elif some:
        shapes = tuple((each.table, tuple(each.rows[0]), each.key, each.unique) for each in some)
        texts = [orjson.dumps(each.rows).decode() for each in some]
        values = {f"rows_{number}": text for number, text in enumerate(texts)}
        session.connection().execute(_together(shapes), values)


def _write_alone(session: Session, written: Rows) -> None:
    table, rows, key, unique = written
    if key is not None:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in rows[0] if name != key}
        changed = update(table).where(table.c[key] == bindparam(f"new_{key}")).values(values)
        named = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        session.connection().execute(changed, named)
        return
    added = insert_into(session, table)
    if unique is not None:
        added = added.on_conflict_do_nothing(index_elements=[unique], index_where=table.c[unique].is_not(None))
    insert_many(session, added, rows)


_Shape = tuple[Table, tuple[str, ...], str | None, str | None]


@lru_cache(maxsize=100)
def _together(shapes: tuple[_Shape, ...]) -> TextClause:
    parts = [f"part_{number} AS ({_part(number, *shape)})" for number, shape in enumerate(shapes)]
    return plain_sql(f"WITH {', '.join(parts)} SELECT 1")


def _part(number: int, table: Table, columns: tuple[str, ...], key: str | None, unique: str | None) -> str:
    """Return the statement for one table; all names are ours."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # has no types
    typed = ", ".join(f'"{name}" {table.c[name].type.compile(dialect=dialect)}' for name in columns)
    rows = f"json_to_recordset(CAST(:rows_{number} AS json)) AS r({typed})"
    if key is not None:
        new = ", ".join(f'"{name}" = r."{name}"' for name in columns if name != key)
        return f'UPDATE {table.name} SET {new} FROM {rows} WHERE {table.name}."{key}" = r."{key}"'
    names = ", ".join(f'"{name}"' for name in columns)
    left_out = f' ON CONFLICT ("{unique}") WHERE "{unique}" IS NOT NULL DO NOTHING' if unique else ""
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {rows}{left_out}"
