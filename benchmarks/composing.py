"""How many subscribers a second are matched, composed and committed, on SQLite, with workload W."""

from __future__ import annotations

import resource
import tempfile
import time

from benchmarks.figures import Figure
from benchmarks.workload import DATA, fill_areas, fill_changes, fill_subscribers
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.database.schema import upgrade
from trialalerts.digests.compose import compose_due
from trialalerts.settings import ServiceSettings, Settings

_TARGET = 60_000


def run() -> list[Figure]:
    """Compose for a growing number of subscribers, over a small window of changes and over a very large one."""
    if not (DATA / "README.md").exists():
        return [Figure(what="composing", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    return [
        _measured(subscribers, trials, articles)
        for subscribers, trials, articles in ((2_000, 500, 200), (10_000, 500, 200), (2_000, 5_000, 2_000))
    ]


def _measured(subscribers: int, trials: int, articles: int) -> Figure:
    settings = Settings(service=ServiceSettings(secret="a secret of the benchmarks"))
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/composing.db") as db:
        upgrade(db)
        areas = fill_areas(db)
        fill_changes(db, areas, trials=trials, articles=articles)
        fill_subscribers(db, areas, number=subscribers)
        began = time.perf_counter()
        count = compose_due(db, settings, SystemClock())
        took = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figure(
        what=f"{subscribers:,} subscribers, {trials + articles:,} changes",
        value=f"{subscribers / took:,.0f} subscribers/s",
        target=f"≥ {_TARGET:,}/s",
        reference=f"{count.digests:,} digests of {count.entries / max(count.digests, 1):.0f} entries; {memory:.0f} MB",
        met=subscribers / took >= _TARGET,
    )
