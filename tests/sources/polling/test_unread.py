"""A record or file that could not be read is said to be unread, not to be kept but for a field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trialalerts.database import Database
from trialalerts.operations.checks import sources
from trialalerts.sources.tables import Problem

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["file"], ["source news: 1 record or file unread"]),
        (["front matter", "file", "record"], ["source news: 3 records or files unread"]),
        (["date"], ["source news: 1 field of records could not be read; the rest of each was kept"]),
        (
            ["date", "title"],
            ["source news: 1 record or file unread", "source news: 1 field of records could not be read"],
        ),
        ([], []),
    ],
)
def test_the_doctor_says_what_is_unread(sqlite_db: Database, fields: list[str], told: list[str]) -> None:
    with sqlite_db.write() as session:
        for number, field in enumerate(fields):
            session.add(Problem(source="news", external_id=f"{number}.md", field=field, message="m", seen_at=NOW))
    with sqlite_db.read() as session:
        found = [check.what for check in sources._problems(session)]
    assert len(found) == len(told)
    assert all(what.startswith(begins) for what, begins in zip(found, told, strict=True))
