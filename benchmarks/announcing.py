"""Queueing an announcement to many people, of whom all follow something."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.workload import DATA, fill_areas, fill_subscribers
from tests.postgres import find_programs, start_cluster
from trialalerts.clock import SystemClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.digests.announcements.queueing import (
    NewAnnouncement,
    people_addressed,
    queue_announcement,
    start_announcement,
)
from trialalerts.settings import Settings

PEOPLE = int(os.environ.get("BENCHMARK_PEOPLE", "100000"))


def run() -> list[Figure]:
    """Count them, then queue their mails; 100,000 on SQLite are to take five seconds at most."""
    if not (DATA / "README.md").exists():
        return [Figure(what="announcing", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        figures = list(_announced("SQLite", f"sqlite:///{Path(folder) / 'announcing.db'}"))
    programs = find_programs()
    if programs is None:
        return [*figures, Figure(what="PostgreSQL", value="not measured: its server programs are not installed")]
    cluster = start_cluster(programs, durable=True)
    try:
        cluster.execute("CREATE DATABASE announcing")
        return [*figures, *_announced("PostgreSQL", cluster.url("announcing"))]
    finally:
        cluster.stop()


def _announced(kind: str, url: str) -> Iterator[Figure]:
    clock = SystemClock()
    with open_database(url) as db:
        upgrade_schema(db)
        fill_subscribers(db, fill_areas(db), number=PEOPLE)
        new = NewAnnouncement(name="moved.md", title="We have moved", not_before=clock.now())
        began = time.perf_counter()
        with db.read() as session:
            people = {who for each in people_addressed(session, new, clock.now().date()) for who in each.people}
        counted = time.perf_counter() - began
        yield Figure(what=f"{kind}: counting {len(people):,} of {PEOPLE:,} subscribers", value=f"{counted:.2f} s")
        yield _queued(kind, db, clock, new)


def _queued(kind: str, db: Database, clock: SystemClock, new: NewAnnouncement) -> Figure:
    began, used = time.perf_counter(), time.process_time()
    with db.write() as session:
        number = start_announcement(session, new, now=clock.now()).id or 0
    mails = queue_announcement(db, Settings(), clock, number)
    took, used = time.perf_counter() - began, time.process_time() - used
    return Figure(
        what=f"{kind}: queueing {mails:,} mails, counting included",
        value=f"{took:.2f} s ({used:.2f} s of the processor)",
        reference="5 s wanted for 100,000 on SQLite" if kind == "SQLite" else "",
    )
