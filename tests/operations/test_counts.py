"""What is counted of whole tables costs little, however many trials there are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.digests.stage import store_areas, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.service_values import put_value
from trialalerts.operations.watch.counts import table_counts


def test_items_are_counted_without_a_look_at_one_of_them(sqlite_db: Database, clock: FrozenClock) -> None:
    """All of a registry is three gigabytes, and it is counted every five minutes."""
    with sqlite_db.write() as session:
        store_areas(session)
        for number, status in enumerate(("RECRUITING", "COMPLETED", "RECRUITING"), 1):
            store_trial(session, number, clock.now(), status=status)
    plans: list[str] = []

    def explained(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        del connection
        if "FROM item " in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(str(row) for row in cursor.fetchall()))

    event.listen(sqlite_db.engine, "before_cursor_execute", explained)
    assert sorted(table_counts(sqlite_db, clock.now()).items) == [("trial", "closed", 1), ("trial", "open", 2)]
    (plan,) = plans
    assert "COVERING INDEX" in plan


@pytest.mark.parametrize(("took", "rests"), [(0.01, 300), (12.0, 1_200), (1_800.0, 3_600)])
def test_a_count_that_took_long_rests_a_hundred_times_as_long_and_an_hour_at_most(
    sqlite_db: Database, clock: FrozenClock, took: float, rests: int
) -> None:
    """Ten million mails are counted by looking at each of them; or it waited once, for a lock or a busy disk."""
    made = table_counts(sqlite_db, clock.now()).model_copy(update={"took": took})
    with sqlite_db.write() as session:
        put_value(session, "counts", made.model_dump_json())
    clock.advance(timedelta(seconds=rests - 1))
    assert table_counts(sqlite_db, clock.now()).at == made.at
    clock.advance(timedelta(seconds=1))
    assert table_counts(sqlite_db, clock.now()).at == clock.now()
