"""Proves the loading of places: how many, how they hang together, that it can be repeated."""

from __future__ import annotations

import pytest
from sqlalchemy import func
from sqlmodel import Session, col, select

from trialalerts.database import Database
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places import loading as module
from trialalerts.vocabulary.places.countries import read_countries
from trialalerts.vocabulary.places.loading import load_places, places_loaded, store_places
from trialalerts.vocabulary.places.subdivisions import match_areas, read_subdivisions
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName, Postcode


def count(session: Session, kind: PlaceKind) -> int:
    return session.exec(select(func.count()).select_from(Place).where(Place.kind == kind)).one()


def city(session: Session, name: str, country: str) -> Place:
    largest = select(Place).where(Place.name == name, Place.country == country, Place.kind == PlaceKind.CITY)
    found = session.exec(largest.order_by(col(Place.population).desc())).first()
    assert found is not None
    return found


def test_all_countries_subdivisions_and_cities_are_there(session: Session) -> None:
    assert count(session, PlaceKind.COUNTRY) == 250, "ISO's 249 and Kosovo"
    assert count(session, PlaceKind.SUBDIVISION) >= 5_046
    assert count(session, PlaceKind.CITY) >= 34_000


def test_loading_again_changes_nothing(db: Database) -> None:
    seen = []
    for _ in range(2):
        with db.write() as session:
            assert load_places(session) == session.exec(select(func.count()).select_from(Place)).one()
        with db.read() as session:
            assert places_loaded(session)
            names = session.exec(select(func.count()).select_from(PlaceName)).one()
            leeds = city(session, "Leeds", "GB")
            seen.append((names, leeds.id, leeds.subdivision, leeds.timezone))
    assert seen[0] == seen[1]


def test_an_empty_database_has_no_places(db: Database) -> None:
    with db.read() as session:
        assert not places_loaded(session)


@pytest.mark.usefixtures("large_cities")
def test_places_are_loaded_once_and_anew_when_what_they_are_made_of_is_another(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as session:  # as an older program stored them: without a note, and without a name of today
        session.add(Place(id="PS", kind=PlaceKind.COUNTRY, name="Palestine", country="PS"))
        session.add(Postcode(code="LS1", country="GB", written="LS1", name="Leeds", latitude=53.8, longitude=-1.5))
    for expected in (True, False):
        with db.write() as session:
            assert bool(store_places(session)) is expected
    with db.read() as session:
        assert session.get(PlaceName, ("west bank", "PS")) is not None
        assert session.get(Postcode, ("LS1", "GB")) is not None
    monkeypatch.setattr(module, "_digest", lambda: "of a newer program")
    with db.write() as session:
        assert store_places(session) > 0


@pytest.mark.usefixtures("large_cities")
def test_a_loading_that_breaks_off_leaves_what_was_there(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        before = load_places(session)
    with pytest.raises(KeyboardInterrupt), sqlite_db.write() as session:
        load_places(session)
        raise KeyboardInterrupt
    with sqlite_db.read() as session:
        assert session.exec(select(func.count()).select_from(Place)).one() == before


@pytest.mark.parametrize(
    ("name", "country", "subdivision"),
    [
        ("Leeds", "GB", "GB-ENG"),
        ("Glasgow", "GB", "GB-SCT"),
        ("Cardiff", "GB", "GB-WLS"),
        ("Belfast", "GB", "GB-NIR"),
        ("Munich", "DE", "DE-BY"),
        ("Köln", "DE", "DE-NW"),
        ("Leipzig", "DE", "DE-SN"),
        ("Toronto", "CA", "CA-ON"),
        ("Montréal", "CA", "CA-QC"),
        ("Sydney", "AU", "AU-NSW"),
        ("Perth", "AU", "AU-WA"),
        ("Boston", "US", "US-MA"),
        ("Lyon", "FR", "FR-ARA"),
        ("Sevilla", "ES", "ES-AN"),
        ("Milan", "IT", "IT-25"),
        ("Kraków", "PL", "PL-12"),
        ("Osaka", "JP", "JP-27"),
        ("Wuhan", "CN", "CN-HB"),
        ("São Paulo", "BR", "BR-SP"),
        ("Bursa", "TR", "TR-16"),
    ],
)
def test_a_city_lies_in_its_subdivision(session: Session, name: str, country: str, subdivision: str) -> None:
    assert city(session, name, country).subdivision == subdivision


def test_every_city_of_the_leading_countries_lies_in_a_subdivision(session: Session) -> None:
    missing = select(func.count()).where(
        Place.kind == PlaceKind.CITY,
        col(Place.subdivision).is_(None),
        col(Place.country).in_(["US", "CA", "AU", "GB", "DE", "FR", "ES", "IT", "NL", "CH", "JP", "SE", "PL"]),
    )
    assert session.exec(missing).one() <= 5


def test_a_citys_subdivision_is_a_top_level_one_of_its_country(session: Session) -> None:
    tops = set(
        session.exec(select(Place.id).where(Place.kind == PlaceKind.SUBDIVISION, col(Place.subdivision).is_(None)))
    )
    for place in session.exec(select(Place).where(Place.kind == PlaceKind.CITY, col(Place.subdivision).is_not(None))):
        assert place.subdivision in tops
        assert place.subdivision.startswith(f"{place.country}-")


def test_every_place_is_found_by_the_name_it_shows(session: Session) -> None:
    names = {(name.key, name.place_id) for name in session.exec(select(PlaceName))}
    for place in session.exec(select(Place)):
        assert (folded(place.name), place.id) in names


def test_no_key_stands_for_two_countries() -> None:
    keys = [key for country in read_countries() for key in country.keys]
    assert len(keys) == len(set(keys))


def test_every_town_written_beside_a_subdivision_is_a_town(session: Session) -> None:
    """A newer list of cities may spell one anew; then its whole subdivision would lose its cities."""
    subdivisions = read_subdivisions({key: entry.code for entry in read_countries() for key in entry.keys})
    rows = session.exec(
        select(PlaceName.key, Place.country)
        .join(Place, col(Place.id) == col(PlaceName.place_id))
        .where(Place.kind == PlaceKind.CITY)
    )
    keys = {(country, key) for key, country in rows}
    lost = [
        (entry.code, town)
        for entry in subdivisions
        for town in entry.towns
        if entry.is_told and (entry.country, folded(town)) not in keys
    ]
    assert lost == []


def test_a_town_named_in_the_file_wins_over_one_of_the_subdivisions_name() -> None:
    subdivisions = read_subdivisions({})
    towns = {("DE", "munich"): "02", ("DE", "berlin"): "16", ("DE", "bayern"): "99"}
    areas = match_areas(subdivisions, towns)
    assert areas == {("DE", "02"): "DE-BY", ("DE", "16"): "DE-BE"}
