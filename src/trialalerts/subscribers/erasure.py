"""Erasing a person, and closing the books on somebody who left: what others' tables hold of them goes too.

Digests and deliveries live in rooms above this one, which must not be imported here; their rows tell what
somebody follows, so they are dealt with by name, in the same transaction.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, delete, text

from trialalerts.database import Database
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Consent,
    ConsentAction,
    Frequency,
    Preference,
    Subscriber,
    SubscriberState,
)

__all__ = ["close_books", "erase", "wipe_free_pages"]


def erase(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> None:
    """Erase a subscriber: address, schedule, preferences, consents, what digests, deliveries and bounces told.

    A row in the state ``erased`` and one line of consent stay, so that counts and past reports still add up.
    A suppression stays too: it holds a keyed hash only, and still keeps us from mailing that address.
    On SQLite call :func:`wipe_free_pages` once the transaction is committed.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    theirs = {"subscriber": subscriber.id}
    for table in (Preference, Consent):
        connection.execute(delete(table).where(col(table.subscriber_id) == subscriber.id))
    for name in ("digest", "feedback_event", "soft_bounces", "refused_address"):
        connection.execute(text(f"DELETE FROM {name} WHERE subscriber_id = :subscriber"), theirs)
    connection.execute(
        text("UPDATE delivery SET data = '{}', last_error = NULL WHERE subscriber_id = :subscriber"), theirs
    )
    _forget(subscriber)
    session.add(subscriber)
    record_consent(session, subscriber, ConsentAction.ERASED, how=how, now=now)
    session.flush()


def close_books(session: Session, subscriber: Subscriber) -> None:
    """Let somebody who left start anew: their digests go, and no mail of before is sent to them any more.

    Their next digest is a first one again; the keys of the old mails make room for its own, while the rows
    stay for reports and late bounces.
    """
    connection = session.connection()
    theirs = {"subscriber": subscriber.id}
    connection.execute(delete(Preference).where(col(Preference.subscriber_id) == subscriber.id))
    connection.execute(text("DELETE FROM digest WHERE subscriber_id = :subscriber"), theirs)
    connection.execute(
        text(
            "UPDATE delivery SET key = 'former/' || id || '/' || key, "
            "state = CASE WHEN state IN ('queued', 'held') THEN 'suppressed' ELSE state END "
            "WHERE subscriber_id = :subscriber AND kind = 'digest' AND key NOT LIKE 'former/%'"
        ),
        theirs,
    )
    subscriber.cursor = NEVER_SERVED


def wipe_free_pages(db: Database) -> None:
    """Empty SQLite's write-ahead log, where old pages would stay readable; PostgreSQL's own vacuum does as much."""
    if not db.is_sqlite:
        return
    with db.engine.connect() as connection:
        connection.exec_driver_sql(
            "COMMIT"
        )  # a checkpoint runs outside of the transaction that every connection begins
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


def _forget(subscriber: Subscriber) -> None:
    gone = f"erased-{subscriber.key}"
    subscriber.address = gone
    subscriber.address_key = gone
    subscriber.state = SubscriberState.ERASED
    subscriber.state_reason = None
    subscriber.locale = "en"
    subscriber.timezone = "UTC"
    subscriber.frequency = Frequency.WEEKLY
    subscriber.hour, subscriber.weekday, subscriber.day = 8, 0, 1
    subscriber.next_due_at = None
    subscriber.confirmed_at = None
    subscriber.paused_until = None
    subscriber.cursor = NEVER_SERVED
