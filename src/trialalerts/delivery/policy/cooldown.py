"""Cooldown: a transport that does not work is left alone for a while, longer the longer it has not worked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlmodel import Session, col, delete, select

from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.outbox.tables import SendingHold, TransportState
from trialalerts.delivery.policy.refusal_findings import BENCHED, REFUSED, note_outage

__all__ = ["cool_down", "end_outage", "outage", "outages", "rest_until"]

_LONGEST = timedelta(minutes=5)
_LONGEST_ASKED = timedelta(hours=6)
_QUOTA = "provider-quota"
_NOTE = text(
    "INSERT INTO transport_state (name, since, retry_at, reason) VALUES (:name, :since, :until, :reason) "
    "ON CONFLICT (name) DO UPDATE SET retry_at = excluded.retry_at, reason = excluded.reason"
).bindparams(bindparam("since", type_=UtcDateTime), bindparam("until", type_=UtcDateTime))
"""Several senders find a transport broken at once: each notes it with what became of its mails, and none may fail."""


def outage(session: Session, name: str) -> TransportState | None:
    """Return what is wrong with a transport; None where it worked when it was last tried."""
    return session.get(TransportState, name)


def outages(session: Session) -> list[TransportState]:
    """Return all transports that did not work when they were last tried."""
    return list(session.exec(select(TransportState).order_by(TransportState.name)))


def cool_down(
    session: Session, name: str, *, reason: str, now: datetime, retry_after: float | None = None
) -> TransportState:
    """Leave a transport alone: as long again as it has not worked already, at most five minutes.

    So it is tried again at once after the first fault, and ever more rarely from then on. ``retry_after`` is how many
    seconds the other side asked for. The operator is told, unless all mail rests and that is told already.
    """
    since = (found.since if (found := outage(session, name)) else None) or now
    wait = min(max(now - since, timedelta()), _LONGEST)
    if retry_after:
        wait = max(wait, min(timedelta(seconds=retry_after), _LONGEST_ASKED))
    values = {"name": name, "since": since, "until": now + wait, "reason": reason}
    session.connection().execute(_NOTE, values)
    end_findings(session, _QUOTA, [name])
    if session.get(SendingHold, "") is None:
        end_findings(session, REFUSED)
        note_outage(session, name, reason, now=now)
    return session.get_one(TransportState, name, populate_existing=True)


def rest_until(session: Session, name: str, *, reason: str, until: datetime, now: datetime) -> None:
    """Leave a transport alone until a moment that its provider gave, however far it is, and tell the operator."""
    found = outage(session, name)
    if found is not None and found.retry_at is not None and found.retry_at >= until:
        return
    values = {"name": name, "since": found.since if found else now, "until": until, "reason": reason}
    session.connection().execute(_NOTE, values)
    end_findings(session, BENCHED, [name])
    note_finding(
        session, _QUOTA, name, f"The transport {name} rests until {until:%Y-%m-%d %H:%M} UTC: {reason}", now=now
    )


def end_outage(session: Session, name: str, *, over_at: datetime | None = None) -> None:
    """Note that the transport works again; with ``over_at`` only where its rest was over by then."""
    broken = delete(TransportState).where(col(TransportState.name) == name)
    if over_at is not None:
        broken = broken.where(col(TransportState.retry_at) <= over_at)
    if session.connection().execute(broken).rowcount:
        end_findings(session, _QUOTA, [name])
        end_findings(session, BENCHED, [name])
