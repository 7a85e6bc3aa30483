"""The database room: transactions, numbers in commit order, migrations, errors in plain words."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlmodel import Session

from tests import postgres
from tests.tables import metadata
from trialalerts.database import Database, current_number, open_database, take_numbers
from trialalerts.database.counter import Counter
from trialalerts.database.schema import REVISION, alembic_config, require_revision, revision_of, upgrade_schema
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.errors import ConfigurationError, DatabaseBehind, DatabaseTooNew, DatabaseUnavailable, DatabaseUnusable


def test_a_block_that_ends_commits_and_one_that_raises_rolls_back(db: Database) -> None:
    with db.write() as session:
        session.add(Counter(name="kept", value=3))
    with pytest.raises(ValueError, match="no"), db.write() as session:
        session.add(Counter(name="lost", value=3))
        session.flush()
        raise ValueError("no")
    with db.read() as session:
        assert current_number(session, "kept") == 3
        assert current_number(session, "lost") == 0


def test_a_connection_that_broke_is_told_though_what_broke_it_was_caught(postgresql_db: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"), postgresql_db.write() as session:
        _break(session)
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"), postgresql_db.read() as session:
        _break(session)
        session.execute(text("SELECT 1"))


def _break(session: Session) -> None:
    with suppress(DBAPIError):
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_flush_that_failed_and_was_caught_is_no_broken_connection(db: Database) -> None:
    with db.write() as session:
        session.add(Counter(name="known", value=3))
    with pytest.raises(PendingRollbackError), db.write() as session:
        with suppress(IntegrityError):
            session.add(Counter(name="known", value=4))
            session.flush()
        session.execute(text("SELECT 1"))


def test_a_statement_that_fails_and_is_caught_does_not_lose_the_rest_without_a_word(postgresql_db: Database) -> None:
    with pytest.raises(RuntimeError, match="would be lost"), postgresql_db.write() as session:
        session.add(Counter(name="kept", value=3))
        session.flush()
        with suppress(DBAPIError):
            session.execute(text("SELECT 1 / 0"))


def test_numbers_are_gapless_and_visible_in_their_own_order_under_concurrent_writers(db: Database) -> None:
    seen: list[range] = []

    def publish() -> None:
        for size in (1, 3, 2, 5):
            with db.write() as session:
                numbers = take_numbers(session, "change", size)
            seen.append(numbers)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(number for numbers in seen for number in numbers)
    assert taken == list(range(1, 45))


def test_a_rolled_back_transaction_gives_its_numbers_back(db: Database) -> None:
    with pytest.raises(ValueError, match="no"), db.write() as session:
        take_numbers(session, "change", 7)
        raise ValueError("no")
    with db.write() as session:
        assert take_numbers(session, "change", 1) == range(1, 2)


def test_moments_come_back_aware_and_in_utc(db: Database) -> None:
    at = datetime(2026, 3, 29, 1, 30, 12, 345678, tzinfo=UTC)
    with db.write() as session:
        session.add(Suppression(address_hash="h", reason="test", since=at))
    with db.read() as session:
        stored = session.get(Suppression, "h")
        assert stored is not None
        assert stored.since == at
        assert stored.since.tzinfo is UTC


def test_a_naive_moment_is_refused(sqlite_db: Database) -> None:
    def store(session: Session) -> None:
        session.add(Suppression(address_hash="h", reason="test", since=datetime(2026, 1, 1)))  # noqa: DTZ001 - the fault
        session.flush()

    with pytest.raises(Exception, match="needs a time zone"), sqlite_db.write() as session:
        store(session)


def test_the_program_needs_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == REVISION


def test_every_past_revision_upgrades_to_the_tables_of_the_models(
    tmp_path: Path, postgres_cluster: postgres.Cluster
) -> None:
    """One database of each kind goes from revision to revision; at each, a copy goes on to today's at once.

    Alembic takes seconds to hold a database to the models: that is done for each schema that differs from the others.
    """
    revisions = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    past = tmp_path / "past.db"
    postgres_cluster.execute("CREATE DATABASE past")
    held: set[str] = set()
    for start in [None, *reversed(revisions)]:
        name = f"from_{start or 'nothing'}"
        if start is not None:
            for url in (f"sqlite:///{past}", postgres_cluster.url("past")):
                with open_database(url) as database:
                    upgrade_schema(database, to=start)
            with closing(sqlite3.connect(past)) as now, closing(sqlite3.connect(tmp_path / f"{name}.db")) as copy:
                now.backup(copy)
        postgres_cluster.execute(f"CREATE DATABASE {name} TEMPLATE past STRATEGY FILE_COPY")
        for url in (f"sqlite:///{tmp_path / name}.db", postgres_cluster.url(name)):
            with open_database(url) as database:
                assert revision_of(database) == start
                upgrade_schema(database)
                require_revision(database)
                with database.engine.connect() as connection:
                    schema = schema_of(connection)
                    if schema not in held:
                        assert compare_metadata(MigrationContext.configure(connection), metadata()) == []
                    held.add(schema)
        postgres_cluster.execute(f"DROP DATABASE {name}")
    assert len(held) == 2, "the way up makes no difference"


_SQLITES_CATALOG = ["SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"]
_POSTGRESQLS_CATALOG = [
    """SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, is_nullable,
    column_default, is_identity, is_generated FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY table_name, column_name""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
]


def schema_of(connection: Connection) -> str:
    """Return all tables, columns, indexes and rules of a database, as its catalog has them."""
    questions = _SQLITES_CATALOG if connection.dialect.name == "sqlite" else _POSTGRESQLS_CATALOG
    return repr([tuple(row) for question in questions for row in connection.execute(text(question))])


def test_an_upgrade_of_todays_database_does_nothing(db: Database) -> None:
    assert upgrade_schema(db) is False


def test_an_empty_database_asks_for_init(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/new.db") as database:
        assert revision_of(database) is None
        with pytest.raises(DatabaseBehind, match="trialalerts init"):
            require_revision(database)


def test_a_newer_database_is_left_alone(db: Database) -> None:
    with db.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"9999.*newer than this program"):
        require_revision(db)
    with pytest.raises(DatabaseTooNew):
        upgrade_schema(db)
    assert revision_of(db) == "9999"


def test_a_missing_table_is_told_with_its_remedy(tmp_path: Path) -> None:
    with (
        open_database(f"sqlite:///{tmp_path}/new.db") as database,
        pytest.raises(DatabaseBehind, match="database upgrade"),
        database.read() as session,
    ):
        session.connection().execute(text("SELECT * FROM item"))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear all, this is not a database. " * 100)
    told = r"letter\.db cannot be used: the file is no SQLite database"
    with open_database(f"sqlite:///{path}") as database, pytest.raises(DatabaseUnusable, match=told):
        revision_of(database)


def test_a_full_disk_is_told_and_nothing_is_half_written(sqlite_db: Database) -> None:
    def fill(session: Session) -> None:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to say: no more room
        for number in range(2_000):
            session.add(Counter(name=f"{number:0500}", value=number))
        session.flush()

    with pytest.raises(DatabaseUnusable, match="the disk is full"), sqlite_db.write() as session:
        fill(session)
    with sqlite_db.read() as session:
        assert session.connection().execute(text("SELECT count(*) FROM counter")).scalar() == 0


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite", "postgresql://host/name", ""])
def test_a_database_url_of_another_kind_names_the_key(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url: .*expected sqlite:///PATH"):
        open_database(url)


def test_a_password_is_never_told() -> None:
    database = open_database("postgresql+psycopg://someone:hunter2@127.0.0.1:1/nothing?connect_timeout=2")
    with pytest.raises(Exception, match="cannot be reached") as caught:
        revision_of(database)
    assert "hunter2" not in str(caught.value)
