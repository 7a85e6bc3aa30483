"""A trial whose record names a further condition is shown to those who follow only that, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from tests.catalog.samples import trial
from tests.digests.stage import SETTINGS, store_areas, store_subscriber
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.matching.window import RECRUITING_NOW
from trialalerts.subscribers.tables import RegionKind

MS, AUTOIMMUNE, ASTHMA = "D009103", "D001327", "D001249"
NAMES = {MS: "Multiple Sclerosis", AUTOIMMUNE: "Autoimmune Diseases", ASTHMA: "Asthma"}
DAY = timedelta(days=1)


def said(*areas: str, conditions: tuple[str, ...] | None = None, **facts: Any) -> ItemDraft:
    """The record as it names these areas in so many words."""
    named = conditions if conditions is not None else tuple(NAMES[area] for area in areas)
    draft = trial(conditions=named, **facts)
    return replace(draft, areas=[AreaTag(id=area, in_title=True) for area in areas], ancestors=[])


def read(db: Database, draft: ItemDraft, clock: FrozenClock, *, baseline: bool = False) -> int:
    with db.write() as session:
        return store_items(session, [draft], baseline=baseline, now=clock.now()).changes


def follow(session: Session, name: str, clock: FrozenClock, *areas: str, **region: Any) -> None:
    follows = [{"area_id": area, **region} for area in areas]
    store_subscriber(session, name, clock.now(), cursor=0, follows=follows)


def told(db: Database, name: str) -> list[str]:
    return [each.kind for digest in digests_of(db, name) for entry in entries_of(db, digest) for each in entry.told]


def test_who_follows_only_the_further_condition_is_shown_it_and_nobody_twice(db: Database, clock: FrozenClock) -> None:
    read(db, said(MS), clock, baseline=True)
    with db.write() as session:
        store_areas(session)
        for name, areas in {"ms": [MS], "asthma": [ASTHMA], "both": [ASTHMA, MS], "above": [AUTOIMMUNE]}.items():
            follow(session, name, clock, *areas)
        follow(session, "elsewhere", clock, ASTHMA, region_kind=RegionKind.COUNTRY, country="FR")
    clock.advance(DAY)
    assert read(db, said(MS, ASTHMA), clock) == 1
    compose_due(db, SETTINGS, clock)
    assert told(db, "asthma") == [RECRUITING_NOW]
    assert [told(db, name) for name in ("ms", "both", "above", "elsewhere")] == [[], [], [], []]
    for _ in range(2):
        clock.advance(DAY)
        assert read(db, said(MS, ASTHMA), clock) == 0
        compose_due(db, SETTINGS, clock)
    assert told(db, "asthma") == [RECRUITING_NOW]


def test_a_newcomer_finds_it_among_what_is_open_and_once(db: Database, clock: FrozenClock) -> None:
    read(db, said(MS), clock, baseline=True)
    clock.advance(DAY)
    read(db, said(MS, ASTHMA), clock)
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "new", clock.now(), follows=[{"area_id": ASTHMA}])
    compose_due(db, SETTINGS, clock)
    clock.advance(DAY)
    compose_due(db, SETTINGS, clock)
    assert told(db, "new") == [RECRUITING_NOW]


def test_what_closes_before_it_is_told_is_not_shown(db: Database, clock: FrozenClock) -> None:
    read(db, said(MS), clock, baseline=True)
    with db.write() as session:
        store_areas(session)
        follow(session, "asthma", clock, ASTHMA)
    read(db, said(MS, ASTHMA), clock)
    read(db, said(MS, ASTHMA, status="COMPLETED"), clock)
    compose_due(db, SETTINGS, clock)
    assert RECRUITING_NOW not in told(db, "asthma")


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (said(MS), said(MS, ASTHMA), ["registered"]),
        (said(MS), said(ASTHMA), ["registered"]),
        (said(MS), said(MS, ASTHMA, conditions=("Multiple Sclerosis",)), []),
        (said(MS, ASTHMA), said(MS), []),
        (said(MS), said(MS, conditions=("Multiple Sclerosis", "MS")), []),
        (said(MS), said(MS, ASTHMA, status="NOT_YET_RECRUITING"), ["paused"]),
        (said(MS, status="NOT_YET_RECRUITING"), said(MS, ASTHMA), ["opened"]),
        (said(MS, status="COMPLETED"), said(MS, ASTHMA, status="COMPLETED"), []),
        (said(MS), said(MS, ASTHMA, has_results=True), ["results_posted", "registered"]),
    ],
    ids=[
        "a further one",
        "another one",
        "the same words read otherwise",
        "one less",
        "other words for the same",
        "not open any more",
        "opened at once, which all are told",
        "long over",
        "and something else",
    ],
)
def test_only_what_an_open_trials_own_conditions_bring_is_shown(
    db: Database, clock: FrozenClock, before: ItemDraft, after: ItemDraft, kinds: list[str]
) -> None:
    read(db, before, clock, baseline=True)
    read(db, after, clock)
    with db.read() as session:
        assert [each.kind.value for each in session.exec(select(Change).order_by(col(Change.seq)))] == kinds


def test_a_narrower_name_is_no_news_to_those_who_follow_what_stands_above_it(db: Database, clock: FrozenClock) -> None:
    read(db, said(AUTOIMMUNE), clock, baseline=True)
    with db.write() as session:
        store_areas(session)
        follow(session, "ms", clock, MS)
        follow(session, "above", clock, AUTOIMMUNE)
    read(db, said(MS), clock)
    compose_due(db, SETTINGS, clock)
    assert (told(db, "ms"), told(db, "above")) == ([RECRUITING_NOW], [])
