"""Many rows at once, as many as were given, wherever a statement ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlmodel import col, select

from trialalerts.database import Database
from trialalerts.database.audit import AuditEntry
from trialalerts.database.bulk import Rows, write_many, write_together
from trialalerts.database.types import table_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.people import NewSubscriber, new_subscriber
from trialalerts.subscribers.tables import Subscriber


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


def test_rows_of_several_tables_are_written_together_as_they_are(db: Database) -> None:
    now = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
    queued = {
        "kind": "digest", "subscriber_id": 1, "message_id": "<a@b>", "state": DeliveryState.QUEUED, "attempts": 0,
        "not_before": now, "created_at": now,
    }  # fmt: skip
    odd = {"é": ["“x”", "'; --", 1.5, None, {"a": True}], "\\": "\n\t:rows_0"}
    with db.write() as session:
        session.add(new_subscriber(NewSubscriber(address="a@example.org"), now))
        session.flush()
        write_together(
            session,
            [
                Rows(
                    table_of(Delivery),
                    [{**queued, "key": key, "data": odd} for key in ("one", "two", "one", None, None)],
                    unique="key",
                ),
                Rows(table_of(Subscriber), [{"id": 1, "state_reason": ":x", "next_due_at": None}], key="id"),
                Rows(table_of(AuditEntry), []),
            ],
        )
        write_together(session, [Rows(table_of(Delivery), [{**queued, "key": "two", "data": {}}], unique="key")])
        write_together(session, [])
    with db.read() as session:
        mails = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        person = session.exec(select(Subscriber)).one()
    assert [mail.key for mail in mails] == ["one", "two", None, None]
    assert {(mail.state, mail.created_at) for mail in mails} == {(DeliveryState.QUEUED, now)}
    assert [mail.data for mail in mails] == [odd] * 4
    assert (person.state_reason, person.next_due_at, person.address) == (":x", None, "a@example.org")
