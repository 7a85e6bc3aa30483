"""Backups: a file that holds all of a database, and putting it back.

The file is a SQLite database for both kinds: of PostgreSQL it is a copy of one moment, made without ``pg_dump`` and
read by any later version of this program. What is put back is older than what happened since; nobody can know all of
that, but nobody is mailed who left since, and nothing that may have gone out already goes out again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, text
from sqlmodel import Session, SQLModel, col, select

from trialalerts.database import Database, open_database
from trialalerts.database.audit import command_line, note_change
from trialalerts.database.bulk import insert_into
from trialalerts.database.copying.transfer import clear_database, copy_database, holds_anything
from trialalerts.database.findings import note_finding
from trialalerts.database.heartbeats import Heartbeat, heartbeats
from trialalerts.database.maintenance import copy_file, replace_content
from trialalerts.database.schema import COPYING, REVISION, revision_of, upgrade_schema
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, Suppression
from trialalerts.errors import DatabaseUnusable, InvalidInput
from trialalerts.operations.tables import all_tables
from trialalerts.operations.watch.pulse import BY_HAND
from trialalerts.plurals import counted
from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import unsubscribe
from trialalerts.subscribers.tables import FormerSubscriber, Subscriber, SubscriberState

__all__ = ["RESTORED", "Restored", "back_up", "refuse_while_working", "restore_backup"]

RESTORED = "restored"
"""The kind of the finding that an older state was put back, and that mail of it waits."""
_ALIVE_WITHIN = timedelta(minutes=2)
_ROUND_ENDS_WITHIN = timedelta(seconds=2)
_AHEAD = 100_000
"""So many deliveries may have been made after the backup: their numbers, which bounces name, are not given again."""
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED}
_IN_FLIGHT = [DeliveryState.QUEUED, DeliveryState.SENDING]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What putting a backup back came to: mails that wait now, people who had left since, suppressions since."""

    subscribers: int
    held: int
    left_since: int
    suppressed_since: int


def refuse_while_working(db: Database, now: datetime, what: str) -> None:
    """Refuse what a working daemon would spoil.

    Raises:
        InvalidInput: a process was heard of within two minutes.
    """
    if revision_of(db) != REVISION:
        return
    with db.read() as session:
        alive = sorted(
            {
                each.process
                for each in heartbeats(session)
                if now - max(each.started_at, each.finished_at or each.started_at) < _believed_alive(each)
            }
        )
    if alive:
        raise InvalidInput(
            f"A daemon works on this database ({', '.join(alive)}): stop it, then {what} again; one that was killed is "
            "believed dead after two minutes."
        )


def _believed_alive(beat: Heartbeat) -> timedelta:
    """Return how long after a sign of life a process may still work: a round by hand ends with its last step."""
    is_done = beat.finished_at is not None and beat.finished_at >= beat.started_at
    return _ROUND_ENDS_WITHIN if is_done and beat.process.endswith(f":{BY_HAND}") else _ALIVE_WITHIN


def back_up(db: Database, file: Path, *, progress: ProgressMeter = NO_PROGRESS) -> int:
    """Copy a database to ``file``, as it is at one moment, whole or not at all; return its size in bytes.

    Raises:
        InvalidInput: the file exists.
        DatabaseUnusable: the copy cannot be written.
    """
    if file.exists():
        raise InvalidInput(f"{file}: there is such a file already; name another one")
    part = file.with_name(f"{file.name}.part")
    _remove(part)
    try:
        if db.is_sqlite:
            copy_file(db, part)
        else:
            with _private(part) as copy:
                copy_database(db, copy, all_tables(), progress=progress)
                _into_one_file(copy)
        part.replace(file)
    finally:
        _remove(part)
    return file.stat().st_size


def restore_backup(db: Database, file: Path, *, now: datetime, progress: ProgressMeter = NO_PROGRESS) -> Restored:
    """Put a backup in the place of all that the database holds.

    Mail that was still to leave is held, who left since stays gone, suppressions since stay.

    Raises:
        InvalidInput: the file is no backup.
        DatabaseTooNew: it is of a newer program.
        DatabaseUnusable: it cannot be read, or not be written.
    """
    made = file.with_name(f"{file.name}.restoring")
    _remove(made)
    try:
        with _opened(file) as backup:
            copy_file(backup, made)
        with _private(made) as prepared:
            upgrade_schema(prepared)
            restored = _prepare(prepared, db, file.name, now)
            _into_one_file(prepared)
            if revision_of(db) is None:
                upgrade_schema(db)
            if db.is_sqlite:
                replace_content(db, made)
            else:
                clear_database(db, all_tables())
                copy_database(prepared, db, all_tables(), progress=progress)
        return restored
    finally:
        _remove(made)


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    """Open a file that is to be read.

    Raises:
        InvalidInput: it is none of ours.
    """
    wrong = InvalidInput(f"{file}: this is no backup; write one with: trialalerts database backup FILE")
    if not file.is_file():
        raise InvalidInput(f"{file}: there is no such file")
    with file.open("rb") as opened:
        if not opened.read(16).startswith(b"SQLite format 3"):
            raise wrong
    with open_database(f"sqlite:///{file}") as database:
        try:
            found = revision_of(database)
        except DatabaseUnusable:
            raise wrong from None
        if found is None or found == COPYING:
            raise wrong
        yield database


@contextmanager
def _private(file: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{file}") as database:
        yield database


def _into_one_file(database: Database) -> None:
    """Let a SQLite database be one file, with no log beside it."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        connection.exec_driver_sql("BEGIN")


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _prepare(prepared: Database, current: Database, name: str, now: datetime) -> Restored:
    """Make an old state fit to go on: in the copy, before anything is put back."""
    gone, suppressions, former = _since(current)
    with prepared.write() as session:
        held = _hold_mail(session, name)
        _leave_numbers_free(session)
        session.connection().execute(text("DELETE FROM heartbeat"))
        left = sum(_leave(session, key, state, now) for key, state in gone.items())
        suppressed = sum(_insert(session, Suppression, row.model_dump()) for row in suppressions)
        for row in former:
            _insert(session, FormerSubscriber, row.model_dump())
        waiting = (
            f"What had not left when it was made is held ({counted(held, 'mail')}), since it may have left later; "
            "to let it go"
            if held
            else "No mail was waiting when it was made; to see this no more"
        )
        said = (
            f"The backup {name} was put back: what was sent after it was made is sent again, for nobody knows of it. "
            f"{waiting}: trialalerts deliveries retry --held"
        )
        note_finding(session, RESTORED, "", said, now=now)
        note_change(session, command_line(), "database.restored", "database", now=now, new=f"from {name}, {held} held")
        people = session.exec(select(func.count()).where(col(Subscriber.state) != SubscriberState.ERASED)).one()
    return Restored(subscribers=people, held=held, left_since=left, suppressed_since=suppressed)


def _since(current: Database) -> tuple[dict[str, SubscriberState], list[Suppression], list[FormerSubscriber]]:
    """Return what the database that is replaced knows of those who must not be mailed; nothing where it is empty."""
    if revision_of(current) != REVISION or holds_anything(current) is None:
        return {}, [], []
    with current.read() as session:
        asked = select(Subscriber.key, Subscriber.state).where(
            col(Subscriber.state).in_([*_LEFT, SubscriberState.ERASED])
        )
        gone = {key: SubscriberState(state) for key, state in session.exec(asked)}
        return gone, list(session.exec(select(Suppression))), list(session.exec(select(FormerSubscriber)))


def _insert(session: Session, table: type[SQLModel], row: dict[str, Any]) -> int:
    return session.connection().execute(insert_into(session, table).values(row).on_conflict_do_nothing()).rowcount


def _leave(session: Session, key: str, state: SubscriberState, now: datetime) -> bool:
    """Let somebody go again who had left; return whether the backup still had them."""
    person = session.exec(select(Subscriber).where(col(Subscriber.key) == key)).first()
    if person is None or person.state is SubscriberState.ERASED:
        return False
    if state is SubscriberState.ERASED:
        erase(session, person, how="restore", now=now)
        return True
    return unsubscribe(session, person, how="restore", now=now)


def _hold_mail(session: Session, name: str) -> int:
    """Hold what was still to leave: it may have left after the backup was made."""
    waiting = list(session.exec(select(Delivery).where(col(Delivery.state).in_(_IN_FLIGHT))))
    for mail in waiting:
        mail.state, mail.last_error = DeliveryState.HELD, f"held: restored from {name}"
        mail.leased_by = mail.leased_until = None
    session.flush()
    return len(waiting)


def _leave_numbers_free(session: Session) -> None:
    """Move the last delivery far ahead, so that no new one gets a number that a mail since then bears."""
    run = session.connection().exec_driver_sql
    last = run("SELECT max(id) FROM delivery").scalar()
    if last is not None:
        run("PRAGMA defer_foreign_keys = ON")
        run("UPDATE delivery SET id = id + ? WHERE id = ?", (_AHEAD, last))
        run("UPDATE feedback_event SET delivery_id = delivery_id + ? WHERE delivery_id = ?", (_AHEAD, last))
