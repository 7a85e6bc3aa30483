"""Owns who is due: active subscribers whose hour has come and for whom something may be new, with what they follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, bindparam, text
from sqlmodel import Session, col, select

from trialalerts.database.types import UtcDateTime
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState

__all__ = ["DuePage", "DueRow", "due_page", "lowest_cursor", "newcomers_due", "rows_of", "upcoming"]


class DueRow(NamedTuple):
    """A subscriber who is due, with one of the preferences (None in all of its columns where there is none).

    Written as the database gives it, since a million of them pass: ``schedule``, ``region`` and ``filters`` are texts
    that stand for several columns (see :mod:`trialalerts.digests.asking`), so that what was read once is known again.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    due_at: Any
    preference_id: int | None
    is_new: bool | int | None
    area_id: str | None
    region: str | None
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    filters: str | None


@dataclass(frozen=True, kw_only=True)
class DuePage:
    """Those who are due next, their rows in any order; ``last`` is the place of the last, None where none is."""

    rows: Sequence[Any]
    last: tuple[Any, int] | None


# Written out, because this runs for every subscriber: one statement gives people and preferences, and the database puts
# together what belongs together (0.5 µs) instead of twelve columns that Python would have to convert (15 µs).
# Who is served at once is due only while there is a change that they have not seen, or a preference that is new.
_HAS_NEW = """
    EXISTS (
        SELECT 1 FROM preference new WHERE new.subscriber_id = s.id
        AND new.introduced_at IS NULL AND new.confirmed_at IS NOT NULL
    )
"""
_DUE = f"""
    s.state = 'active' AND s.next_due_at <= :now
    AND (s.frequency <> 'immediately' OR s.cursor < :last_change OR {_HAS_NEW})
"""
_PAGE = """
WITH due AS MATERIALIZED (
    SELECT s.id, s.cursor, s.next_due_at,
        s.frequency || '|' || s.hour || '|' || s.weekday || '|' || s.day || '|' || s.timezone AS schedule
    FROM subscriber s WHERE {due}
    ORDER BY s.next_due_at, s.id LIMIT :limit {lock}
)
SELECT due.id, due.cursor, due.schedule, due.next_due_at, p.id, p.introduced_at IS NULL, p.area_id,
    p.region_kind || '|' || coalesce(p.country, '') || '|' || coalesce(p.subdivision, ''),
    p.latitude, p.longitude, p.radius_km,
    CASE WHEN p.born_on IS NULL AND p.sex IS NULL AND NOT p.healthy_volunteer AND CAST(p.phases AS TEXT) = '[]'
        AND CAST(p.item_kinds AS TEXT) = '[]' AND CAST(p.change_kinds AS TEXT) = '[]'
        AND CAST(p.excluded_areas AS TEXT) = '[]' THEN ''
    ELSE coalesce(CAST(p.born_on AS TEXT), '') || '|' || coalesce(p.sex, '') || '|'
        || CASE WHEN p.healthy_volunteer THEN '1' ELSE '' END || '|' || CAST(p.phases AS TEXT) || '|'
        || CAST(p.item_kinds AS TEXT) || '|' || CAST(p.change_kinds AS TEXT) || '|' || CAST(p.excluded_areas AS TEXT)
    END
FROM due LEFT JOIN preference p ON p.subscriber_id = due.id AND p.confirmed_at IS NOT NULL
"""
_NOW = bindparam("now", type_=UtcDateTime())


def due_page(
    session: Session, now: datetime, last_change: int, limit: int, *, behind: tuple[Any, int] | None = None
) -> DuePage:
    """Return at most ``limit`` of those who are due, those behind ``behind`` (the ``last`` of another page) only.

    On PostgreSQL they are locked until the transaction ends, and those whom another composer works on are passed over;
    SQLite has one writer at a time anyway.
    """
    postgresql = session.get_bind().dialect.name == "postgresql"
    statement = _PAGE.format(
        due=f"{_DUE} AND (s.next_due_at, s.id) > (:behind_due, :behind_id)" if behind else _DUE,
        lock="FOR NO KEY UPDATE OF s SKIP LOCKED" if postgresql else "",
    )
    values: dict[str, Any] = {"now": now, "last_change": last_change, "limit": limit}
    if behind:
        values |= {"behind_due": behind[0], "behind_id": behind[1]}
    rows = _plain_rows(session.connection().execute(text(statement).bindparams(_NOW), values))
    return DuePage(rows=rows, last=max((row[3], row[0]) for row in rows) if rows else None)


def rows_of(session: Session, subscriber: Subscriber) -> Sequence[Any]:
    """Return the rows (:class:`DueRow`) of one subscriber, due or not."""
    statement = _PAGE.format(due="s.id = :who", lock="")
    return _plain_rows(session.connection().execute(text(statement), {"who": subscriber.id, "limit": 1}))


def lowest_cursor(session: Session, now: datetime, last_change: int) -> int | None:
    """Return the lowest cursor of all who are due and had their first digest; None where nobody is."""
    asked = text(f"SELECT min(s.cursor) FROM subscriber s WHERE {_DUE} AND s.cursor > :never").bindparams(_NOW)
    values = {"now": now, "last_change": last_change, "never": NEVER_SERVED}
    found: int | None = session.connection().execute(asked, values).scalar()
    return found


def newcomers_due(session: Session, now: datetime, last_change: int) -> bool:
    """Tell whether anybody is due who is to be told what is open now: a newcomer, or somebody with a new preference."""
    asked = text(f"SELECT 1 FROM subscriber s WHERE {_DUE} AND (s.cursor = :never OR {_HAS_NEW}) LIMIT 1").bindparams(
        _NOW
    )
    values = {"now": now, "last_change": last_change, "never": NEVER_SERVED}
    return session.connection().execute(asked, values).first() is not None


def upcoming(session: Session, limit: int) -> list[Subscriber]:
    """Return the active subscribers whose hour comes first."""
    asked = select(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    return list(session.exec(asked.order_by(col(Subscriber.next_due_at), col(Subscriber.id)).limit(limit)))


def _plain_rows(found: CursorResult[Any]) -> Sequence[Any]:
    """Return the rows as the driver gives them: SQLAlchemy's cost three times as much, and nothing is to convert."""
    rows: Sequence[Any] = found.cursor.fetchall() if found.cursor is not None else ()
    found.close()
    return rows
