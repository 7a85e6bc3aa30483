"""Idempotency keys of requests: a fresh one for a mail that a provider took once and that goes again.

Under the old one the provider would only repeat that it took it, and the mail would never leave. A mail of which
nobody knows whether it was taken keeps its key.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column
from sqlmodel import Session

from trialalerts.database.bulk import is_sqlite

__all__ = ["renewed_key"]

_SQLITE = (
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || "
    "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
)
_POSTGRESQL = "CAST(gen_random_uuid() AS text)"


def renewed_key(session: Session) -> ColumnElement[str]:
    """Return the key that each row of an UPDATE of deliveries shall have, a UUID where it is a new one."""
    fresh = _SQLITE if is_sqlite(session) else _POSTGRESQL
    taken = "provider_id IS NOT NULL AND state <> 'queued'"
    return literal_column(f"CASE WHEN {taken} THEN {fresh} ELSE request_key END")
