"""A small stage for the tests: a few areas, a few regions, and people who follow them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from trialalerts.database import Database
from trialalerts.subscribers.people import NewSubscriber, Signup, add_subscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind, PlaceName, Topic

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AREAS = {"D009103": "Multiple sclerosis", "D000690": "Amyotrophic lateral sclerosis", "D001943": "Breast cancer"}
TOPICS = {"gene-therapy": "Gene therapy", "stem-cells": "Stem cells"}
NOWHERE: dict[str, Any] = dict.fromkeys(("country", "subdivision", "latitude", "longitude", "radius_km"))
ANYWHERE = Region(kind="anywhere", label="anywhere", **NOWHERE)
BRITAIN = Region(kind="country", label="United Kingdom", **{**NOWHERE, "country": "GB"})
LEEDS = Region(
    kind="place",
    label="Leeds, England, GB",
    country="GB",
    subdivision="GB-ENG",
    latitude=53.79648,
    longitude=-1.54785,
    radius_km=50.0,
)


def set_stage(db: Database) -> None:
    """Store the areas, and the places that are found by their code."""
    with db.write() as session:
        for number, name in AREAS.items():
            session.add(Area(id=number, name=name, origin=AreaOrigin.CURATED))
        for number, name in TOPICS.items():
            session.add(Topic(id=number, name=name))
        session.add(Place(id="GB", kind=PlaceKind.COUNTRY, name="United Kingdom", country="GB", population=67_000_000))
        session.add(Place(id="US-CA", kind=PlaceKind.SUBDIVISION, name="California", country="US"))
        session.flush()
        for key, place in (("gb", "GB"), ("united kingdom", "GB"), ("us ca", "US-CA")):
            session.add(PlaceName(key=key, place_id=place))


def follow(area: str = "D009103", region: Region = ANYWHERE, **values: Any) -> NewPreference:
    """What somebody wants to follow."""
    return NewPreference(area_id=area, region=region, **values)


def sign_up(
    session: Session,
    address: str = "mona@example.org",
    *preferences: NewPreference,
    confirmed: bool = True,
    now: datetime = NOW,
    **values: Any,
) -> Signup:
    """Sign somebody up, for one area unless others are given."""
    new = NewSubscriber(address=address, preferences=preferences or (follow(),), **values)
    return add_subscriber(session, new, confirmed=confirmed, how="operator", now=now)
