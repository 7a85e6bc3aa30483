"""What the tests of many machines share: a world of many small subscribers, and the servers around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests import postgres
from tests.conftest import missing
from tests.digests.stage import store_subscriber
from tests.installation import Installation
from tests.many_machines.post_office import PostOffice
from tests.many_machines.registry import AREAS, BusyRegistry
from tests.sources.poll_stage import registry_settings
from trialalerts.clock import SystemClock
from trialalerts.database import Database, current_number, open_database
from trialalerts.database.counter import CHANGES
from trialalerts.database.schema import upgrade_schema
from trialalerts.files import shipped
from trialalerts.settings import HttpSettings
from trialalerts.sources.polling.poll import poll_source
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, RegionKind
from trialalerts.vocabulary.areas import shipped as shipped_areas
from trialalerts.vocabulary.areas.naming.files import name_files
from trialalerts.vocabulary.areas.shipped import CURATED, MESH
from trialalerts.vocabulary.places import loading
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.stored_files import lock_digest, note_digest
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind, PlaceName
from trialalerts.vocabulary.topics import store_topics

CONFIG = """
[http]
allow_private_addresses = true
[mail]
url = "smtp://127.0.0.1:{port}?tls=none"
[[sources]]
name = "ctgov"
kind = "clinicaltrials_gov"
url = "{registry}"
every = "0s"
page_size = 3
"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server."""
    with PostOffice() as office:
        yield office


@pytest.fixture
def registry() -> Iterator[BusyRegistry]:
    """A registry of twenty-four studies."""
    with BusyRegistry(24) as registry:
        yield registry


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL of the test's own, which it may crash, with an upgraded database ``alerts``."""
    programs = postgres.find_programs()
    if programs is None:
        missing(postgres.INSTALL)
        raise AssertionError
    cluster = postgres.start_cluster(programs)
    try:
        cluster.execute("CREATE DATABASE alerts")
        with open_database(cluster.url("alerts")) as db:
            upgrade_schema(db)
        yield cluster
    finally:
        cluster.stop()


def set_up(folder: Path, db: Database, registry: BusyRegistry, office: PostOffice) -> Installation:
    """Make an installation on the database, with the baseline of the registry already read."""
    url = db.engine.url.render_as_string(hide_password=False)
    variables = {
        "TRIALALERTS_DATABASE__URL": url,
        "TRIALALERTS_SERVICE__SECRET": "a secret for tests only, and long enough",
    }
    installation = Installation(folder=folder, variables=variables)
    installation.configure(CONFIG.format(registry=registry.url, port=office.port))
    with db.write() as session:
        # The machines find the vocabulary stored: all the diseases and places of the world would take them long.
        noted = {
            loading._NAME: loading._digest(),
            shipped_areas._NAME: shipped_areas._digest((shipped(CURATED), shipped(MESH), *name_files())),
        }
        for name, digest in noted.items():
            lock_digest(session, name)
            note_digest(session, name, digest)
        store_topics(session, shipped("config/topics.toml"))
        session.add_all(Area(id=id_, name=name, origin=AreaOrigin.CURATED) for id_, name in AREAS.items())
        for country in read_countries():
            session.add(Place(id=country.code, kind=PlaceKind.COUNTRY, name=country.name, country=country.code))
            session.add_all(PlaceName(key=key, place_id=country.code) for key in country.keys)
    http = HttpSettings(allow_private_addresses=True)
    settings = registry_settings(registry, http, every="0s")
    assert poll_source(db, settings, settings.sources[0], SystemClock()).complete
    return installation


def add_people(db: Database, how_many: int, dice: Random) -> None:
    """Store subscribers with one or two preferences, all served at once; every tenth is new.

    Who is not new has been told of the baseline: what is still open of it depends on when one looks.
    """
    with db.write() as session:
        last = current_number(session, CHANGES)
        for number in range(how_many):
            store_subscriber(
                session,
                f"s{number}",
                LONG_AGO,
                cursor=NEVER_SERVED if number % 10 == 0 else last,
                frequency=Frequency.IMMEDIATELY,
                follows=[_follows(dice) for _ in range(dice.randint(1, 2))],
            )


def _follows(dice: Random) -> dict[str, Any]:
    country = dice.choice([None, "US", "GB", "FR"])
    return {
        "area_id": dice.choice(list(AREAS)),
        "region_kind": RegionKind.COUNTRY if country else RegionKind.ANYWHERE,
        "country": country,
        "sex": dice.choice([None, "male"]),
    }
