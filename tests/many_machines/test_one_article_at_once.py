"""Two pollers of two sources that bring the same articles at the same moment: each is one item and told once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import func, select

from tests.catalog.samples import article
from tests.many_machines.fleet import wait_for
from tests.many_machines.test_at_the_same_moment import somebody_waits
from trialalerts.catalog.articles import storing
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import ArticleKey, Change, Item, Record
from trialalerts.database import Database, open_database

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MANY = 40


@pytest.fixture
def db(postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL, where two may write at once."""
    with open_database(postgresql_url) as db:
        yield db


def drafts(source: str) -> list[ItemDraft]:
    """Return the same articles as this source names them."""
    return [
        replace(
            article(f"{source}-{number}", title=f"Finding {number}"),
            registry=source,
            source=source,
            url=f"https://news.example/{number}",
            keys=(f"link:news.example/{number}",),
        )
        for number in range(MANY)
    ]


def counted(db: Database) -> tuple[int, int, int, int]:
    """Return how many items, records, changes and keys there are."""
    with db.read() as session:
        items, records, changes, keys = (
            session.exec(select(func.count()).select_from(table)).one() for table in (Item, Record, Change, ArticleKey)
        )
    return items, records, changes, keys


def store(db: Database, batch: Sequence[ItemDraft]) -> StoreCount:
    with db.write() as session:
        return store_items(session, batch, baseline=False, now=NOW)


def test_while_one_stores_them_the_other_waits_and_joins(db: Database) -> None:
    begun = threading.Event()

    def second() -> StoreCount:
        with db.write() as session:
            session.connection()
            begun.set()
            return store_items(session, drafts("b"), baseline=False, now=NOW)

    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            first = store_items(session, drafts("a"), baseline=False, now=NOW)
            done = pool.submit(second)
            assert begun.wait(10)
            wait_for(lambda: somebody_waits(db) or done.done(), seconds=60)
        joined = done.result(timeout=60)
    assert (first.new, first.changes, joined.new, joined.changes) == (MANY, MANY, 0, 0)
    assert counted(db) == (MANY, 2 * MANY, MANY, MANY)


def test_four_pollers_in_no_order_tell_each_article_once(db: Database) -> None:
    barrier = threading.Barrier(4)

    def poller(source: str) -> int:
        batch = drafts(source)
        told = 0
        barrier.wait(10)
        for start in range(0, MANY, 8):
            told += store(db, batch[start:] + batch[:start]).changes
        return told

    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(poller, "abcd"))
    assert told == MANY
    assert counted(db) == (MANY, 4 * MANY, MANY, MANY)


def test_without_the_waiting_the_table_itself_refuses_a_second_item_for_a_key(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock lets them follow each other; the key's uniqueness holds where something writes beside it."""
    monkeypatch.setattr(storing, "one_writer_at_a_time", lambda _: False)
    store(db, drafts("a"))
    with pytest.raises(IntegrityError), db.write() as session:
        session.add(ArticleKey(key="link:news.example/0", item_id=1))
        session.flush()
    with pytest.raises(IntegrityError), db.write() as session:
        session.add(
            Record(
                registry_name="a", external_id="a-0", item_id=1, source="a", facts_hash="", first_seen_at=NOW,
                last_seen_at=NOW,
            )
        )  # fmt: skip
        session.flush()
