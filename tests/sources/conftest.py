"""What the tests of the sources share: the server, and the real studies, read once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
import structlog
from sqlalchemy import insert

from tests.sources.feed_stage import Feeds
from tests.sources.registry_server import RegistryServer, read_studies
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind, PlaceName


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retry at once."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture(autouse=True)
def _every_log_line() -> None:
    """Undo what a command set up for its own process: tests look at all lines."""
    structlog.reset_defaults()


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A running registry without studies."""
    with RegistryServer() as server:
        yield server


@pytest.fixture(scope="session")
def real_studies(shared_data: Path) -> list[Any]:
    """The 1,460 real versions of 1,450 studies."""
    return read_studies(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz")


@pytest.fixture
def http_settings() -> HttpSettings:
    """Private addresses allowed (the servers are on loopback), little patience."""
    return HttpSettings(
        allow_private_addresses=True, timeout=timedelta(seconds=5), max_body=50_000_000, contact="admin@example.org"
    )


@pytest.fixture(scope="session")
def _place_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return place_rows()


def place_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of all countries, one state and one town, and of their names."""
    from trialalerts.vocabulary.places.countries import read_countries

    places, names = [], []
    for country in read_countries():
        places.append(_place(country.code, PlaceKind.COUNTRY, country.name, country.code))
        names += [{"key": key, "place_id": country.code} for key in country.keys]
    places.append(_place("US-MA", PlaceKind.SUBDIVISION, "Massachusetts", "US"))
    places.append(_place("g1", PlaceKind.CITY, "Leeds", "GB", subdivision="GB-ENG", latitude=53.8, longitude=-1.55))
    names += [{"key": "massachusetts", "place_id": "US-MA"}, {"key": "leeds", "place_id": "g1"}]
    return places, names


def _place(id_: str, kind: PlaceKind, name: str, country: str, **more: Any) -> dict[str, Any]:
    unknown = {"subdivision": None, "latitude": None, "longitude": None, "population": 0, "timezone": None}
    return {"id": id_, "kind": kind, "name": name, "country": country, **unknown, **more}


@pytest.fixture
def world(db: Database, _place_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Database:
    """A database that knows all countries, one state, one town, and four areas."""
    fill_world(db, _place_rows)
    return db


@pytest.fixture
def sqlite_world(sqlite_db: Database, _place_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Database:
    """The same, on SQLite only, for what does not depend on the kind of database."""
    fill_world(sqlite_db, _place_rows)
    return sqlite_db


@pytest.fixture
def postgresql_world(
    postgresql_db: Database, _place_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> Database:
    """The same, on PostgreSQL only, for a part of what SQLite was given whole."""
    fill_world(postgresql_db, _place_rows)
    return postgresql_db


def fill_world(db: Database, rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    """Store places and areas."""
    with db.write() as session:
        connection = session.connection()
        connection.execute(insert(Place), rows[0])
        connection.execute(insert(PlaceName), rows[1])
        connection.execute(insert(Area), [_area("D009422", "Nervous System Diseases", therapeutic=True)])
        connection.execute(insert(Area), [_area("D009103", "Multiple Sclerosis", acronyms=["MS"], parents=["D009422"])])
        connection.execute(insert(Area), [_area("D001249", "Asthma"), _area("D008545", "Melanoma")])


def _area(id_: str, name: str, **more: Any) -> dict[str, Any]:
    bare = {"synonyms": [], "acronyms": [], "tree_numbers": [], "parents": [], "therapeutic": False}
    return {"id": id_, "name": name, **bare, "origin": AreaOrigin.CURATED, **more}


@pytest.fixture
def context(sqlite_world: Database, http_settings: HttpSettings, clock: FrozenClock) -> Iterator[SourceContext]:
    """What a source reads with."""
    with SourceContext(sqlite_world, Settings(http=http_settings), clock) as context:
        yield context


@pytest.fixture
def feeds(world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings) -> Feeds:
    """Feeds, polled into a database of each kind."""
    return Feeds(world, clock, server, http_settings)


@pytest.fixture
def sqlite_feeds(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> Feeds:
    """Feeds, polled into SQLite, for what does not depend on the kind of database."""
    return Feeds(sqlite_world, clock, server, http_settings)
