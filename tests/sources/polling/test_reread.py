"""After an upgrade stored trials are read anew, batch by batch, and nobody is told that anything happened."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import col, select

from tests.sources.poll_stage import changes_of, items_of, look_back, poll, registry_settings
from tests.sources.registry_server import RegistryServer
from tests.sources.samples import study, with_value
from trialalerts.catalog.tables import Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.polling import reread as module
from trialalerts.sources.polling.reread import reread_trials
from trialalerts.vocabulary.stored_files import lock_digest, note_digest, stored_digest
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

LOCATIONS = ("protocolSection", "contactsLocationsModule", "locations")
TOKYO, HAMLET = (35.69, 139.69), (43.32, 142.45)
WARD = {"facility": "Example University Hospital", "city": "Bunkyo-ku", "state": "Tokyo", "zip": "113-0000"}
REGISTERED = ("NCT90000002", "registered")
"""Of the baseline: what recruits when it ends is told to those who follow it already, as “recruiting now”."""


def site(facility: str = WARD["facility"], *, status: str = "RECRUITING", **words: str) -> dict[str, Any]:
    """Return a site of a ward of Tokyo whose coordinates are those of a hamlet in Hokkaido."""
    point = {"lat": HAMLET[0], "lon": HAMLET[1]}
    return {**WARD, "country": "Japan", "geoPoint": point, **words, "facility": facility, "status": status}


def with_sites(number: int, *sites: dict[str, Any]) -> Any:
    return with_value(study(number), LOCATIONS, list(sites))


@pytest.fixture
def settings(server: RegistryServer, http_settings: HttpSettings) -> Settings:
    """One registry."""
    return registry_settings(server, http_settings)


@pytest.fixture
def world(world: Database) -> Database:
    """The small world, with Tokyo and a hamlet far from it."""
    tokyo, hokkaido = ("JP-13", "Tokyo", "g10", *TOKYO), ("JP-01", "Hokkaido", "g11", *HAMLET)
    with world.write() as session:
        for code, name, town, latitude, longitude in (tokyo, hokkaido):
            where: dict[str, Any] = {"country": "JP", "subdivision": code, "latitude": latitude, "longitude": longitude}
            session.add(Place(id=code, kind=PlaceKind.SUBDIVISION, name=name, country="JP"))
            session.add(Place(id=town, kind=PlaceKind.CITY, name=f"{name} City", population=1_000_000, **where))
            session.flush()
            session.add(PlaceName(key=name.casefold(), place_id=code))
    return world


def as_stored_before(db: Database, **place: Any) -> None:
    """Write the sites of all trials as the program stored them before it compared what is said of a site.

    It took the registry's point as it was, and knew neither territories nor whose a point is.
    """
    old = {"latitude": HAMLET[0], "longitude": HAMLET[1], **place}
    with db.write() as session:
        for item in session.exec(select(Item)):
            sites = [
                {name: value for name, value in (stored | old).items() if name != "point_from"}
                for stored in item.facts["sites"]
            ]
            item.facts = {**item.facts, "sites": sites}
            item.facts_hash = f"of the old reading of {item.external_id}"
            session.add(item)
        for record in session.exec(select(Record)):
            record.facts_hash = f"of the old reading of {record.external_id}"
            session.add(record)


def sites_of(db: Database) -> list[dict[str, Any]]:
    with db.read() as session:
        return [each for facts in session.exec(select(Item.facts).order_by(col(Item.id))) for each in facts["sites"]]


def points_of(db: Database) -> set[tuple[float | None, float | None, str | None]]:
    return {(each["latitude"], each["longitude"], each.get("point_from")) for each in sites_of(db)}


def reread(db: Database, settings: Settings, clock: FrozenClock, *, batches: int = 100) -> int:
    """Read so many batches of stored trials anew; return how many trials changed."""
    left = iter(range(batches))
    with SourceContext(db, settings, clock) as context:
        return reread_trials(db, context, stop=lambda: next(left, None) is None)


OLD_READINGS: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, Any]]] = {
    "a point in a hamlet of the name": (
        {},
        {"subdivision": "JP-13"},
        {"country": "JP", "subdivision": "JP-13", "latitude": TOKYO[0], "longitude": TOKYO[1]},
    ),
    "a subdivision that was not told": (
        {"state": ""},
        {"subdivision": None, "state": None},
        {"country": "JP", "subdivision": "JP-13", "latitude": TOKYO[0], "longitude": TOKYO[1]},
    ),
    "a territory under its country": (
        {"country": "China", "state": "Hong Kong", "city": "Hong Kong", "zip": ""},
        {"country": "CN", "subdivision": None, "latitude": 22.28, "longitude": 114.17},
        {"country": "HK", "subdivision": None, "latitude": 22.28, "longitude": 114.17, "point_from": None},
    ),
    "a country not known then": (
        {"country": "West Bank", "state": "", "city": "Hebron", "zip": ""},
        {"country": None, "subdivision": None, "latitude": 31.53, "longitude": 35.1},
        {"country": "PS", "latitude": 31.53, "longitude": 35.1, "point_from": None},
    ),
    "what is still no country": (
        {"country": "Atlantis", "state": "", "city": "", "zip": ""},
        {"country": None, "subdivision": None},
        {"country": None, "latitude": HAMLET[0], "longitude": HAMLET[1]},
    ),
    "a point of its town, its own is lost": (
        {},
        {"latitude": None, "longitude": None},
        {"subdivision": "JP-13", "latitude": TOKYO[0], "longitude": TOKYO[1]},
    ),
}


@pytest.mark.parametrize(("words", "before", "after"), OLD_READINGS.values(), ids=OLD_READINGS)
def test_sites_that_an_older_program_stored_are_placed_anew(
    words: dict[str, str],
    before: dict[str, Any],
    after: dict[str, Any],
    world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    settings: Settings,
) -> None:
    server.state.studies = [with_sites(2, site(**words))]
    poll(world, settings, clock)
    as_stored_before(world, **before)
    reread(world, settings, clock)
    (placed,) = sites_of(world)
    assert {name: placed[name] for name in after} == after
    assert (placed["facility"], placed["status"]) == (WARD["facility"], "RECRUITING")
    assert reread(world, settings, clock) == 0


def test_placing_anew_tells_nothing_and_the_next_poll_neither_but_what_happens_later_is_told(
    world: Database, clock: FrozenClock, server: RegistryServer, settings: Settings
) -> None:
    first, second = site(), site("Second Example Clinic")
    server.state.studies = [with_sites(2, first, second)]
    poll(world, settings, clock)
    as_stored_before(world)
    hashes = items_of(world)
    assert reread(world, settings, clock) == 1
    assert (items_of(world), changes_of(world)) == (hashes, [REGISTERED])  # the record is still to be read
    look_back(world)
    again = poll(world, settings, clock)
    assert (again.error, again.updated, again.changes) == (None, 1, 0)
    server.state.studies = [with_sites(2, first, site("Third Example Clinic", city="Leeds", state="", country="GB"))]
    look_back(world)
    poll(world, settings, clock)
    assert changes_of(world) == [REGISTERED, ("NCT90000002", "site_opened"), ("NCT90000002", "site_closed")]


@pytest.mark.parametrize("place", [{}, {"country": None, "subdivision": None}, {"subdivision": "JP-01"}], ids=str)
def test_a_record_read_by_the_new_program_over_an_old_reading_tells_nothing_of_its_sites(
    place: dict[str, Any], world: Database, clock: FrozenClock, server: RegistryServer, settings: Settings
) -> None:
    """Also where the sweep comes before stored trials are read anew."""
    server.state.studies = [with_sites(2, site(), site("Second Example Clinic", status="COMPLETED"))]
    poll(world, settings, clock)
    as_stored_before(world, **place)
    look_back(world)
    again = poll(world, settings, clock)
    assert (again.error, again.updated, again.changes, changes_of(world)) == (None, 1, 0, [REGISTERED])
    assert points_of(world) == {(*TOKYO, "subdivision")}
    server.state.studies = [with_sites(2, site(), site("Second Example Clinic"))]
    look_back(world)
    poll(world, settings, clock)
    assert changes_of(world) == [REGISTERED, ("NCT90000002", "site_opened")]


@pytest.fixture
def five(
    world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Database:
    """Five trials of an older program; a batch is two."""
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    server.state.studies = [with_sites(n, site()) for n in range(2, 7)]
    poll(world, settings, clock)
    as_stored_before(world)
    return world


def test_what_is_cut_off_goes_on_where_it_was(
    five: Database, clock: FrozenClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reread(five, settings, clock, batches=1) == 2
    with monkeypatch.context() as patch:
        patch.setattr(module, "note_digest", _killed)
        with pytest.raises(KeyboardInterrupt):
            reread(five, settings, clock)
    assert [each.get("point_from") for each in sites_of(five)] == ["subdivision"] * 2 + [None] * 3
    assert reread(five, settings, clock) == 3
    assert points_of(five) == {(*TOKYO, "subdivision")}
    assert reread(five, settings, clock) == 0


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_batch_that_another_process_stored_meanwhile_is_not_stored_twice(
    five: Database, clock: FrozenClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[int] = []

    def beaten(row: Any, context: SourceContext) -> Any:
        if not others:
            others.append(0)
            others[0] = reread(five, settings, clock)
        return told(row, context)

    told = module._told
    monkeypatch.setattr(module, "_told", beaten)
    assert (reread(five, settings, clock), others) == (0, [5])
    assert points_of(five) == {(*TOKYO, "subdivision")}


def test_a_trial_that_was_read_from_its_registry_meanwhile_stays_as_that_has_it(
    five: Database, clock: FrozenClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = module._told
    polled: list[int] = []

    def meanwhile(row: Any, context: SourceContext) -> Any:
        if not polled:
            polled.append(row.id)
            with five.write() as session:
                item = session.get_one(Item, row.id)
                item.facts, item.facts_hash = {**item.facts, "sites": []}, "read just now"
                session.add(item)
        return told(row, context)

    monkeypatch.setattr(module, "_told", meanwhile)
    reread(five, settings, clock)
    assert len(sites_of(five)) == 4


def test_a_trial_that_a_poll_holds_is_waited_for_by_leaving_the_rest_for_the_next_turn(
    five: Database, clock: FrozenClock, settings: Settings
) -> None:
    if five.is_sqlite:
        pytest.skip("SQLite has one writer at a time and no rows to hold")
    with five.write() as session:
        session.exec(select(Item).where(Item.external_id == "NCT90000004").with_for_update()).one()
        assert reread(five, settings, clock) == 2  # the first batch; the held one is in the second
    assert reread(five, settings, clock) == 3


def test_other_places_or_areas_are_a_reason_to_read_anew(
    five: Database, clock: FrozenClock, settings: Settings
) -> None:
    reread(five, settings, clock)
    as_stored_before(five)
    assert reread(five, settings, clock) == 0
    with five.write() as session:
        lock_digest(session, "places")
        note_digest(session, "places", "another table")
    assert reread(five, settings, clock) == 5
    with five.read() as session:
        assert stored_digest(session, "trials").endswith(":another table")
