"""The stamps in the tables: how far ahead each may lie, and what becomes of one that lies farther.

Every moment in the tables is here: some by name, because they lie in the future by their nature; all others are in the
past, so that one in the future is a clock's mistake and becomes now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, delete, func, literal, or_, select, update
from sqlmodel import Session, SQLModel

from trialalerts.database import table_of
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.feedback.mailbox.reader import LEASE as MAILBOX_LEASE
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT
from trialalerts.delivery.outbox.request_limits import LONGEST_WAIT
from trialalerts.delivery.outbox.suppressions import PROVISIONAL
from trialalerts.delivery.outbox.tables import (
    Delivery,
    DeliveryState,
    DomainTally,
    MailboxState,
    Pace,
    RefusedAddress,
    RequestedMail,
    SendingHold,
    SoftBounces,
    Suppression,
    Tally,
    TransportState,
)
from trialalerts.delivery.policy import answers, mass_guard
from trialalerts.delivery.policy.effects import PARKED_FOR
from trialalerts.delivery.sending.sender import LEASE as SENDING_LEASE
from trialalerts.hooks.calling import CALL_LEASE
from trialalerts.hooks.tables import CallState, Hook, HookCall
from trialalerts.nudges.tables import LONGEST_REST, NUDGE_LEASE, NudgeWay
from trialalerts.operations.watch.tables import WATCH_LEASE, WatchTurn
from trialalerts.settings import Settings
from trialalerts.sources.polling.state import LEASE as POLLING_LEASE
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

__all__ = ["AHEAD_BY_NATURE", "future_stamps", "latest_stamp", "past_columns", "put_right"]

AHEAD_BY_NATURE = {
    ("announcement", "not_before"),  # the editor's own wish
    ("audit_entry", "at"),  # never changed, whatever clock wrote it: the database refuses
    ("delivery", "leased_until"),
    ("delivery", "not_before"),
    ("domain_tally", "hour"),  # counted into the hour at hand
    ("due_taken", "due_at"),  # a place among those who are due: a pass goes on from the first whatever it says
    ("item", "published_at"),  # the registry's word
    ("mailbox", "leased_until"),
    ("nudge_way", "leased_until"),
    ("nudge_way", "retry_at"),
    ("pace", "next_at"),
    ("preference", "paused_until"),  # somebody's own wish
    ("record", "published_at"),
    ("refused_address", "not_before"),
    ("requested_mail", "due_at"),
    ("sending_hold", "retry_at"),
    ("soft_bounces", "not_before"),
    ("soft_bounces", "parked_until"),
    ("source", "leased_until"),
    ("source", "next_poll_at"),
    ("subscriber", "next_due_at"),
    ("subscriber", "paused_until"),  # somebody's own wish
    ("suppression", "provisional_until"),
    ("tally", "hour"),
    ("transport_state", "retry_at"),
    ("watch_turn", "leased_until"),
    ("webhook", "leased_until"),
    ("webhook", "retry_at"),
    ("webhook_call", "not_before"),
}
"""The moments that may lie in the future; a test holds every column with such a name to this list."""

_A_DAY = timedelta(days=1)
_TO_SPARE = timedelta(minutes=5)
_INTERVALS = {
    Frequency.IMMEDIATELY: timedelta(hours=1),
    Frequency.DAILY: timedelta(hours=26),
    Frequency.WEEKLY: timedelta(days=7, hours=2),
    Frequency.MONTHLY: timedelta(days=31, hours=2),
}
"""How far the next slot of a schedule is at the most, over a change to summer time and back."""
_LONGEST_WAITS = {
    "not_before": timedelta(days=8),
    "retry_at": timedelta(hours=6),
    "rest": timedelta(days=4),
}
_LARGE = {"change", "digest", "item", "record", "delivery", "consent", "preference", "subscriber", "webhook_call"}
"""Tables without an index on their past stamps: they are looked through only when the clock is known to have gone
back."""


@dataclass(frozen=True, kw_only=True)
class _Stamp:
    """A column of which too distant values become ``instead``; ``name`` is how people are told of it."""

    name: str
    table: Table
    column: str
    is_off: ColumnElement[bool]
    instead: datetime | Any


def put_right(session: Session, settings: Settings, now: datetime, *, everything: bool) -> dict[str, int]:
    """Put right each stamp that no right clock can have written by ``now``; return how many of each column.

    A due time is due now; a lease holds for its own length from now; a moment of the past is now. Without
    ``everything`` the stamps of the past in large tables are left, which nothing waits for.
    """
    mended: dict[str, int] = {}
    stamps = [*_waits(settings, now, went_back=everything)]
    stamps += _past(now, large=everything)
    for stamp in stamps:
        changed = update(stamp.table).where(stamp.is_off).values({stamp.column: stamp.instead})
        number = session.connection().execute(changed).rowcount
        if number:
            mended[stamp.name] = mended.get(stamp.name, 0) + number
    if number := _count_anew(session, now):
        mended["tally.hour"] = number
    session.expire_all()
    return mended


def future_stamps(session: Session, settings: Settings, now: datetime) -> dict[str, int]:
    """Return how many stamps, of each column for which something waits, no right clock can have written by ``now``."""
    found: dict[str, int] = {}
    for stamp in _waits(settings, now, went_back=False):
        number = (
            session.connection().execute(select(func.count()).select_from(stamp.table).where(stamp.is_off)).scalar_one()
        )
        if number:
            found[stamp.name] = found.get(stamp.name, 0) + number
    return found


def latest_stamp(session: Session) -> datetime | None:
    """Return the newest moment that a round left behind, without looking through large tables."""
    deliveries = table_of(Delivery)
    newest = select(deliveries.c.created_at).order_by(deliveries.c.id.desc()).limit(1)
    polled = select(func.max(table_of(SourceState).c.last_attempt_at, type_=UtcDateTime()))
    found = [session.connection().execute(asked).scalar() for asked in (newest, polled)]
    return max((moment for moment in found if moment is not None), default=None)


def past_columns() -> list[tuple[Table, str]]:
    """Return every moment in the tables that lies in the past by its nature."""
    tables = sorted(SQLModel.metadata.tables.values(), key=lambda table: table.name)
    return [
        (table, column.name)
        for table in tables
        for column in table.columns
        if isinstance(column.type, UtcDateTime) and (table.name, column.name) not in AHEAD_BY_NATURE
    ]


def _past(now: datetime, *, large: bool) -> Iterator[_Stamp]:
    for table, column in past_columns():
        if large or table.name not in _LARGE:
            yield _stamp(table, column, now + _TO_SPARE, instead=now)


def _waits(settings: Settings, now: datetime, *, went_back: bool) -> Iterator[_Stamp]:
    """Give the stamps for which something waits."""
    yield _due(now)
    for source in settings.sources:
        state = table_of(SourceState)
        failing = and_(state.c.error_count > 0, state.c.next_poll_at > now + max(source.every, _A_DAY) + _TO_SPARE)
        # By an interval of before it may be due later; how long before the change it was, is not known here.
        unchanged = or_(state.c.interval.is_(None), state.c.interval == int(source.every.total_seconds()))
        asked = and_(state.c.error_count == 0, unchanged, state.c.next_poll_at > now + source.every + _TO_SPARE)
        yield _Stamp(
            name="source.next_poll_at",
            table=state,
            column="next_poll_at",
            is_off=and_(state.c.name == source.name, failing | asked),
            instead=now,
        )
    leases = (
        (SourceState, POLLING_LEASE), (MailboxState, MAILBOX_LEASE), (WatchTurn, WATCH_LEASE), (Hook, CALL_LEASE),
        (NudgeWay, NUDGE_LEASE),
    )  # fmt: skip
    for model, length in leases:
        yield _stamp(table_of(model), "leased_until", now + length + _TO_SPARE, instead=now + length)
    mails = table_of(Delivery)
    sending, queued = mails.c.state == DeliveryState.SENDING, mails.c.state == DeliveryState.QUEUED
    yield _stamp(mails, "leased_until", now + SENDING_LEASE + _TO_SPARE, instead=now + SENDING_LEASE, only=sending)
    # Made due, a mail that has to wait after all is put off again by the last check.
    longest_wait = _A_DAY + _TO_SPARE if went_back else _LONGEST_WAITS["not_before"]
    # An announcement waits for the moment that its editor chose; one that was queued, or put off, by a wrong clock not.
    chosen = and_(
        mails.c.kind == ANNOUNCEMENT,
        mails.c.attempts == 0,
        mails.c.last_error.is_(None),
        mails.c.created_at <= now + _TO_SPARE,
    )
    yield _stamp(mails, "not_before", now + longest_wait, instead=now, only=queued & ~chosen)
    for rests in (SoftBounces, RefusedAddress):
        yield _stamp(table_of(rests), "not_before", now + _LONGEST_WAITS["rest"], instead=now)
    yield _stamp(table_of(TransportState), "retry_at", now + _LONGEST_WAITS["retry_at"] + _TO_SPARE, instead=now)
    yield _stamp(table_of(SendingHold), "retry_at", now + mass_guard.LONGEST_WAIT + _TO_SPARE, instead=now)
    yield _stamp(table_of(SoftBounces), "parked_until", now + max(PARKED_FOR) + _TO_SPARE, instead=now)
    yield _stamp(table_of(Suppression), "provisional_until", now + PROVISIONAL + _TO_SPARE, instead=now + PROVISIONAL)
    yield _stamp(table_of(RequestedMail), "due_at", now + LONGEST_WAIT + _TO_SPARE, instead=now)
    calls = table_of(HookCall)
    waiting = calls.c.state == CallState.QUEUED
    yield _stamp(table_of(Hook), "retry_at", now + _A_DAY + _TO_SPARE, instead=now)
    yield _stamp(calls, "not_before", now + _A_DAY + _TO_SPARE, instead=now, only=waiting)
    yield _stamp(table_of(NudgeWay), "retry_at", now + LONGEST_REST + _TO_SPARE, instead=now)
    yield from _paces(now, longest_wait)


def _due(now: datetime) -> _Stamp:
    people = table_of(Subscriber)
    longest = case(
        *((people.c.frequency == each, literal(now + wait, UtcDateTime())) for each, wait in _INTERVALS.items()),
        else_=literal(now + max(_INTERVALS.values()), UtcDateTime()),
    )
    beyond = and_(
        people.c.state == SubscriberState.ACTIVE,
        people.c.next_due_at > now + min(_INTERVALS.values()),
        people.c.next_due_at > longest,
    )
    return _Stamp(name="subscriber.next_due_at", table=people, column="next_due_at", is_off=beyond, instead=now)


def _paces(now: datetime, longest: timedelta) -> Iterator[_Stamp]:
    """Give the turns of limits; what left on a day that has not come yet counts for today."""
    paces = table_of(Pace)
    yield _stamp(paces, "next_at", now + longest, instead=now)
    is_off = paces.c.day > (now + longest).date()
    yield _Stamp(name="pace.day", table=paces, column="day", is_off=is_off, instead=now.date())


def _stamp(
    table: Table, column: str, latest: datetime, *, instead: datetime, only: ColumnElement[bool] | None = None
) -> _Stamp:
    off = table.c[column] > latest
    return _Stamp(
        name=f"{table.name}.{column}",
        table=table,
        column=column,
        is_off=off if only is None else and_(only, off),
        instead=instead,
    )


def _count_anew(session: Session, now: datetime) -> int:
    """Count what was counted in hours that have not come yet in the hour at hand."""
    connection, hour = session.connection(), counters.hour_of(now)
    number = 0
    for model, more in ((Tally, counters.MORE), (DomainTally, answers.MORE)):
        gone = delete(model).where(table_of(model).c.hour > hour).returning(table_of(model))
        rows = connection.execute(gone).mappings().all()
        for row in rows:
            connection.execute(more, {**row, "hour": hour})
        number += len(rows)
    return number
