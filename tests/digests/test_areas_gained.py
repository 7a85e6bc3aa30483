"""An article that a second source has for other areas is told to those who follow only these, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from tests.catalog.samples import article
from tests.digests.stage import SETTINGS, store_areas, store_subscriber
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due

MS, AUTOIMMUNE, ASTHMA = "D009103", "D001327", "D001249"
DAY = timedelta(days=1)


def said(source: str, *areas: str, at: datetime | None, topics: tuple[str, ...] = ()) -> ItemDraft:
    """Return the article as a source has it."""
    tags = [AreaTag(id=area, in_title=True) for area in areas]
    draft = replace(article(f"{source}-1"), registry=source, source=source, published_at=at, areas=tags)
    return replace(draft, topics=list(topics), keys=("link:example.org/a",))


def read(session: Session, at: datetime, draft: ItemDraft, *, baseline: bool = False) -> int:
    return store_items(session, [draft], baseline=baseline, now=at).changes


def follow(session: Session, name: str, at: datetime, *areas: str) -> None:
    store_subscriber(session, name, at, cursor=0, follows=[{"area_id": area} for area in areas])


def test_who_follows_only_what_was_gained_is_told_and_nobody_twice(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        for name, areas in {"ms": [MS], "asthma": [ASTHMA], "both": [ASTHMA, MS], "above": [AUTOIMMUNE]}.items():
            follow(session, name, clock.now(), *areas)
        read(session, clock.now(), said("one", MS, at=clock.now()))
    compose_due(db, SETTINGS, clock)
    assert [len(digests_of(db, name)) for name in ("ms", "both", "above", "asthma")] == [1, 1, 1, 0]
    clock.advance(DAY)
    with db.write() as session:
        assert read(session, clock.now(), said("two", MS, ASTHMA, at=clock.now() - DAY)) == 1
    compose_due(db, SETTINGS, clock)
    assert [len(digests_of(db, name)) for name in ("ms", "both", "above", "asthma")] == [1, 1, 1, 1]
    (entry,) = entries_of(db, digests_of(db, "asthma")[0])
    assert [told.kind for told in entry.told] == ["published"]


def test_in_one_digest_it_is_one_entry(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        follow(session, "anna", clock.now(), ASTHMA)
        read(session, clock.now(), said("one", MS, at=clock.now()))
        read(session, clock.now(), said("two", ASTHMA, at=clock.now()))
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert len(entries_of(db, digest)) == 1


@pytest.mark.parametrize(
    ("age", "second", "baseline", "changes"),
    [
        (0, said("two", ASTHMA, at=None), False, 1),
        (29, said("two", ASTHMA, at=None), False, 1),
        (31, said("two", ASTHMA, at=None), False, 0),
        (0, said("two", MS, at=None), False, 0),
        (0, said("two", MS, at=None, topics=("diet",)), False, 1),
        (0, said("two", ASTHMA, at=None), True, 0),
        (0, said("one", MS, ASTHMA, at=None), False, 0),
    ],
    ids=["an area", "new", "old", "the same area", "a topic", "a first sweep", "the same record read otherwise"],
)
def test_what_is_gained_is_news_only_of_a_new_article_and_by_another_record(
    db: Database, clock: FrozenClock, age: int, second: ItemDraft, *, baseline: bool, changes: int
) -> None:
    with db.write() as session:
        read(session, clock.now(), said("one", MS, at=None))
        assert read(session, clock.now() + DAY * age, second, baseline=baseline) == changes
        for _ in range(2):
            assert read(session, clock.now() + DAY * age, second) == 0
        last = session.exec(select(Change).order_by(col(Change.seq).desc())).first()
    assert last is not None
    assert bool(last.before) is bool(changes)
