"""A transfer: all tables into an empty database, page by page, verified, and gone on with after it was cut off.

How far it is stands in the target itself, written with the rows. Until all is verified the target bears no revision of
the program's, so that no daemon works on half of the people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Integer, Table, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from trialalerts.database.copying.rows import TableSum, pages_of, sum_of, sum_table, write_rows
from trialalerts.database.engine import Database, plain_error, shown_name
from trialalerts.database.schema import COPYING, REVISION, require_revision, revision_of, upgrade_schema
from trialalerts.errors import DatabaseUnusable, InvalidInput
from trialalerts.progress import NO_PROGRESS, ProgressMeter

__all__ = ["clear_database", "copy_database", "copy_moment", "holds_anything", "table_sums"]

_CONTENT = ("subscriber", "consent", "suppression", "former_subscriber", "item", "source", "delivery", "audit_entry")
"""What no fresh database has; all else is there after ``init`` and gives way."""
_STATE = "copy_state"
_NOTHING = TableSum()


@dataclass(frozen=True, kw_only=True)
class _State:
    """How far a table is: the last key that was written, the sum up to there, whether that is all of it."""

    last_key: list[object] | None = None
    upto: TableSum = _NOTHING
    done: bool = False


def copy_database(
    source: Database, target: Database, tables: Sequence[Table], *, progress: ProgressMeter = NO_PROGRESS
) -> dict[str, TableSum]:
    """Copy all tables; return what each holds now, which was read again from the target.

    Args:
        source: of this program's revision; nobody must write to it.
        target: empty (the tables are made then), fresh after ``init``, or half copied from the same source.
        tables: all of them, those referred to first (``metadata.sorted_tables``).
        progress: hears of the rows.

    Raises:
        InvalidInput: the target holds something, or is half copied from another database.
        DatabaseBehind, DatabaseTooNew: one of the two is of another revision.
        DatabaseUnusable: what was written is not what was read; the next run begins anew.
    """
    require_revision(source)
    _require_all(source, tables)
    resumed = _prepare(target, tables, shown_name(source.engine.url))
    sums = {}
    with _snapshot(source) as reading:
        for table in tables:
            sums[table.name] = _copy_table(reading, target, table, progress)
        if resumed:  # the source may be another one than it was before the interruption
            sums = {table.name: sum_table(reading, table) for table in tables}
    _verify(target, tables, sums, progress)
    _finish(target, tables)
    return sums


def copy_moment(
    source: Database, target: Database, tables: Sequence[Table], *, progress: ProgressMeter = NO_PROGRESS
) -> None:
    """Copy some tables as they are at one moment into a database that is thrown away: at once, and not verified.

    Args:
        source: of this program's revision; others may write to it.
        target: a new one, upgraded, that nobody else has opened.
        tables: those referred to first.
        progress: hears of the rows.

    Raises:
        DatabaseBehind, DatabaseTooNew: the source is of another revision.
        DatabaseUnusable: the target cannot be written.
    """
    require_revision(source)
    with _snapshot(source) as reading, target.write() as session:
        for table in reversed(tables):
            session.connection().exec_driver_sql(f'DELETE FROM "{table.name}"')
        for table in tables:
            progress.stage(f"rows of {table.name}")
            for page in pages_of(reading, table):
                write_rows(session.connection(), table, page.rows)
                progress.advance(len(page.rows))


def table_sums(database: Database, tables: Sequence[Table]) -> dict[str, TableSum]:
    """Return how many rows each table has, and their checksum, which is the same on both kinds of database."""
    with _snapshot(database) as reading:
        return {table.name: sum_table(reading, table) for table in tables}


def holds_anything(database: Database) -> str | None:
    """Return a table that has rows which no fresh database has; None where there is none, or no tables at all."""
    if revision_of(database) is None:
        return None
    with database.read() as session:
        run = session.connection().exec_driver_sql
        return next((name for name in _CONTENT if run(f'SELECT 1 FROM "{name}" LIMIT 1').first()), None)


def clear_database(database: Database, tables: Sequence[Table]) -> None:
    """Delete every row of every table, and forget a copy that was cut off."""
    with database.write() as session:
        run = session.connection().exec_driver_sql
        for table in reversed(tables):
            run(f'DELETE FROM "{table.name}"')
        run(f"DROP TABLE IF EXISTS {_STATE}")
        session.connection().execute(text("UPDATE alembic_version SET version_num = :now"), {"now": REVISION})


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """Open a connection that sees one state to its end."""
    try:
        with database.engine.connect() as connection:
            if database.is_sqlite:
                connection.execution_options(trialalerts_writes=False)
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
                connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
            yield connection
    except DBAPIError as error:
        raise plain_error(error, database.engine.url) from error


def _require_all(source: Database, tables: Sequence[Table]) -> None:
    """Hold the list of tables to what is there: none is left behind in silence."""
    with _snapshot(source) as reading:
        there = set(inspect(reading).get_table_names()) - {"alembic_version", _STATE}
    if there != {table.name for table in tables}:
        odd = ", ".join(sorted(there ^ {table.name for table in tables}))
        raise DatabaseUnusable(f"The database {shown_name(source.engine.url)} has other tables than expected: {odd}.")


def _prepare(target: Database, tables: Sequence[Table], source: str) -> bool:
    """Make the target ready; return whether a copy goes on that was cut off."""
    found = revision_of(target)
    if found is None:
        upgrade_schema(target)
    elif found == COPYING:
        with target.read() as session:
            known = _state_of(session, "").last_key
        if known == [source]:
            return True
        if known is not None:
            name, begun = shown_name(target.engine.url), known[0]
            raise InvalidInput(f"The database {name} is half copied from {begun}; end that copy, or name an empty one.")
    else:
        require_revision(target)
        _require_empty(target)
    clear_database(target, tables)
    with target.write() as session:
        run = session.connection().exec_driver_sql
        run(
            f"CREATE TABLE {_STATE} "
            "(name TEXT PRIMARY KEY, last_key TEXT, row_count BIGINT, checksum TEXT, done INTEGER)"
        )
        _put_state(session, "", _State(last_key=[source]))
        session.connection().execute(text("UPDATE alembic_version SET version_num = :now"), {"now": COPYING})
    return False


def _require_empty(target: Database) -> None:
    if name := holds_anything(target):
        raise InvalidInput(
            f"The database {shown_name(target.engine.url)} is not empty (the table {name} has rows); "
            "name an empty one: nothing was copied."
        )


def _copy_table(reading: Connection, target: Database, table: Table, progress: ProgressMeter) -> TableSum:
    with target.read() as session:
        state = _state_of(session, table.name)
    if state.done:
        return state.upto
    number = reading.exec_driver_sql(f'SELECT count(*) FROM "{table.name}"').scalar_one()
    progress.stage(f"rows of {table.name}", number)
    progress.advance(state.upto.rows)
    for page in pages_of(reading, table, after=state.last_key):
        state = _State(last_key=page.last_key, upto=state.upto + sum_of(page.rows))
        with _writing(target) as session:
            write_rows(session.connection(), table, page.rows)
            _put_state(session, table.name, state)
        progress.advance(len(page.rows))
    with target.write() as session:
        _put_state(session, table.name, _State(last_key=state.last_key, upto=state.upto, done=True))
    return state.upto


@contextmanager
def _writing(target: Database) -> Iterator[Session]:
    with target.write() as session:
        if not target.is_sqlite:
            session.connection().exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        yield session


def _verify(target: Database, tables: Sequence[Table], sums: dict[str, TableSum], progress: ProgressMeter) -> None:
    progress.stage("tables verified", len(tables))
    with _snapshot(target) as reading:
        for table in tables:
            found = sum_table(reading, table)
            if found != sums[table.name]:
                break
            progress.advance()
        else:
            return
    with target.write() as session:
        _put_state(session, "", _State())
    expected = sums[table.name]
    what = (
        f"{expected.rows:,} rows were read, {found.rows:,} are there" if expected.rows != found.rows else "rows differ"
    )
    raise DatabaseUnusable(
        f"The table {table.name} was not copied right ({what}): something wrote to one of the two databases meanwhile. "
        "Stop every daemon and run it again; it begins anew."
    )


def _finish(target: Database, tables: Sequence[Table]) -> None:
    """Let ids go on where they are, and give the target its revision."""
    with target.write() as session:
        connection = session.connection()
        for table in tables if not target.is_sqlite else ():
            key = list(table.primary_key)
            if len(key) == 1 and key[0].name == "id" and isinstance(key[0].type, Integer):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM \"{table.name}\" "
                    f"WHERE pg_get_serial_sequence('{table.name}', 'id') IS NOT NULL HAVING max(id) IS NOT NULL"
                )
        connection.exec_driver_sql(f"DROP TABLE {_STATE}")
        connection.execute(text("UPDATE alembic_version SET version_num = :now"), {"now": REVISION})


def _state_of(session: Session, name: str) -> _State:
    asked = text(f"SELECT last_key, row_count, checksum, done FROM {_STATE} WHERE name = :name")
    row = session.connection().execute(asked, {"name": name}).first()
    if row is None:
        return _State()
    key = orjson.loads(row.last_key)
    return _State(last_key=key, upto=TableSum(rows=row.row_count, checksum=int(row.checksum)), done=bool(row.done))


def _put_state(session: Session, name: str, state: _State) -> None:
    values = {
        "name": name,
        "last_key": orjson.dumps(state.last_key).decode(),
        "row_count": state.upto.rows,
        "checksum": str(state.upto.checksum),
        "done": int(state.done),
    }
    written = (
        f"INSERT INTO {_STATE} (name, last_key, row_count, checksum, done) "
        "VALUES (:name, :last_key, :row_count, :checksum, :done) ON CONFLICT (name) DO UPDATE SET "
        "last_key = excluded.last_key, row_count = excluded.row_count, checksum = excluded.checksum, "
        "done = excluded.done"
    )
    session.connection().execute(text(written), values)
