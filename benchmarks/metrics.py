"""What a scrape of ``/metrics`` and a look at ``/readyz`` cost with 100,000 subscribers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from benchmarks.figures import Figure
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.settings import Settings
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

_PEOPLE, _MAILS, _ROUNDS = 100_000, 400_000, 15
_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def run() -> list[Figure]:
    """Ask a real server; beside it what an empty answer of the same server takes."""
    settings = Settings.model_validate({"web": {"port": 0}, "service": {"secret": "a secret of the benchmarks"}})
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/metrics.db") as db:
        upgrade_schema(db)
        _fill(db)
        server = WebServer(settings, create_app(settings, db, FrozenClock(_NOW)))
        server.start()
        try:
            with httpx.Client(base_url=server.url) as client:
                empty = _best(lambda: client.get("/static/icon.svg"))
                client.get("/metrics")  # the counts that the watch makes every five minutes
                scrape, ready = _best(lambda: client.get("/metrics")), _best(lambda: client.get("/readyz"))
        finally:
            server.stop()
    beside = f"an answer from memory {empty * 1000:.1f} ms"
    return [
        Figure(
            what=f"`/metrics` with {_PEOPLE:,} subscribers and {_MAILS:,} mails, best of {_ROUNDS}",
            value=f"{scrape * 1000:.0f} ms ({scrape / empty:.0f} ×)",
            target="≤ 50 ms",
            reference=beside,
            met=scrape <= 0.05,
        ),
        Figure(what="`/readyz`", value=f"{ready * 1000:.0f} ms ({ready / empty:.0f} ×)", reference=beside),
    ]


def _best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def _fill(db: Database) -> None:
    """Write people whose next digests are spread over a week, and the mails that each of them got."""
    days = [f"{_NOW + timedelta(days=1 + day):%Y-%m-%d %H:%M:%S.%f}" for day in range(7)]
    at = f"{_NOW:%Y-%m-%d %H:%M:%S.%f}"
    people = [
        (number, f"k{number}", f"a{number}@example.org", f"a{number}@example.org", days[number % 7], at)
        for number in range(1, _PEOPLE + 1)
    ]
    mails = [(1 + number % _PEOPLE, f"<{number}@example.org>", at, at, at) for number in range(_MAILS)]
    with db.write() as session:
        cursor = session.connection().connection.cursor()
        cursor.executemany(
            "INSERT INTO subscriber (id, key, address, address_key, state, locale, timezone, frequency, hour, weekday, "
            "day, next_due_at, cursor, created_at) "
            "VALUES (?, ?, ?, ?, 'active', 'en', 'UTC', 'weekly', 8, 0, 1, ?, 0, ?)",
            people,
        )
        cursor.executemany(
            "INSERT INTO delivery (kind, subscriber_id, data, message_id, state, attempts, not_before, created_at, "
            "sent_at, transport) VALUES ('digest', ?, '{}', ?, 'sent', 1, ?, ?, ?, 'smtp')",
            mails,
        )
