"""Erasing a person, and closing the books on somebody who left: what others' tables hold of them goes too.

Digests and deliveries live in rooms above this one, which must not be imported here; their rows tell what
somebody follows, so they are dealt with by name, in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, col, delete, select, text

from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.database.service_values import get_value, put_value
from trialalerts.subscribers.account.telling import note_left
from trialalerts.subscribers.consent import list_consents, record_consent
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Consent,
    ConsentAction,
    FormerSubscriber,
    Frequency,
    Preference,
    Subscriber,
    SubscriberState,
)
from trialalerts.subscribers.tokens import keyed_digest

__all__ = [
    "close_books",
    "erase",
    "former_among",
    "former_hash",
    "is_erased",
    "note_former",
    "overwrite_deleted",
    "wipe_free_pages",
    "wipe_what_was_left",
]

_TOLD_OF_THEM = (
    "digest", "announcement_recipient", "feedback_event", "soft_bounces", "refused_address", "address_change",
    "handover_objection", "silenced_trial", "handoff", "nudge_choice",
)  # fmt: skip
_TO_WIPE = "log to wipe"
_WIPING_MILLISECONDS = 250
"""Nobody can write for so long, if somebody reads."""


def erase(session: Session, subscriber: Subscriber, *, how: str, now: datetime, keeps_consents: bool = False) -> None:
    """Erase a subscriber: address, schedule, preferences, consents, what digests, deliveries and bounces told.

    A row in the state ``erased`` and one line of consent stay, so that counts and past reports still add up; with
    ``keeps_consents`` the whole log stays, as proof, without what it says beside action and moment.
    A suppression stays too: it holds a keyed hash only, and still keeps us from mailing that address.
    On SQLite call :func:`wipe_free_pages` once the transaction is committed.
    """
    connection = session.connection()
    overwrite_deleted(session)
    theirs = {"subscriber": subscriber.id}
    connection.execute(delete(Preference).where(col(Preference.subscriber_id) == subscriber.id))
    if keeps_consents:
        _strip_consents(session, subscriber)
    else:
        connection.execute(delete(Consent).where(col(Consent.subscriber_id) == subscriber.id))
    for name in _TOLD_OF_THEM:
        connection.execute(text(f"DELETE FROM {name} WHERE subscriber_id = :subscriber"), theirs)
    connection.execute(
        text("UPDATE delivery SET data = '{}', last_error = NULL WHERE subscriber_id = :subscriber"), theirs
    )
    note_left(session, [(subscriber.key, subscriber.state)], now=now)
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
    for name in ("digest", "announcement_recipient", "silenced_trial", "nudge_choice"):
        connection.execute(text(f"DELETE FROM {name} WHERE subscriber_id = :subscriber"), theirs)
    connection.execute(
        text(
            "UPDATE delivery SET key = 'former/' || id || '/' || key, "
            "state = CASE WHEN state IN ('queued', 'held') THEN 'suppressed' ELSE state END "
            "WHERE subscriber_id = :subscriber AND kind IN ('digest', 'announcement') AND key NOT LIKE 'former/%'"
        ),
        theirs,
    )
    subscriber.cursor = NEVER_SERVED


def overwrite_deleted(session: Session) -> None:
    """Let SQLite overwrite what this connection deletes; PostgreSQL's vacuum does it later."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def note_former(session: Session, secret: str, address_key: str, *, now: datetime) -> None:
    """Remember that whoever had this address left; without a secret nothing can be remembered."""
    if not secret:
        return
    row = {"address_hash": former_hash(secret, address_key), "since": now}
    session.connection().execute(insert_into(session, FormerSubscriber).values(row).on_conflict_do_nothing())


def former_among(session: Session, secrets: Iterable[str], address_keys: Collection[str]) -> set[str]:
    """Return those of the keys (see :func:`~trialalerts.subscribers.addresses.address_key`) whose people left.

    Args:
        session: reads.
        secrets: ``service.secret`` and the previous ones; empty ones are passed over.
        address_keys: folded addresses; somebody who signed up again since may be among them.
    """
    hashes = {former_hash(secret, key): key for secret in secrets if secret for key in address_keys}
    found: set[str] = set()
    for some in in_chunks(hashes):
        asked = select(FormerSubscriber.address_hash).where(col(FormerSubscriber.address_hash).in_(some))
        found.update(hashes[each] for each in session.exec(asked))
    return found


def is_erased(session: Session, key: str) -> bool:
    """Tell whether a key is that of somebody who was erased."""
    erased = col(Subscriber.state) == SubscriberState.ERASED
    return session.exec(select(Subscriber.id).where(col(Subscriber.key) == key, erased)).first() is not None


def wipe_free_pages(db: Database) -> bool:
    """Empty SQLite's write-ahead log, where old pages would stay readable; PostgreSQL's own vacuum does as much.

    While somebody reads (a backup, a copy) it cannot be emptied, and nobody can write while that is tried: so it is
    given up soon, and noted for :func:`wipe_what_was_left`. Return whether it is empty.
    """
    if not db.is_sqlite:
        return True
    with db.engine.connect() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("COMMIT")  # it runs outside of the transaction that every connection begins
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_WIPING_MILLISECONDS}")
        try:
            is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
            connection.exec_driver_sql("BEGIN")
    if is_busy:
        with db.write() as session:
            put_value(session, _TO_WIPE, "yes")
    return not is_busy


def wipe_what_was_left(db: Database) -> None:
    """Empty the log where that could not be done before."""
    with db.read() as session:
        left = get_value(session, _TO_WIPE) == "yes"
    if left and wipe_free_pages(db):
        with db.write() as session:
            put_value(session, _TO_WIPE, "no")


def _strip_consents(session: Session, subscriber: Subscriber) -> None:
    """Keep of each line of the log the action, the moment and the way; of an import also where they agreed."""
    for line in list_consents(session, subscriber):
        said = re.sub(re.escape(subscriber.address), "…", line.what, flags=re.IGNORECASE)
        line.what = said if line.how == "import" else ""


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
    subscriber.heartbeat = subscriber.heartbeat_at = subscriber.unit = subscriber.came_by = None
    subscriber.discreet = subscriber.area_in_subject = False
    subscriber.announcements = True
    subscriber.cursor = NEVER_SERVED


def former_hash(secret: str, address_key: str) -> str:
    """Return by what somebody who left is known once the address is erased."""
    return keyed_digest(secret.encode(), address_key.encode()).hex()
