"""Importing a list of subscribers: as it was, as it is, and writing the same rows alone."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.figures import Figure
from benchmarks.importing_row_by_row import import_row_by_row
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.outbox.confirmations import request_confirmations
from trialalerts.subscribers.files.bulk_import import read_csv, store_list
from trialalerts.subscribers.files.csv_rows import CsvRowReader
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.places.loading import load_places

__all__ = ["run"]

ROWS = int(os.environ.get("BENCHMARK_ROWS", "100000"))
_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_CONSENT = "members' list of 2025"
_AREAS = ("multiple sclerosis", "asthma", "breast cancer", "cystic fibrosis", "lupus", "epilepsy", "type 1 diabetes")
_REGIONS = ("Leeds, GB", "London, England, GB", "Germany", "anywhere", "California, US", "Paris, FR")
_TABLES = ("subscriber", "preference", "consent")


def run() -> list[Figure]:
    """Measure the processor time of each on SQLite."""
    text = _list(ROWS)
    with tempfile.TemporaryDirectory() as folder, _prepared(Path(folder)) as empty:
        before = _measured(empty, partial(_as_it_was, text=text))
        today = _measured(empty, partial(_as_it_is, text=text))
        plain = _rows_alone(empty, Path(folder) / "_as_it_is.db")
    what = f"importing {ROWS:,} lines, processor time"
    beside = f"a plain executemany of the same rows {plain:.1f} s"
    return [
        Figure(what=f"{what}, as it was", value=f"{before:.1f} s", reference=beside),
        Figure(
            what=what,
            value=f"{today:.1f} s, {today / plain:.1f} times the rows alone",
            target=f"{before / 2:.1f} s, half of that",
            reference=beside,
            met=today <= before / 2,
        ),
    ]


def _list(rows: int) -> str:
    draw = Random(1)
    lines = (
        f'person{number}@mail{number % 400}.example.org,{draw.choice(_AREAS)},"{draw.choice(_REGIONS)}",yes\n'
        for number in range(rows)
    )
    return "address,area,region,confirmed\n" + "".join(lines)


@contextmanager
def _prepared(folder: Path) -> Iterator[Path]:
    path = folder / "empty.db"
    with open_database(f"sqlite:///{path}") as db:
        upgrade_schema(db)
        with db.write() as session:
            store_shipped(session)
            load_places(session)
    yield path


def _measured(empty: Path, work: Callable[[Database], None]) -> float:
    name = work.func.__name__ if isinstance(work, partial) else "work"
    path = shutil.copy(empty, empty.with_name(f"{name}.db"))
    with open_database(f"sqlite:///{path}") as db:
        began = time.process_time()
        work(db)
        return time.process_time() - began


def _as_it_was(db: Database, *, text: str) -> None:
    with db.write() as session:
        import_row_by_row(session, text, consent=_CONSENT, now=_NOW)


def _as_it_is(db: Database, *, text: str) -> None:
    with db.read() as session:
        reader = CsvRowReader(
            session,
            load_areas(session),
            locale="en",
            timezone="Europe/London",
            confirmed=True,
            now=_NOW,
            others={"consent": _CONSENT},
        )
        found = read_csv(session, reader, io.StringIO(text, newline=""), mapping={}, needs_area=True)
    store_list(db, found, ask=partial(request_confirmations, now=_NOW, domain="example.org"), now=_NOW)


def _rows_alone(empty: Path, filled: Path) -> float:
    """Return how long writing alone takes: the rows of an import, given to the driver table by table."""
    with sqlite3.connect(filled) as source:
        tables = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}
    with sqlite3.connect(shutil.copy(empty, empty.with_name("plain.db"))) as target:
        began = time.process_time()
        for table, rows in tables.items():
            target.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        target.commit()
        return time.process_time() - began
