"""The whole life of a safety notice: a shortage reaches those who live there, its end those who were told of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from tests.sources.ema.test_ema import Website, letter, shortage
from tests.sources.openfda.test_openfda import Api, pack
from tests.sources.registry_server import Fault, RegistryServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.files import shipped
from trialalerts.settings import Settings
from trialalerts.sources.polling.poll import poll_due
from trialalerts.subscribers.files.bulk_import import import_csv
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.areas.tree import store_curated
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

PEOPLE = """address,area,region,language,frequency,confirmed
german@example.org,multiple sclerosis,DE,de,immediately,yes
french@example.org,multiple sclerosis,,fr,immediately,yes
american@example.org,nervous system diseases,US,en,immediately,yes
british@example.org,multiple sclerosis,GB,en,immediately,yes
asthma@example.org,asthma,DE,en,immediately,yes
"""


@pytest.fixture
def site(server: RegistryServer) -> Website:
    return Website(server=server)


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def api(server: RegistryServer) -> Api:
    api = Api(server=server)
    server.faults.append(Fault(act=api.answer, when=lambda request: request.path.startswith("/drug/"), times=100))
    return api


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, site: Website, api: Api) -> Settings:
    """A service with both sources, whose people had their first digests."""
    settings = Settings.model_validate(
        {
            "service": {"secret": "a secret of these tests", "base_url": "https://alerts.example.org"},
            "http": {"allow_private_addresses": True},
            "sources": [
                {"name": "ema", "kind": "ema", "title": "EMA", "url": site.server.root, "every": "1h"},
                {"name": "fda", "kind": "openfda", "title": "FDA", "url": api.server.root, "every": "1h"},
            ],
        }
    )
    with sqlite_db.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
        for code, name in (("DE", "Germany"), ("US", "United States"), ("GB", "United Kingdom")):
            session.add(Place(id=code, kind=PlaceKind.COUNTRY, name=name, country=code))
            session.flush()
            session.add(PlaceName(key=code.lower(), place_id=code))
            session.add(PlaceName(key=name.lower(), place_id=code))
    polled(sqlite_db, settings, clock, site)
    clock.advance(timedelta(days=2))
    with sqlite_db.write() as session:
        import_csv(session, io.StringIO(PEOPLE), locale="en", timezone="Europe/London", now=clock.now())
        for person in session.exec(select(Subscriber)):
            person.cursor = 0
    return settings


def polled(db: Database, settings: Settings, clock: FrozenClock, site: Website) -> None:
    site.serve()
    counts = poll_due(db, settings, clock, force=True)
    assert [(count.source, count.error) for count in counts] == [("ema", None), ("fda", None)]
    clock.advance(timedelta(hours=6))


def told(db: Database, settings: Settings, clock: FrozenClock, site: Website) -> dict[str, Message]:
    """Poll; return by the name of each who is told something the mail of it; then they were told it."""
    polled(db, settings, clock, site)
    found = {}
    with db.read() as session:
        for person in session.exec(select(Subscriber)):
            message = preview_digest(session, settings, clock, person).message
            if message is not None:
                found[person.address.partition("@")[0]] = message
    compose_due(db, settings, clock)
    return found


def words(message: Message) -> str:
    """Return what a mail says, on one line."""
    return " ".join(message.text.split())


def test_a_shortage_reaches_those_who_live_there_and_its_end_those_who_were_told(
    sqlite_db: Database, world: Settings, clock: FrozenClock, site: Website, api: Api
) -> None:
    site.shortages, api.packs = [shortage()], [pack()]
    mails = told(sqlite_db, world, clock, site)
    assert set(mails) == {"german", "french", "american"}
    assert "Examplix: Lieferengpass" in words(mails["german"])
    assert "Fragen Sie zuerst Ihre Ärztin" in words(mails["german"])
    assert "Examplix : pénurie" in words(mails["french"])
    assert "Examplumab Injection: shortage in the US" in words(mails["american"])
    assert "Lieferengpass in den USA" not in words(mails["german"])
    assert "Packs that can be had now: 0 of 1." in words(mails["american"])
    assert told(sqlite_db, world, clock, site) == {}

    site.shortages = [shortage(supply_shortage_status="Shortage resolved", last_updated_date="06/03/2026")]
    site.letters = [letter()]
    over = told(sqlite_db, world, clock, site)
    assert set(over) == {"german", "french", "asthma"}
    assert "Der Lieferengpass ist beendet." in words(over["german"])
    assert "La pénurie est terminée." in words(over["french"])
    assert "letter to doctors about a fault in its quality" in words(over["asthma"])
    assert told(sqlite_db, world, clock, site) == {}

    site.shortages = [shortage(supply_shortage_status="Shortage resolved", last_updated_date="09/03/2026")]
    api.packs = [pack(status="Resolved", update_date="03/06/2026")]
    assert set(told(sqlite_db, world, clock, site)) == {"american"}
    api.packs = [pack(status="Resolved", update_date="03/09/2026")]
    assert told(sqlite_db, world, clock, site) == {}, "a notice that is only touched again is no news"
