"""The small world in which the pages are tried: some areas, some places, a service behind a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from sqlmodel import Session, col, select

from tests.tables import metadata
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.net.http import ssl_context  # reading the certificates takes longer than a page
from trialalerts.settings import ApiSettings, ServiceSettings, Settings, WebSettings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Preference, Subscriber
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places import lookup
from trialalerts.vocabulary.places.regions import find_region
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind, PlaceName, Topic
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

SECRET = "a secret of these tests"
_API = ApiSettings(enabled=True, requests_per_minute=100_000)


def hide_small_towns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the small towns, which stand in a file and not among the places that are made up here."""
    for name in ("towns_called", "towns_that_begin", "town_keys"):
        monkeypatch.setattr(lookup, name, lambda *_, **__: [])


@pytest.fixture(autouse=True)
def _only_towns_of_this_world(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_small_towns(monkeypatch)


def _areas() -> list[Area]:
    curated = AreaOrigin.CURATED
    return [
        Area(id="D009103", name="Multiple Sclerosis", acronyms=["MS"], origin=curated),
        Area(id="D001249", name="Asthma", origin=curated),
        Area(id="D003920", name="Diabetes Mellitus", synonyms=["diabetes"], origin=curated),
        Area(id="D008180", name="Lupus Erythematosus, Systemic", synonyms=["lupus"], origin=curated),
        Area(id="D000070642", name="Brain Injuries, Traumatic", origin=AreaOrigin.TRIAL),
    ]


def _topics() -> list[Topic]:
    return [
        Topic(id="gene-therapy", name="Gene therapy", names={"de": "Gentherapie", "fr": "Thérapie génique"}),
        Topic(id="stem-cells", name="Stem cells", names={"de": "Stammzellen"}, synonyms=["stem cell therapy"]),
    ]


def _places() -> list[Place]:
    country, subdivision = PlaceKind.COUNTRY, PlaceKind.SUBDIVISION
    return [
        Place(id="GB", kind=country, name="United Kingdom", country="GB", population=60_000_000),
        Place(id="GB-ENG", kind=subdivision, name="England", country="GB"),
        Place(id="US", kind=country, name="United States", country="US", population=300_000_000),
        Place(id="US-IL", kind=subdivision, name="Illinois", country="US"),
        Place(id="US-MO", kind=subdivision, name="Missouri", country="US"),
        _city(2644688, "Leeds", "GB", "GB-ENG", 53.8, -1.55),
        _city(4250542, "Springfield", "US", "US-IL", 39.8, -89.64),
        _city(4409896, "Springfield", "US", "US-MO", 37.2, -93.29),
    ]


def _city(number: int, name: str, country: str, subdivision: str, latitude: float, longitude: float) -> Place:
    return Place(
        id=f"g{number}",
        kind=PlaceKind.CITY,
        name=name,
        country=country,
        subdivision=subdivision,
        latitude=latitude,
        longitude=longitude,
        population=150_000,
    )


@dataclass(frozen=True, kw_only=True)
class World:
    """A service with its pages on loopback."""

    settings: Settings
    db: Database
    clock: FrozenClock
    server: WebServer
    client: httpx.Client

    @property
    def links(self) -> Links:
        """What makes the links of the mails."""
        return Links(self.settings, self.clock)

    def form(self, **typed: str) -> dict[str, str]:
        """Return a sign-up as a browser sends it from the page before it is saved, with ``typed`` over it."""
        return {
            "address": "ada@example.org",
            "area": "multiple sclerosis",
            "area_was": "",
            "region": "Leeds, GB",
            "radius": "80",
            "unit": "km",
            "frequency": "weekly",
            "language": "en",
            "timezone": "Europe/London",
            "website": "",
            "consent": "yes",
            "step": "save",
        } | typed

    def follower(self, address: str = "ada@example.org", *, confirmed: bool = True, locale: str = "en") -> Subscriber:
        """Return somebody who follows multiple sclerosis around Leeds."""
        with self.db.write() as session:
            preference = NewPreference(area_id="D009103", region=find_region(session, "Leeds, GB", radius_km=80))
            new = NewSubscriber(address=address, preferences=(preference,), locale=locale, timezone="Europe/London")
            return add_subscriber(session, new, confirmed=confirmed, how="web", now=self.clock.now()).subscriber

    def again(self, subscriber: Subscriber) -> Subscriber:
        """Return the subscriber as stored now."""
        with self.db.read() as session:
            return session.exec(select(Subscriber).where(Subscriber.id == subscriber.id)).one()

    def preferences(self, subscriber: Subscriber) -> list[Preference]:
        """Return what the subscriber follows now."""
        with self.db.read() as session:
            rows = select(Preference).where(Preference.subscriber_id == subscriber.id).order_by(col(Preference.id))
            return list(session.exec(rows))

    def confirm_path(self, subscriber: Subscriber) -> str:
        """Return the path of the link that confirms everything the subscriber asked for."""
        return path_of(self.links.confirm(subscriber, [each.id or 0 for each in self.preferences(subscriber)]))

    def mails(self) -> list[Delivery]:
        """Return what is queued."""
        with self.db.read() as session:
            return list(session.exec(select(Delivery).order_by(col(Delivery.id))))

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all rows of all tables."""
        with self.db.read() as session:
            return dump(session)


def dump(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, but for how often the client has asked: that is counted whatever it asks."""
    found = {
        name: sorted((tuple(row) for row in session.connection().execute(table.select())), key=repr)
        for name, table in metadata().tables.items()
        if name != "requesting_client"
    }
    found["counter"] = [row for row in found["counter"] if row[0] != "requested mail"]
    return found


def path_of(url: str) -> str:
    """Return the path of a link in a mail: the test's server has another host than the service."""
    return urlsplit(url).path


def furnish(db: Database) -> None:
    """Store the areas and places of the tests."""
    with db.write() as session:
        places = _places()
        session.add_all([*_areas(), *_topics(), *places])
        session.flush()
        called = {place.id: (place.name, place.id, place.id.rpartition("-")[2]) for place in places}
        names = {(folded(name), place_id) for place_id, said in called.items() for name in said}
        session.add_all(PlaceName(key=key, place_id=place_id) for key, place_id in names)


def settings_of(**sections: object) -> Settings:
    """Return the settings of the tests, with other sections where given."""
    service = ServiceSettings(
        name="Example Alerts",
        base_url="https://alerts.example.org",
        postal_address="1 Example Street, Exampleton",
        contact="hello@example.org",
        secret=SECRET,
    )
    return Settings(**({"service": service, "web": WebSettings(port=0), "api": _API} | sections))  # type: ignore[arg-type]  # by name


def open_world(db: Database, clock: FrozenClock, settings: Settings) -> Iterator[World]:
    """Serve the pages on loopback while a test runs."""
    furnish(db)
    server = WebServer(settings, create_app(settings, db, clock))
    server.start()
    with httpx.Client(
        base_url=server.url, headers={"Accept-Language": "en"}, timeout=30, verify=ssl_context()
    ) as client:
        yield World(settings=settings, db=db, clock=clock, server=server, client=client)
    server.stop()


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service on SQLite."""
    yield from open_world(sqlite_db, clock, settings_of())


@pytest.fixture
def each_world(db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service, on SQLite and on PostgreSQL."""
    yield from open_world(db, clock, settings_of())
