"""A database with all places, loaded once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import Session

from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.places.loading import load_places


@pytest.fixture(scope="session")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A SQLite database that holds all places; tests read it only."""
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('places') / 'places.db'}")
    upgrade_schema(database)
    with database.write() as session:
        load_places(session)
    yield database
    database.dispose()


@pytest.fixture
def session(placed: Database) -> Iterator[Session]:
    """A reading session on all places."""
    with placed.read() as session:
        yield session
