"""The circuit breaker: too many bounces or complaints stop all sending until the operator resumes it.

Who goes on mailing addresses that bounce, or people who complain, loses the good name that lets any mail arrive. So
sending stops by itself, the queue is kept, and a person looks into it. Bounces are divided by the mails that were
answered, accepted or refused: a server that refuses everybody accepts none. A connection that fails is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, bindparam, text
from sqlmodel import Session

from trialalerts.database.bulk import insert_into
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.tables import SendingPause
from trialalerts.delivery.policy import cooldown, mass_guard, slowing
from trialalerts.delivery.policy.operators_word import believe_gone, believed_gone
from trialalerts.logs import Logger
from trialalerts.plurals import counted
from trialalerts.settings import BreakerSettings
from trialalerts.subscribers.tokens import keyed_digest

__all__ = ["begin_anew_with", "pause_of", "resume_believing", "resume_sending", "trip"]

log = Logger()

_BOUNCES, _COMPLAINTS = 5, 2
"""Fewer than these are chance in a small list, whatever the rate: one complaint of 300 readers stops nothing."""
_BREAKER = "breaker"
_RESUMED = "resumed"
_URL = "mail.url"
_PAUSE = text(
    "INSERT INTO sending_pause (name, since, reason) VALUES (:name, :since, :reason) ON CONFLICT (name) DO NOTHING"
).bindparams(bindparam("since", type_=UtcDateTime))


def pause_of(session: Session) -> SendingPause | None:
    """Return since when and why sending is paused; None where it is not."""
    return session.get(SendingPause, _BREAKER)


def trip(session: Session, settings: BreakerSettings, *, now: datetime) -> SendingPause | None:
    """Pause sending where too many mails of the window bounced or were complained of; return the pause, old or new.

    The window slides by whole hours. It begins anew when sending is resumed, so that the same old bounces do not
    stop it again at once. While the operator says that those are gone who are said to be, bounces stop nothing.
    """
    if paused := pause_of(session):
        return paused
    start = counters.hour_of(now - settings.window)
    if resumed := session.get(SendingPause, _RESUMED):
        start = max(start, counters.hour_of(resumed.since))
    numbers = counters.since(session, start)
    if mass_guard.EVERYWHERE in believed_gone(session, now=now):
        numbers[HourlyCounts.BOUNCED] = 0
    reason = _too_many(numbers, settings)
    if reason is None:
        return None
    noted: CursorResult[Any] = session.connection().execute(_PAUSE, {"name": _BREAKER, "since": now, "reason": reason})
    if noted.rowcount:  # else another sender found it at the same moment, and said so
        log.error("sending.paused", reason=reason, remedy="trialalerts deliveries resume")
    return pause_of(session)


def begin_anew_with(session: Session, url: str, secrets: Sequence[str], *, now: datetime) -> bool:
    """Forget what went wrong with another ``mail.url``: pause, bench, holds; return whether the URL has changed.

    Only a keyed fingerprint of the URL is stored, which may hold a password. Under one of the previous ``secrets`` it
    is the same URL.
    """
    fingerprint, *earlier = (keyed_digest(each.encode(), b"mail.url:" + url.encode()).hex()[:32] for each in secrets)
    known = session.get(SendingPause, _URL)
    if known is not None and known.reason == fingerprint:
        return False
    _store(session, _URL, fingerprint, now)
    session.flush()
    if known is None or known.reason in earlier:
        return False
    resume_sending(session, now=now)
    for state in cooldown.outages(session):
        cooldown.end_outage(session, state.name)
    mass_guard.release_sending(session, [each.scope for each in mass_guard.holds(session)], now=now)
    slowing.end_slowing(session)
    log.info("sending.begins_anew", reason="mail.url has changed")
    return True


def resume_sending(session: Session, *, now: datetime) -> SendingPause | None:
    """Let mail leave again, and reckon the rates from now on; return the pause that ended, if there was one."""
    paused = pause_of(session)
    if paused is None:
        return None
    session.delete(paused)
    counters.close_hour(session, now)
    _store(session, _RESUMED, paused.reason, now)
    session.flush()
    log.info("sending.resumed", paused_since=paused.since.isoformat())
    return paused


def resume_believing(session: Session, *, until: datetime, now: datetime) -> tuple[list[str], int]:
    """Let mail leave that rests because many are said to be gone, and believe it until then.

    Returns:
        Where mail rested for it (empty: everywhere), and how many mails waited. Where it rested nowhere for it, but
        bounces paused all mail, that pause ends and all of them are believed.
    """
    resting = [each.scope for each in mass_guard.holds(session) if each.cause == mass_guard.Cause.GONE]
    if not resting and pause_of(session) is None:
        return [], 0
    believe_gone(session, resting or [mass_guard.EVERYWHERE], until=until, now=now)
    waiting = mass_guard.release_sending(session, resting, now=now)
    resume_sending(session, now=now)
    return resting or [mass_guard.EVERYWHERE], waiting


def _too_many(numbers: dict[HourlyCounts, int], settings: BreakerSettings) -> str | None:
    accepted = numbers[HourlyCounts.SENT]
    answered = accepted + numbers[HourlyCounts.REFUSED]
    hours = settings.window.total_seconds() / 3600
    for what, of, most, at_least in (
        (HourlyCounts.BOUNCED, answered, settings.bounce_rate, _BOUNCES),
        (HourlyCounts.COMPLAINED, accepted, settings.complaint_rate, _COMPLAINTS),
    ):
        if of < settings.at_least or numbers[what] < at_least:
            continue
        rate = numbers[what] / of
        if rate > most:
            return (
                f"{numbers[what]:,} of {counted(of, 'mail')} of the last {hours:g} hours {_said(what)} "
                f"({rate:.2%}, at most {most:.2%})"
            )
    return None


def _said(what: HourlyCounts) -> str:
    return "bounced" if what is HourlyCounts.BOUNCED else "were complained of"


def _store(session: Session, name: str, reason: str, now: datetime) -> None:
    """Write a row, or write it anew: of several senders that begin together each may be the first."""
    row = insert_into(session, SendingPause).values(name=name, since=now, reason=reason)
    anew = {"since": row.excluded.since, "reason": row.excluded.reason}
    session.connection().execute(row.on_conflict_do_update(index_elements=["name"], set_=anew))
