"""How many subscribers a second are matched, composed and committed, over 5,000 changed trials and 2,000 articles."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.composing_peers import join_of_sets, query_for_each
from benchmarks.figures import Figure
from benchmarks.together import run_together
from benchmarks.workload import DATA, fill_areas, fill_changes, fill_subscribers
from tests.postgres import find_programs, start_cluster
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema

_TRIALS, _ARTICLES = 5_000, 2_000
_SQLITE = (10_000, 100_000, 1_000_000)
_POSTGRESQL = 200_000
_PEERS = 10_000
_TARGET_SQLITE, _TARGET_WORKER, _TARGET_SPEEDUP, _TARGET_MEMORY = 60_000, 25_000, 1.6, 500


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What composing came to. ``seconds`` is the time of the slowest worker, ``memory`` (MB) that of the largest."""

    subscribers: int
    digests: int
    seconds: float
    memory: float

    @property
    def rate(self) -> float:
        return self.subscribers / self.seconds


def run() -> list[Figure]:
    """Compose on SQLite for a growing number of subscribers, and on PostgreSQL with one worker and two."""
    if not (DATA / "README.md").exists():
        return [Figure(what="composing", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    return [*_on_sqlite(), *_on_postgresql()]


def _on_sqlite() -> Iterator[Figure]:
    peers = ""
    for subscribers in _SQLITE:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "composing.db"
            with open_database(f"sqlite:///{file}") as db:
                _fill(db, subscribers)
                if subscribers == _PEERS:
                    peers = _peers(db)
            shutil.copy(file, again := file.with_name("again.db"))  # both begin from the same tables
            done = _composed(f"sqlite:///{file}")
            two = _composed(f"sqlite:///{again}", workers=2)
        yield _figure("SQLite, one process", done, _TARGET_SQLITE, peers)
        yield _figure("SQLite, two processes", two, _TARGET_SQLITE, peers)
        if subscribers == max(_SQLITE):
            yield Figure(
                what=f"SQLite, {subscribers:,} subscribers: peak memory",
                value=f"{done.memory:.0f} MB",
                target=f"≤ {_TARGET_MEMORY} MB",
                met=done.memory <= _TARGET_MEMORY,
            )


def _on_postgresql() -> Iterator[Figure]:
    programs = find_programs()
    if programs is None:
        yield Figure(what="PostgreSQL", value="not measured: its server programs are not installed")
        return
    cluster = start_cluster(programs, durable=True)
    try:
        cluster.execute("CREATE DATABASE one")
        with open_database(cluster.url("one")) as db:
            _fill(db, _POSTGRESQL)
        cluster.execute("CREATE DATABASE two TEMPLATE one")  # both begin from the same tables
        cluster.execute("CHECKPOINT")
        one = _composed(cluster.url("one"))
        yield _figure("PostgreSQL, one worker", one, _TARGET_WORKER, "")
        cluster.execute("CHECKPOINT")
        two = _composed(cluster.url("two"), workers=2)
        with open_database(cluster.url("two")) as db:
            peers = _peers(db)
        yield _figure("PostgreSQL, two workers", two, 0, peers)
        yield Figure(
            what="PostgreSQL: two workers against one",
            value=f"{two.rate / one.rate:.2f} ×",
            target=f"≥ {_TARGET_SPEEDUP} ×",
            reference="the server and both workers share the machine's cores",
            met=two.rate / one.rate >= _TARGET_SPEEDUP,
        )
    finally:
        cluster.stop()


def _fill(db: Database, subscribers: int) -> None:
    upgrade_schema(db)
    areas = fill_areas(db)
    fill_changes(db, areas, trials=_TRIALS, articles=_ARTICLES)
    fill_subscribers(db, areas, number=subscribers)
    with closing(db.engine.raw_connection()) as connection:
        connection.cursor().execute("ANALYZE")
        connection.commit()


def _composed(url: str, workers: int = 1) -> _Run:
    """Compose in processes of their own, which begin at the same moment."""
    took, told = run_together("benchmarks.composing_worker", [url], processes=workers)
    return _Run(
        subscribers=sum(each["subscribers"] for each in told),
        digests=sum(each["digests"] for each in told),
        seconds=took,
        memory=max(each["memory"] for each in told),
    )


def _peers(db: Database) -> str:
    """Return what the ways of other services reach on the same tables (without distances, ages and exclusions)."""
    return (
        f"a join of sets {join_of_sets(db, most=_PEERS):,.0f}/s, a query for each {query_for_each(db, most=300):,.0f}/s"
    )


def _figure(what: str, done: _Run, target: int, peers: str) -> Figure:
    return Figure(
        what=f"{what}: {done.subscribers:,} subscribers, {_TRIALS + _ARTICLES:,} changes",
        value=f"{done.rate:,.0f} subscribers/s ({done.digests:,} digests)",
        target=f"≥ {target:,}/s" if target else "",
        reference=peers,
        met=done.rate >= target if target else None,
    )
