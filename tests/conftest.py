"""What all tests share: real databases, the shared data, a frozen clock."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import structlog
from hypothesis import settings

from tests import compiled_sql, postgres, programs
from tests.installation import PROGRAM, Answer, Installation, Run
from tests.made_once import made_once
from trialalerts.cli.main import main
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tagging.tagger import Tagger

REPOSITORY = Path(__file__).resolve().parent.parent


_SERVERS = {
    "aiosmtpd", "http.server", "socketserver", "subprocess", "tests.programs", "trialalerts.demo.scenario",
    "trialalerts.web.server", "uvicorn",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ``make quick`` runs: those of one function or class, without a server or a database."""
    for item in items:
        long = item.get_closest_marker("soak") is not None
        if isinstance(item, pytest.Function) and not (long or _shares(item) or _serves(item.module)):
            item.add_marker("quick")


def _shares(item: pytest.Function) -> bool:
    """Tell whether a test works with what is made once for many: it takes long to make, a database or a server."""
    found = item._fixtureinfo.name2fixturedefs
    ours = (each for definitions in found.values() for each in definitions if each.baseid.startswith("tests"))
    asked_later = any(kind in item.name for kind in ("sqlite", "postgresql"))  # by the name that stands in the test's
    return asked_later or "database_url" in found or any(each.scope != "function" for each in ours)


@cache
def _serves(module: ModuleType) -> bool:
    """Tell whether what a test module imports, from the tests too, starts servers or programs."""
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
        if any(name == server or str(name).startswith(f"{server}.") for server in _SERVERS):
            return True
        if str(name).startswith("tests.") and name != module.__name__ and _serves(sys.modules[name]):
            return True
    return False


def pytest_configure() -> None:
    _work_in_memory()
    compiled_sql.share()
    settings.register_profile("quick", max_examples=20)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the programs that are started know the areas that ship, which are stored only where one is started."""
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # a fixture for all would make no test quick

    def copied() -> Path:
        made = made_once(factory, "initialised", _init)
        return Path(shutil.copy(made / "var" / "trialalerts.db", factory.mktemp("areas")))

    programs.VOCABULARY.found = copied


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is collected, then and later: it all stays. That takes a seventh of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Take one worker more than there are processors for ``-n auto``: tests wait for servers. The quick do not."""
    processors = yield
    return processors if config.option.markexpr == "quick" else processors + 1


def _work_in_memory() -> None:
    """Put the tests' databases into memory where there is enough: hundreds are copied, and none outlives its test.

    A container often has 64 MB there, which one PostgreSQL would fill.
    """
    memory = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make folders of their own in it
    if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3:
        os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


def missing(what: str) -> None:
    """Skip the test for want of a component; where CI=true, fail: there everything must be present."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> None:
    """Undo what a command that ran in this process told the log."""
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TRIALALERTS_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real trials, feeds and vocabularies that lies beside the checkout."""
    return beside("data")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of small made-up inputs, each with what it has to give, that lies beside the checkout."""
    return beside("cases")


def beside(name: str) -> Path:
    """Return a folder of ``shared/``. ``TRIALALERTS_TEST_DATA=none`` says that it is known not to be there."""
    chosen = {"data": os.environ.get("TRIALALERTS_TEST_DATA"), "cases": os.environ.get("TRIALALERTS_TEST_CASES")}
    if chosen["data"] == "none":
        pytest.skip(f"the shared {name} are left out (TRIALALERTS_TEST_DATA=none)")
    folder = Path(chosen[name] or REPOSITORY.parent / "shared" / name)
    if not (folder / "README.md").exists():
        missing(f"the shared {name} are not at {folder} (TRIALALERTS_TEST_DATA=none leaves them out)")
    return folder


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands at Monday 2 March 2026, 09:30 UTC."""
    return FrozenClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture(scope="session")
def _empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "sqlite", _make_sqlite) / "empty.db"


def _make_sqlite(folder: Path) -> None:
    with open_database(f"sqlite:///{folder / 'empty.db'}") as database:
        upgrade_schema(database)
        with database.engine.connect() as connection:
            connection.execution_options(trialalerts_writes=False)
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")


@pytest.fixture
def sqlite_url(_empty_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a fresh, upgraded SQLite database."""
    path = tmp_path / "test.db"
    shutil.copy(_empty_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Cluster]:
    """A running PostgreSQL of our own, with an upgraded database ``empty`` to copy from."""
    programs = postgres.find_programs()
    if programs is None:
        missing(postgres.INSTALL)
        raise AssertionError
    made = made_once(tmp_path_factory, "postgresql", lambda folder: _make_postgresql(programs, folder))
    cluster = postgres.start_cluster(programs, data=made / "data")
    try:
        yield cluster
    finally:
        cluster.stop()


def _make_postgresql(programs: Path, folder: Path) -> None:
    cluster = postgres.start_cluster(programs)
    try:
        cluster.execute("CREATE DATABASE empty")
        with open_database(cluster.url("empty")) as database:
            upgrade_schema(database)
    finally:
        cluster.stop(keep=folder / "data")


@pytest.fixture
def postgresql_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """The URL of a fresh, upgraded PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    postgres_cluster.execute(f"CREATE DATABASE {name} TEMPLATE empty STRATEGY FILE_COPY")
    yield postgres_cluster.url(name)
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, upgraded database: each test that asks runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A fresh, upgraded database: each test that asks runs on SQLite and on PostgreSQL."""
    database = open_database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """A fresh, upgraded SQLite database, for what does not depend on the kind of database."""
    database = open_database(sqlite_url)
    yield database
    database.dispose()


@pytest.fixture
def postgresql_db(postgresql_url: str) -> Iterator[Database]:
    """A fresh, upgraded PostgreSQL database, for what only a server does."""
    database = open_database(postgresql_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def shipped_areas(vocabulary: Database) -> AreaTree:
    """All areas that ship with the program, as ``init`` stores them: the curated ones and the diseases of MeSH."""
    with vocabulary.read() as session:
        return load_areas(session)


@pytest.fixture(scope="session")
def shipped_tagger(shipped_areas: AreaTree) -> Tagger:
    """A tagger that knows the areas that ship; it takes seconds to make; tests only read with it."""
    return Tagger(shipped_areas)


@pytest.fixture(scope="session")
def vocabulary(_initialised: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A SQLite database after ``init``, with all areas, topics and places; tests read it only."""
    path = tmp_path_factory.mktemp("vocabulary") / "trialalerts.db"
    shutil.copy(_initialised / "var" / "trialalerts.db", path)
    with open_database(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture
def initialised_db(_initialised: Path, tmp_path: Path) -> Iterator[Database]:
    """A SQLite database after ``init``, with all areas, topics and places, to be written into."""
    path = tmp_path / "initialised.db"
    shutil.copy(_initialised / "var" / "trialalerts.db", path)
    with open_database(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture(scope="session")
def _initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "initialised", _init)


def _init(folder: Path) -> None:
    subprocess.run([PROGRAM, "init"], cwd=folder, env=Installation(folder=folder).environment, check=True)


@pytest.fixture(scope="session")
def initialised(_initialised: Path) -> Path:
    """A folder after ``trialalerts init``; only to be copied."""
    return _initialised


@pytest.fixture
def installation(_initialised: Path, tmp_path: Path) -> Installation:
    """A folder after ``trialalerts init``, as an operator has it: SQLite, mails into files."""
    folder = tmp_path / "installation"
    shutil.copytree(_initialised, folder)
    return Installation(folder=folder)


@pytest.fixture
def run(installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``trialalerts`` with these words, in this process, in the folder of an installation; no terminal is attached.

    A process of its own takes seconds only to read the program.
    """
    monkeypatch.chdir(installation.folder)

    def command(*words: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        code = ended.value.code
        return Answer(
            code=code if isinstance(code, int) else 0 if code is None else 1, out=printed.out, err=printed.err
        )

    return command
