"""The databases of these tests have a few areas and places."""

from __future__ import annotations

import pytest

from tests.subscribers.stage import set_stage
from trialalerts.database import Database


@pytest.fixture
def stage(db: Database) -> Database:
    """A database, SQLite and PostgreSQL, with areas and places."""
    set_stage(db)
    return db


@pytest.fixture
def sqlite_stage(sqlite_db: Database) -> Database:
    """A SQLite database with areas and places."""
    set_stage(sqlite_db)
    return sqlite_db
