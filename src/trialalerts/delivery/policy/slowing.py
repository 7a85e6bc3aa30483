"""Slowed domains: where mail came too fast it leaves half as fast, and faster again day by day.

A server that says *too many* wants fewer, not none. So the pace of the busiest hour of the day is halved, once for each
time that it says so, and doubled for each day on which it does not; after a week the domain is as any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from trialalerts.database.bulk import insert_into
from trialalerts.delivery.outbox.tables import SlowedDomain
from trialalerts.delivery.policy import answers

__all__ = ["end_slowing", "forget_slowed", "paces", "slow_down"]

_SLOWED_FOR = timedelta(days=7)
_A_DAY = timedelta(days=1)
_SLOWEST = 60
"""Mails an hour: a domain of which we know nothing yet, or that says *too many* each day, still gets so many."""


def slow_down(session: Session, domain: str, *, now: datetime) -> int:
    """Halve the pace of mail to a domain, in the caller's transaction; return how many mails an hour are left."""
    found = session.get(SlowedDomain, domain)
    fast = _an_hour(found, now) if found is not None and now - found.since < _SLOWED_FOR else None
    if fast is None:
        fast = answers.busiest_hour(session, domain, now - _A_DAY)
    values = {"domain": domain, "per_hour": max(_SLOWEST, fast // 2), "since": now}
    row = insert_into(session, SlowedDomain).values(values)
    anew = {"per_hour": row.excluded.per_hour, "since": row.excluded.since}
    session.connection().execute(row.on_conflict_do_update(index_elements=["domain"], set_=anew))
    session.expire_all()
    return max(_SLOWEST, fast // 2)


def paces(session: Session, *, now: datetime) -> dict[str, float]:
    """Return how many mails a second may leave to each domain that is slowed down."""
    slowed = session.exec(select(SlowedDomain).where(col(SlowedDomain.since) > now - _SLOWED_FOR))
    return {each.domain: _an_hour(each, now) / 3600 for each in slowed}


def end_slowing(session: Session) -> None:
    """Let mail leave as fast as ever, to all domains."""
    session.connection().execute(delete(SlowedDomain))


def forget_slowed(session: Session, *, now: datetime) -> None:
    """Drop what slows nobody down any more."""
    session.connection().execute(delete(SlowedDomain).where(col(SlowedDomain.since) <= now - _SLOWED_FOR))


def _an_hour(slowed: SlowedDomain, now: datetime) -> int:
    days = max(now - slowed.since, timedelta()) // _A_DAY
    return int(slowed.per_hour * 2**days)
