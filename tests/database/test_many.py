"""Many rows at once, as many as were given, wherever a statement ends; and how values are packed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from trialalerts.database import Database
from trialalerts.database.bulk import write_many
from trialalerts.database.types import PackedJson


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


VALUES = st.text(max_size=40) | st.integers(-9, 9) | st.none()


@given(st.none() | st.dictionaries(st.text(max_size=8), VALUES, max_size=8))
def test_a_packed_value_is_read_as_it_was_written(value: dict[str, str | int | None] | None) -> None:
    dialect = sqlite.dialect()
    column = PackedJson()
    packed = column.process_bind_param(value, dialect)
    assert (packed is None) == (value is None)
    assert column.process_result_value(packed, dialect) == value
