"""The outbox of the webhooks: calls that wait, what became of each, and whose turn it is.

A webhook is leased as a whole, so that its calls go one after the other, oldest first, and a dead program is tried by
one process at a time. A call stays queued until an answer took it: whoever is killed in between leaves it to the next
one, who makes it again under the same id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, text, update
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.hooks.tables import CallState, Hook, HookCall

__all__ = [
    "DueCall",
    "NewCall",
    "count_try",
    "due_calls",
    "due_webhooks",
    "give_up",
    "give_up_all",
    "insert_calls",
    "put_off",
    "queue_again",
    "take_note",
]

_C = table_of(HookCall)
_W = table_of(Hook)
_QUEUED = text("webhook_call.state = 'queued'")
"""Written out, since a partial index is used only where its own words stand in the query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCall:
    """A call to be made: the ``key`` names the event for good, ``body`` is what is sent."""

    key: str
    event: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DueCall:
    """A call that is due; ``attempts`` were made before."""

    id: int
    key: str
    body: str
    attempts: int


def insert_calls(session: Session, calls: Sequence[tuple[int, NewCall]], *, now: datetime) -> int:
    """Queue calls, each with the number of its webhook; return how many are new: the others were queued before."""
    added = 0
    for some in in_chunks(calls, 100):
        rows = [
            {
                "webhook_id": webhook_id,
                "event_key": call.key,
                "event": call.event,
                "body": call.body,
                "state": CallState.QUEUED,
                "attempts": 0,
                "waited": 0,
                "not_before": now,
                "created_at": now,
            }
            for webhook_id, call in some
        ]
        insert = insert_into(session, HookCall).values(rows)
        new = insert.on_conflict_do_nothing(index_elements=["webhook_id", "event_key"]).returning(_C.c.id)
        added += len(session.connection().execute(new).all())
    return added


def due_webhooks(session: Session, now: datetime) -> list[str]:
    """Return the names of the webhooks that nobody is calling and that have a call to be made now."""
    waits = select(_C.c.id).where(_C.c.webhook_id == _W.c.id, _QUEUED, _C.c.not_before <= now).exists()
    asked = select(_W.c.name).where(
        _W.c.disabled_at.is_(None),
        or_(_W.c.retry_at.is_(None), _W.c.retry_at <= now),
        or_(_W.c.leased_until.is_(None), _W.c.leased_until <= now),
        waits,
    )
    return list(session.connection().execute(asked.order_by(_W.c.id)).scalars())


def due_calls(session: Session, webhook_id: int, now: datetime, *, most: int) -> list[DueCall]:
    """Return the calls of a webhook that are due, those that wait longest first."""
    asked = select(_C.c.id, _C.c.event_key, _C.c.body, _C.c.attempts).where(
        _C.c.webhook_id == webhook_id, _QUEUED, _C.c.not_before <= now
    )
    rows = session.connection().execute(asked.order_by(_C.c.not_before, _C.c.id).limit(most))
    return [DueCall(id=row.id, key=row.event_key, body=row.body, attempts=row.attempts) for row in rows]


def take_note(session: Session, call_id: int, now: datetime) -> None:
    """Note that a call was taken, whoever has the lease by now."""
    _change(session, _C.c.id == call_id, state=CallState.SENT, sent_at=now, attempts=_C.c.attempts + 1, last_error=None)


def count_try(session: Session, webhook_id: int, call_id: int, error: str, wait: timedelta, now: datetime) -> None:
    """Note that a program took no call: all that are due wait as long as it is left alone."""
    waits = (_C.c.webhook_id == webhook_id, _C.c.not_before <= now)
    _change(session, *waits, waited=_C.c.waited + round(wait.total_seconds()))
    _change(session, _C.c.id == call_id, attempts=_C.c.attempts + 1, last_error=error)


def put_off(session: Session, call_id: int, error: str, wait: timedelta, now: datetime) -> None:
    """Note that a program refused this one call; others may go before it is made again."""
    seconds = round(wait.total_seconds())
    values = {"attempts": _C.c.attempts + 1, "waited": _C.c.waited + seconds, "not_before": now + wait}
    _change(session, _C.c.id == call_id, **values, last_error=error)


def give_up(session: Session, webhook_id: int, after: timedelta) -> int:
    """Give up the calls of a webhook that waited for longer; return how many."""
    late = _C.c.waited > round(after.total_seconds())
    return _change(session, _C.c.webhook_id == webhook_id, late, state=CallState.FAILED)


def give_up_all(session: Session, webhook_id: int, error: str) -> int:
    """Give up all calls of a webhook that wait; return how many."""
    return _change(session, _C.c.webhook_id == webhook_id, state=CallState.FAILED, last_error=error)


def queue_again(session: Session, webhook_id: int, since: datetime, now: datetime) -> int:
    """Queue the calls anew that were made or given up since; return how many."""
    again = update(_C).where(_C.c.webhook_id == webhook_id, _C.c.created_at >= since, _C.c.state != "queued")
    fresh = {"state": CallState.QUEUED, "not_before": now, "waited": 0, "sent_at": None, "last_error": None}
    return session.connection().execute(again.values(fresh)).rowcount


def _change(session: Session, *conditions: Any, **values: Any) -> int:
    """Change calls that are queued."""
    changed = update(_C).where(*conditions, _QUEUED).values(values)
    return session.connection().execute(changed).rowcount
