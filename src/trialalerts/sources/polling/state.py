"""Where a source stands between polls: begun, read to its end, failed and put off, or stopped half-way."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from trialalerts.clock import Clock
from trialalerts.database.bulk import insert_into
from trialalerts.database.engine import Database
from trialalerts.database.findings import note_finding
from trialalerts.database.leases import Lease
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Position
from trialalerts.sources.tables import SourceDay, SourceState

__all__ = [
    "LEASE",
    "SOURCE_GONE",
    "adopt_interval",
    "begin",
    "fail",
    "has_new_interval",
    "interrupt",
    "lease_of",
    "locked_state",
    "next_poll",
    "note_day",
    "polled_by",
    "succeed",
    "url_key",
    "watched_since",
]

LEASE = timedelta(minutes=5)
"""How long after its last sign of life a poller keeps a source to itself; clocks should agree far better than this."""

SOURCE_GONE = "source-gone"
"""The kind of the finding that a source's server says it is gone for good."""
_LONGEST_PAUSE = timedelta(hours=24)
_SHORTEST_PAUSE = timedelta(minutes=1)
_MOST_DOUBLINGS = 20
_ERROR_LIMIT = 500


def lease_of(db: Database, source: str, clock: Clock) -> Lease:
    """Return a lease, not taken yet, on the row of a source."""
    return Lease(db, SourceState, source, clock, length=LEASE)


def polled_by(state: SourceState | None, now: datetime) -> str | None:
    """Return who polls a source just now (machine, process and poll), None where nobody does."""
    held = state is not None and state.leased_until is not None and state.leased_until > now
    return state.leased_by if state and held else None


def begin(
    db: Database, settings: SourceSettings, lease: Lease, now: datetime, *, only_due: bool = False
) -> Position | None:
    """Take the lease and note that a poll begins; return where the source stands.

    None where another process polls it just now (or, with ``only_due``, has just polled it). A source that
    changed its kind begins anew.
    """
    with db.write() as session:
        connection = session.connection()
        row = {"name": settings.name, "kind": settings.kind, "cursor": {}, "error_count": 0}
        connection.execute(insert_into(connection, SourceState).values(row).on_conflict_do_nothing())
        due = or_(col(SourceState.next_poll_at).is_(None), col(SourceState.next_poll_at) <= now)
        if not lease.take(session, *([due] if only_due else [])):
            return None
        state = locked_state(session, settings.name)
        if state.kind != settings.kind:
            state.kind, state.cursor = settings.kind, {}
            state.etag = state.last_modified = state.baseline_done_at = None
            state.first_attempt_at = state.patience_ended_at = None
        state.last_attempt_at = now
        state.first_attempt_at = state.first_attempt_at or now
        session.add(state)
        return Position(cursor=state.cursor, etag=state.etag, last_modified=state.last_modified)


def watched_since(session: Session, names: Collection[str]) -> tuple[datetime | None, bool]:
    """Return since when the sources of these names are watched, and whether each was read to its end once.

    That is when the last of them had its baseline: what happened before it is not known of all. None where no source
    had one yet.
    """
    asked = select(SourceState.baseline_done_at).where(col(SourceState.name).in_(list(names)))
    done = [moment for moment in session.exec(asked) if moment is not None]
    return max(done, default=None), len(done) == len(set(names))


def locked_state(session: Session, name: str) -> SourceState:
    """Return the row of a source, locked until the transaction ends: two daemons store its pages one after another."""
    return session.exec(select(SourceState).where(col(SourceState.name) == name).with_for_update()).one()


def note_day(session: Session, name: str, now: datetime) -> None:
    """Note that the source was read to its end today."""
    row = insert_into(session, SourceDay).values({"source": name, "day": now.date()})
    session.connection().execute(row.on_conflict_do_nothing())


def succeed(state: SourceState, settings: SourceSettings, now: datetime) -> None:
    """Note that the source was read to its end."""
    state.baseline_done_at = state.baseline_done_at or now
    state.last_success_at = now
    state.next_poll_at = now + settings.every
    state.interval = _seconds(settings)
    state.error_count = 0
    state.last_error = state.gone = None


def url_key(settings: SourceSettings) -> str:
    """Return what tells that a source's address changed; the address itself may hold a secret."""
    return hashlib.sha256(settings.url.encode()).hexdigest()[:16]


def fail(
    db: Database,
    settings: SourceSettings,
    lease: Lease,
    now: datetime,
    error: str,
    retry_after: float | None,
    *,
    is_gone: bool = False,
) -> datetime:
    """Note that a poll failed; return when the source is asked again (never where it ``is_gone`` for good).

    The pause doubles with each failure in a row, up to a day; where the source said when to come again, that counts.

    Raises:
        LeaseLost: another process polls it by now; how that one fares counts.
    """
    with db.write() as session:
        state = locked_state(session, settings.name)
        lease.end(state)
        state.next_poll_at = now + _pause(settings.every, state.error_count, retry_after)
        state.interval = _seconds(settings) if retry_after is None else None
        if is_gone:
            state.gone = url_key(settings)
            note_finding(session, SOURCE_GONE, settings.name, f"Source {settings.name}: {error}", now=now)
        state.error_count += 1
        state.last_error = " ".join(error.split())[:_ERROR_LIMIT]
        session.add(state)
        return state.next_poll_at


def interrupt(db: Database, name: str, lease: Lease, now: datetime) -> None:
    """Note that a poll was stopped half-way: the source is due at once, and goes on where it stood.

    Raises:
        LeaseLost: another process polls it by now.
    """
    with db.write() as session:
        state = locked_state(session, name)
        lease.end(state)
        state.next_poll_at, state.interval = now, None
        session.add(state)


def next_poll(state: SourceState | None, settings: SourceSettings) -> datetime | None:
    """Return when a source is due by its interval of today, whatever it was when it was polled last; None: now."""
    if state is None or state.next_poll_at is None:
        return None
    if state.interval is None or state.interval == _seconds(settings):
        return state.next_poll_at
    before, failures = timedelta(seconds=state.interval), state.error_count - 1
    if failures < 0:
        return state.next_poll_at - before + settings.every
    return state.next_poll_at - _pause(before, failures, None) + _pause(settings.every, failures, None)


def adopt_interval(db: Database, settings: SourceSettings) -> None:
    """Let an interval that was changed in the configuration hold from now on, not only from the next poll."""
    with db.write() as session:
        state = locked_state(session, settings.name)
        state.next_poll_at, state.interval = next_poll(state, settings), _seconds(settings)
        session.add(state)


def has_new_interval(state: SourceState | None, settings: SourceSettings) -> bool:
    """Tell whether a source's interval was changed since it was polled last."""
    return state is not None and state.interval not in {None, _seconds(settings)}


def _seconds(settings: SourceSettings) -> int:
    return int(settings.every.total_seconds())


def _pause(every: timedelta, failures: int, retry_after: float | None) -> timedelta:
    longest = max(every, _LONGEST_PAUSE)
    if retry_after is not None:
        return min(max(timedelta(seconds=min(retry_after, 1e9)), _SHORTEST_PAUSE), longest)
    doublings: int = 2 ** min(failures, _MOST_DOUBLINGS)
    return min(max(every, _SHORTEST_PAUSE) * doublings, longest)
