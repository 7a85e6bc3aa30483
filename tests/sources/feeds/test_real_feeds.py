"""Real feeds of journals and of a news site, polled in the order of their dates: one article, one item."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, func, select

from tests.sources.feed_stage import Feeds
from trialalerts.catalog.tables import Change, Record


def dated_feeds(folder: Path) -> Iterator[tuple[datetime, str, bytes]]:
    """Give each stored answer with its moment and the name of its source, the oldest first."""
    found = []
    for path in folder.rglob("*.gz"):
        body = gzip.decompress(path.read_bytes())
        if b"Validate User" in body:
            continue  # a page for robots, no feed
        stem = path.name.removesuffix(".gz")
        if built := re.search(rb"<lastBuildDate>(\w+, \d+ \w+ \d+ [\d:]+) EST<", body):
            at = datetime.strptime(built[1].decode(), "%a, %d %b %Y %H:%M:%S").replace(tzinfo=UTC)
            stem = "top" if b"<title>All Top News" in body else "latest"
        elif day := re.match(r"(\d{4}-\d{2}-\d{2})__(.+)", stem):
            at, stem = datetime.fromisoformat(day[1]).replace(tzinfo=UTC), day[2]
        else:
            at = datetime(2021, 1, 1, tzinfo=UTC)
        found.append((at, re.sub(r"[^A-Za-z0-9]+", "-", stem)[:60], body))
    yield from sorted(found)


def test_what_is_merged_is_the_same_and_what_has_one_key_is_merged(sqlite_feeds: Feeds, shared_data: Path) -> None:
    for at, name, body in dated_feeds(shared_data / "feeds"):
        sqlite_feeds.clock.move_to(at)
        sqlite_feeds.poll(body, name, hold=False)
    by_item: dict[int, list[Record]] = defaultdict(list)
    with sqlite_feeds.db.read() as session:
        for record in session.exec(select(Record)):
            by_item[record.item_id].append(record)
        told_twice = session.exec(select(Change.item_id).group_by(col(Change.item_id)).having(func.count() > 1)).all()
    merged = [records for records in by_item.values() if len({record.registry_name for record in records}) > 1]
    assert len(merged) > 500
    for records in by_item.values():
        numbers = [{key for key in record.keys or () if not key.startswith("link:")} for record in records]
        titles = {record.title_key for record in records}
        assert len(titles) == 1 or set.intersection(*numbers), [record.external_id for record in records]
    homes: dict[str, set[int]] = defaultdict(set)
    for item_id, records in by_item.items():
        for key in {key for record in records for key in record.keys or ()}:
            homes[key].add(item_id)
    assert [key for key, items in homes.items() if len(items) > 1 and not key.startswith("link:")] == []
    assert told_twice == []
    assert len(sqlite_feeds.told()) > 50
