"""What the whole registry asks of a small machine: one newcomer, an estimate, a preview, the doctor, a sweep.

The real studies, multiplied under new numbers with other sites and areas, are stored as a baseline stores them; their
rows are repeated until there are as many as ClinicalTrials.gov has. About an eighth is open. Each step runs in a
process of its own, so that its memory can be told; beside it stands what it takes to read the open trials once.

``python -m benchmarks.registry 40000`` measures a smaller one, and keeps it in the folder that a second word names.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.figures import Figure, peak_megabytes

__all__ = ["run"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
_STUDIES = _DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz"
_WHOLE = 577_000
_OPEN = 70 / 577
_CHANGED = 5_000
_WEEKS = 4
_STORED = 40_000
"""So many are stored as their records say; the others repeat their rows under new numbers."""
_AT_ONCE = 2_000
_OVER = ("COMPLETED", "TERMINATED", "ACTIVE_NOT_RECRUITING", "UNKNOWN", "NOT_YET_RECRUITING")
_SWEPT = datetime(2026, 3, 1, tzinfo=UTC)
_NOW = _SWEPT + timedelta(days=60)
_CONFIG = """
[service]
name = "Example Alerts"
secret = "a secret of the benchmark, long enough"
[database]
url = "{url}"
[mail]
url = "file:{folder}/outbox"
[[sources]]
name = "ctgov"
kind = "clinicaltrials_gov"
url = "http://127.0.0.1:9/"
"""


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A step, how it is told, and what is wanted of it: seconds and megabytes."""

    name: str
    what: str
    seconds: float
    megabytes: float | None = None


_STEPS = (
    _Step(name="newcomer", what="a round with one newcomer", seconds=1.0, megabytes=250),
    _Step(
        name="estimate",
        what="an estimate on the web, the slowest of six, the first included",
        seconds=0.3,
        megabytes=200,
    ),
    _Step(name="preview", what="a preview of a first digest", seconds=1.0),
    _Step(name="doctor", what="`doctor`", seconds=2.0),
    _Step(name="once", what="`run --once` with nothing new", seconds=2.0),
    _Step(name="sweep", what=f"a sweep of {_CHANGED:,} changed, from records to committed changes", seconds=15.0),
)


def run(trials: int = _WHOLE, folder: Path | None = None) -> list[Figure]:
    """Make the registry, unless ``folder`` holds it already, and measure each step on it."""
    if not _STUDIES.exists():
        return [Figure(what="the registry", value=f"not measured: {_STUDIES} is missing (set TRIALALERTS_TEST_DATA)")]
    with tempfile.TemporaryDirectory() as name:
        where = folder or Path(name)
        file = where / "registry.db"
        made = _call("make", file, trials) if not file.exists() else None
        return list(_figures(file, trials, made))


def _figures(file: Path, trials: int, made: dict[str, Any] | None) -> Iterator[Figure]:
    if made:
        yield Figure(
            what=f"{trials:,} trials stored",
            value=f"{made['rate']:,.0f}/s",
            reference=f"{made['open']:,} of them open; {made['changes']:,} changes in {_WEEKS} weeks",
        )
    size = file.stat().st_size / trials
    yield Figure(
        what="the database", value=f"{size / 1000:.2f} kB a trial", target="≤ 4 kB", met=size <= 4_000,
        reference=f"{file.stat().st_size / 1e6:,.0f} MB",
    )  # fmt: skip
    for step in _STEPS:
        plain, done = _call("plain", file), _call(step.name, file)
        met = done["seconds"] <= step.seconds and (step.megabytes is None or done["megabytes"] <= step.megabytes)
        most = f", ≤ {step.megabytes:.0f} MB" if step.megabytes else ""
        yield Figure(
            what=step.what,
            value=f"{done['seconds']:.2f} s ({done['processor']:.2f} s of processor), {done['megabytes']:.0f} MB"
            f"{done.get('more', '')}",
            target=f"≤ {step.seconds:g} s{most}",
            reference=f"the facts of what is open, read once: {plain['seconds']:.2f} s ({plain['processor']:.2f})",
            met=met,
        )


def _call(step: str, file: Path, *words: object) -> dict[str, Any]:
    """Run a step in a process of its own; return what it printed last."""
    command = [sys.executable, "-m", "benchmarks.registry", step, str(file), *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=_REPOSITORY, env=_environment())
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _make(file: Path, trials: str) -> dict[str, Any]:
    """Store the vocabularies that come with the program, the trials as a baseline does, and some weeks of changes."""
    from trialalerts.bootstrap import prepare
    from trialalerts.catalog.store import store_items
    from trialalerts.database import open_database
    from trialalerts.settings import read_settings
    from trialalerts.sources.tables import SourceState

    config = _configured(file)
    with open_database(f"sqlite:///{file}") as db:
        prepare(db, read_settings(config))
        makers = _Copies(db)
        began = time.perf_counter()
        stored = min(int(trials), _STORED)
        for start in range(0, stored, _AT_ONCE):
            with db.write() as session:
                drafts = makers.drafts(range(start, min(start + _AT_ONCE, stored)))
                store_items(session, drafts, baseline=True, now=_SWEPT)
        seconds = time.perf_counter() - began
        with db.write() as session:
            session.add(
                SourceState(name="ctgov", kind="clinicaltrials_gov", baseline_done_at=_SWEPT, next_poll_at=_NOW)
            )
        for day in range(_WEEKS * 7):
            some = range(day, stored, _WEEKS * 7 * 20)
            with db.write() as session:
                drafts = [makers.changed(n) for n in some]
                store_items(session, drafts, baseline=False, now=_NOW - timedelta(days=_WEEKS * 7 - day))
        _subscribe(db)
    with closing(sqlite3.connect(file)) as connection:
        _repeat(connection, stored, int(trials))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (still_open,) = connection.execute("SELECT count(*) FROM item WHERE is_open").fetchone()
        (changes,) = connection.execute("SELECT count(*) FROM change").fetchone()
    return {"rate": stored / seconds, "open": still_open, "changes": changes}


def _repeat(connection: sqlite3.Connection, stored: int, trials: int) -> None:
    """Repeat the rows of the trials that were stored under new numbers: as many as there are to be."""
    (last,) = connection.execute("SELECT max(id) FROM item").fetchone()
    connection.execute("CREATE TEMP TABLE told AS SELECT * FROM change")
    connection.execute("CREATE TEMP TABLE copy AS SELECT 0 AS shift")
    for first in range(stored, trials, stored):
        shift, most = first // stored * last, last if trials - first >= stored else trials - first
        connection.execute("INSERT INTO copy VALUES (?)", [shift])
        number = f"'NCT' || (substr(external_id, 4) + {first})"
        _insert_again(connection, "item", {"id": f"id + {shift}", "external_id": number}, f"id <= {most}")
        _insert_again(
            connection, "record", {"id": f"id + {shift}", "item_id": f"item_id + {shift}", "external_id": number},
            f"item_id <= {most}",
        )  # fmt: skip
        number = f"'NCT' || (substr(number, 4) + {first})"
        _insert_again(
            connection, "item_number", {"number": number, "item_id": f"item_id + {shift}"},
            f"item_id <= {most} AND number LIKE 'NCT%'",
        )  # fmt: skip
        for table in ("item_outline", "item_term"):
            _insert_again(connection, table, {"item_id": f"item_id + {shift}"}, f"item_id <= {most}")
        connection.commit()
    connection.execute("DELETE FROM change")
    connection.execute(
        "INSERT INTO change (seq, item_id, kind, before, after, at) "
        "SELECT row_number() OVER (ORDER BY at, seq, shift), item_id + shift, kind, before, after, at "
        "FROM told CROSS JOIN copy WHERE item_id + shift IN (SELECT id FROM item)"
    )
    connection.execute("UPDATE counter SET value = (SELECT max(seq) FROM change) WHERE name = 'change'")
    connection.commit()


def _insert_again(connection: sqlite3.Connection, table: str, other: dict[str, str], which: str) -> None:
    """Insert rows of a table once more, some of their columns being others."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(other.get(column, column) for column in columns)
    connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {which}")


def _configured(file: Path) -> Path:
    config = file.with_name("trialalerts.toml")
    config.write_text(_CONFIG.format(url=f"sqlite:///{file}", folder=file.parent))
    return config


class _Copies:
    """The real studies under any number, each copy somewhere else and mostly about something else."""

    def __init__(self, db: Any) -> None:
        from trialalerts.vocabulary.areas.tree import load_areas

        with db.read() as session:
            tree = load_areas(session)
        self._above = tree.ancestors
        self._areas = [node.id for node in tree.nodes if tree.parents(node.id)]
        random.Random(3).shuffle(self._areas)
        self._originals = _originals(db)
        self._sites = [site for draft in self._originals for site in draft.facts.sites]

    def drafts(self, numbers: range) -> list[Any]:
        return [self._copy(number, None) for number in numbers]

    def changed(self, number: int) -> Any:
        """Return a copy as its registry says it today: most take no more people, some do now."""
        return self._copy(number, "RECRUITING" if number % 3 == 0 else "ACTIVE_NOT_RECRUITING")

    def _copy(self, number: int, status: str | None) -> Any:
        from trialalerts.catalog.draft import AreaTag

        dice = random.Random(number)
        draft = self._originals[number % len(self._originals)]
        name = f"NCT{10_000_000 + number:08}"
        status = status or ("RECRUITING" if dice.random() < _OPEN else dice.choice(_OVER))
        sites = [self._sites[int(dice.random() * len(self._sites))] for _ in draft.facts.sites]
        own = "RECRUITING" if status == "RECRUITING" else None
        facts = draft.facts.model_copy(
            update={
                "numbers": (name,),
                "status": status,
                "sites": tuple(site.model_copy(update={"status": own}) for site in sites),
            }
        )
        areas, ancestors = draft.areas, draft.ancestors
        if dice.random() < 0.8:  # a few diseases have most of the trials
            found = {self._areas[int(len(self._areas) * dice.random() ** 3)] for _ in range(dice.choice((1, 1, 2, 3)))}
            areas = [AreaTag(id=area, in_title=True) for area in sorted(found)]
            ancestors = sorted(set().union(*map(self._above, found)))
        return replace(
            draft, external_id=name, aliases=(), url=f"https://clinicaltrials.gov/study/{name}", facts=facts,
            areas=areas, ancestors=ancestors,
        )  # fmt: skip


def _originals(db: Any) -> list[Any]:
    from trialalerts.clock import SystemClock
    from trialalerts.settings import Settings
    from trialalerts.sources.context import SourceContext

    with gzip.open(_STUDIES) as lines, SourceContext(db, Settings(), SystemClock()) as context:
        return _read([orjson.loads(line)["study"] for line in lines], context)


def _read(studies: Sequence[Any], context: Any) -> list[Any]:
    from tests.sources.study_reader import read_study

    read = [
        read_study(study, context.locator, context.conditions, source="ctgov", position=str(n), topics=context.topics)[
            0
        ]
        for n, study in enumerate(studies)
    ]
    return [draft for draft in read if draft is not None]


# --- who asks


def _subscribe(db: Any) -> None:
    """Store somebody who is new, and somebody who was served and is not due."""
    from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, Preference, Subscriber, SubscriberState

    with db.write() as session:
        for name, cursor, due in (("newcomer", NEVER_SERVED, _NOW), ("known", 0, _NOW + timedelta(days=5))):
            subscriber = Subscriber(
                key=f"key-of-{name}", address=f"{name}@example.org", address_key=f"{name}@example.org",
                state=SubscriberState.ACTIVE, locale="en", timezone="UTC", frequency=Frequency.WEEKLY, next_due_at=due,
                cursor=cursor, created_at=_NOW, confirmed_at=_NOW,
            )  # fmt: skip
            session.add(subscriber)
            session.flush()
            for wanted in _followed(session)[:2]:
                session.add(
                    Preference(
                        subscriber_id=subscriber.id or 0,
                        created_at=_NOW,
                        confirmed_at=_NOW,
                        introduced_at=None if cursor == NEVER_SERVED else _NOW,
                        **wanted,
                    )
                )


def _followed(session: Any) -> list[dict[str, Any]]:
    """Return what people follow: a disease near a town, one in a country, one anywhere, a whole branch of them."""
    from trialalerts.subscribers.tables import RegionKind
    from trialalerts.vocabulary.areas.tree import load_areas

    tree = load_areas(session)
    near = {"region_kind": RegionKind.PLACE, "region_label": "Leeds", "country": "GB", "latitude": 53.8,
            "longitude": -1.55, "radius_km": 100.0}  # fmt: skip
    country = {"region_kind": RegionKind.COUNTRY, "region_label": "the United States", "country": "US"}
    anywhere = {"region_kind": RegionKind.ANYWHERE, "region_label": "anywhere"}
    asthma, breast, all_cancer = (tree.find(name).id for name in ("Asthma", "Breast cancer", "Cancer"))
    return [
        {"area_id": asthma, **near},
        {"area_id": breast, **country},
        {"area_id": tree.find("Multiple sclerosis").id, **anywhere},
        {"area_id": tree.find("Melanoma").id, **country, "sex": "female"},
        {"area_id": all_cancer, **near},
        {"area_id": all_cancer, **country},
    ]


# --- the steps


def _plain(file: Path) -> dict[str, Any]:
    """Read the facts of what is open, no more: what any matcher pays that reads everything."""
    from trialalerts.database.packing.dictionary import unpack

    with closing(sqlite3.connect(file)) as connection:
        watch = _Watch()
        read = sum(len(orjson.loads(unpack(facts))) > 0 for (facts,) in connection.execute(_PLAIN))
        return _done(*watch.read(), f"{read:,}")


_PLAIN = "SELECT facts FROM item WHERE is_open"


def _opened(file: Path) -> tuple[Any, Any, Any]:
    from trialalerts.cli.main import collect_seldom
    from trialalerts.clock import FrozenClock
    from trialalerts.database import open_database
    from trialalerts.settings import read_settings

    collect_seldom()  # as the daemon and the web process do
    return open_database(f"sqlite:///{file}"), read_settings(_configured(file)), FrozenClock(_NOW)


def _newcomer(file: Path) -> dict[str, Any]:
    from trialalerts.digests.compose import compose_due

    with _copied(file) as copy:
        db, settings, clock = _opened(copy)
        watch = _Watch()
        count = compose_due(db, settings, clock)
        took = watch.read()
        assert count.digests == 1, count
        with db.read() as session:
            told = session.connection().exec_driver_sql("SELECT numbers FROM selection").scalars().all()
        db.dispose()
    return _done(*took, f"; {sum(len(orjson.loads(numbers)) for numbers in told):,} items told")


def _estimate(file: Path) -> dict[str, Any]:
    """Ask as a visitor does, of a web process that was just started, without its pages."""
    from trialalerts.matching.estimate import Estimator
    from trialalerts.subscribers.tables import Preference
    from trialalerts.vocabulary.areas.tree import load_areas
    from trialalerts.web.app import create_app

    db, settings, clock = _opened(file)
    create_app(settings, db, clock)
    with db.read() as session:  # the pages keep the areas
        wanted, areas = _followed(session), load_areas(session)
    took, told = [], []
    for values in wanted:
        preference = Preference(subscriber_id=0, created_at=_NOW, **values)
        watch = _Watch()
        with db.read() as session:
            found = Estimator(session, areas, _NOW).of(preference)
        took.append(watch.read())
        told.append((found.recruiting_now, found.changes_a_week))
    db.dispose()
    each = ", ".join(
        f"{now:,}/{week if week is None else round(week):,} {seconds * 1000:.0f} ms"
        for (now, week), (seconds, _) in zip(told, took, strict=True)
    )
    return _done(*max(took), f"; open/a week: {each}")


def _preview(file: Path) -> dict[str, Any]:
    from sqlmodel import select

    from trialalerts.digests.preview import preview_digest
    from trialalerts.subscribers.tables import Subscriber

    db, settings, clock = _opened(file)
    watch = _Watch()
    with db.read() as session:
        subscriber = session.exec(select(Subscriber).where(Subscriber.key == "key-of-newcomer")).one()
        found = preview_digest(session, settings, clock, subscriber)
    took = watch.read()
    db.dispose()
    assert found.message is not None
    return _done(*took, f"; {len(found.entries):,} entries")


def _doctor(file: Path) -> dict[str, Any]:
    return _command(file, "doctor")


def _once(file: Path) -> dict[str, Any]:
    """Run a round in which nothing is new: no source is due, nobody is."""
    with _copied(file) as copy:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("UPDATE subscriber SET state = 'unsubscribed'")
            connection.execute("UPDATE source SET next_poll_at = datetime('now', '+1 hour') || '.000000'")
            connection.commit()
        _command(copy, "run", "--once", ends=(0,))  # the first one makes the counts that the next ones find
        return _command(copy, "run", "--once", ends=(0,))


def _command(file: Path, *words: str, ends: Collection[int] = (0, 1)) -> dict[str, Any]:
    """Run a command, which is to end with one of these codes: the doctor has something to say of any new service."""
    program = str(Path(sys.executable).with_name("trialalerts"))
    began = time.perf_counter()
    done = subprocess.Popen(
        [program, "--config", str(_configured(file)), *words],
        cwd=file.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(),
    )  # fmt: skip
    _, ended, used = os.wait4(done.pid, 0)
    if (code := os.waitstatus_to_exitcode(ended)) not in ends:
        raise RuntimeError(f"{' '.join(words)} ended with {code}")
    processor = used.ru_utime + used.ru_stime
    return {"seconds": time.perf_counter() - began, "processor": processor, "megabytes": used.ru_maxrss / 1024}


def _sweep(file: Path) -> dict[str, Any]:
    """Read studies and store them: each of them has changed."""
    from trialalerts.catalog.store import store_items

    with _copied(file) as copy:
        db, _, _ = _opened(copy)
        makers = _Copies(db)
        drafts = [makers.changed(number) for number in range(1, _CHANGED * 7, 7)]
        reading, watch, changes = _reading(db), _Watch(), 0
        for start in range(0, _CHANGED, 500):
            with db.write() as session:
                changes += store_items(session, drafts[start : start + 500], baseline=False, now=_NOW).changes
        seconds, processor = watch.read()
        db.dispose()
    return _done(
        reading[0] + seconds, reading[1] + processor,
        f"; {changes:,} changes, reading {reading[0]:.1f} s, storing {seconds:.1f} s",
    )  # fmt: skip


def _reading(db: Any) -> tuple[float, float]:
    """Return how long it takes to read as many studies as a sweep has, once their towns are known."""
    from trialalerts.clock import SystemClock
    from trialalerts.settings import Settings
    from trialalerts.sources.context import SourceContext

    with gzip.open(_STUDIES) as lines, SourceContext(db, Settings(), SystemClock()) as context:
        studies = [orjson.loads(line)["study"] for line in lines]
        _read(studies, context)
        watch = _Watch()
        for start in range(0, _CHANGED, len(studies)):
            _read(studies[: _CHANGED - start], context)
        return watch.read()


class _Watch:
    """Measures seconds, and those of this process alone: the machine may have other work."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


@contextmanager
def _copied(file: Path) -> Iterator[Path]:
    """Give a copy to write into, so that each step finds the registry as it was made."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        copy = Path(folder) / "registry.db"
        shutil.copy(file, copy)
        yield copy


def _done(seconds: float, processor: float, more: str) -> dict[str, Any]:
    return {"seconds": seconds, "processor": processor, "megabytes": peak_megabytes(), "more": more}


if __name__ == "__main__":
    steps: dict[str, Callable[..., dict[str, Any]]] = {
        "make": _make,
        "plain": _plain,
        "newcomer": _newcomer,
        "estimate": _estimate,
        "preview": _preview,
        "doctor": _doctor,
        "once": _once,
        "sweep": _sweep,
    }
    match sys.argv[1:]:
        case [step, name, *words] if step in steps:
            print(orjson.dumps(steps[step](Path(name), *words)).decode())
        case [trials, *kept]:
            for figure in run(int(trials), Path(kept[0]) if kept else None):
                print(f"{figure.what}: {figure.value} ({figure.target}) {figure.met} | {figure.reference}", flush=True)
