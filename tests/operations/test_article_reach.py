"""Whom an article would be told: as many as composing tells when it is published, counted without reading each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import Any

import pytest
from sqlmodel import Session, select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleRegion
from trialalerts.catalog.tables import ChangeKind, Item, ItemKind, ItemNumber
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.digests.tables import Digest, Selection
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import wanted
from trialalerts.matching.window import changes_between
from trialalerts.operations.questions.article_reach import article_reach
from trialalerts.subscribers.follows.trials import follow_columns
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import ANY_AREA, load_areas

ARTICLE = ItemDraft(
    kind=ItemKind.ARTICLE,
    registry="editors",
    external_id="a-new-centre",
    url="https://example.org/a-new-centre",
    title="A new centre",
    areas=({"id": "D009103", "in_title": True},),
    facts=ArticleFacts(),
    source="editors",
)
FOR_ENGLAND = ArticleRegion(kind="subdivision", label="England", country="GB", subdivision="GB-ENG")
NAMED, OTHER = "NCT90000001", "NCT90000002"
AREAS = ("D009103", "D001327", "D001249", ANY_AREA)
SOMEWHERE: tuple[dict[str, Any], ...] = (
    {},
    {"region_kind": RegionKind.COUNTRY, "region_label": "United Kingdom", "country": "GB"},
    {"region_kind": RegionKind.COUNTRY, "region_label": "France", "country": "FR"},
    {"region_kind": RegionKind.SUBDIVISION, "region_label": "England", "country": "GB", "subdivision": "GB-ENG"},
    {"region_kind": RegionKind.PLACE, "region_label": "Leeds", "country": "GB", "latitude": 53.8, "longitude": -1.55,
     "radius_km": 50.0},
)  # fmt: skip
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"item_kinds": ["trial"]},
    {"audience": "professionals"},
    {"excluded_areas": ["D009103"]},
    {"confirmed_at": None},
    {"paused_until": datetime.fromisoformat("2027-01-01T00:00+00:00"), "paused_seq": 0},
)


@pytest.fixture
def _people(db: Database, clock: FrozenClock) -> None:
    """Store two trials, the first of which articles name, and eighty people who follow anything, or one of them."""
    dice = Random(5)
    with db.write() as session:
        store_areas(session)
        made = [store_trial(session, number, clock.now()) for number in (1, 2)]
        for item in made:
            number = ItemNumber(registry_name=item.registry_name, number=item.external_id, item_id=item.id or 0)
            session.add(number)
        ids = tuple(item.id or 0 for item in made)
        for person in range(80):
            follows = [_wish(dice, ids) for _ in range(dice.choice((1, 1, 2, 3)))]
            state = dice.choice((*[SubscriberState.ACTIVE] * 8, SubscriberState.UNSUBSCRIBED))
            locale, frequency = dice.choice(("en", "de-AT", "fr")), dice.choice(list(Frequency))
            values = {"state": state, "locale": locale, "frequency": frequency, "cursor": 0, "follows": follows}
            store_subscriber(session, f"p{person}", clock.now(), **values)


def _wish(dice: Random, trials: tuple[int, ...]) -> dict[str, Any]:
    if dice.random() < 0.2:
        return follow_columns(dice.choice(trials))
    return {"area_id": dice.choice(AREAS), **dice.choice(SOMEWHERE), **dice.choice(FILTERS)}


def told(session: Session, seq: int) -> list[int]:
    """Return the people whose digests tell a change."""
    of = {each.id for each in session.exec(select(Selection)) if each.kind == "changes" and seq in each.numbers}
    return [each.subscriber_id for each in session.exec(select(Digest)) if of & {number for _, number in each.parts}]


def bringing(session: Session, seq: int, people: set[int], today: date) -> list[Preference]:
    """Return the preferences of these people that a change meets, each asked by itself."""
    found = changes_between(session, seq - 1, seq, baselines_after=seq - 1)
    index = WindowIndex(found, load_areas(session))
    asked = [each for each in session.exec(select(Preference)) if each.subscriber_id in people]
    served = [each for each in asked if each.confirmed_at is not None and each.paused_until is None]
    return [each for each in served if wanted(index, each, today)]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(ArticleFacts(), id="for everybody"),
        pytest.param(ArticleFacts(regions=(FOR_ENGLAND,)), id="for England"),
        pytest.param(ArticleFacts(languages=("de", "fr"), audience="patients"), id="for patients who read German"),
        pytest.param(ArticleFacts(trials=(NAMED,), regions=(FOR_ENGLAND,)), id="that names a trial"),
    ],
)
@pytest.mark.usefixtures("_people")
def test_as_many_are_counted_as_are_told_when_it_is_published(
    db: Database, clock: FrozenClock, facts: ArticleFacts
) -> None:
    draft = replace(ARTICLE, facts=facts)
    with db.read() as session:
        reach = article_reach(session, draft, load_areas(session), clock.now().date())
    with db.write() as session:
        now = clock.now()
        item = Item(
            registry_name=draft.registry, external_id=draft.external_id, kind=draft.kind, url=draft.url,
            title=draft.title, facts=facts.model_dump(mode="json"), facts_hash="",
            areas={"direct": list(draft.areas), "ancestors": []}, source=draft.source, first_seen_at=now,
            last_seen_at=now,
        )  # fmt: skip
        session.add(item)
        session.flush()
        seq = publish(session, item, ChangeKind.PUBLISHED, now)
    compose_due(db, SETTINGS, clock)
    with db.read() as session:
        people = {each.id: each for each in session.exec(select(Subscriber))}
        got = [people[number] for number in told(session, seq)]
        brought = bringing(session, seq, {each.id or 0 for each in got}, clock.now().date())
    assert len(got) > 5
    assert reach.people == len(got)
    assert reach.by_language == Counter(each.locale[:2] for each in got)
    assert reach.by_rhythm == Counter(each.frequency for each in got)
    assert ("a trial that it names" in reach.by_area) == bool(facts.trials)
    followed = {(each.subscriber_id, "a trial that it names" if each.item_id else each.area_id) for each in brought}
    assert reach.by_area == Counter(area for _, area in followed)
    where = {(each.subscriber_id, each.country or "anywhere") for each in brought}
    assert reach.by_region == Counter(region for _, region in where)
