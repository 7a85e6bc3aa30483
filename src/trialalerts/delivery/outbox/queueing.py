"""Queueing many mails at once, in the transaction that decided on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from trialalerts.database.bulk import copy_many, write_many
from trialalerts.database.types import moment_for
from trialalerts.delivery.mail.message import message_ids_for

__all__ = ["KeyedMail", "queue_keyed", "queue_many"]

_COLUMNS = "kind, subscriber_id, data, message_id, state, attempts, not_before, created_at"
# SQL by hand, as for everything that runs once for each digest. They have no key: what they tell of is unique itself.
_SQLITE = f"INSERT INTO delivery ({_COLUMNS}) VALUES {{rows}}"
_KEYED_SQLITE = f"INSERT INTO delivery (key, {_COLUMNS}) VALUES {{rows}}"


class KeyedMail(NamedTuple):
    """A mail that is queued once for its ``key``; ``data`` is JSON text."""

    key: str
    subscriber_id: int
    data: str
    not_before: datetime


def queue_many(
    connection: Connection, mails: Sequence[tuple[int, str]], *, kind: str, now: datetime, domain: str
) -> None:
    """Queue mails of one kind, due now; each is the subscriber's id and the JSON text of its ``data``.

    ``domain`` is the right side of the Message-IDs. No value may hold a tab, a line end or a backslash.
    """
    at = moment_for(connection.dialect, now)
    names = message_ids_for([who for who, _ in mails], domain)
    if connection.dialect.name == "sqlite":
        rows = [(kind, who, data, name, at, at) for (who, data), name in zip(mails, names, strict=True)]
        write_many(connection, _SQLITE, "(?, ?, ?, ?, 'queued', 0, ?, ?)", rows)
        return
    copy_many(
        connection,
        "delivery",
        _COLUMNS,
        [
            f"{kind}\t{who}\t{data}\t{name}\tqueued\t0\t{at}\t{at}\n"
            for (who, data), name in zip(mails, names, strict=True)
        ],
    )


def queue_keyed(connection: Connection, mails: Sequence[KeyedMail], *, kind: str, now: datetime, domain: str) -> None:
    """Queue mails of one kind that nobody has queued before, each due at its own moment; else as above."""
    at = moment_for(connection.dialect, now)
    names = message_ids_for([mail.subscriber_id for mail in mails], domain)
    due = {moment: moment_for(connection.dialect, moment) for moment in {mail.not_before for mail in mails}}
    rows = [
        (mail.key, kind, mail.subscriber_id, mail.data, name, due[mail.not_before], at)
        for mail, name in zip(mails, names, strict=True)
    ]
    if connection.dialect.name == "sqlite":
        write_many(connection, _KEYED_SQLITE, "(?, ?, ?, ?, ?, 'queued', 0, ?, ?)", rows)
        return
    lines = [
        f"{key}\t{kind}\t{who}\t{data}\t{name}\tqueued\t0\t{moment}\t{at}\n"
        for key, kind, who, data, name, moment, at in rows
    ]
    copy_many(connection, "delivery", f"key, {_COLUMNS}", lines)
