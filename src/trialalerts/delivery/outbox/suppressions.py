"""The suppressions: addresses that must not be mailed, known only by a keyed hash.

One that a bounce brought is *provisional* for seven days, and keeps why it was made: a mail server that was wrong for
a day can be undone in bulk (:mod:`trialalerts.delivery.policy.undoing`).

The hash is made with ``service.secret``: without that secret nobody can tell whose it is, and with another one the
suppressions no longer find anybody. Keep the secret together with the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, delete, select, update

from trialalerts.delivery.outbox.request_keys import renewed_key
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, RefusedAddress, SoftBounces, Suppression
from trialalerts.subscribers.account.returning import take_bounce_back
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import keyed_digest, required_secret

__all__ = [
    "PROVISIONAL",
    "Lifted",
    "Secrets",
    "SuppressionReason",
    "address_hash",
    "address_hashes",
    "domain_hash",
    "domain_hashes",
    "domain_of",
    "is_suppressed",
    "lift_suppressions",
    "list_suppressions",
    "portable_hash",
    "portable_key",
    "suppress",
]

Secrets = str | Sequence[str]
"""``service.secret`` alone, or with the previous ones behind it."""
PROVISIONAL = timedelta(days=7)
"""So long a guard may take back by itself what a bounce brought."""

_AGAIN = text(
    "subscriber_id = :who AND ((id = :number AND state IN ('failed', 'bounced')) OR (id >= :number AND "
    "state = 'suppressed' AND (last_error = 'bounced' OR last_error LIKE 'suppressed (%')))"
)


@dataclass(frozen=True, kw_only=True)
class SuppressionReason:
    """Why a bounce suppresses: the rule that decided, the server's code and words, who told, of which mail."""

    rule: str | None = None
    code: str | None = None
    words: str | None = None
    transport: str | None = None
    delivery_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lifted:
    """What lifting came to: whether there was a suppression, and whether somebody gets mail again by it."""

    found: bool
    resumed: bool = False


def address_hash(secret: str, address: str) -> str:
    """Return the keyed hash (HMAC-SHA256, hexadecimal) of an address, however it is spelled.

    Raises:
        ConfigurationError: the secret is empty.
    """
    return keyed_digest(required_secret(secret).encode(), address_key(address).encode()).hex()


def domain_of(address: str) -> str:
    """Return the domain of an address as it is compared: lower case, in its ASCII form."""
    return address_key(address).rpartition("@")[2]


def domain_hash(secret: str, domain: str) -> str:
    """Return the keyed hash of a domain: beside a suppression even a domain of one person's own tells nobody."""
    return keyed_digest(required_secret(secret).encode(), f"domain:{domain_of('x@' + domain)}".encode()).hex()


def portable_key(secret: str) -> str:
    """Return what the hashes are made with that may be given to another organisation, which never learns the secret."""
    return keyed_digest(required_secret(secret).encode(), b"trialalerts.portable").hex()


def portable_hash(secret: str, address: str) -> str:
    """Return the keyed hash of an address that another organisation can use, once it is given the key."""
    return address_hash(portable_key(secret), address)


def is_suppressed(session: Session, secret: Secrets, address: str) -> Suppression | None:
    """Return the suppression of an address, by one secret or any of several; None where it may be mailed."""
    found = (session.get(Suppression, each) for each in address_hashes(secret, address))
    return next((each for each in found if each is not None), None)


def address_hashes(secret: Secrets, address: str) -> list[str]:
    """Return the keyed hashes of an address: by ``service.secret``, then by each of ``service.previous_secrets``."""
    return [address_hash(each, address) for each in _known(secret)]


def domain_hashes(secret: Secrets, domain: str) -> list[str]:
    """Return the keyed hashes of a mail domain, one for each secret."""
    return [domain_hash(each, domain) for each in _known(secret)]


def _known(secret: Secrets) -> list[str]:
    return [secret] if isinstance(secret, str) else [secret[0], *filter(None, secret[1:])]


def suppress(
    session: Session,
    secret: str,
    address: str,
    *,
    reason: str,
    detail: str | None = None,
    why: SuppressionReason | None = None,
    now: datetime,
) -> bool:
    """Suppress an address; return False where it is suppressed already: the first reason stays.

    ``reason`` is a word (``bounced``, ``listed``, ``unwell``, ``complained``, ``operator``), ``detail`` a line without
    the address. With ``why`` it is provisional at first.
    """
    if is_suppressed(session, secret, address) is not None:
        return False
    row = Suppression(address_hash=address_hash(secret, address), reason=reason, detail=detail, since=now)
    row.portable_hash = portable_hash(secret, address)
    if why is not None:
        row.rule, row.code, row.words = why.rule, why.code, why.words
        row.transport, row.delivery_id = why.transport, why.delivery_id
        row.domain_hash = domain_hash(secret, domain_of(address))
        row.provisional_until = now + PROVISIONAL
    session.add(row)
    session.flush()
    return True


def lift_suppressions(session: Session, secret: Secrets, address: str, *, how: str, now: datetime) -> Lifted:
    """Let an address be mailed again.

    Its soft bounces are forgotten, and a subscriber whose mail bounced is active again, with a line in the consent
    log; the mail that came back, and what was withheld since, is queued again. Somebody who complained or left is not:
    only they can sign up again, and lifting makes room for that.
    """
    found = is_suppressed(session, secret, address)
    if found is None:
        return Lifted(found=False)
    number = found.delivery_id
    while found is not None:  # a previous secret may have one more
        session.delete(found)
        session.flush()
        found = is_suppressed(session, secret, address)
    by_key = select(Subscriber).where(col(Subscriber.address_key) == address_key(address)).with_for_update()
    subscriber = session.exec(by_key).first()
    resumed = subscriber is not None and _begin_anew(session, subscriber, how=how, now=now)
    if subscriber is not None and number is not None and (resumed or subscriber.state is SubscriberState.PENDING):
        again = update(Delivery).where(_AGAIN).values(state=DeliveryState.QUEUED, not_before=now, attempts=0)
        again = again.values(leased_by=None, leased_until=None, request_key=renewed_key(session))
        session.connection().execute(again, {"who": subscriber.id, "number": number})
    return Lifted(found=True, resumed=resumed)


def list_suppressions(session: Session) -> list[Suppression]:
    """Return all suppressions, oldest first."""
    return list(session.exec(select(Suppression).order_by(col(Suppression.since), col(Suppression.address_hash))))


def _begin_anew(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Forget the bounces of a subscriber; return whether they get digests again by it."""
    for table in (SoftBounces, RefusedAddress):
        session.connection().execute(delete(table).where(col(table.subscriber_id) == subscriber.id))
    session.expire_all()
    if subscriber.state is SubscriberState.PENDING:
        subscriber.state_reason = None
    if subscriber.state is not SubscriberState.BOUNCED or subscriber.confirmed_at is None:
        return False
    return take_bounce_back(session, subscriber, how=how, now=now)
