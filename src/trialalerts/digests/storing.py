"""Storing what a page of subscribers is told: digests, mails, cursors and due times, in the caller's transaction.

Plain statements over whole pages instead of rows of models: at a million subscribers the ORM would take many times as
long as matching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import CursorResult, Dialect
from sqlalchemy.engine import Connection
from sqlmodel import Session, col, func, select

from trialalerts.database.bulk import copy_many, write_many
from trialalerts.database.types import moment_for
from trialalerts.delivery.outbox.notices.kinds import NUDGE
from trialalerts.delivery.outbox.queueing import queue_many
from trialalerts.digests.announcements.once import AnnouncedArticles
from trialalerts.digests.announcements.riding import take_along
from trialalerts.digests.due_subscribers import DueSubscriber
from trialalerts.digests.further.silence import note_looked_back
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.query import MatchSet, SelectionKind
from trialalerts.subscribers.account.nudging import told_elsewhere
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import Frequency

__all__ = ["ConcurrentUpdate", "Storage"]


_AT_ONCE = 500
# One statement for all who go from the same cursor to the same moment: there are few such. Joined with a list of
# values, SQLite would read the whole table for each page (a Bloom filter, once it has statistics). Who chose another
# schedule since the page was read must not be given a due time of the old one.
_ADVANCE = """
UPDATE subscriber SET cursor = {0}, next_due_at = {0} WHERE cursor = {0}
AND frequency = {0} AND hour = {0} AND weekday = {0} AND day = {0} AND timezone = {0}
"""
_ADVANCE_SQLITE = _ADVANCE.format("?") + "AND +state = 'active' AND id IN ({rows})"
_ADVANCE_POSTGRESQL = _ADVANCE.format("%s") + "AND state = 'active' AND id = ANY(%s)"
_INTRODUCE_SQLITE = "UPDATE preference SET introduced_at = ? WHERE id = ? AND introduced_at IS NULL"
_INTRODUCE_POSTGRESQL = "UPDATE preference SET introduced_at = %s WHERE id = ANY(%s) AND introduced_at IS NULL"
_WAKE = "UPDATE preference SET paused_seq = NULL WHERE paused_until IS NULL AND paused_seq IS NOT NULL AND id"
_WAKE_SQLITE, _WAKE_POSTGRESQL = f"{_WAKE} = ?", f"{_WAKE} = ANY(%s)"
_COLUMNS = "id, subscriber_id, kind, from_seq, to_seq, created_at, added, parts"
_LINE = "%d\t%d\t%s\t%d\t%d\t%s\t%d\t%s\n"
_TELL_SQLITE = f"INSERT INTO digest ({_COLUMNS}) VALUES {{rows}}"
_SELECT_SQLITE = "INSERT INTO selection (id, kind, numbers) VALUES {rows}"
# As one text: 5,000 rows of one number each would take three times as long.
_NUMBERS_POSTGRESQL = """
SELECT string_agg(nextval((SELECT pg_get_serial_sequence(%s, 'id')))::text, ',') FROM generate_series(1, %s)
"""


_Row = tuple[int, int, str, int, int, Any, bool, str]
"""A digest by its columns, the parts as JSON."""


class ConcurrentUpdate(Exception):
    """Somebody of the page was served, or left, after it was read."""


class Storage:
    """Stores the pages of one round: made for it, since it remembers what the round has stored."""

    def __init__(
        self,
        matcher: Matcher,
        *,
        upto: int,
        now: datetime,
        domain: str,
        riding: Collection[int] = (),
        articles: AnnouncedArticles | None = None,
    ) -> None:
        """``riding`` are the announcements (by their ids) that go along with digests, ``articles`` announced ones."""
        self._matcher = matcher
        self._upto = upto
        self._now = now
        self._domain = domain
        self._riding = riding
        self._articles = articles if articles and articles.items else None
        self._due: dict[str, Any] = {}
        self._nudged: frozenset[int] | None = None

    def store(self, session: Session, page: Sequence[DueSubscriber]) -> int:
        """Store what the page is told; return how many digests that made.

        The cursor moves by compare-and-set, so that no window is ever served twice.

        Raises:
            ConcurrentUpdate: somebody was served, or left, since the page was read; the transaction must be
                rolled back.
        """
        if not page:
            return 0
        self._advance(session, page)
        self._introduce(session, [number for served in page for number in served.introduced])
        self._wake(session, [number for served in page for number in served.rested])
        looked_back = [number for served in page for number in served.looked_back]
        if looked_back and note_looked_back(session, looked_back, self._now) != len(looked_back):
            raise ConcurrentUpdate
        told = [served for served in page if served.is_told]
        if told:
            self._tell(session, told)
        return len(told)

    def _advance(self, session: Session, page: Sequence[DueSubscriber]) -> None:
        connection = session.connection()
        upto, dialect = self._upto, connection.dialect
        alike: dict[tuple[int, str], list[int]] = defaultdict(list)
        for served in page:
            alike[served.cursor, served.schedule].append(served.subscriber_id)
        moved = 0
        for (was, schedule), people in sorted(alike.items()):  # in one order: no two composers wait for each other
            frequency, hour, weekday, day, timezone = schedule.split("|")
            due = self._next_due(dialect, schedule)
            values = (max(upto, was), due, was, frequency, int(hour), int(weekday), int(day), timezone)
            if dialect.name == "sqlite":
                moved += write_many(connection, _ADVANCE_SQLITE, "?", [(who,) for who in people], before=values)
            else:
                moved += connection.exec_driver_sql(_ADVANCE_POSTGRESQL, (*values, people)).rowcount
        if moved != len(page):
            raise ConcurrentUpdate

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
            raise ConcurrentUpdate

    def _wake(self, session: Session, preferences: Sequence[int]) -> None:
        """Note that these preferences go on with the cursor again."""
        if not preferences:
            return
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            marked: CursorResult[Any] = connection.exec_driver_sql(_WAKE_SQLITE, [(each,) for each in preferences])
        else:
            marked = connection.exec_driver_sql(_WAKE_POSTGRESQL, (list(preferences),))
        if marked.rowcount != len(preferences):
            raise ConcurrentUpdate

    def _tell(self, session: Session, told: Sequence[DueSubscriber]) -> None:
        """Write the digests, with the selections that no digest of this round brought before; queue a mail for each."""
        connection = session.connection()
        selections = _NewSelections(connection, self._matcher)
        rows = self._rows(session, told, selections)
        selections.store()
        if connection.dialect.name == "sqlite":
            write_many(connection, _TELL_SQLITE, "(?, ?, ?, ?, ?, ?, ?, ?)", rows)
        else:
            copy_many(connection, "digest", _COLUMNS, [_LINE % row for row in rows])
        nudged = self._told_elsewhere(session)
        for kind in ("digest", NUDGE) if nudged else ("digest",):
            mails = [(row[1], f'{{"digest_id":{row[0]}}}') for row in rows if (row[1] in nudged) is (kind == NUDGE)]
            if mails:
                queue_many(connection, mails, kind=kind, now=self._now, domain=self._domain)
        if self._riding or self._articles:
            take_along(session, self._riding, {row[1]: row[0] for row in rows}, self._news(told))

    def _news(self, told: Sequence[DueSubscriber]) -> Mapping[int, Collection[int]]:
        """Return the announcements (by their ids) of the articles that these are told as news."""
        if self._articles is None:
            return {}
        indexes = {SelectionKind.CHANGES: self._matcher.changes.index}
        if self._matcher.shown is not None:
            indexes[SelectionKind.OPEN] = self._matcher.shown.index
        found = {}
        for served in told:
            parts = [(indexes[part.kind], part.bits) for _, part in served.parts if part.kind in indexes]
            items = set().union(*(self._articles.articles_in(index, bits) for index, bits in parts))
            if items:
                found[served.subscriber_id] = {n for n, item in self._articles.items.items() if item in items}
        return found

    def _told_elsewhere(self, session: Session) -> frozenset[int]:
        """Return who is told by a nudge, as the round began: hardly ever many. Who changes that now is heard later."""
        if self._nudged is None:
            self._nudged = told_elsewhere(session)
        return self._nudged

    def _rows(self, session: Session, told: Sequence[DueSubscriber], selections: _NewSelections) -> list[_Row]:
        connection = session.connection()
        below_zero = _below_zero(session, [s.subscriber_id for s in told if not self._has_window(s)])
        upto, regular, first = self._upto, DigestKind.REGULAR.value, DigestKind.FIRST.value
        at = moment_for(connection.dialect, self._now)
        rows = []
        for number, served in zip(_numbers(connection, "digest", len(told)), told, strict=True):
            who = served.subscriber_id
            kind = regular if served.changed else first
            from_seq = served.cursor if self._has_window(served) else below_zero.get(who, 0) - 1
            added = not served.newcomer and not served.changed
            to_seq = max(upto, served.cursor)
            rows.append((number, who, kind, from_seq, to_seq, at, added, selections.parts(served)))
        return rows

    def _has_window(self, served: DueSubscriber) -> bool:
        """Tell whether a digest moves the cursor: one that only tells what waited in a rest, or is silent, may not."""
        return served.changed and (self._upto > served.cursor or not (served.rested or served.looked_back))

    def _next_due(self, dialect: Dialect, schedule: str) -> Any:
        """Return when this schedule is due next, as the driver takes it; there are few different schedules."""
        known = self._due.get(schedule)
        if known is None:
            frequency, hour, weekday, day, timezone = schedule.split("|")
            due = next_due(Frequency(frequency), int(hour), int(weekday), int(day), timezone, self._now)
            known = self._due[schedule] = moment_for(dialect, due)
        return known


class _NewSelections:
    """The selections of a page: those of the round that are known, and the new ones, stored together at the end."""

    def __init__(self, connection: Connection, matcher: Matcher) -> None:
        self._connection = connection
        self._matcher = matcher
        self._free: Iterator[int] = iter(())
        self._new: list[tuple[int, str, str]] = []

    def parts(self, served: DueSubscriber) -> str:
        """Return the JSON of a digest's ``parts``."""
        return f"[{','.join([f'[{who},{found.number or self._added(found)}]' for who, found in served.parts])}]"

    def store(self) -> None:
        """Write the new ones."""
        if not self._new:
            return
        if self._connection.dialect.name == "sqlite":
            write_many(self._connection, _SELECT_SQLITE, "(?, ?, ?)", self._new)
        else:
            lines = ["\t".join(map(str, row)) + "\n" for row in self._new]
            copy_many(self._connection, "selection", "id, kind, numbers", lines)

    def _added(self, found: MatchSet) -> int:
        number = next(self._free, None)
        if number is None:
            # On SQLite numbers are ours without asking: a block goes on where the one before it ended.
            behind = self._new[-1][0] if self._new else None
            self._free = iter(_numbers(self._connection, "selection", _AT_ONCE, behind=behind))
            number = next(self._free)
        found.number = number
        self._new.append((number, found.kind.value, orjson.dumps(self._matcher.numbers(found)).decode()))
        return number


def _numbers(connection: Connection, table: str, how_many: int, *, behind: int | None = None) -> Iterable[int]:
    """Return ids for new rows. SQLite has one writer at a time, so that the next ones are ours (behind ``behind``)."""
    if connection.dialect.name == "sqlite":
        last = behind if behind is not None else connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar()
        return range((last or 0) + 1, (last or 0) + 1 + how_many)
    numbers: str = connection.exec_driver_sql(_NUMBERS_POSTGRESQL, (table, how_many)).scalar_one()
    return map(int, numbers.split(","))


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
