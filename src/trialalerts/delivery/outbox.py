"""Owns the outbox: the rows of ``delivery`` and how they move from state to state.

queued → sending → sent | queued again with ``not_before`` | failed | suppressed. A claim is a lease: who
holds it may send until it runs out; then others claim the row again, with the same Message-ID. What has
been sent is written down whoever holds the lease by then; everything else only by its holder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, and_, col, or_, select, update

from trialalerts.database import Database, table_of
from trialalerts.delivery.message import new_message_id
from trialalerts.delivery.tables import Delivery, DeliveryState
from trialalerts.errors import InvalidInput, NotFound, did_you_mean

__all__ = [
    "acknowledge_sent",
    "backoff",
    "checked_delivery_state",
    "claim",
    "enqueue",
    "enqueue_new",
    "fail",
    "find_delivery",
    "given_up",
    "list_deliveries",
    "postpone",
    "release",
    "requeue",
    "requeue_failed",
    "retry_later",
    "suppress",
]

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=6)
_JITTER = 0.25
_CAN_GO_AGAIN = {DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.SUPPRESSED}


def enqueue(
    session: Session,
    *,
    key: str,
    kind: str,
    subscriber_id: int,
    data: dict[str, Any],
    now: datetime,
    domain: str,
    not_before: datetime | None = None,
) -> bool:
    """Queue a mail in the caller's transaction; return False where one with this ``key`` is there already.

    ``data`` holds ids for the renderer, nothing that a person would mind to see in a table. ``domain`` is
    the right side of the Message-ID (see :func:`~trialalerts.delivery.message.mail_domain`).
    """
    session.flush()
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "key": key,
        "kind": kind,
        "subscriber_id": subscriber_id,
        "data": data,
        "message_id": new_message_id(domain),
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "not_before": not_before or now,
        "created_at": now,
    }
    only_once = (
        upsert(Delivery)
        .values(row)
        .on_conflict_do_nothing(index_elements=["key"], index_where=col(Delivery.key).is_not(None))
    )
    statement = only_once.returning(col(Delivery.id))
    return session.connection().execute(statement).first() is not None


def enqueue_new(
    session: Session, mails: Sequence[tuple[str, int, dict[str, Any]]], *, kind: str, now: datetime, domain: str
) -> None:
    """Queue many mails of one kind with a single statement; each is ``(key, subscriber_id, data)``.

    Raises:
        IntegrityError: one of the keys is there already; nothing of the transaction may stay then.
    """
    common = {"kind": kind, "state": DeliveryState.QUEUED, "attempts": 0, "not_before": now, "created_at": now}
    rows = [
        {"key": key, "subscriber_id": who, "data": data, "message_id": new_message_id(domain), **common}
        for key, who, data in mails
    ]
    if rows:
        session.connection().execute(insert(table_of(Delivery)), rows)


def claim(db: Database, *, owner: str, limit: int, now: datetime, lease: timedelta) -> list[Delivery]:
    """Take up to ``limit`` deliveries that are due, those with an expired lease first, in one short transaction.

    Each counts one attempt more. Several processes may claim at once: nobody waits for another's rows on
    PostgreSQL, and SQLite lets one write at a time.
    """
    expired = and_(col(Delivery.state) == DeliveryState.SENDING, col(Delivery.leased_until) <= now)
    due = and_(col(Delivery.state) == DeliveryState.QUEUED, col(Delivery.not_before) <= now)
    claimed: list[Delivery] = []
    with db.write() as session:
        for condition in (expired, due):  # apart, so that each runs along the index (state, not_before)
            claimed += _claim_where(session, condition, owner=owner, limit=limit - len(claimed), until=now + lease)
    return claimed


def acknowledge_sent(session: Session, deliveries: Collection[Delivery], *, now: datetime, transport: str) -> None:
    """Write down that the transport accepted these, even where the lease has run out meanwhile."""
    unsettled = col(Delivery.state).in_([DeliveryState.SENDING, DeliveryState.QUEUED])
    _update(
        session,
        col(Delivery.id).in_([each.id for each in deliveries]) & unsettled,
        {"state": DeliveryState.SENT, "sent_at": now, "transport": transport, "last_code": None, "last_error": None},
    )


def retry_later(
    session: Session,
    delivery: Delivery,
    *,
    now: datetime,
    give_up_after: timedelta,
    random: Random,
    error: str,
    code: str | None = None,
) -> bool:
    """Queue a delivery again after a growing wait; return False where it has waited long enough and failed for good."""
    if given_up(delivery.attempts, give_up_after):
        fail(session, delivery, error=error, code=code)
        return False
    wait = backoff(delivery.attempts, random)
    values = {"state": DeliveryState.QUEUED, "not_before": now + wait, "last_error": error, "last_code": code}
    _settle(session, [delivery], values)
    return True


def fail(session: Session, delivery: Delivery, *, error: str, code: str | None = None) -> None:
    """Write down that this delivery was refused for good."""
    _settle(session, [delivery], {"state": DeliveryState.FAILED, "last_error": error, "last_code": code})


def suppress(session: Session, delivery: Delivery, *, reason: str) -> None:
    """Write down why this mail is not sent: whom it is for must not get it (any more)."""
    _settle(session, [delivery], {"state": DeliveryState.SUPPRESSED, "last_error": reason, "last_code": None})


def postpone(session: Session, delivery: Delivery, *, until: datetime, reason: str) -> None:
    """Put a delivery back for later without counting the attempt: nothing was wrong with it."""
    values = {"state": DeliveryState.QUEUED, "not_before": until, "last_error": reason}
    _settle(session, [delivery], {**values, "attempts": Delivery.attempts - 1})


def release(session: Session, deliveries: Collection[Delivery]) -> None:
    """Put claimed deliveries back as they were before the claim."""
    _settle(session, deliveries, {"state": DeliveryState.QUEUED, "attempts": Delivery.attempts - 1})


def backoff(attempts: int, random: Random) -> timedelta:
    """Return how long to wait after so many attempts (≥ 1): 1 minute doubled each time, at most 6 hours, ± 25 %."""
    return _nominal(attempts) * random.uniform(1 - _JITTER, 1 + _JITTER)


def given_up(attempts: int, give_up_after: timedelta) -> bool:
    """Tell whether so many attempts fill ``give_up_after``.

    The waits are added up instead of looking at the clock: a machine that was down for a week has tried nothing.
    """
    waited = timedelta()
    for attempt in range(1, attempts + 1):
        waited += _nominal(attempt)
        if waited > give_up_after:
            return True
    return False


def checked_delivery_state(text: str) -> DeliveryState:
    """Return the state that a text names.

    Raises:
        InvalidInput: there is no such state.
    """
    try:
        return DeliveryState(text.strip().lower())
    except ValueError:
        raise InvalidInput(f"“{text}” is no state of a delivery.{did_you_mean(list(DeliveryState))}") from None


def find_delivery(session: Session, number: int) -> Delivery:
    """Return a delivery by its number.

    Raises:
        NotFound: there is none.
    """
    found = session.get(Delivery, number)
    if found is None:
        raise NotFound(f"There is no delivery {number}; see: trialalerts deliveries list")
    return found


def list_deliveries(
    session: Session,
    *,
    states: Iterable[DeliveryState] = (),
    subscriber_id: int | None = None,
    limit: int | None = None,
) -> list[Delivery]:
    """Return deliveries, newest first; of all states where none is named."""
    rows = select(Delivery).order_by(col(Delivery.id).desc())
    if wanted := list(states):
        rows = rows.where(col(Delivery.state).in_(wanted))
    if subscriber_id is not None:
        rows = rows.where(col(Delivery.subscriber_id) == subscriber_id)
    return list(session.exec(rows if limit is None else rows.limit(limit)))


def requeue(session: Session, delivery: Delivery, *, now: datetime) -> None:
    """Queue a failed, suppressed or waiting delivery again, due at once, with all its attempts before it.

    Raises:
        InvalidInput: it was sent, or is being sent just now.
    """
    if delivery.state not in _CAN_GO_AGAIN:
        raise InvalidInput(
            f"Delivery {delivery.id} is {delivery.state}; only failed, suppressed or queued ones go again."
        )
    _requeue_where(session, (col(Delivery.id) == delivery.id) & col(Delivery.state).in_(_CAN_GO_AGAIN), now)


def requeue_failed(session: Session, *, now: datetime) -> int:
    """Queue all failed deliveries again; return how many."""
    return _requeue_where(session, col(Delivery.state) == DeliveryState.FAILED, now)


def _claim_where(
    session: Session, condition: ColumnElement[bool], *, owner: str, limit: int, until: datetime
) -> Sequence[Delivery]:
    """Lease the first rows of a condition; those that another transaction is claiming are passed over."""
    rows = select(Delivery.id).where(condition).order_by(col(Delivery.not_before), col(Delivery.id)).limit(limit)
    # A named query runs once; PostgreSQL may run a plain sub-query again and lock more than the limit.
    due = rows.with_for_update(skip_locked=True).cte("due")
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(select(due.c.id)))
        .values(state=DeliveryState.SENDING, leased_by=owner, leased_until=until, attempts=col(Delivery.attempts) + 1)
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )
    return sorted(session.execute(statement).scalars(), key=lambda each: (each.not_before, each.id))


def _settle(session: Session, deliveries: Collection[Delivery], values: dict[str, Any]) -> None:
    """End a lease; a row whose lease went to somebody else is theirs to settle."""
    held = or_(
        *(
            and_(col(Delivery.leased_by) == owner, col(Delivery.id).in_(numbers))
            for owner, numbers in _by_owner(deliveries).items()
        )
    )
    _update(session, held & (col(Delivery.state) == DeliveryState.SENDING), values)


def _by_owner(deliveries: Collection[Delivery]) -> dict[str | None, list[int | None]]:
    numbers: dict[str | None, list[int | None]] = {}
    for each in deliveries:
        numbers.setdefault(each.leased_by, []).append(each.id)
    return numbers


def _requeue_where(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    return _update(session, condition, {"state": DeliveryState.QUEUED, "not_before": now, "attempts": 0})


def _update(session: Session, condition: ColumnElement[bool], values: dict[str, Any]) -> int:
    free = {"leased_by": None, "leased_until": None}
    statement = update(Delivery).where(condition).values(values | free)
    result: CursorResult[Any] = session.connection().execute(statement)
    return result.rowcount


def _nominal(attempts: int) -> timedelta:
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
