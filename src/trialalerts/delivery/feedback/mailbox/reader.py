"""Reading the bounce mailbox: one process at a time, from where the last one stopped, nothing twice.

How far an IMAP folder was read is written down in the transaction that heeds the mails: the folder itself is only
looked at, so that a crash, a lost connection or another mail program can neither lose a bounce nor count it twice.
Mails stay where they are, unless ``?delete_after=30d`` says for how long.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import compat32
from typing import Any, Protocol

import structlog
from sqlmodel import Session, col, or_, update

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.bulk import insert_into
from trialalerts.delivery.feedback.events import Event, Malformed
from trialalerts.delivery.feedback.handling import UNSTORABLE, FeedbackCount, apply_events
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.verp import delivery_of
from trialalerts.delivery.outbox.tables import MailboxState
from trialalerts.errors import TrialAlertsError
from trialalerts.settings import Settings
from trialalerts.subscribers.people import find_by_key, unsubscribe
from trialalerts.subscribers.tokens import Purpose, Tokens

__all__ = ["LEASE", "LONGEST_MAIL", "MailFolder", "MailboxBroken", "StoredMail", "read_mailbox", "unsubscribe_by_mail"]

log = structlog.get_logger()

LONGEST_MAIL = 500_000
"""Bytes of a mail that are read: what a report says stands at its beginning."""
LEASE = timedelta(minutes=10)


class MailboxBroken(TrialAlertsError):
    """The bounce mailbox cannot be read: unreachable, a wrong password, no such folder. Nothing is lost by it."""


class _LeaseLost(Exception):
    """Another process reads the mailbox now: this one was stopped for too long."""


@dataclass(frozen=True, kw_only=True)
class StoredMail:
    """A mail: at most :data:`LONGEST_MAIL` bytes of it, when it came, and the ``cursor`` that stands behind it."""

    content: bytes
    arrived: datetime
    cursor: dict[str, Any]


class MailFolder(Protocol):
    """A mailbox of some kind."""

    @property
    def name(self) -> str:
        """What it is called in tables and logs: without user and password."""
        ...

    def letters(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        """Yield the mails after the cursor, in order.

        Raises:
            MailboxBroken: it cannot be read.
        """
        ...

    def done(self, letter: StoredMail) -> None:
        """Put a mail away whose events are committed."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def read_mailbox(
    db: Database, folder: MailFolder, *, settings: Settings, clock: Clock, stop: Callable[[], bool] = lambda: False
) -> FeedbackCount:
    """Heed what is new in a mailbox, letter by letter until ``stop()`` says so; nothing where another process reads it.

    What is wrong with the mailbox stands in the count and in its row; it is tried again the next time.
    """
    owner = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
    cursor = _lease(db, folder.name, owner, clock)
    if cursor is None:
        return FeedbackCount()
    reader = _Reader(db=db, folder=folder, settings=settings, clock=clock, owner=owner)
    try:
        with _closing(folder):
            for letter in folder.letters(cursor):
                reader.read(letter)
                if stop():
                    break
    except MailboxBroken as error:
        log.error("mailbox.broken", mailbox=folder.name, reason=str(error))
        reader.count += FeedbackCount(broken=str(error))
    except _LeaseLost:
        log.warning("mailbox.lease_lost", mailbox=folder.name)
        return reader.count
    _release(db, folder.name, owner, clock.now(), error=reader.count.broken)
    return reader.count


@dataclass(kw_only=True)
class _Reader:
    """Reads letters, each with a transaction of its own."""

    db: Database
    folder: MailFolder
    settings: Settings
    clock: Clock
    owner: str
    count: FeedbackCount = field(default_factory=FeedbackCount)

    def read(self, letter: StoredMail) -> None:
        """Heed a letter and move the cursor beyond it: both, or neither."""
        try:
            self._heed(letter, self._events(letter))
        except UNSTORABLE as error:  # one mail that no database takes must not stand before all others for ever
            log.error("mailbox.unstorable", mailbox=self.folder.name, error=type(error).__name__)
            self._heed(letter, [])
        self.folder.done(letter)

    def _heed(self, letter: StoredMail, events: list[Event]) -> None:
        now = self.clock.now()
        with self.db.write() as session:
            mine = _held(self.folder.name, self.owner, cursor=letter.cursor, leased_until=now + LEASE)
            if session.connection().execute(mine).rowcount == 0:
                raise _LeaseLost
            count = apply_events(session, self.settings, events, now=now)
            unsubscribe_by_mail(session, self.settings, letter.content, now=now)
        self.count += count

    def _events(self, letter: StoredMail) -> list[Event]:
        arrived = min(letter.arrived, self.clock.now())
        try:
            return events_of(letter.content, arrived=arrived, is_ours=self._is_ours)
        except Malformed as error:  # one broken mail harms only itself
            log.warning("mailbox.unreadable", mailbox=self.folder.name, reason=str(error))
            return []

    def _is_ours(self, address: str) -> bool:
        return delivery_of(self.settings, address) is not None


@contextmanager
def _closing(folder: MailFolder) -> Iterator[None]:
    try:
        yield
    finally:
        folder.close()


def _lease(db: Database, name: str, owner: str, clock: Clock) -> dict[str, Any] | None:
    """Take the mailbox for a while; return its cursor, None where another process has it."""
    now = clock.now()
    with db.write() as session:
        _make_row(session, name)
        free = or_(col(MailboxState.leased_until).is_(None), col(MailboxState.leased_until) <= now)
        take = (
            update(MailboxState)
            .where(col(MailboxState.name) == name, free)
            .values(leased_by=owner, leased_until=now + LEASE)
            .returning(col(MailboxState.cursor))
        )
        row = session.connection().execute(take).first()
    return None if row is None else dict(row[0])


def _make_row(session: Session, name: str) -> None:
    row = insert_into(session, MailboxState).values(name=name, cursor={})
    session.connection().execute(row.on_conflict_do_nothing(index_elements=["name"]))


def _release(db: Database, name: str, owner: str, now: datetime, *, error: str | None) -> None:
    values = {"leased_by": None, "leased_until": None, "last_error": error}
    with db.write() as session:
        session.connection().execute(_held(name, owner, **(values if error else values | {"last_success_at": now})))


def _held(name: str, owner: str, **values: Any) -> Any:
    """Return the statement that changes the row while the lease is ours."""
    return (
        update(MailboxState).where(col(MailboxState.name) == name, col(MailboxState.leased_by) == owner).values(values)
    )


_SUBJECT = re.compile(r"\s*unsubscribe\s+([\w.-]{20,400})\s*", re.IGNORECASE)


def unsubscribe_by_mail(session: Session, settings: Settings, content: bytes, *, now: datetime) -> bool:
    """Unsubscribe whom the token in the subject of a mail names; return whether somebody left by it."""
    try:
        subject = str(
            make_header(decode_header(BytesParser(policy=compat32).parsebytes(content, headersonly=True)["Subject"]))
        )
    except Exception:  # noqa: BLE001 - the email package breaks in many ways on what spammers send
        return False
    found = _SUBJECT.fullmatch(re.sub(r"\r?\n", "", subject))
    if found is None:
        return False
    try:
        tokens = Tokens(settings.service.secrets[0], previous=settings.service.secrets[1:])
        key = tokens.read(Purpose.UNSUBSCRIBE, found[1], max_age=None).key
        subscriber = find_by_key(session, key)
    except TrialAlertsError:
        return False
    return subscriber is not None and unsubscribe(session, subscriber, how="mail", now=now)
