"""How long it takes to count whom an article would be told, with a million people."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import text

from benchmarks.figures import Figure
from tests.postgres import find_programs, start_cluster
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleRegion
from trialalerts.catalog.tables import ItemKind
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.operations.questions.article_reach import article_reach
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin

PEOPLE = int(os.environ.get("BENCHMARK_PEOPLE", "1000000"))
_AREAS, _ROUNDS = 10, 5
_TODAY = date(2026, 3, 2)
_ABOUT = "D99001"
_THERE = ArticleRegion(kind="country", label="United Kingdom", country="GB")
# Each tenth person follows the article's area, one of five another one besides; six of ten in a country, a quarter in a
# part of it, the others around a place of their own.
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {people}) "
_SUBSCRIBERS = (
    "INSERT INTO subscriber (id, key, address, address_key, state, locale, timezone, frequency, hour, weekday, day, "
    "next_due_at, cursor, created_at) {numbers}SELECT n, 'k' || n, 'a' || n || '@example.org', 'a' || n || "
    "'@example.org', 'active', CASE WHEN n % 4 = 0 THEN 'de' ELSE 'en-GB' END, 'UTC', 'weekly', 8, 0, 1, {at}, 0, {at} "
    "FROM numbers"
)
_PREFERENCES = (
    "INSERT INTO preference (id, subscriber_id, area_id, region_kind, region_label, country, subdivision, latitude, "
    "longitude, radius_km, healthy_volunteer, phases, item_kinds, change_kinds, excluded_areas, topics, created_at, "
    "confirmed_at, introduced_at) {numbers}SELECT n + {first}, n, 'D9900' || ((n + {shift}) % 10), "
    "CASE WHEN n % 20 < 12 THEN 'country' WHEN n % 20 < 17 THEN 'subdivision' ELSE 'place' END, 'there', "
    "CASE n / 20 % 5 WHEN 0 THEN 'GB' WHEN 1 THEN 'DE' WHEN 2 THEN 'FR' WHEN 3 THEN 'US' ELSE 'ES' END, "
    "CASE WHEN n % 20 BETWEEN 12 AND 16 THEN 'XX-' || (n / 100 % 9) END, "
    "CASE WHEN n % 20 > 16 THEN 45.0 + n % 1000 * 0.01 END, CASE WHEN n % 20 > 16 THEN n % 777 * 0.01 END, "
    "CASE WHEN n % 20 > 16 THEN 50.0 + n / 20 % 3 * 50 END, false, '[]', '[]', '[]', '[]', '[]', {at}, {at}, {at} "
    "FROM numbers WHERE n % {every} = 0"
)


def run() -> Iterator[Figure]:
    """Count for an article that is for everybody, and for one that is for a country; SQLite, then PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _counted("SQLite", f"sqlite:///{Path(folder) / 'reach.db'}", _of_the_processor)
    programs = find_programs()
    if programs is None:
        yield Figure(what="PostgreSQL", value="not measured: its server programs are not installed")
        return
    cluster = start_cluster(programs, durable=True)
    try:
        cluster.execute("CREATE DATABASE reach")
        yield from _counted("PostgreSQL", cluster.url("reach"), time.perf_counter)
    finally:
        cluster.stop()


def _of_the_processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _counted(kind: str, url: str, clock: Callable[[], float]) -> Iterator[Figure]:
    with open_database(url) as db:
        upgrade_schema(db)
        _fill(db)
        with db.read() as session:
            areas = load_areas(session)
        for where, regions in (("for everybody", ()), ("for one country", (_THERE,))):
            seconds, people = _best(db, areas, regions, clock)
            plain = _plain(db, clock)
            yield Figure(
                what=f"{kind}, {PEOPLE:,} people: {people:,} are told of an article {where}, best of {_ROUNDS}",
                value=f"{seconds:.2f} s ({seconds / plain:.1f} ×)",
                target="≤ 1 s",
                reference=f"reading who follows its area, and nothing else {plain:.2f} s",
                met=seconds <= 1.0,
            )


def _best(
    db: Database, areas: AreaTree, regions: Sequence[ArticleRegion], clock: Callable[[], float]
) -> tuple[float, int]:
    draft = ItemDraft(
        kind=ItemKind.ARTICLE,
        registry="editors",
        external_id="an-article",
        title="A new centre",
        url="https://example.org/a-new-centre",
        areas=({"id": _ABOUT, "in_title": True},),
        facts=ArticleFacts(regions=tuple(regions)),
        source="editors",
    )
    found, people = [], 0
    for _ in range(_ROUNDS):
        with db.read() as session:
            began = clock()
            people = article_reach(session, draft, areas, _TODAY).people
            found.append(clock() - began)
    return min(found), people


def _plain(db: Database, clock: Callable[[], float]) -> float:
    found = []
    for _ in range(_ROUNDS):
        with db.read() as session:
            began = clock()
            session.connection().execute(
                text("SELECT subscriber_id FROM preference WHERE area_id = :area"), {"area": _ABOUT}
            ).fetchall()
            found.append(clock() - began)
    return min(found)


def _fill(db: Database) -> None:
    at = f"'{datetime(2026, 3, 2, 9, 30, tzinfo=UTC):%Y-%m-%d %H:%M:%S.%f}'"
    if not db.is_sqlite:
        at = f"CAST({at} AS timestamptz)"
    numbers = _NUMBERS.format(people=PEOPLE)
    with db.write() as session:
        for number in range(_AREAS):
            session.add(Area(id=f"D9900{number}", name=f"Examplitis type {number}", origin=AreaOrigin.CURATED))
        session.flush()
        run = session.connection().exec_driver_sql
        run(_SUBSCRIBERS.format(numbers=numbers, at=at).replace("%", "%" if db.is_sqlite else "%%"))
        for first, shift, every in ((0, 0, 1), (PEOPLE, 3, 5)):
            filled = _PREFERENCES.format(numbers=numbers, at=at, first=first, shift=shift, every=every)
            run(filled if db.is_sqlite else filled.replace("%", "%%"))
    if not db.is_sqlite:
        with db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
