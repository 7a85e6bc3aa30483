"""How many people are written to by what they have in common: no small group is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.operations.counting.shares import Share, ShareBy, count_shares
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AREAS = {"D001249": "Asthma", "D009103": "Multiple sclerosis"}
LEEDS = Region(
    kind="place", label="Leeds, GB", country="GB", subdivision="GB-ENG", latitude=53.8, longitude=-1.5, radius_km=80
)
FRANCE = Region(
    kind="country", label="France", country="FR", subdivision=None, latitude=None, longitude=None, radius_km=None
)


def sign_up(
    session: Session,
    number: int,
    areas: tuple[str, ...],
    region: Region = LEEDS,
    *,
    locale: str = "en-GB",
    came_by: str | None = None,
    confirmed: bool = True,
) -> Subscriber:
    preferences = tuple(NewPreference(area_id=area, region=region) for area in areas)
    new = NewSubscriber(address=f"reader{number}@example.org", preferences=preferences, locale=locale, came_by=came_by)
    return add_subscriber(session, new, confirmed=confirmed, how="web", now=NOW).subscriber


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """Twelve in England and nine in France who follow asthma, ten of them multiple sclerosis too; one has left."""
    with db.write() as session:
        for area_id, name in AREAS.items():
            session.add(Area(id=area_id, name=name, origin=AreaOrigin.CURATED))
        session.add(Place(id="GB-ENG", kind=PlaceKind.SUBDIVISION, name="England", country="GB"))
        session.flush()
        for number in range(12):
            areas = ("D001249", "D009103") if number < 10 else ("D001249",)
            sign_up(session, number, areas, came_by="clinic-leeds" if number < 10 else None)
        for number in range(12, 21):
            sign_up(session, number, ("D001249",), FRANCE, locale="fr", came_by="salon")
        sign_up(session, 21, ("D009103",)).state = SubscriberState.UNSUBSCRIBED
        sign_up(session, 22, ("D009103",), confirmed=False)
        session.flush()
        yield session


@pytest.mark.parametrize(
    ("by", "groups", "smaller"),
    [
        (ShareBy.AREA, [("Asthma", 21), ("Multiple sclerosis", 10)], 0),
        (ShareBy.REGION, [("England", 12)], 1),
        (ShareBy.LANGUAGE, [("en", 12)], 1),
        (ShareBy.SOURCE, [("not said", 2), ("clinic-leeds", 10), ("salon", 9)], 2),
    ],
)
def test_people_are_counted_and_no_group_of_fewer_than_ten_is_named(
    session: Session, by: ShareBy, groups: list[tuple[str, int]], smaller: int
) -> None:
    shares = count_shares(session, by)
    assert shares.people == 21
    assert list(shares.groups) == [Share(what=what, people=people) for what, people in groups if people >= 10]
    assert shares.smaller == smaller
