"""The limits on mails that strangers bring about: by hour in all, by day to a mailbox, by client that asks.

They stand in the database, so that they hold over processes, machines and restarts. Beyond the number an hour a mail
waits for its turn; nobody is refused for it, and no page tells. A mailbox has had enough after some a day, whatever
tags and dots its address is given. Of the mailbox only a keyed hash is kept, for a day; of the client, too, until the
span of its limit is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, or_, select

from trialalerts.database.bulk import insert_into
from trialalerts.database.counter import take_numbers
from trialalerts.delivery.outbox.suppressions import address_hash
from trialalerts.delivery.outbox.tables import Delivery, RequestedMail, RequestingClient
from trialalerts.logs import Logger
from trialalerts.settings import Settings
from trialalerts.subscribers.addresses import mailbox_of
from trialalerts.subscribers.tokens import keyed_digest

__all__ = [
    "AT_MOST_EVERY",
    "LONGEST_WAIT",
    "MOST_A_DAY",
    "RequestLimits",
    "count_client",
    "mails_asked_for",
    "next_number",
    "take_place",
]

log = Logger()

MOST_A_DAY = 5
"""Mails to one mailbox that anybody can bring about in a day."""
AT_MOST_EVERY = timedelta(minutes=10)
"""How soon one mail of a kind may follow another that somebody asked for."""

_HOUR, _A_DAY = timedelta(hours=1), timedelta(days=1)
LONGEST_WAIT = timedelta(days=3)
"""A mail that would wait longer is refused."""
_COUNTER = "requested mail"


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """How many an hour in all; ``secret`` hashes mailboxes."""

    per_hour: int
    secret: str

    @classmethod
    def of(cls, settings: Settings) -> RequestLimits:
        """Return those of the configuration."""
        return cls(per_hour=settings.web.confirmations_per_hour, secret=settings.service.secrets[0])


def take_place(
    session: Session, address: str, limits: RequestLimits, *, due: datetime, now: datetime
) -> datetime | None:
    """Return when a mail that somebody asks for at ``due`` may leave; None where there were too many.

    Until the transaction ends, everybody else who asks waits.
    """
    take_numbers(session, _COUNTER, 1)
    session.exec(delete(RequestedMail).where(col(RequestedMail.due_at) <= now - _A_DAY))
    mailbox = address_hash(limits.secret, mailbox_of(address))
    theirs = select(func.count()).where(col(RequestedMail.mailbox_hash) == mailbox)
    if session.exec(theirs).one() >= MOST_A_DAY:
        return None
    turn = max(due, _free_again(session, limits.per_hour) or due)
    if turn - now > LONGEST_WAIT:
        log.warning("confirmation.refused", waiting_hours=round((turn - now) / _HOUR))
        return None
    if turn > due:
        log.warning("confirmation.waits", until=turn.isoformat())
    session.add(RequestedMail(due_at=turn, mailbox_hash=mailbox))
    session.flush()
    return turn


def count_client(session: Session, client: str, secret: str, *, times: int, within: timedelta, now: datetime) -> int:
    """Count that a client asks once more; return 0 where it may, else the seconds until it may again.

    Args:
        session: writes; until its transaction ends, everybody else who asks waits.
        client: where the call comes from; only its hash is kept.
        secret: hashes it.
        times: so many things a client may ask for.
        within: the span in which they are counted, from the first on.
        now: aware.
    """
    take_numbers(session, _COUNTER, 1)
    since, count = col(RequestingClient.since), col(RequestingClient.count)
    session.exec(delete(RequestingClient).where(or_(since <= now - within, since > now)))  # after: a clock went back
    named = keyed_digest(secret.encode(), f"client {client}".encode()).hex()
    first = insert_into(session, RequestingClient).values(client_hash=named, since=now, count=1)
    counted = first.on_conflict_do_update(index_elements=["client_hash"], set_={"count": count + 1})
    began, number = session.connection().execute(counted.returning(since, count)).one()
    return 0 if number <= times else max(1, round((began + within - now).total_seconds()))


def _free_again(session: Session, per_hour: int) -> datetime | None:
    """Return an hour after the last mail but ``per_hour``; None where there were fewer."""
    latest = select(RequestedMail.due_at).order_by(col(RequestedMail.due_at).desc())
    found = session.exec(latest.offset(per_hour - 1).limit(1)).first()
    return found + _HOUR if found else None


def mails_asked_for(session: Session, subscriber_id: int, kind: str) -> list[Delivery]:
    """Return the mails of a kind that somebody was sent, or is to be."""
    rows = select(Delivery).where(col(Delivery.subscriber_id) == subscriber_id, col(Delivery.kind) == kind)
    return list(session.exec(rows))


def next_number(earlier: Sequence[Delivery]) -> int:
    """Return a number for a key that none of them has: the oldest may be forgotten by now."""
    numbers = [each.key.rpartition("/")[2] for each in earlier if each.key]
    return max((int(number) for number in numbers if number.isdecimal()), default=0) + 1
