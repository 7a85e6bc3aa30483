"""What an operator's questions cost with many subscribers: a list, a replay of a week, a dry run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest.mock import patch

from benchmarks.figures import Figure
from benchmarks.workload import DATA, fill_areas, fill_changes, fill_subscribers
from tests.postgres import find_programs, start_cluster
from trialalerts.cli.main import main
from trialalerts.clock import SystemClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.vocabulary.places.loading import load_places

PEOPLE = int(os.environ.get("BENCHMARK_PEOPLE", "100000"))
_TRIALS, _ARTICLES = 500, 200
_SECRET = "a secret of the benchmarks, long enough"
_LIST = ("subscribers", "list")


def run() -> list[Figure]:
    """Ask by the command line, in this process; the time of the processor, on PostgreSQL that of the clock."""
    if not (DATA / "README.md").exists():
        return [Figure(what="questions", value=f"not measured: {DATA} is missing (set TRIALALERTS_TEST_DATA)")]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        figures = list(_asked("SQLite", f"sqlite:///{Path(folder) / 'questions.db'}", time.process_time))
    programs = find_programs()
    if programs is None:
        return [*figures, Figure(what="PostgreSQL", value="not measured: its server programs are not installed")]
    cluster = start_cluster(programs, durable=True)
    try:
        cluster.execute("CREATE DATABASE questions")
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            return [*figures, *_asked("PostgreSQL", cluster.url("questions"), time.perf_counter)]
    finally:
        cluster.stop()


def _asked(kind: str, url: str, clock: Callable[[], float]) -> Iterator[Figure]:
    with open_database(url) as db:
        upgrade_schema(db)
        areas = fill_areas(db)
        with db.write() as session:
            load_places(session)
        fill_changes(db, areas, trials=_TRIALS, articles=_ARTICLES)
        fill_subscribers(db, areas, number=PEOPLE)
        rows = _timed(clock, lambda: _all_rows(db))
        name = f"{kind}, {PEOPLE:,} subscribers"
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, _environment(url)))
            _command(*_LIST, "--count", "--area", areas[0])  # imports, once
            for words in (
                ("--limit", "0"),
                ("--search", "s9999"),
                ("--count", "--area", areas[0], "--region", "Germany"),
            ):
                took = _timed(clock, partial(_command, *_LIST, *words))
                yield _figure(f"{name}: `subscribers list {_shown(words)}`", took, rows, "reading all rows")
            replayed = _timed(clock, lambda: _command("digests", "replay", "--since", "2025-12-01"))
            tried = _timed(clock, lambda: _command("run", "--once", "--dry-run", "--no-poll", "--json"))
        composed = _timed(clock, lambda: Pipeline(_settings(url), db, SystemClock()).compose())
    yield _figure(f"{name}: `digests replay` of all", replayed, composed, "composing the same digests")
    yield _figure(f"{name}: `run --once --dry-run`", tried, composed, "composing the same digests")


def _shown(words: tuple[str, ...]) -> str:
    return " ".join(word for word in words if word.startswith("--") or word == "0")


def _all_rows(db: Database) -> None:
    with db.read() as session:
        session.connection().exec_driver_sql("SELECT * FROM subscriber").fetchall()


def _figure(what: str, seconds: float, reference: float, beside: str) -> Figure:
    value = f"{seconds:.2f} s ({seconds / reference:.1f} ×)"
    return Figure(what=what, value=value, reference=f"{beside} {reference:.2f} s")


def _timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    began = clock()
    work()
    return clock() - began


def _command(*words: str) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        try:
            main(words)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"{' '.join(words)} ended with {ended.code}") from None


def _environment(url: str) -> dict[str, str]:
    return {"TRIALALERTS_DATABASE__URL": url, "TRIALALERTS_SERVICE__SECRET": _SECRET}


def _settings(url: str) -> Settings:
    return Settings.model_validate({"database": {"url": url}, "service": {"secret": _SECRET}})
