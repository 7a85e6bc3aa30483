"""Whom an announcement is for, against a plain look at every wish of everybody."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from trialalerts.catalog.articles.addressed import AddressedTo
from trialalerts.catalog.facts import ArticleRegion
from trialalerts.database import Database
from trialalerts.matching.around.addressees import addressees
from trialalerts.subscribers.tables import (
    ONE_TRIAL,
    Frequency,
    Preference,
    RegionKind,
    Subscriber,
    SubscriberState,
)
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree, load_areas
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.tables import Area, AreaOrigin

EXAMPLES = 1_000 if os.environ.get("TRIALALERTS_TEST_SOAK") else 60
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)
TREE = {"nerves": [], "ms": ["nerves"], "rrms": ["ms"], "lungs": [], "asthma": ["lungs"]}
TOPICS = ("diet", "cells", "genes")
LEEDS, YORK, LONDON, LYON = (53.8, -1.55), (53.96, -1.08), (51.5, -0.12), (45.75, 4.85)
REGIONS = [
    ArticleRegion(kind="country", label="United Kingdom", country="GB"),
    ArticleRegion(kind="country", label="France", country="FR"),
    ArticleRegion(kind="subdivision", label="England", country="GB", subdivision="GB-ENG"),
    ArticleRegion(
        kind="place", label="Leeds", country="GB", subdivision="GB-ENG", latitude=LEEDS[0], longitude=LEEDS[1],
        radius_km=50.0,
    ),
]  # fmt: skip
PLACES: list[dict[str, Any]] = [
    {"region_kind": RegionKind.ANYWHERE},
    {"region_kind": RegionKind.COUNTRY, "country": "GB"},
    {"region_kind": RegionKind.COUNTRY, "country": "FR"},
    {"region_kind": RegionKind.SUBDIVISION, "country": "GB", "subdivision": "GB-ENG"},
    {"region_kind": RegionKind.SUBDIVISION, "country": "GB", "subdivision": "GB-SCT"},
    *(
        {
            "region_kind": RegionKind.PLACE, "country": country, "subdivision": part,
            "latitude": at[0], "longitude": at[1], "radius_km": radius,
        }
        for at, country, part in ((YORK, "GB", "GB-ENG"), (LONDON, "GB", "GB-ENG"), (LYON, "FR", None))
        for radius in (5.0, 300.0)
    ),
]  # fmt: skip

limits = st.builds(
    AddressedTo,
    areas=st.sets(st.sampled_from(sorted(TREE)), max_size=2).map(lambda some: tuple(sorted(some))),
    regions=st.lists(st.sampled_from(REGIONS), max_size=2, unique_by=lambda region: region.label).map(tuple),
    topics=st.sets(st.sampled_from(TOPICS), max_size=1).map(tuple),
    readers=st.sampled_from([None, None, "patients", "professionals", "any"]),
    languages=st.sets(st.sampled_from(["en", "de"]), max_size=1).map(tuple),
)


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the columns of a preference."""
    if draw(st.integers(0, 9)) == 0:
        return {"area_id": ONE_TRIAL, "item_id": draw(st.integers(1, 3)), **PLACES[0], "confirmed_at": NOW}
    area = draw(st.sampled_from([*sorted(TREE), ANY_AREA]))
    return {
        "area_id": area,
        **draw(st.sampled_from(PLACES)),
        "excluded_areas": draw(st.lists(st.sampled_from(sorted(TREE)), max_size=1)),
        "topics": draw(st.lists(st.sampled_from(TOPICS), max_size=1)),
        "audience": draw(st.sampled_from([None, "patients", "professionals"])),
        "item_kinds": draw(st.sampled_from([[], [], ["article"], ["trial"]])),
        "confirmed_at": draw(st.sampled_from([NOW, NOW, NOW, None])),
        "paused_until": draw(st.sampled_from([None, None, None, NOW])),
    }


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the columns of a subscriber, and what they follow."""
    return {
        "state": draw(
            st.sampled_from([SubscriberState.ACTIVE] * 4 + [SubscriberState.PAUSED, SubscriberState.PENDING])
        ),
        "locale": draw(st.sampled_from(["en", "de", "en-GB"])),
        "announcements": draw(st.sampled_from([True, True, True, False])),
        "follows": draw(st.lists(wishes(), max_size=3)),
    }


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(everybody=st.lists(people(), max_size=8), meant=st.lists(limits, min_size=1, max_size=2))
def test_it_is_for_those_for_whom_a_plain_look_finds_it_is(
    db: Database, everybody: list[dict[str, Any]], meant: list[AddressedTo]
) -> None:
    with db.write() as session:
        rows = stored(session, everybody)
        tree = load_areas(session)
        found = {
            who
            for each in addressees(session, meant, tree, TODAY, topics=TOPICS, announced=True)
            for who in each.people
        }
        followed = {wish.area_id for _, follows in rows for wish in follows} - {ANY_AREA, ONE_TRIAL}
        wanted = {
            person.id
            for person, follows in rows
            if person.state is SubscriberState.ACTIVE
            and person.announcements
            and any(all(is_for(limit, person, wish, tree, followed) for limit in meant) for wish in follows)
        }
        assert found == wanted
        behind = {each for each in wanted if each is not None and each > 3}
        later = addressees(session, meant, tree, TODAY, topics=TOPICS, announced=True, after=3)
        assert {who for each in later for who in each.people} == behind
        mixed = list(addressees(session, meant, tree, TODAY, topics=TOPICS, announced=True, mixed=True))
        assert {who for each in mixed for who in each.people} == wanted
        assert {(each.frequency, each.country) for each in mixed} <= {("", "")}
        session.rollback()


def stored(session: Session, everybody: Sequence[dict[str, Any]]) -> list[tuple[Subscriber, list[Preference]]]:
    for area, parents in TREE.items():
        session.add(Area(id=area, name=area, parents=parents, origin=AreaOrigin.CURATED))
    rows = []
    for number, drawn in enumerate(everybody, 1):
        columns = {name: value for name, value in drawn.items() if name != "follows"}
        person = Subscriber(
            id=number, key=f"k{number}", address=f"p{number}@example.org", address_key=f"p{number}@example.org",
            timezone="UTC", frequency=Frequency.DAILY, created_at=NOW, **columns,
        )  # fmt: skip
        session.add(person)
        session.flush()
        follows = [
            Preference(subscriber_id=number, region_label="", created_at=NOW, **wish) for wish in drawn["follows"]
        ]
        session.add_all(follows)
        session.flush()
        rows.append((person, follows))
    return rows


def is_for(limit: AddressedTo, person: Subscriber, wish: Preference, tree: AreaTree, followed: set[str]) -> bool:
    """Tell whether somebody's wish meets a limit, one rule after the other."""
    if wish.confirmed_at is None or wish.paused_until is not None:
        return False
    if wish.item_id is not None:
        return not (limit.areas or limit.regions or limit.topics) and reads(limit, person)
    misses = (
        (wish.item_kinds and "article" not in wish.item_kinds)
        or (limit.topics and wish.topics and not set(limit.topics) & set(wish.topics))
        or {limit.readers, wish.audience} == {"patients", "professionals"}
        or not is_on(limit, wish, tree, followed)
    )
    near = not limit.regions or any(is_near(region, wish) for region in limit.regions)
    return reads(limit, person) and near and not misses


def reads(limit: AddressedTo, person: Subscriber) -> bool:
    return not limit.languages or person.locale[:2] in limit.languages


def is_on(limit: AddressedTo, wish: Preference, tree: AreaTree, followed: set[str]) -> bool:
    own = set(limit.areas or followed)
    if not own and wish.area_id == ANY_AREA:
        return True
    for area in own:
        above = {area, *tree.ancestors(area)}
        if wish.area_id in {ANY_AREA, *above} and not above & set(wish.excluded_areas):
            return True
    return False


def is_near(region: ArticleRegion, wish: Preference) -> bool:
    if wish.region_kind is RegionKind.ANYWHERE:
        return True
    if wish.region_kind is RegionKind.COUNTRY:
        return wish.country == region.country
    if wish.region_kind is RegionKind.SUBDIVISION:
        return region.subdivision in {None, wish.subdivision} and wish.country == region.country
    if region.kind != "place":
        return wish.country == region.country and region.subdivision in {None, wish.subdivision}
    apart = distance_km(wish.latitude or 0, wish.longitude or 0, region.latitude or 0, region.longitude or 0)
    return apart <= max(wish.radius_km or 0, region.radius_km or 0)
