"""Reading the bounce mailbox: one process at a time, from where the last one stopped, nothing twice.

How far an IMAP folder was read is written down in the transaction that handles the mails: the folder itself is only
looked at, so that a crash, a lost connection or another mail program can neither lose a bounce nor count it twice.
Mails stay where they are, unless ``?delete_after=30d`` says for how long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import compat32
from typing import Any, Protocol

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.bulk import insert_into
from trialalerts.database.leases import Lease, LeaseLost
from trialalerts.delivery.feedback.events import Event, Malformed
from trialalerts.delivery.feedback.handling import UNSTORABLE, FeedbackCount, apply_events
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.mail.verp import delivery_of
from trialalerts.delivery.outbox.notices.asking import unsubscribe_with_goodbye
from trialalerts.delivery.outbox.tables import MailboxState
from trialalerts.errors import TrialAlertsError
from trialalerts.logs import Logger
from trialalerts.settings import Settings
from trialalerts.subscribers.account.unsubscribing import Unsubscribe
from trialalerts.subscribers.tokens import Purpose, Tokens

__all__ = ["LEASE", "LONGEST_MAIL", "MailFolder", "MailboxBroken", "StoredMail", "read_mailbox", "unsubscribe_by_mail"]

log = Logger()

LONGEST_MAIL = 500_000
"""Bytes of a mail that are read: what a report says stands at its beginning."""
LEASE = timedelta(minutes=10)


class MailboxBroken(TrialAlertsError):
    """The bounce mailbox cannot be read: unreachable, a wrong password, no such folder. Nothing is lost by it."""


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

    def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        """Yield the mails after the cursor, in order.

        Raises:
            MailboxBroken: it cannot be read.
        """
        ...

    def done(self, mail: StoredMail) -> None:
        """Put a mail away whose events are committed."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def read_mailbox(
    db: Database, folder: MailFolder, *, settings: Settings, clock: Clock, stop: Callable[[], bool] = lambda: False
) -> FeedbackCount:
    """Handle what is new in a mailbox, mail by mail until ``stop()`` says so; nothing where another process reads it.

    What is wrong with the mailbox stands in the count and in its row; it is tried again the next time.
    """
    lease = Lease(db, MailboxState, folder.name, clock, length=LEASE)
    cursor = _taken(db, lease, folder.name)
    if cursor is None:
        return FeedbackCount()
    reader = _Reader(db=db, folder=folder, settings=settings, clock=clock, lease=lease)
    try:
        with _closing(folder):
            for mail in folder.mails(cursor):
                reader.read(mail)
                if stop():
                    break
    except MailboxBroken as error:
        log.error("mailbox.broken", mailbox=folder.name, reason=str(error))
        reader.count += FeedbackCount(broken=str(error))
    except LeaseLost:
        log.warning("mailbox.lease_lost", mailbox=folder.name)
        return reader.count
    _given_back(db, lease, clock.now(), error=reader.count.broken)
    return reader.count


@dataclass(kw_only=True)
class _Reader:
    """Reads mails, each with a transaction of its own."""

    db: Database
    folder: MailFolder
    settings: Settings
    clock: Clock
    lease: Lease
    count: FeedbackCount = field(default_factory=FeedbackCount)

    def read(self, mail: StoredMail) -> None:
        """Handle a mail and move the cursor beyond it: both, or neither."""
        try:
            self._handle(mail, self._events(mail))
        except UNSTORABLE as error:  # one mail that no database takes must not stand before all others for ever
            log.error("mailbox.unstorable", mailbox=self.folder.name, error=type(error).__name__)
            self._handle(mail, [])
        self.folder.done(mail)

    def _handle(self, mail: StoredMail, events: list[Event]) -> None:
        now = self.clock.now()
        with self.db.write() as session:
            if not self.lease.change(session, cursor=mail.cursor):
                raise LeaseLost
            count = apply_events(session, self.settings, events, now=now)
            unsubscribe_by_mail(session, self.settings, mail.content, now=now)
        self.count += count

    def _events(self, mail: StoredMail) -> list[Event]:
        arrived = min(mail.arrived, self.clock.now())
        try:
            return events_of(mail.content, arrived=arrived, is_ours=self._is_ours)
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


def _taken(db: Database, lease: Lease, name: str) -> dict[str, Any] | None:
    """Take the mailbox for a while; return its cursor, None where another process has it."""
    with db.write() as session:
        _make_row(session, name)
        return dict(session.get_one(MailboxState, name).cursor) if lease.take(session) else None


def _make_row(session: Session, name: str) -> None:
    row = insert_into(session, MailboxState).values(name=name, cursor={})
    session.connection().execute(row.on_conflict_do_nothing(index_elements=["name"]))


def _given_back(db: Database, lease: Lease, now: datetime, *, error: str | None) -> None:
    values = {"leased_by": None, "leased_until": None, "last_error": error}
    with db.write() as session:
        lease.change(session, **(values if error else values | {"last_success_at": now}))


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
    except TrialAlertsError:
        return False
    asked, domain = Unsubscribe(key=key, how="mail"), mail_domain(settings.mail.sender)
    return bool(unsubscribe_with_goodbye(session, [asked], now=now, domain=domain).left)
