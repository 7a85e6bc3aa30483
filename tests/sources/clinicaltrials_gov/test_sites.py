"""A site lies where its town lies, whatever the registry made of its state or its coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import Session

from tests.sources.study_reader import sites_of
from trialalerts.database import Database
from trialalerts.sources.reading.fields import Fields
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

MUNICH, HAMLET = (48.14, 11.58), (51.61, 13.31)


@pytest.fixture
def locator(sqlite_world: Database) -> Iterator[SiteLocator]:
    """A locator that knows Bavaria and its capital."""
    bavaria = Place(id="DE-BY", kind=PlaceKind.SUBDIVISION, name="Bavaria", country="DE")
    munich = Place(
        id="g2", kind=PlaceKind.CITY, name="Munich", country="DE", subdivision="DE-BY", population=1_260_391,
        latitude=MUNICH[0], longitude=MUNICH[1],
    )  # fmt: skip
    with sqlite_world.write() as session:
        session.add_all([bavaria, munich])
        session.flush()
        session.add_all([PlaceName(key=key, place_id=id_) for key, id_ in (("bavaria", "DE-BY"), ("munchen", "g2"))])
    with sqlite_world.read() as session:
        assert isinstance(session, Session)
        yield SiteLocator(session)


def placed(locator: SiteLocator, point: tuple[float, float] | None = None, **words: str) -> dict[str, Any]:
    raw: dict[str, Any] = {"city": "München", "country": "Germany", **words}
    if point:
        raw["geoPoint"] = {"lat": point[0], "lon": point[1]}
    fields = Fields("NCT90000001")
    (site,) = sites_of({"locations": [raw]}, fields, locator)
    return site


def where(site: dict[str, Any]) -> tuple[float, float]:
    return site["latitude"], site["longitude"]


@pytest.mark.parametrize("state", ["Bavaria", "Germany", "Upper Nowhere", ""])
def test_where_a_state_is_unknown_the_town_tells_it(locator: SiteLocator, state: str) -> None:
    assert placed(locator, state=state)["subdivision"] == "DE-BY"


def test_a_town_in_doubt_tells_no_state(locator: SiteLocator) -> None:
    assert placed(locator, state="Upper Nowhere", city="Nowhere")["subdivision"] is None


def test_a_city_that_the_registry_put_into_a_hamlet_is_put_right(locator: SiteLocator) -> None:
    assert where(placed(locator, HAMLET)) == MUNICH
    assert where(placed(locator, HAMLET, state="Bavaria")) == MUNICH


def test_coordinates_in_or_near_the_city_are_kept(locator: SiteLocator) -> None:
    near = (48.2, 11.4)
    assert where(placed(locator, near)) == near
    assert where(placed(locator, HAMLET, city="Nowhere")) == HAMLET


def test_a_site_without_coordinates_gets_those_of_its_town(locator: SiteLocator) -> None:
    assert where(placed(locator)) == MUNICH
