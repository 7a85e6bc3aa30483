"""What pages cost with 50 visitors at a time: sign-up, suggestions, an area and its feed, one-click unsubscribing."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import urlopen

from sqlmodel import col, func, select

from benchmarks.figures import Figure
from benchmarks.visited import SETTINGS
from benchmarks.workload import fill_changes
from tests.postgres import INSTALL, find_programs, start_cluster
from trialalerts.clock import SystemClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["ASKED", "AT_ONCE", "ROUNDS", "beside", "microseconds", "one_round", "served"]

AT_ONCE, ROUNDS, ASKED, _LEAVING = 50, 3, 400, 100
_LONGEST = 60.0
_ONE_CLICK = b"List-Unsubscribe=One-Click"
_PAGES = {"the sign-up page": ("/?lang=en", 1.3), "a suggestion": ("/areas/suggest?lang=en&q=multiple", 1.5)}
_FOLLOWED = "D009422"  # diseases of the nervous system
_KEPT = {"an area's page": f"/areas/{_FOLLOWED}", "an area's feed": f"/areas/{_FOLLOWED}/feed.atom"}
_LEAST_FROM_CACHE = 0.7
_TRIALS, _ARTICLES = 500, 200


def run() -> Iterator[Figure]:
    """Ask a server in another process; beside each figure stands what empty answers of it take in the same round."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/web.db"
        with open_database(url) as db:
            links = _filled(db, areas=True)
            with db.read() as session:
                below = sorted(load_areas(session).with_below(_FOLLOWED))
            fill_changes(db, below, trials=_TRIALS, articles=_ARTICLES)
            with served(url) as server:
                yield from _pages(server)
                yield from _from_cache(server)
                yield _one_click(server, links, db, "SQLite", 0.3)
    programs = find_programs()
    if programs is None:
        yield Figure(what="one-click posts, PostgreSQL", value=f"not measured: {INSTALL}")
        return
    cluster = start_cluster(programs, durable=True)
    try:
        cluster.execute("CREATE DATABASE web")
        with open_database(cluster.url("web")) as db:
            links = _filled(db, areas=False)
            with served(cluster.url("web")) as server:
                yield _one_click(server, links, db, "PostgreSQL", 0.5)
    finally:
        cluster.stop()


@contextmanager
def served(database: str) -> Iterator[str]:
    """Serve the pages of a database by a process of their own; give its address."""
    command = [sys.executable, "-m", "benchmarks.visited", database]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def _filled(db: Database, *, areas: bool) -> list[str]:
    """Store those who will leave; return the paths of their links."""
    upgrade_schema(db)
    clock = SystemClock()
    made = Links(SETTINGS, clock)
    with db.write() as session:
        if areas:
            store_shipped(session)
        new = [NewSubscriber(address=f"p{number}@example.org") for number in range(ROUNDS * _LEAVING)]
        people = [add_subscriber(session, each, confirmed=True, how="import", now=clock.now()) for each in new]
        return [urlsplit(made.unsubscribe(each.subscriber)).path for each in people]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Microseconds an answer took in one round: what is measured, and the empty ones beside it."""

    asked: float
    empty: float
    bare: float


def one_round(server: str, paths: Sequence[str], body: bytes | None = None, *, tag: str = "") -> Round:
    """Measure something once, with empty answers beside it."""
    asked = microseconds(server, paths, body, tag)
    return Round(
        asked=asked,
        empty=microseconds(server, ["/empty"] * ASKED),
        bare=microseconds(server, ["/bare"] * ASKED),
    )


def _pages(server: str) -> Iterator[Figure]:
    for what, (path, most) in _PAGES.items():
        microseconds(server, [path])  # who comes first has it made
        rounds = [one_round(server, [path] * ASKED) for _ in range(ROUNDS)]
        ratio = statistics.median(each.asked / each.empty for each in rounds)
        yield Figure(
            what=f"{what}, {AT_ONCE} visitors at a time, by the time of an empty answer, median of {ROUNDS}",
            value=f"{ratio:.2f} × ({statistics.median(each.asked for each in rounds):.0f} µs)",
            target=f"≤ {most} ×",
            reference=beside(rounds),
            met=ratio <= most,
        )


def _from_cache(server: str) -> Iterator[Figure]:
    """Ask for what is public and kept: whole, and by whom has it already."""
    for what, path in _KEPT.items():
        with urlopen(f"{server}{path}") as answer:  # noqa: S310 - our own server; who comes first has it made
            tag, size = answer.headers["ETag"], len(answer.read())
        for how, header in ((f"whole ({size / 1000:.0f} kB)", ""), ("which the visitor has (304)", tag)):
            rounds = [one_round(server, [path] * ASKED, tag=header) for _ in range(ROUNDS)]
            ratio = statistics.median(each.empty / each.asked for each in rounds)
            yield Figure(
                what=f"{what}, {how}, {AT_ONCE} at a time, by the rate of an empty answer, median of {ROUNDS}",
                value=f"{ratio:.2f} × ({statistics.median(each.asked for each in rounds):.0f} µs)",
                target=f"≥ {_LEAST_FROM_CACHE} ×",
                reference=beside(rounds),
                met=ratio >= _LEAST_FROM_CACHE,
            )


def _one_click(server: str, links: Sequence[str], db: Database, name: str, least: float) -> Figure:
    parts = [links[at : at + _LEAVING] for at in range(0, len(links), _LEAVING)]
    rounds = [one_round(server, part, _ONE_CLICK) for part in parts]
    with db.read() as session:
        left = select(func.count(col(Subscriber.id))).where(Subscriber.state == SubscriberState.UNSUBSCRIBED)
        lost = len(links) - session.exec(left).one()
    ratio = statistics.median(each.empty / each.asked for each in rounds)
    return Figure(
        what=f"one-click posts, {name}, {AT_ONCE} at a time, by the rate of an empty answer, median of {ROUNDS}",
        value=f"{ratio:.2f} × ({statistics.median(each.asked for each in rounds):.0f} µs), {lost} of {len(links)} lost",
        target=f"≥ {least} ×, 0 lost",
        reference=beside(rounds),
        met=ratio >= least and not lost,
    )


def beside(rounds: Sequence[Round]) -> str:
    """Return what empty answers took."""
    empty, bare = (
        statistics.median(times) for times in zip(*((each.empty, each.bare) for each in rounds), strict=True)
    )
    return f"empty {empty:.0f} µs, and {bare:.0f} µs without what stands around a page"


def microseconds(server: str, paths: Sequence[str], body: bytes | None = None, tag: str = "") -> float:
    """Return the microseconds that each answer took, so many visitors asking at a time."""
    return asyncio.run(_visit(server, paths, body, tag)) / len(paths) * 1e6


async def _visit(server: str, paths: Sequence[str], body: bytes | None, tag: str) -> float:
    """Return the seconds until all paths are answered, each visitor asking for the next as soon as one is there."""
    host = urlsplit(server)
    waiting = [_request(path, host.netloc, body, tag) for path in paths]
    async with asyncio.timeout(_LONGEST):
        connections = [await asyncio.open_connection(host.hostname, host.port) for _ in range(AT_ONCE)]
        began = time.perf_counter()
        await asyncio.gather(*(_visitor(reader, writer, waiting) for reader, writer in connections))
        return time.perf_counter() - began


async def _visitor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: list[bytes]) -> None:
    while waiting:
        asked = waiting.pop()
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"\r\nIf-None-Match: " in asked and head.startswith(b"HTTP/1.1 304"):
            continue
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"The server said: {head[:60]!r}")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()


def _request(path: str, host: str, body: bytes | None, tag: str) -> bytes:
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n"
    if tag:
        head += f"If-None-Match: {tag}\r\n"
    if body is not None:
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")
