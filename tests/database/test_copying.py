"""Copies of a whole database: both ways, verified, gone on with, and refused where they would spoil something."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Table
from sqlmodel import Session, select

from tests import postgres
from tests.digests.stage import publish, store_areas, store_subscriber, store_trial
from tests.tables import metadata
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.copying import transfer
from trialalerts.database.copying.rows import TableSum, sum_of, write_rows
from trialalerts.database.copying.transfer import copy_database, table_sums
from trialalerts.database.heartbeats import Beat, write_beats
from trialalerts.database.schema import require_revision
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.digests.tables import Digest
from trialalerts.errors import DatabaseBehind, DatabaseUnusable, InvalidInput
from trialalerts.operations.backups import back_up, refuse_while_working, restore_backup
from trialalerts.operations.tables import all_tables
from trialalerts.pipeline import Pipeline
from trialalerts.settings import ServiceSettings, Settings, WebSettings
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.people import find_by_key, unsubscribe
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

SECRET = "a secret of the tests, which is long enough"
SETTINGS = Settings(
    service=ServiceSettings(name="Example Alerts", secret=SecretStr(SECRET)), web=WebSettings(host="127.0.0.1", port=0)
)


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The URLs of databases without any table, by their kind."""
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    name = f"empty_{uuid.uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    yield {"sqlite": f"sqlite:///{tmp_path / 'target.db'}", "postgresql": cluster.url(name)}
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def live(db: Database, clock: FrozenClock, *, send: bool = True) -> None:
    """Let three people have a digest; what is odd in a value stands in their preferences."""
    with db.write() as session:
        store_areas(session)
        for name in ("anna", "ben", "cleo"):
            store_subscriber(session, name, clock.now())
        for preference, odd in zip(session.exec(select(Preference)), (-0.0, 1e-7, 51.5), strict=True):
            preference.latitude, preference.born_on = odd, date(1980, 2, 29)
            preference.label = 'tab\t, line\nend, \\N, "ü", 🧬 and -0.0'
            preference.phases, preference.healthy_volunteer = ["PHASE1"], True
        item = store_trial(session, 1, clock.now())
        publish(session, item, ChangeKind.REGISTERED, clock.now(), share=-0.0, number=1.50)
        suppress(session, SECRET, "gone@example.org", reason="complained", now=clock.now())
    pipeline = Pipeline(SETTINGS, db, clock, MemoryTransport())
    pipeline.compose()
    if send:
        pipeline.send()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_holds_the_same_and_goes_on_where_the_first_was(
    db: Database, empty: dict[str, str], kind: str, clock: FrozenClock
) -> None:
    live(db, clock)
    with open_database(empty[kind]) as target:
        sums = copy_database(db, target, all_tables())
        assert table_sums(target, all_tables()) == sums == table_sums(db, all_tables())
        assert (sums["subscriber"].rows, sums["digest"].rows, sums["suppression"].rows) == (3, 3, 1)
        require_revision(target)
        with target.read() as session, db.read() as before:
            assert _models(session, Preference) == _models(before, Preference)
            assert _models(session, Digest) == _models(before, Digest)
        clock.advance(timedelta(days=1))
        with target.write() as session:
            assert store_subscriber(session, "dora", clock.now()).id == 4
            publish(session, store_trial(session, 2, clock.now()), ChangeKind.REGISTERED, clock.now())
        assert Pipeline(SETTINGS, target, clock, MemoryTransport()).compose().digests == 4


def _models(session: Session, model: type[Any]) -> list[dict[str, Any]]:
    return sorted((each.model_dump() for each in session.exec(select(model))), key=lambda row: row["id"])


def test_an_old_mails_links_work_on_the_copy(sqlite_db: Database, empty: dict[str, str], clock: FrozenClock) -> None:
    live(sqlite_db, clock)
    links = Links(SETTINGS, clock)
    with sqlite_db.read() as session:
        anna = session.exec(select(Subscriber).where(Subscriber.key == "key-of-anna")).one()
        digest = session.exec(select(Digest).where(Digest.subscriber_id == anna.id)).one()
        urls = [links.digest(digest.id or 0, anna), links.preferences(anna), links.unsubscribe(anna)]
    with open_database(empty["postgresql"]) as target:
        copy_database(sqlite_db, target, all_tables())
        server = WebServer(SETTINGS, create_app(SETTINGS, target, clock))
        server.start()
        try:
            base = f"http://127.0.0.1:{server.port}"
            found_urls = [url.replace(SETTINGS.service.base_url, base) for url in urls]
            assert [httpx.get(url, timeout=60).status_code for url in found_urls] == [200, 200, 200]
            assert httpx.post(found_urls[2], data={"List-Unsubscribe": "One-Click"}, timeout=60).status_code == 200
        finally:
            server.stop()
        with target.read() as session:
            found = find_by_key(session, "key-of-anna")
            assert found is not None
            assert found.state is SubscriberState.UNSUBSCRIBED


def test_a_copy_that_was_cut_off_goes_on(
    db: Database, empty: dict[str, str], clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(db, clock)
    monkeypatch.setattr("trialalerts.database.copying.rows._AT_ONCE", 2)
    written = write_rows
    tables: list[str] = []

    def cut_off(connection: Any, table: Table, rows: Sequence[Any]) -> None:
        tables.append(table.name)
        if tables.count("preference") == 2:
            raise KeyboardInterrupt
        written(connection, table, rows)

    with open_database(empty["sqlite"]) as target:
        monkeypatch.setattr(transfer, "write_rows", cut_off)
        with pytest.raises(KeyboardInterrupt):
            copy_database(db, target, all_tables())
        with pytest.raises(DatabaseBehind, match="is half copied: run the same command again"):
            require_revision(target)
        before = list(tables)
        monkeypatch.setattr(
            transfer,
            "write_rows",
            lambda c, t, r: (tables.append(t.name), written(c, t, r)),  # type: ignore[func-returns-value]
        )
        sums = copy_database(db, target, all_tables())
        assert "subscriber" in before
        assert "subscriber" not in tables[len(before) :]
        assert table_sums(target, all_tables()) == sums == table_sums(db, all_tables())


def test_a_copy_whose_source_changed_meanwhile_is_refused_and_begins_anew(
    sqlite_db: Database, empty: dict[str, str], clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(sqlite_db, clock)
    written = write_rows

    def spoil(connection: Any, table: Table, rows: Sequence[Any]) -> None:
        written(connection, table, rows[:-1] if table.name == "preference" else rows)

    with open_database(empty["sqlite"]) as target:
        monkeypatch.setattr(transfer, "write_rows", spoil)
        with pytest.raises(DatabaseUnusable, match=r"preference was not copied right .3 rows were read, 2 are there"):
            copy_database(sqlite_db, target, all_tables())
        monkeypatch.setattr(transfer, "write_rows", written)
        assert copy_database(sqlite_db, target, all_tables())["preference"].rows == 3


def test_a_target_that_holds_something_is_refused(db: Database, sqlite_url: str, clock: FrozenClock) -> None:
    live(db, clock)
    with open_database(f"{sqlite_url}.other") as target:
        copy_database(db, target, all_tables())
        before = table_sums(target, all_tables())
        with pytest.raises(InvalidInput, match=r"is not empty .the table subscriber has rows."):
            copy_database(db, target, all_tables())
        assert table_sums(target, all_tables()) == before


def test_a_working_daemon_is_respected(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        write_beats(session, "here:7", [Beat(step="process", started_at=clock.now(), finished_at=clock.now())])
    with pytest.raises(InvalidInput, match=r"A daemon works on this database .here:7.: stop it, then copy again"):
        refuse_while_working(db, clock.now() + timedelta(minutes=1), "copy")
    refuse_while_working(db, clock.now() + timedelta(minutes=3), "copy")


def test_a_round_by_hand_is_over_when_its_last_step_is(db: Database, clock: FrozenClock) -> None:
    began = clock.now()
    with db.write() as session:
        write_beats(session, "here:once", [Beat(step="send", started_at=began, finished_at=began)])
    with pytest.raises(InvalidInput, match=r"here:once"):
        refuse_while_working(db, began + timedelta(seconds=1), "copy")
    refuse_while_working(db, began + timedelta(seconds=5), "copy")
    with db.write() as session:
        write_beats(session, "here:once", [Beat(step="send", started_at=began + timedelta(seconds=1))])
    with pytest.raises(InvalidInput, match=r"here:once"):
        refuse_while_working(db, began + timedelta(minutes=1), "copy")


def test_every_table_is_copied() -> None:
    assert [table.name for table in all_tables()] == [table.name for table in metadata().sorted_tables]


def test_a_sum_does_not_depend_on_the_order_and_finds_one_changed_value() -> None:
    rows = [(1, "a", None), (2, "b", 1.5), (3, "c", "{}")]
    assert sum_of(rows) == sum_of(rows[::-1]) == sum((sum_of([row]) for row in rows), TableSum())
    assert sum_of(rows) != sum_of([*rows[:2], (3, "c", "[]")])


def test_a_backup_while_others_write_is_of_one_moment_and_whole_when_it_is_put_back(
    db: Database, empty: dict[str, str], tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(db, clock)
    moment = table_sums(db, all_tables())
    written = write_rows

    def meanwhile(connection: Any, table: Table, rows: Sequence[Any]) -> None:
        written(connection, table, rows)
        if table.name == "area":
            with db.write() as session:
                store_subscriber(session, f"new-{clock.now():%f}", clock.now())
                clock.advance(timedelta(microseconds=1))

    monkeypatch.setattr(transfer, "write_rows", meanwhile)
    file = tmp_path / "backups" / "now.db"
    assert back_up(db, file) == file.stat().st_size
    assert sorted(each.name for each in file.parent.iterdir()) == ["now.db"]
    with open_database(f"sqlite:///{file}") as copy:
        assert table_sums(copy, all_tables()) == moment
    monkeypatch.setattr(transfer, "write_rows", written)
    for kind in ("sqlite", "postgresql"):
        with open_database(empty[kind]) as target:
            restore_backup(target, file, now=clock.now())
            found = table_sums(target, all_tables())
            same = {name for name in moment if moment[name] == found[name]}
            # the number of the last delivery, and what tells that it was put back
            assert moment.keys() - same == {"delivery", "finding", "audit_entry"}


def test_mail_that_was_still_to_leave_is_held_and_goes_once_when_it_is_let_go(
    db: Database, tmp_path: Path, clock: FrozenClock
) -> None:
    live(db, clock, send=False)
    file = tmp_path / "now.db"
    back_up(db, file)
    transport = MemoryTransport()
    assert Pipeline(SETTINGS, db, clock, transport).send().sent == 3
    restored = restore_backup(db, file, now=clock.now())
    assert (restored.subscribers, restored.held) == (3, 3)
    pipeline = Pipeline(SETTINGS, db, clock, transport)
    assert pipeline.compose().digests == 0
    assert pipeline.send().sent == 0
    with db.write() as session:
        for mail in session.exec(select(Delivery).where(Delivery.state == DeliveryState.HELD)):
            mail.state = DeliveryState.QUEUED
    assert pipeline.send().sent == 3
    with db.read() as session:
        assert max(each.id or 0 for each in session.exec(select(Delivery))) > 100_000


def test_who_left_or_complained_since_the_backup_stays_gone(db: Database, tmp_path: Path, clock: FrozenClock) -> None:
    live(db, clock)
    file = tmp_path / "now.db"
    back_up(db, file)
    with db.write() as session:
        people = {each.key: each for each in session.exec(select(Subscriber))}
        unsubscribe(session, people["key-of-anna"], how="link", now=clock.now())
        erase(session, people["key-of-ben"], how="link", now=clock.now())
        suppress(session, SECRET, "ben@example.org", reason="complained", now=clock.now())
    restored = restore_backup(db, file, now=clock.now())
    assert (restored.left_since, restored.suppressed_since) == (2, 1)
    with db.read() as session:
        states = {each.key: each.state for each in session.exec(select(Subscriber))}
        addresses = [each.address for each in session.exec(select(Subscriber))]
    assert states["key-of-anna"] is SubscriberState.UNSUBSCRIBED
    assert states["key-of-ben"] is SubscriberState.ERASED
    assert "ben@example.org" not in addresses


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "there is no such file", id="no file"),
        pytest.param(b"PGDMP of another program", "this is no backup", id="another program's"),
        pytest.param(b"", "this is no backup", id="empty"),
        pytest.param(b"SQLite format 3\0 and nothing of it", "this is no backup", id="damaged"),
    ],
)
def test_what_is_no_backup_is_refused(
    sqlite_db: Database, tmp_path: Path, clock: FrozenClock, content: bytes | None, said: str
) -> None:
    live(sqlite_db, clock)
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    before = table_sums(sqlite_db, all_tables())
    with pytest.raises(InvalidInput, match=said):
        restore_backup(sqlite_db, file, now=clock.now())
    assert table_sums(sqlite_db, all_tables()) == before
