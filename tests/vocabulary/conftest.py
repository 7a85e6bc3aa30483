"""A database with all places, loaded once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from sqlmodel import Session

from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.places import loading
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.loading import load_places
from trialalerts.vocabulary.places.subdivisions import Subdivision, read_subdivisions

_read_cities = loading._read_cities


@cache
def _cities() -> list[Any]:
    return _read_cities(read_subdivisions({key: each.code for each in read_countries() for key in each.keys}))


@pytest.fixture(autouse=True)
def _cities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work out once what is loaded again and again: it comes from files of the program alone, and takes seconds."""

    def cities(subdivisions: list[Subdivision]) -> list[Any]:
        del subdivisions  # the same each time
        return _cities()

    monkeypatch.setattr(loading, "_read_cities", cities)


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
