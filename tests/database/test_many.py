"""Many rows at once: as many as were given, wherever a statement ends."""

from __future__ import annotations

import pytest

from trialalerts.database import Database
from trialalerts.database.bulk import write_many


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 1_250])
def test_all_rows_are_written_and_counted_whatever_their_number(sqlite_db: Database, number: int) -> None:
    rows = [(f"name {n}", n) for n in range(number)]
    with sqlite_db.write() as session:
        connection = session.connection()
        assert write_many(connection, "INSERT INTO counter (name, value) VALUES {rows}", "(?, ?)", rows) == number
        changed = write_many(
            connection,
            "UPDATE counter SET value = new.column1 FROM (VALUES {rows}) AS new WHERE counter.name = new.column2",
            "(?, ?)",
            [(-n, name) for name, n in rows] + [(1, "nobody")],
        )
        assert changed == number
        stored = connection.exec_driver_sql("SELECT name, value FROM counter WHERE name LIKE 'name %'").all()
    assert {tuple(row) for row in stored} == {(name, -n) for name, n in rows}
