"""Owns storing what a page of subscribers is told: digests, mails, cursors and due times, in the caller's transaction.

Plain statements over whole pages instead of rows of models: at a million subscribers the ORM would take many times as
long as matching. On PostgreSQL each statement takes its rows as arrays (one round trip, one plan); SQLite runs a
prepared statement over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Dialect, insert
from sqlmodel import Session, col, func, select

from trialalerts.database import table_of
from trialalerts.database.types import moment_for
from trialalerts.delivery.queueing import queue_many
from trialalerts.digests.asking import Asker, Bits, Served
from trialalerts.digests.tables import Digest, DigestKind, Selection
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import Frequency

__all__ = ["ServedMeanwhile", "Storage"]

_MOST_SELECTIONS = 100_000
"""So many are remembered, so that the next digests can refer to them too (they weigh up to a kilobyte each)."""


_AT_ONCE = 500
_ADVANCE_SQLITE = "UPDATE subscriber SET cursor = ?, next_due_at = ? WHERE id = ? AND cursor = ? AND state = 'active'"
_ADVANCE_POSTGRESQL = """
UPDATE subscriber SET cursor = moved.upto, next_due_at = moved.due
FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[]) AS moved (upto, due, id, was)
WHERE subscriber.id = moved.id AND subscriber.cursor = moved.was AND subscriber.state = 'active'
"""
_INTRODUCE_SQLITE = "UPDATE preference SET introduced_at = ? WHERE id = ? AND introduced_at IS NULL"
_INTRODUCE_POSTGRESQL = "UPDATE preference SET introduced_at = %s WHERE id = ANY(%s) AND introduced_at IS NULL"
_COLUMNS = "id, subscriber_id, kind, from_seq, to_seq, created_at, parts"
_TELL_SQLITE = f"INSERT INTO digest ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_TELL_POSTGRESQL = f"""
INSERT INTO digest ({_COLUMNS})
SELECT told.id, told.subscriber_id, told.kind, told.from_seq, told.to_seq, %s, told.parts::jsonb
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])
AS told (id, subscriber_id, kind, from_seq, to_seq, parts)
"""
_NUMBERS_POSTGRESQL = "SELECT nextval(pg_get_serial_sequence('digest', 'id')) FROM generate_series(1, %s)"


class ServedMeanwhile(Exception):
    """Somebody of the page was served, or left, since it was read: nothing of it may be stored."""


_Row = tuple[int, str, int, int, str]
"""A digest without its number: subscriber, kind, from_seq, to_seq, parts as JSON."""


class Storage:
    """Stores the pages of one round: made for it, since it remembers what the round has stored."""

    def __init__(self, asker: Asker, *, upto: int, now: datetime, domain: str) -> None:
        self._asker = asker
        self._upto = upto
        self._now = now
        self._domain = domain
        self._selections: dict[Bits, int] = {}
        self._due: dict[str, Any] = {}

    def store(self, session: Session, page: Sequence[Served]) -> int:
        """Store what the page is told; return how many digests that made.

        The cursor moves by compare-and-set, so that no window is ever served twice.

        Raises:
            ServedMeanwhile: the transaction must be rolled back.
        """
        if not page:
            return 0
        self._advance(session, page)
        self._introduce(session, [number for served in page for number in served.introduced])
        told = [served for served in page if served.parts]
        if told:
            self._select(session, told)
            self._tell(session, self._rows(session, told))
        return len(told)

    def _advance(self, session: Session, page: Sequence[Served]) -> None:
        connection = session.connection()
        upto, dialect = self._upto, connection.dialect
        moves = [(max(upto, s.cursor), self._next_due(dialect, s.schedule), s.subscriber_id, s.cursor) for s in page]
        if dialect.name == "sqlite":
            moved: CursorResult[Any] = connection.exec_driver_sql(_ADVANCE_SQLITE, moves)
        else:
            columns = tuple(list(column) for column in zip(*moves, strict=True))
            moved = connection.exec_driver_sql(_ADVANCE_POSTGRESQL, columns)
        if moved.rowcount != len(page):
            raise ServedMeanwhile

    def _introduce(self, session: Session, preferences: Sequence[int]) -> None:
        if not preferences:
            return
        connection = session.connection()
        at = moment_for(connection.dialect, self._now)
        if connection.dialect.name == "sqlite":
            rows = [(at, number) for number in preferences]
            marked: CursorResult[Any] = connection.exec_driver_sql(_INTRODUCE_SQLITE, rows)
        else:
            marked = connection.exec_driver_sql(_INTRODUCE_POSTGRESQL, (at, list(preferences)))
        if marked.rowcount != len(preferences):
            raise ServedMeanwhile

    def _select(self, session: Session, told: Sequence[Served]) -> None:
        """Store those selections that no digest of this round has brought yet."""
        if len(self._selections) > _MOST_SELECTIONS:
            self._selections.clear()
        known = self._selections
        new = dict.fromkeys(bits for served in told for _, bits in served.parts if bits not in known)
        if not new:
            return
        table = table_of(Selection)
        rows = [{"kind": bits[0], "numbers": self._asker.numbers(bits)} for bits in new]
        stored = session.connection().execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows)
        known.update(zip(new, stored.scalars(), strict=True))

    def _rows(self, session: Session, told: Sequence[Served]) -> list[_Row]:
        known, upto = self._selections, self._upto
        below_zero = _below_zero(session, [s.subscriber_id for s in told if not s.changed])
        rows = []
        for served in told:
            parts = ",".join([f"[{preference},{known[bits]}]" for preference, bits in served.parts])
            if served.changed:
                kind, from_seq = DigestKind.REGULAR.value, served.cursor
            else:
                kind, from_seq = DigestKind.FIRST.value, below_zero.get(served.subscriber_id, 0) - 1
            rows.append((served.subscriber_id, kind, from_seq, max(upto, served.cursor), f"[{parts}]"))
        return rows

    def _tell(self, session: Session, digests: Sequence[_Row]) -> None:
        """Write the digests and queue a mail for each."""
        connection = session.connection()
        at = moment_for(connection.dialect, self._now)
        if connection.dialect.name == "sqlite":
            # There is one writer at a time, so that the next numbers are ours; asking for them back costs more.
            first = (connection.exec_driver_sql("SELECT max(id) FROM digest").scalar() or 0) + 1
            ids = list(range(first, first + len(digests)))
            rows = [
                (number, who, kind, from_seq, to_seq, at, parts)
                for number, (who, kind, from_seq, to_seq, parts) in zip(ids, digests, strict=True)
            ]
            connection.exec_driver_sql(_TELL_SQLITE, rows)
        else:
            ids = list(connection.exec_driver_sql(_NUMBERS_POSTGRESQL, (len(digests),)).scalars())
            columns = tuple(list(column) for column in zip(*digests, strict=True))
            connection.exec_driver_sql(_TELL_POSTGRESQL, (at, ids, *columns))
        mails = [(row[0], f'{{"digest_id":{number}}}') for number, row in zip(ids, digests, strict=True)]
        queue_many(connection, mails, kind="digest", now=self._now, domain=self._domain)

    def _next_due(self, dialect: Dialect, schedule: str) -> Any:
        """Return when this schedule is due next, as the driver takes it; there are few different schedules."""
        known = self._due.get(schedule)
        if known is None:
            frequency, hour, weekday, day, timezone = schedule.split("|")
            due = next_due(Frequency(frequency), int(hour), int(weekday), int(day), timezone, self._now)
            known = self._due[schedule] = moment_for(dialect, due)
        return known


def _below_zero(session: Session, subscribers: Sequence[int]) -> dict[int, int]:
    """Return the lowest ``from_seq`` below zero that each has: who leaves and comes back gets another one."""
    found: dict[int, int] = {}
    for start in range(0, len(subscribers), _AT_ONCE):
        asked = (
            select(Digest.subscriber_id, func.min(Digest.from_seq))
            .where(col(Digest.subscriber_id).in_(subscribers[start : start + _AT_ONCE]), col(Digest.from_seq) < 0)
            .group_by(col(Digest.subscriber_id))
        )
        found |= dict(session.exec(asked).all())
    return found
