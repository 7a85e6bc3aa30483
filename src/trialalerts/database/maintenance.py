"""The upkeep: is the database whole, and a consistent copy of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from trialalerts.database.engine import Database
from trialalerts.errors import DatabaseUnusable
from trialalerts.files import create_private, make_folder

__all__ = ["copy_file", "find_faults", "is_large", "replace_content", "vacuum_database"]

_WITH_ADDRESSES = ("subscriber", "consent", "preference", "digest", "delivery", "feedback_event", "suppression")
_LARGE = 100_000_000


def is_large(database: Database) -> bool:
    """Tell whether it takes long to look through all of a SQLite database: more than a second or so."""
    if not database.is_sqlite:
        return False
    with database.read() as session:
        pages = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return bool(session.connection().execute(pages).scalar_one() > _LARGE)


def find_faults(database: Database, *, briefly: bool = False) -> list[str]:
    """Return what is broken, one line each; none where the database is whole.

    ``briefly`` looks only through the tables that no registry can bring back: those of people and their mails.
    """
    found = []
    with database.read() as session:
        connection = session.connection()
        if database.is_sqlite:
            for which in [f"('{table}')" for table in _WITH_ADDRESSES] if briefly else [""]:
                pages = connection.exec_driver_sql(f"PRAGMA integrity_check{which}").scalars().all()
                found += [f"damaged: {line}" for line in pages if line != "ok"]
                for table, row, parent, _ in connection.exec_driver_sql(f"PRAGMA foreign_key_check{which}").all():
                    found.append(f"row {row} of {table} refers to a row of {parent} that is not there")
        gap = connection.execute(
            text("SELECT (SELECT coalesce(max(seq), 0) FROM change), (SELECT value FROM counter WHERE name = 'change')")
        ).one()
        if gap[0] != (gap[1] or 0):
            found.append(f"the last change is number {gap[0]}, but the counter stands at {gap[1] or 0}")
    return found


def copy_file(database: Database, file: Path) -> None:
    """Copy a SQLite database to a file that does not exist, while others go on working on it.

    Raises:
        DatabaseUnusable: the copy cannot be written.
    """
    try:
        make_folder(file.parent)
        create_private(file)
        with (
            closing(sqlite3.connect(str(database.engine.url.database))) as source,
            closing(sqlite3.connect(file)) as to,
        ):
            source.backup(to)
    except (OSError, sqlite3.Error) as error:
        file.unlink(missing_ok=True)
        raise DatabaseUnusable(f"{file}: the copy cannot be written: {error}") from None


def replace_content(database: Database, file: Path) -> None:
    """Put the content of a file in the place of a SQLite database's, whole or not at all.

    Raises:
        DatabaseUnusable: it cannot be read or written.
    """
    database.dispose()
    try:
        with (
            closing(sqlite3.connect(file)) as source,
            closing(sqlite3.connect(str(database.engine.url.database))) as to,
        ):
            source.backup(to)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{database.engine.url.database}: it cannot be written: {error}") from None


def vacuum_database(database: Database, *, full: bool = False) -> None:
    """Overwrite what was deleted.

    SQLite writes its file anew and empties its log. PostgreSQL lets the space of dead rows be used again; ``full``
    writes the tables that hold addresses anew, each locked meanwhile.
    """
    with database.engine.connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("COMMIT")  # both run outside of the transaction that every connection begins
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
            return
        freely = connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in _WITH_ADDRESSES:
            freely.exec_driver_sql(f"VACUUM {'(FULL, ANALYZE)' if full else '(ANALYZE)'} {table}")
