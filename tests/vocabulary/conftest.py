"""What the tests of the vocabulary share: the database with all places, and what they are loaded from, read once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.vocabulary.places import loading
from trialalerts.vocabulary.places.countries import read_countries
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


@pytest.fixture
def large_cities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is loaded have one city of seven, those of 100,000 people: enough for how it is stored and replaced."""
    monkeypatch.setattr(loading, "_read_cities", lambda _: [city for city in _cities() if city.population >= 100_000])


@pytest.fixture(scope="session")
def placed(vocabulary: Database) -> Database:
    """A SQLite database that holds all places; tests read it only."""
    return vocabulary


@pytest.fixture
def session(placed: Database) -> Iterator[Session]:
    """A reading session on all places."""
    with placed.read() as session:
        yield session
