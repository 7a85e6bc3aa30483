"""A throw-away copy of the database: a SQLite file of the same contents, gone when nobody needs it any more.

What a round would do is tried on it with the round's own steps. The original is only read, in one transaction that sees
one moment, so that nobody waits for it: SQLite's writers go on beside a reader, and so do PostgreSQL's.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event

from trialalerts.database import Database, open_database
from trialalerts.database.copying.transfer import copy_moment
from trialalerts.database.schema import upgrade_schema
from trialalerts.errors import DatabaseUnusable
from trialalerts.operations.backups import back_up
from trialalerts.operations.tables import all_tables
from trialalerts.progress import NO_PROGRESS, ProgressMeter

__all__ = ["LEFT_OUT", "throwaway_copy"]

LEFT_OUT = frozenset({"place", "place_name", "postcode", "audit_entry"})
"""Tables of PostgreSQL that are not copied: no step writes places, which are read where they are, and none reads the
trail. They are most rows of a small service."""

_LET_GO = "UPDATE source SET leased_by = NULL, leased_until = NULL"
"""Whoever polls the original does not poll the copy."""


@contextmanager
def throwaway_copy(database: Database, *, progress: ProgressMeter = NO_PROGRESS) -> Iterator[Database]:
    """Give a copy of the database, in the newest revision, and delete it at the end.

    A copy of SQLite is the whole file; it lies beside the original, on a disk that holds such a file. One of PostgreSQL
    lies where temporary files do, without :data:`LEFT_OUT`. Only its owner may read it.

    Raises:
        DatabaseBehind, DatabaseTooNew: the original is PostgreSQL of another revision.
        DatabaseUnusable: the copy cannot be written.
    """
    beside = Path(database.engine.url.database or "").resolve().parent if database.is_sqlite else None
    try:
        folder = tempfile.TemporaryDirectory(prefix="trialalerts-", dir=beside)
    except OSError as error:
        raise DatabaseUnusable(f"A copy of the database cannot be written: {error.strerror}") from None
    with folder as name:
        file = Path(name, "copy.db")
        if database.is_sqlite:
            back_up(database, file, progress=progress)
        with open_database(f"sqlite:///{file}") as copy:
            event.listen(copy.engine, "connect", _quickly)
            upgrade_schema(copy)
            if not database.is_sqlite:
                copy.places = database.engine
                kept = [table for table in all_tables() if table.name not in LEFT_OUT]
                copy_moment(database, copy, kept, progress=progress)
            with copy.write() as session:
                session.connection().exec_driver_sql(_LET_GO)
            yield copy


def _quickly(connection: sqlite3.Connection, record: object) -> None:
    """Let nothing wait for the disk: a copy that a power cut breaks is not missed."""
    del record
    connection.execute("PRAGMA synchronous = OFF")
