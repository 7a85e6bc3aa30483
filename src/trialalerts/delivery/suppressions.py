"""Owns the suppressions: addresses that must not be mailed, known only by a keyed hash.

The hash is made with ``service.secret``: without that secret nobody can tell whose it is, and with another
one the suppressions no longer find anybody. Keep the secret together with the database.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.delivery.tables import Suppression
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.tokens import required_secret

__all__ = ["address_hash", "is_suppressed", "lift", "list_suppressions", "suppress"]


def address_hash(secret: str, address: str) -> str:
    """Return the keyed hash (HMAC-SHA256, hexadecimal) of an address, however it is spelled.

    Raises:
        ConfigurationError: the secret is empty.
    """
    return hmac.digest(required_secret(secret).encode(), address_key(address).encode(), "sha256").hex()


def is_suppressed(session: Session, secret: str, address: str) -> Suppression | None:
    """Return the suppression of an address, None where it may be mailed."""
    return session.get(Suppression, address_hash(secret, address))


def suppress(
    session: Session, secret: str, address: str, *, reason: str, detail: str | None = None, now: datetime
) -> bool:
    """Suppress an address; return False where it is suppressed already: the first reason stays.

    ``reason`` is a word (``bounced``, ``complained``, ``operator``), ``detail`` a line without the address.
    """
    if is_suppressed(session, secret, address) is not None:
        return False
    session.add(Suppression(address_hash=address_hash(secret, address), reason=reason, detail=detail, since=now))
    session.flush()
    return True


def lift(session: Session, secret: str, address: str) -> bool:
    """Let an address be mailed again; return False where it was not suppressed."""
    found = is_suppressed(session, secret, address)
    if found is None:
        return False
    session.delete(found)
    session.flush()
    return True


def list_suppressions(session: Session) -> list[Suppression]:
    """Return all suppressions, oldest first."""
    return list(session.exec(select(Suppression).order_by(col(Suppression.since), col(Suppression.address_hash))))
