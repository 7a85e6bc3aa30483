"""What holds addresses is nobody else's to read, whatever the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialalerts.cli.output import write_file
from trialalerts.database import Database, open_database
from trialalerts.database.maintenance import vacuum_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.transports.file import _write_through
from trialalerts.files import make_folder, tighten
from trialalerts.operations.backups import back_up


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_database_log_and_backup(tmp_path: Path) -> None:
    file, copy = tmp_path / "var" / "deep" / "trialalerts.db", tmp_path / "backups" / "copy.db"
    with open_database(f"sqlite:///{file}") as database:
        upgrade_schema(database)
        back_up(database, copy)
        vacuum_database(database)
        assert {_mode(path) for path in (*file.parent.iterdir(), copy)} == {0o600}
        assert {_mode(path) for path in (file.parent, file.parent.parent, copy.parent)} == {0o700}


def test_reports_and_mails(tmp_path: Path) -> None:
    write_file(tmp_path / "reports" / "page.html", "<p>")
    make_folder(tmp_path / "outbox")
    _write_through(tmp_path / "outbox" / "1.eml", b"")
    assert _mode(tmp_path / "reports" / "page.html") == _mode(tmp_path / "outbox" / "1.eml") == 0o600
    assert _mode(tmp_path / "reports") == _mode(tmp_path / "outbox") == 0o700


def test_what_is_wider_is_tightened(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    assert tighten(tmp_path / "file")
    assert not tighten(tmp_path / "file")
    assert _mode(tmp_path / "file") == 0o600


@pytest.mark.parametrize("full", [False, True], ids=["vacuum", "vacuum --full"])
def test_tables_are_written_anew(db: Database, full: bool) -> None:
    vacuum_database(db, full=full)
    with db.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM subscriber").scalar() == 0
