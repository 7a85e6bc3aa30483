"""Tests of the way from a database without records: what is stored keeps its identity, and nothing is told again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from tests import postgres
from tests.catalog.samples import article, trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import ArticleKey, Item, Record
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BEFORE = "0008"
LINK = "https://news.example/1"
_INSERT = """INSERT INTO item (registry, external_id, kind, url, title, summary, is_open, facts, facts_hash, areas,
source, first_seen_at, last_seen_at) VALUES (:registry, :external_id, :kind, :url, :title, :summary, :is_open,
:facts, :hash, :areas, :registry, '2026-02-01 00:00:00', '2026-03-01 00:00:00')"""


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the revision before, with a trial and three articles, two of which share a link."""
    url = f"sqlite:///{tmp_path}/old.db"
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        cluster.execute("CREATE DATABASE before_records")
        url = cluster.url("before_records")
    with open_database(url) as db:
        upgrade_schema(db, to=BEFORE)
        with db.write() as session:
            _fill(session.connection())
        yield db
    if request.param == "postgresql":
        cluster.execute("DROP DATABASE before_records WITH (FORCE)")


def _fill(connection: Connection) -> None:
    rows: list[dict[str, Any]] = [
        {"registry": "clinicaltrials.gov", "external_id": "NCT00000001", "kind": "trial", "url": "u"},
        {"registry": "news", "external_id": "one", "kind": "article", "url": f"{LINK}?utm_source=rss"},
        {"registry": "news", "external_id": "two", "kind": "article", "url": "https://news.example/blog"},
        {"registry": "news", "external_id": "three", "kind": "article", "url": "https://news.example/blog"},
    ]
    more = {"summary": "", "is_open": False, "facts": '{"html": ""}', "hash": "h", "areas": '{"direct": []}'}
    connection.execute(text(_INSERT), [{**row, **more, "title": f"Title {row['external_id']}"} for row in rows])


def store(db: Database, *drafts: ItemDraft) -> StoreCount:
    with db.write() as session:
        return store_items(session, drafts, baseline=False, now=NOW)


def found(source: str, external_id: str, link: str, title: str) -> ItemDraft:
    key = f"link:{link.removeprefix('https://')}"
    return replace(article(external_id, title=title), registry=source, source=source, url=link, keys=(key,))


def test_every_item_has_its_record(old: Database) -> None:
    assert upgrade_schema(old)
    with old.read() as session:
        records = session.exec(select(Record).order_by(Record.item_id)).all()  # type: ignore[arg-type]
    assert [(record.item_id, record.registry_name, record.external_id) for record in records] == [
        (1, "clinicaltrials.gov", "NCT00000001"), (2, "news", "one"), (3, "news", "two"), (4, "news", "three"),
    ]  # fmt: skip
    assert [(record.title, record.title_key) for record in records[:2]] == [(None, None), ("Title one", "")]
    assert all(record.facts_hash == "h" and record.first_seen_at.month == 2 for record in records)


def test_what_is_known_is_told_neither_under_its_own_id_nor_under_another_nor_by_another_source(old: Database) -> None:
    upgrade_schema(old)
    assert store(old, found("news", "one", LINK, "Title one"), trial()).new == 0
    assert store(old, found("news", "uno", LINK, "Title one")).new == 0
    assert store(old, found("other", "1", LINK, "Title one")).new == 0
    with old.read() as session:
        assert len(session.exec(select(Item)).all()) == 4
        assert session.get_one(ArticleKey, "link:news.example/1").item_id == 2


def test_a_link_that_several_old_articles_share_identifies_none_of_them(old: Database) -> None:
    upgrade_schema(old)
    assert store(old, found("other", "1", "https://news.example/blog", "Another title")).new == 1
