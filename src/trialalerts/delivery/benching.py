"""Owns the bench: a transport that does not work is left alone for a while, longer the longer it has not worked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlmodel import Session, col, delete, select

from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.tables import TransportState

__all__ = ["bench", "benched", "clear", "standing"]

_LONGEST = timedelta(minutes=5)
_LONGEST_ASKED = timedelta(hours=6)
_NOTE = text(
    "INSERT INTO transport_state (name, since, benched_until, reason) VALUES (:name, :since, :until, :reason) "
    "ON CONFLICT (name) DO UPDATE SET benched_until = excluded.benched_until, reason = excluded.reason"
).bindparams(bindparam("since", type_=UtcDateTime), bindparam("until", type_=UtcDateTime))
"""Several senders find a transport broken at once: each notes it with what became of its mails, and none may fail."""


def standing(session: Session, name: str) -> TransportState | None:
    """Return what is wrong with a transport; None where it worked when it was last tried."""
    return session.get(TransportState, name)


def benched(session: Session) -> list[TransportState]:
    """Return all transports that did not work when they were last tried."""
    return list(session.exec(select(TransportState).order_by(TransportState.name)))


def bench(
    session: Session, name: str, *, reason: str, now: datetime, retry_after: float | None = None
) -> TransportState:
    """Leave a transport alone: as long again as it has not worked already, at most five minutes.

    So it is tried again at once after the first fault, and ever more rarely from then on. ``retry_after`` is how many
    seconds the other side asked for.
    """
    since = (found.since if (found := standing(session, name)) else None) or now
    wait = min(max(now - since, timedelta()), _LONGEST)
    if retry_after:
        wait = max(wait, min(timedelta(seconds=retry_after), _LONGEST_ASKED))
    values = {"name": name, "since": since, "until": now + wait, "reason": reason}
    session.connection().execute(_NOTE, values)
    return session.get_one(TransportState, name, populate_existing=True)


def clear(session: Session, name: str) -> None:
    """Note that the transport works again."""
    session.execute(delete(TransportState).where(col(TransportState.name) == name))
