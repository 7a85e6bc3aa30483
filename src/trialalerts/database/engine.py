"""The engine and the transactions: every read and write goes through :class:`Database`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import orjson
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, PendingRollbackError
from sqlmodel import Session

from trialalerts.database.packing.dictionary import check_dictionary
from trialalerts.errors import ConfigurationError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable
from trialalerts.files import create_private, make_folder
from trialalerts.redaction import shown_url, without_secrets

__all__ = ["Database", "one_writer_at_a_time", "open_database", "plain_error", "shown_name"]

_SQLITE_BUSY_MILLISECONDS = 30_000
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 8000",  # 32 MB: pages that change again and again are copied less often (5 % of composing)
)
PATIENCE = timedelta(minutes=5)
"""So long PostgreSQL waits for the next statement of a transaction before it takes its locks away."""
_SIGNS_OF_LIFE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server that is gone without a word is missed after a minute, not after hours; the URL may say otherwise."""
_WRITER = 7_215_041_901
"""Any number that is ours: PostgreSQL's advisory lock of those who decide what is one item."""


def one_writer_at_a_time(connection: Connection) -> bool:
    """Wait until no other transaction decides what is one item, and let others wait until this one ends.

    Returns:
        Whether what was read before may be old: SQLite has one writer anyway.
    """
    if connection.dialect.name != "postgresql":
        return False
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITER})
    return True


class Database:
    """One database. ``read()`` and ``write()`` open sessions: one transaction each, committed whole or rolled back.

    On SQLite a writing transaction begins with ``BEGIN IMMEDIATE``: it waits for its turn at the
    start, so that it never fails for a lock half-way through.

    Args:
        engine: its connections.
        places: where the tables of places stand, which no step writes, if not here: a copy may do without.
    """

    def __init__(self, engine: Engine, *, places: Engine | None = None) -> None:
        self.engine = engine
        self.places = places or engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite (else PostgreSQL)."""
        return self.engine.dialect.name == "sqlite"

    def read(self) -> AbstractContextManager[Session]:
        """Open a session that only reads; it sees one consistent state on SQLite."""
        return self._transaction(writes=False)

    def write(self) -> AbstractContextManager[Session]:
        """Open a session that writes; it commits when the block ends and rolls back when an error leaves it.

        Raises:
            DatabaseUnavailable: the server is not reachable or the database stays locked.
            DatabaseUnusable: the disk is full, the file is read-only or damaged.
            DatabaseBehind: a table is missing.
        """
        return self._transaction(writes=True)

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        """Return the database itself: at the end of the block its connections are closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.dispose()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Session]:
        try:
            with self.engine.connect() as connection:
                connection.execution_options(trialalerts_writes=writes)
                with (
                    self._broken_told(connection),
                    connection.begin(),
                    Session(connection, expire_on_commit=False) as session,
                ):
                    yield session
                    session.flush()
                    _refuse_broken(connection)
        except DBAPIError as error:
            raise plain_error(error, self.engine.url) from error

    @contextmanager
    def _broken_told(self, connection: Connection) -> Iterator[None]:
        """Tell that the server went away where what said so was caught on the way, and work went on."""
        try:
            yield
        except PendingRollbackError as error:  # a flush that failed and was caught ends in one, too
            if not connection.invalidated:
                raise
            raise _unreachable(self.engine.url, "the connection broke in the middle of a transaction") from error


def _refuse_broken(connection: Connection) -> None:
    """Fail where a statement failed and nobody said so: PostgreSQL would roll back at the commit without a word."""
    if connection.dialect.name != "postgresql":
        return
    driver = connection.connection.driver_connection  # raises PendingRollbackError where the server went away
    if driver is not None and driver.info.transaction_status.name == "INERROR":
        raise RuntimeError("a statement of this transaction failed, and what was written would be lost")


def open_database(url: str) -> Database:
    """Open the database at ``url`` (``sqlite:///path`` or ``postgresql+psycopg://…``); connects at first use.

    Raises:
        ConfigurationError: the URL is not of one of the two kinds.
        DatabaseUnusable: what its records are unpacked with is not as it was shipped.
    """
    parsed = _checked(url)
    check_dictionary()
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(parsed))
    return Database(_postgresql(parsed))


def _checked(url: str) -> URL:
    expected = "expected sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter, with a piece of the password, for a port that is no number
        raise ConfigurationError(f"database.url: this is no database URL; {expected}") from None
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise ConfigurationError(f"database.url: found {parsed.drivername}://…, {expected}")
    return parsed


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        try:
            make_folder(Path(url.database).parent)
            if not Path(url.database).exists():
                create_private(Path(url.database))  # SQLite gives its log and index the same permissions
        except OSError as error:
            raise DatabaseUnusable(
                f"The folder of the database {url.database} cannot be made: {error.strerror}."
            ) from None
    engine = create_engine(
        url,
        hide_parameters=True,  # an error that nobody foresaw would show addresses and what people follow
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        connect_args={"timeout": _SQLITE_BUSY_MILLISECONDS / 1000, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # an error that nobody foresaw would show addresses and what people follow
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        pool_pre_ping=True,
        connect_args={name: value for name, value in _SIGNS_OF_LIFE.items() if name not in url.query},
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, record: object) -> None:
    """Let the server end a transaction in which nothing happens any more: whoever was frozen in it holds its locks."""
    del record
    connection.execute(f"SET idle_in_transaction_session_timeout = {int(PATIENCE.total_seconds() * 1000)}")
    connection.commit()


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Set a connection up: WAL lets readers and one writer work at once; FULL keeps commits through a power cut."""
    del record
    connection.isolation_level = None  # we say BEGIN ourselves (see _begin_sqlite)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except Exception:
        connection.close()  # nobody else knows of it yet
        raise


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("trialalerts_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_SIGNS: tuple[tuple[str, type[Exception], str], ...] = (
    ("disk is full", DatabaseUnusable, "the disk is full; free some space and start again"),
    ("no space left", DatabaseUnusable, "the disk is full; free some space and start again"),
    ("readonly database", DatabaseUnusable, "it may not be written; mend the permissions of the file and its folder"),
    ("read-only", DatabaseUnusable, "it may not be written; mend its permissions"),
    ("malformed", DatabaseUnusable, "the file is damaged; put a backup in its place"),
    ("not a database", DatabaseUnusable, "the file is no SQLite database; check database.url"),
    ("unable to open", DatabaseUnusable, "the file cannot be opened; check database.url and the folder's permissions"),
    ("no such table", DatabaseBehind, "it is not set up; run: trialalerts database upgrade"),
    ("undefinedtable", DatabaseBehind, "it is not set up; run: trialalerts database upgrade"),
    ("no such column", DatabaseBehind, "it is older than this program; run: trialalerts database upgrade"),
    ("undefinedcolumn", DatabaseBehind, "it is older than this program; run: trialalerts database upgrade"),
    ("idleintransactionsessiontimeout", DatabaseUnavailable, "this process stood still for too long in a transaction"),
    ("invalid connection option", DatabaseUnusable, "database.url has an option that PostgreSQL does not know"),
    ("is locked", DatabaseUnavailable, "another process holds it for too long; try again"),
)


def shown_name(url: URL) -> str:
    """Return a database's address without user, password and options."""
    return shown_url(url.render_as_string(hide_password=False))


def plain_error(error: DBAPIError, url: URL) -> Exception:
    """Return what a database error means for the operator, in one line without the password.

    An error that is none of the operator's affairs (a broken constraint, wrong SQL) comes back as it is.
    """
    found = f"{type(error.orig).__name__} {error.orig}".lower()
    name = shown_name(url)
    for sign, kind, remedy in _SIGNS:
        if sign in found:
            return kind(f"The database {name} cannot be used: {remedy}.")
    if isinstance(error, OperationalError):
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        reason = without_secrets(reason, url.render_as_string(hide_password=False))
        return _unreachable(url, reason)
    return error


def _unreachable(url: URL, reason: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The database {shown_name(url)} cannot be reached: {reason}")
