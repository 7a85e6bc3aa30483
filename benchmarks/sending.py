"""From queued rows to acknowledged rows, rendering included, into Postfix's smtp-sink; and memory with a long queue."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.letters import fill
from benchmarks.postal import source_rate
from benchmarks.together import run_together
from tests import postgres
from tests.delivery.smtp_sink import INSTALL, find_program, running
from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema

_CONNECTIONS = 5
_PROCESSES = (1, 2)
_SHARE = 0.8
_MOST_MEGABYTES = 200
_QUEUED = 1_000_000
_SENT_OF_QUEUED = 30_000


@dataclass(frozen=True, kw_only=True)
class _Size:
    name: str
    items: int
    digests: int
    target: int


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What sending came to. Of several processes: the time of all together, the memory of the largest."""

    sent: int
    seconds: float
    cpu: float
    megabytes: float
    size: int

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds


_SIZES = (
    _Size(name="one item", items=1, digests=60_000, target=5_000),
    _Size(name="ten items", items=10, digests=30_000, target=2_500),
)


def run() -> list[Figure]:
    """Send short and long digests from SQLite and PostgreSQL, by one process and two; then a part of a million."""
    if find_program("smtp-sink") is None or find_program("smtp-source") is None:
        return [Figure(what="sending", value=f"not measured: {INSTALL}")]
    figures = []
    for kind in ("SQLite", "PostgreSQL"):
        figures += [each for size in _SIZES for processes in _PROCESSES for each in _measured(kind, size, processes)]
        figures.append(_memory(kind))
    return figures


def _measured(kind: str, size: _Size, processes: int) -> Iterator[Figure]:
    with _database(kind) as url, running() as port:
        if not url:
            yield Figure(what=f"{size.name}, {kind}", value=f"not measured: {postgres.INSTALL}")
            return
        _fill(url, people=size.digests, digests=size.digests, items=size.items)
        done = _send(url, port, size.digests, processes)
        beside = source_rate(port, messages=size.digests, size=done.size, connections=_CONNECTIONS)
    what = f"{size.name} ({done.size / 1000:.1f} kB), {kind}, processes: {processes}"
    yield Figure(
        what=what,
        value=f"{done.rate:,.0f}/s, {1e6 * done.cpu / done.sent:,.0f} µs of processor each",
        target=f"≥ {size.target:,}/s",
        reference=f"{done.megabytes:.0f} MB each process",
        met=done.rate >= size.target,
    )
    yield Figure(
        what=f"{what}: against smtp-source",
        value=f"{done.rate / beside:.2f} ×",
        target=f"≥ {_SHARE} ×",
        reference=f"smtp-source {beside:,.0f}/s: mails that it need not write",
        met=done.rate >= _SHARE * beside,
    )


def _memory(kind: str) -> Figure:
    what = f"peak memory, {_QUEUED:,} queued, {_SENT_OF_QUEUED:,} of them sent, {kind}"
    with _database(kind) as url, running() as port:
        if not url:
            return Figure(what=what, value=f"not measured: {postgres.INSTALL}")
        _fill(url, people=50_000, digests=_QUEUED, items=10)
        done = _send(url, port, _SENT_OF_QUEUED)
    return Figure(
        what=what,
        value=f"{done.megabytes:.0f} MB",
        target=f"≤ {_MOST_MEGABYTES} MB",
        reference=f"{done.rate:,.0f}/s from the head of that queue",
        met=done.megabytes <= _MOST_MEGABYTES,
    )


def _fill(url: str, *, people: int, digests: int, items: int) -> None:
    with open_database(url) as db:
        upgrade_schema(db)
        fill(db, people=people, digests=digests, items=items)


def _send(url: str, port: int, limit: int, processes: int = 1) -> _Run:
    """Send so many with processes that begin at the same moment, each over :data:`_CONNECTIONS` connections."""
    arguments = [url, str(port), str(_CONNECTIONS), str(limit)]
    took, told = run_together("benchmarks.sending_process", arguments, processes=processes)
    sent = sum(each["sent"] for each in told)
    if sent != limit:
        raise RuntimeError(f"{sent} of {limit} were sent")
    return _Run(
        sent=sent,
        seconds=took,
        cpu=sum(each["cpu"] for each in told),
        megabytes=max(each["megabytes"] for each in told),
        size=max(each["size"] for each in told),
    )


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """Give the URL of an empty database, "" where PostgreSQL is not installed; it runs without fsync, as in tests."""
    if kind == "SQLite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/sending.db"
        return
    programs = postgres.find_programs()
    if programs is None:
        yield ""
        return
    cluster = postgres.start_cluster(programs)
    try:
        cluster.execute("CREATE DATABASE sending")
        yield cluster.url("sending")
    finally:
        cluster.stop()
