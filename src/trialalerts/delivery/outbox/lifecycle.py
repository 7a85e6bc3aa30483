"""The outbox: the rows of ``delivery`` and how they move from state to state.

queued → sending → sent | queued again with ``not_before`` | failed | suppressed. A claim is a lease: who
holds it may send until it runs out; then others claim the row again, with the same Message-ID. What has
been sent is written down whoever holds the lease by then; everything else only by its holder. What goes
through the sender in bulk is plain rows through SQLAlchemy Core; people look at :class:`Delivery` itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Integer, String, bindparam, func, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, and_, col, select

from trialalerts.database import Database, table_of
from trialalerts.database.bulk import Rows, insert_into, is_sqlite
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.mail.message import message_ids_for
from trialalerts.delivery.mail.reply_codes import Classified
from trialalerts.delivery.outbox.notices.kinds import NUDGES, URGENT_KINDS
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.errors import InvalidInput, NotFound, did_you_mean

__all__ = [
    "Claimed",
    "NewMail",
    "Settlement",
    "backoff",
    "checked_delivery_state",
    "claim",
    "claim_due",
    "claim_expired",
    "enqueue",
    "find_delivery",
    "given_up",
    "list_deliveries",
    "postponement",
    "queued_rows",
    "retrial",
    "settle",
]

_T = table_of(Delivery)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=6)
_JITTER = 0.25
_LONGEST_ASKED = timedelta(days=1)
_GREYLISTED_TIMES = 5
_GREYLISTED = re.compile(r"45[01] 4\.7\.\d")
"""Policy, but only for now: servers that let strangers try again say so."""
# A state is compared as an expression: no database shall look for these few rows among all that are in the state.
_SENT = (
    "UPDATE delivery SET state = 'sent', sent_at = :now, transport = :transport, last_code = NULL, last_error = NULL, "
    "leased_by = NULL, leased_until = NULL, provider_id = given.name FROM {given} "
    "WHERE delivery.id = given.number AND (delivery.state || '' = 'sending' "
    # with a transport: its provider has told already that it will not send it (see feedback.about_us)
    "OR delivery.state || '' = 'queued' AND delivery.transport IS NULL)"
)
_SENT_SQLITE = text(
    _SENT.format(given="(SELECT CAST(key AS INTEGER) AS number, value AS name FROM json_each(:given)) AS given")
).bindparams(bindparam("now", type_=UtcDateTime))
_SENT_POSTGRESQL = text(
    _SENT.format(given="unnest(CAST(:numbers AS bigint[]), CAST(:names AS text[])) AS given (number, name)")
)
_FREE: dict[str, Any] = {"leased_by": None, "leased_until": None}
# Written out, since a partial index is used only where its own words stand in the query; SQLite wants it named, too.
_WAITING = f"WHERE state = 'queued' AND kind IN {URGENT_KINDS} AND not_before <= :now ORDER BY not_before LIMIT :most"
_URGENT_SQLITE = text(f"SELECT id FROM delivery INDEXED BY ix_delivery_waiting_confirmation {_WAITING}").bindparams(
    bindparam("now", type_=UtcDateTime)
)
_URGENT_POSTGRESQL = text(f"SELECT id FROM delivery {_WAITING} FOR UPDATE SKIP LOCKED")
_SETTLE_QUIETLY = (
    update(_T)
    .where(_T.c.id == bindparam("n"), _T.c.leased_by == bindparam("owner"), text("delivery.state || '' = 'sending'"))
    .values(
        {
            "state": bindparam("to"),
            "not_before": bindparam("due"),
            "attempts": _T.c.attempts - bindparam("uncounted", type_=Integer),
            **_FREE,
        }
    )
)
_SETTLE = _SETTLE_QUIETLY.values(
    {
        "last_error": bindparam("error"),
        "last_code": bindparam("code"),
        "request_key": func.coalesce(bindparam("new_key", type_=String), _T.c.request_key),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMail:
    """A mail to be queued once for its ``key``; due at ``not_before``, at once where that is None."""

    key: str
    kind: str
    subscriber_id: int
    data: dict[str, Any]
    not_before: datetime | None = None


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
    the right side of the Message-ID (see :func:`~trialalerts.delivery.mail.message.mail_domain`).
    """
    mail = NewMail(key=key, kind=kind, subscriber_id=subscriber_id, data=data, not_before=not_before)
    queued = _queueing(session).returning(col(Delivery.id))
    return session.connection().execute(queued, _rows([mail], now, domain)[0]).first() is not None


def queued_rows(mails: Sequence[NewMail], *, now: datetime, domain: str) -> Rows:
    """Return the rows that queue many mails, as :func:`enqueue` does, to be written with what else is.

    Those whose key is there already are left out.
    """
    return Rows(_T, _rows(mails, now, domain), unique="key")


def _queueing(session: Session) -> postgresql.Insert | sqlite.Insert:
    session.flush()
    return insert_into(session, Delivery).on_conflict_do_nothing(
        index_elements=["key"], index_where=col(Delivery.key).is_not(None)
    )


def _rows(mails: Sequence[NewMail], now: datetime, domain: str) -> list[dict[str, Any]]:
    names = message_ids_for([mail.subscriber_id for mail in mails], domain)
    return [
        {
            "key": mail.key,
            "kind": mail.kind,
            "subscriber_id": mail.subscriber_id,
            "data": mail.data,
            "message_id": name,
            "state": DeliveryState.QUEUED,
            "attempts": 0,
            "not_before": mail.not_before or now,
            "created_at": now,
        }
        for mail, name in zip(mails, names, strict=True)
    ]


@dataclass(slots=True)
class Claimed:
    """A delivery that was claimed, with what sending needs of it: a plain row, of which many are at hand at once."""

    id: int
    kind: str
    subscriber_id: int
    data: dict[str, Any]
    message_id: str
    attempts: int
    not_before: datetime
    leased_until: datetime
    leased_by: str
    request_key: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What became of a claimed delivery. Without ``error`` the row keeps what it says of the last one.

    ``not_before`` is when it is due again, None: as before. ``counted`` tells whether the attempt counts.
    ``transport`` is who took it, where a transport chose between several. ``meaning`` is whom the refusal blames,
    where a mail server's own words say so. ``listed``: it failed because the provider has the address on a list of its
    own. ``request_key`` is the idempotency key of the next request, None: as before.
    """

    delivery: Claimed
    state: DeliveryState
    error: str | None = None
    code: str | None = None
    not_before: datetime | None = None
    counted: bool = True
    provider_id: str | None = None
    transport: str | None = None
    meaning: Classified | None = None
    listed: bool = False
    request_key: str | None = None


def claim(db: Database, *, owner: str, limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take up to ``limit`` deliveries that are due, in one short transaction.

    Half of them may be such as lost their sender. Each counts one attempt more. Several processes may claim at once:
    nobody waits for another's rows on PostgreSQL, and SQLite lets one write at a time.
    """
    with db.write() as session:
        expired = claim_expired(session, owner=owner, limit=(limit + 1) // 2, now=now, lease=lease)
        return claim_due(session, owner=owner, limit=limit - len(expired), now=now, lease=lease) + expired


def claim_expired(session: Session, *, owner: str, limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take deliveries whose lease ran out, in the caller's transaction."""
    over = and_(_T.c.state == DeliveryState.SENDING, _T.c.leased_until <= now)
    return _claim_where(session, over, owner=owner, limit=limit, until=now + lease)


def claim_due(session: Session, *, owner: str, limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take the mails that are due longest, first of all what somebody waits for, in the caller's transaction."""
    until = now + lease
    claimed: list[Claimed] = []
    if urgent := _urgent(session, now, limit):
        claimed = _lease(session, _T.c.id.in_(urgent), owner=owner, until=until)
    due = and_(_T.c.state == DeliveryState.QUEUED, _T.c.not_before <= now, _T.c.kind.not_in(NUDGES))
    return claimed + _claim_where(session, due, owner=owner, limit=limit - len(claimed), until=until)


def settle(session: Session, settlements: Collection[Settlement], *, now: datetime, transport: str) -> None:
    """Write down what became of claimed deliveries, as few statements as there are kinds of ends.

    What was sent is written down whoever holds the lease by now; all else only by its holder: a row whose lease
    went to somebody else is theirs to settle.
    """
    sent = [each for each in settlements if each.state is DeliveryState.SENT]
    for name in sorted({each.transport or transport for each in sent}):
        _acknowledge(session, [each for each in sent if (each.transport or transport) == name], now, name)
    others = [each for each in settlements if each.state is not DeliveryState.SENT]
    for quiet in (True, False):
        if rows := [_settled(each, quiet=quiet) for each in others if (each.error is None) is quiet]:
            session.connection().execute(_SETTLE_QUIETLY if quiet else _SETTLE, rows)


def retrial(
    delivery: Claimed,
    *,
    now: datetime,
    give_up_after: timedelta,
    random: Random,
    error: str,
    code: str | None = None,
    retry_after: float | None = None,
    meaning: Classified | None = None,
) -> Settlement:
    """Return that a delivery goes again after a growing wait, or failed for good where it has waited long enough.

    A server that does not know us yet (greylisting) is given longer at once; ``retry_after`` is how many seconds the
    other side asked for.
    """
    if given_up(delivery.attempts, give_up_after):
        return Settlement(delivery=delivery, state=DeliveryState.FAILED, error=error, code=code, meaning=meaning)
    wait = backoff(delivery.attempts, random, greylisted=bool(code and _GREYLISTED.match(code)))
    asked = timedelta(seconds=min(retry_after or 0.0, _LONGEST_ASKED.total_seconds()))
    not_before = now + max(wait, asked)
    return Settlement(delivery=delivery, state=DeliveryState.QUEUED, not_before=not_before, error=error, code=code)


def postponement(delivery: Claimed, *, until: datetime | None, reason: str | None) -> Settlement:
    """Return that a delivery goes back to the queue without counting the attempt: nothing was wrong with it."""
    return Settlement(delivery=delivery, state=DeliveryState.QUEUED, not_before=until, error=reason, counted=False)


def backoff(attempts: int, random: Random, *, greylisted: bool = False) -> timedelta:
    """Return how long to wait after so many attempts (≥ 1).

    1 minute (5 where we are greylisted) doubled each time, at most 6 hours, ± 25 %.
    """
    nominal = min(_nominal(attempts) * (_GREYLISTED_TIMES if greylisted else 1), _LONGEST_WAIT)
    return nominal * random.uniform(1 - _JITTER, 1 + _JITTER)


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


def _urgent(session: Session, now: datetime, limit: int) -> list[int]:
    """Return what is due and waited for, along an index that holds nothing else, however many digests wait."""
    statement = _URGENT_SQLITE if is_sqlite(session) else _URGENT_POSTGRESQL
    return list(session.connection().execute(statement, {"now": now, "most": limit}).scalars())


def _claim_where(
    session: Session, condition: ColumnElement[bool], *, owner: str, limit: int, until: datetime
) -> list[Claimed]:
    """Lease the first rows of a condition; those that another transaction is claiming are passed over."""
    if limit <= 0:
        return []
    # By the index alone: with the number as a second order PostgreSQL would sort all that is due at a moment.
    rows = select(_T.c.id).where(condition).order_by(_T.c.not_before).limit(limit)
    # A named query runs once; PostgreSQL may run a plain sub-query again and lock more than the limit.
    found = rows.with_for_update(skip_locked=True).cte("found")
    return _lease(session, _T.c.id.in_(select(found.c.id)), owner=owner, until=until)


def _lease(session: Session, condition: ColumnElement[bool], *, owner: str, until: datetime) -> list[Claimed]:
    statement = (
        update(_T)
        .where(condition)
        .values(state=DeliveryState.SENDING, leased_by=owner, leased_until=until, attempts=_T.c.attempts + 1)
        .returning(*(_T.c[each.name] for each in fields(Claimed)))
    )
    claimed = [Claimed(*row) for row in session.connection().execute(statement)]
    return sorted(claimed, key=lambda each: (each.not_before, each.id))


def _acknowledge(session: Session, sent: Sequence[Settlement], now: datetime, transport: str) -> None:
    """Write down with one statement that these were sent, and what the provider calls each."""
    values: dict[str, Any] = {"now": now, "transport": transport}
    if is_sqlite(session):
        given = orjson.dumps({str(each.delivery.id): each.provider_id for each in sent}).decode()
        session.connection().execute(_SENT_SQLITE, {**values, "given": given})
        return
    given_lists = {"numbers": [each.delivery.id for each in sent], "names": [each.provider_id for each in sent]}
    session.connection().execute(_SENT_POSTGRESQL, {**values, **given_lists})


def _settled(settlement: Settlement, *, quiet: bool) -> dict[str, Any]:
    row = {
        "n": settlement.delivery.id,
        "owner": settlement.delivery.leased_by,
        "to": settlement.state,
        "due": settlement.not_before or settlement.delivery.not_before,
        "uncounted": 0 if settlement.counted else 1,
    }
    said = {"error": settlement.error, "code": settlement.code, "new_key": settlement.request_key}
    return row if quiet else {**row, **said}


def _nominal(attempts: int) -> timedelta:
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
