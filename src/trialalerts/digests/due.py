"""Who is due: active subscribers whose hour has come and for whom something may be new, with what they follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, text
from sqlmodel import Session, col, select

from trialalerts.database.bulk import is_sqlite
from trialalerts.database.types import moment_for
from trialalerts.matching.matcher import query_of
from trialalerts.matching.query import PreferenceQuery, filters_text
from trialalerts.matching.shown import MOST_QUERIES
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState

__all__ = [
    "DuePage",
    "DueRow",
    "Place",
    "due_page",
    "due_rows",
    "introductions_due",
    "lowest_cursors",
    "rows_of",
    "rows_of_active",
    "upcoming",
]


class DueRow(NamedTuple):
    """A subscriber who is due, with one of the preferences (``preference_id`` is None where there is none).

    Written as the database gives it, since a million of them pass: ``schedule``, ``region`` and ``filters`` are texts
    that stand for several columns (see :class:`~trialalerts.matching.matcher.PreferenceRow`), so that what was read
    once is known again. ``locale`` is as people choose it: ``de-AT``.
    """

    subscriber_id: int
    cursor: int
    schedule: str
    due_at: Any
    preference_id: int | None
    is_new: bool | int
    area_id: str
    region: str
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    filters: str
    item_id: int | None
    confirmed_seq: int | None
    paused_seq: int | None = None
    locale: str = "en"


class _Sought(NamedTuple):
    """What of a preference tells what it is introduced to."""

    area_id: str
    region: str
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    filters: str
    item_id: int | None


Place = tuple[Any, int]
"""Where somebody stands among those who are due: the due time as the driver gives it, and the subscriber's id."""


class DuePage(NamedTuple):
    """At most ``most`` of those who are due: behind ``after`` (None: from the first on), up to ``last``."""

    after: Place | None
    last: Place
    most: int


# Written out, because this runs for every subscriber: one statement gives people and preferences, and the database puts
# together what belongs together (0.5 µs) instead of twelve columns that Python would have to convert (15 µs).
# Who is served at once is due only while there is a change that they have not seen, or a preference that is new or has
# rested; one that rests is passed over.
_HAS_NEW = """
    EXISTS (
        SELECT 1 FROM preference new WHERE new.subscriber_id = s.id
        AND new.introduced_at IS NULL AND new.confirmed_at IS NOT NULL AND new.paused_until IS NULL
    ) OR EXISTS (
        SELECT 1 FROM preference rested WHERE rested.subscriber_id = s.id
        AND rested.paused_seq IS NOT NULL AND rested.paused_until IS NULL
    )
"""
_UNSEEN = "s.state = 'active' AND (s.frequency <> 'immediately' OR s.cursor < :last_change{more})"
_WAITS = _UNSEEN.format(more=f" OR {_HAS_NEW}")
# While first digests are held, whoever is to get one waits, and so does the introduction of what is new.
_WAITS_HELD = f"s.cursor > {NEVER_SERVED} AND {_UNSEEN.format(more='')}"


def _waits(*, introducing: bool) -> str:
    return _WAITS if introducing else _WAITS_HELD


_PAGE = """
WITH due AS MATERIALIZED (
    SELECT s.id, s.cursor, s.confirmed_seq, s.next_due_at, s.locale,
        s.frequency || '|' || s.hour || '|' || s.weekday || '|' || s.day || '|' || s.timezone AS schedule
    FROM subscriber s WHERE {who} ORDER BY s.next_due_at, s.id LIMIT :most {lock}
)
SELECT due.id, due.cursor, due.schedule, due.next_due_at, p.id, p.introduced_at IS NULL, coalesce(p.area_id, ''),
    coalesce({region}, ''), p.latitude, p.longitude, p.radius_km, coalesce({filters}, ''), p.item_id,
    due.confirmed_seq, p.paused_seq, due.locale
FROM due LEFT JOIN preference p
    ON p.subscriber_id = due.id AND p.confirmed_at IS NOT NULL AND p.paused_until IS NULL
"""
_TEXTS = {
    "region": "p.region_kind || '|' || coalesce(p.country, '') || '|' || coalesce(p.subdivision, '')",
    "filters": filters_text("p"),
}
# Where many are due at the same moment SQLite finds its way among them only if it is asked for that moment alone.
# CROSS JOIN keeps SQLite from looking through all subscribers: preferences that are new are few, and have an index.
_SOUGHT = f"""
SELECT p.area_id, {_TEXTS["region"]}, p.latitude, p.longitude, p.radius_km, {_TEXTS["filters"]}, p.item_id
FROM {{tables}} WHERE p.confirmed_at IS NOT NULL AND p.paused_until IS NULL AND s.id = p.subscriber_id
AND s.state = 'active' AND s.next_due_at <= :now AND {{which}}
"""
_NEW = _SOUGHT.format(tables="preference p CROSS JOIN subscriber s", which="p.introduced_at IS NULL")
_OF_NEWCOMERS = _SOUGHT.format(
    tables="subscriber s CROSS JOIN preference p", which=f"p.introduced_at IS NOT NULL AND s.cursor = {NEVER_SERVED}"
)
_RESTED = text("""
SELECT min(p.paused_seq) FROM preference p JOIN subscriber s ON s.id = p.subscriber_id
WHERE p.paused_seq IS NOT NULL AND p.paused_until IS NULL AND s.state = 'active' AND s.next_due_at <= :now
""")
_LAST = """
SELECT page.next_due_at, page.id, count(*) OVER () FROM (
    SELECT s.next_due_at, s.id FROM subscriber s WHERE {when} ORDER BY s.next_due_at, s.id LIMIT :limit
) page ORDER BY page.next_due_at DESC, page.id DESC LIMIT 1
"""


def due_page(
    session: Session,
    now: datetime,
    last_change: int,
    limit: int,
    *,
    after: Place | None = None,
    introducing: bool = True,
) -> DuePage | None:
    """Return the page that holds the next ``limit`` of those who are due, None where nobody is.

    Without ``introducing`` nobody is due for a first digest, nor for a preference that is new.
    """
    last, found = None, 0
    waits = _waits(introducing=introducing)
    if after:
        last, found = _last_of(
            session, now, last_change, limit, f"{waits} AND s.next_due_at = :due_at AND s.id > :who", after
        )
    if found < limit:
        later = "s.next_due_at > :due_at AND s.next_due_at <= :now" if after else "s.next_due_at <= :now"
        last = _last_of(session, now, last_change, limit - found, f"{waits} AND {later}", after)[0] or last
    return DuePage(after, last, limit) if last else None


def due_rows(
    session: Session, last_change: int, page: DuePage, *, held: bool = False, introducing: bool = True
) -> Sequence[DueRow]:
    """Return the rows of those of a page who are due, in any order.

    ``held`` locks them on PostgreSQL until the transaction ends. (A transaction that writes on SQLite is alone anyway.)
    """
    values: dict[str, Any] = {"last_change": last_change, "most": page.most}
    values |= {"last_due": page.last[0], "last_id": page.last[1]}
    if page.after is None:
        who = "(s.next_due_at, s.id) <= (:last_due, :last_id)"
    else:
        values |= {"after_due": page.after[0], "after_id": page.after[1]}
        if page.after[0] == page.last[0]:
            who = "s.next_due_at = :last_due AND s.id > :after_id AND s.id <= :last_id"
        else:
            who = "(s.next_due_at, s.id) > (:after_due, :after_id) AND (s.next_due_at, s.id) <= (:last_due, :last_id)"
    lock = "FOR NO KEY UPDATE OF s" if held and not is_sqlite(session) else ""
    statement = text(_PAGE.format(who=f"{_waits(introducing=introducing)} AND {who}", lock=lock, **_TEXTS))
    return [*map(DueRow._make, _plain_rows(session.connection().execute(statement, values)))]


def rows_of(session: Session, subscriber: Subscriber) -> Sequence[DueRow]:
    """Return the rows of one subscriber, due or not."""
    statement = _PAGE.format(who="s.id = :who", lock="", **_TEXTS)
    found = _plain_rows(session.connection().execute(text(statement), {"who": subscriber.id, "most": 1}))
    return [*map(DueRow._make, found)]


def rows_of_active(session: Session, ids: range) -> Sequence[DueRow]:
    """Return the rows of all who are active, due or not, among so many numbers in a row."""
    statement = _PAGE.format(who="s.state = 'active' AND s.id >= :first AND s.id < :end", lock="", **_TEXTS)
    values = {"first": ids.start, "end": ids.stop, "most": len(ids)}
    return [*map(DueRow._make, _plain_rows(session.connection().execute(text(statement), values)))]


def lowest_cursors(
    session: Session, now: datetime, last_change: int, *, introducing: bool = True
) -> tuple[int | None, int | None]:
    """Return the lowest cursor of all who are due and had their first digest, and where first digests begin.

    None where nobody is. A preference that has rested begins where it did so.
    """
    asked = text(
        "SELECT min(CASE WHEN s.cursor > :never THEN s.cursor END), "
        "min(CASE WHEN s.cursor = :never THEN coalesce(s.confirmed_seq, :last_change) END) "
        f"FROM subscriber s WHERE {_waits(introducing=introducing)} AND s.next_due_at <= :now"
    )
    values = {"now": _moment(session, now), "last_change": last_change, "never": NEVER_SERVED}
    served, began = session.connection().execute(asked, values).one()
    rested = session.connection().execute(_RESTED, {"now": values["now"]}).scalar()
    return min((each for each in (served, rested) if each is not None), default=None), began


def introductions_due(session: Session, now: datetime, *, newcomers: bool) -> list[PreferenceQuery] | None:
    """Return what those who are due are introduced to: by preferences that are new, and by all of ``newcomers``.

    None where these are so many that it is best to read all that is open.
    """
    asked = f"SELECT DISTINCT * FROM ({f'{_NEW} UNION {_OF_NEWCOMERS}' if newcomers else _NEW}) sought LIMIT :most"
    values = {"now": _moment(session, now), "most": MOST_QUERIES + 1}
    rows = session.connection().execute(text(asked), values).all()
    return [*_readable(_Sought._make(row) for row in rows)] if len(rows) <= MOST_QUERIES else None


def _readable(rows: Iterable[_Sought]) -> Iterator[PreferenceQuery]:
    """Give the queries of rows; one that makes no sense is found out, and recorded, when its subscriber is matched."""
    for row in rows:
        with suppress(ValueError):
            yield query_of(row)


def upcoming(session: Session, limit: int) -> list[Subscriber]:
    """Return the active subscribers whose hour comes first."""
    asked = select(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    return list(session.exec(asked.order_by(col(Subscriber.next_due_at), col(Subscriber.id)).limit(limit)))


def _last_of(
    session: Session, now: datetime, last_change: int, limit: int, when: str, after: Place | None
) -> tuple[Place | None, int]:
    """Return the last of the next ``limit`` who are due, among those due ``when``, and how many there are."""
    values: dict[str, Any] = {"now": _moment(session, now), "last_change": last_change, "limit": limit}
    if after:
        values |= {"due_at": after[0], "who": after[1]}
    rows = _plain_rows(session.connection().execute(text(_LAST.format(when=when)), values))
    return ((rows[0][0], rows[0][1]), rows[0][2]) if rows else (None, 0)


def _moment(session: Session, now: datetime) -> Any:
    return moment_for(session.get_bind().dialect, now)


def _plain_rows(found: CursorResult[Any]) -> Sequence[Any]:
    """Return the rows as the driver gives them: SQLAlchemy's cost three times as much, and nothing is to convert."""
    rows: Sequence[Any] = found.cursor.fetchall() if found.cursor is not None else ()
    found.close()
    return rows
