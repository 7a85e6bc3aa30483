"""Owns queueing many mails at once, in the transaction that decided on them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from trialalerts.database.many import write_many
from trialalerts.database.types import moment_for

__all__ = ["queue_many"]

_COLUMNS = "kind, subscriber_id, data, message_id, state, attempts, not_before, created_at"
# SQL by hand, as for everything that runs once for each digest. They have no key: what they tell of is unique itself.
_SQLITE = f"INSERT INTO delivery ({_COLUMNS}) VALUES {{rows}}"
_POSTGRESQL = f"""
INSERT INTO delivery ({_COLUMNS})
SELECT %s, mail.subscriber_id, mail.data::jsonb, mail.message_id, 'queued', 0, %s, %s
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS mail (subscriber_id, data, message_id)
"""


def queue_many(
    connection: Connection, mails: Sequence[tuple[int, str]], *, kind: str, now: datetime, domain: str
) -> None:
    """Queue mails of one kind, due now; each is the subscriber's id and the JSON text of its ``data``.

    ``domain`` is the right side of the Message-IDs. They are unique by their batch and their number in it, which keeps
    them as short and as quick to make as they can be.
    """
    batch = secrets.token_hex(12)
    at = moment_for(connection.dialect, now)
    names = [f"<{batch}.{number:x}@{domain}>" for number in range(len(mails))]
    if connection.dialect.name == "sqlite":
        rows = [(kind, who, data, name, at, at) for (who, data), name in zip(mails, names, strict=True)]
        write_many(connection, _SQLITE, "(?, ?, ?, ?, 'queued', 0, ?, ?)", rows)
        return
    people, data = [who for who, _ in mails], [text for _, text in mails]
    connection.exec_driver_sql(_POSTGRESQL, (kind, at, at, people, data, names))
