"""Reading an IMAP folder with the standard library: only looking, by UID, a bounded piece of each mail.

The cursor is ``{"uidvalidity": …, "uid": …}``: what the server numbers anew is looked at anew, and known by its
content. The server's words never reach a log: they may quote the user's name.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.handling import KEPT_FOR
from trialalerts.delivery.feedback.mailbox.reader import LONGEST_MAIL, MailboxBroken, StoredMail

__all__ = ["ImapFolder"]

_SECONDS = 30.0
_WINDOW = 10_000
"""UIDs that are asked for at once: a server's answer must not grow without bounds."""
_AT_ONCE = 1_000
"""UIDs that one command deletes: servers limit the length of a line."""
_UID = re.compile(rb"\bUID (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class ImapFolder:
    """A folder on an IMAP server; ``tls`` from the first byte, else a plain connection (for loopback only)."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        password: str,
        folder: str,
        tls: bool,
        clock: Clock,
        delete_after: timedelta | None = None,
    ) -> None:
        self._host, self._port, self._user, self._password = host, port, user, password
        self._folder, self._tls, self._clock, self._delete_after = folder, tls, clock, delete_after
        self._connection: imaplib.IMAP4 | None = None

    @property
    def name(self) -> str:
        """What it is called in tables and logs: without user and password."""
        return f"{'imaps' if self._tls else 'imap'}://{self._host}:{self._port}/{self._folder}"

    def letters(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        """Yield the mails after the cursor by rising UID; at the end delete what is old enough, where asked to.

        Raises:
            MailboxBroken: the server cannot be reached, refuses the user or the folder, or answers nonsense.
        """
        try:
            connection = self._open()
            validity, ends = self._numbers(connection)
            last = int(cursor.get("uid", 0)) if cursor.get("uidvalidity") == validity else 0
            for uid in self._uids(connection, last, ends):
                letter = self._letter(connection, uid, validity)
                if letter is not None:
                    yield letter
                last = uid
            if self._delete_after is not None:
                self._delete(connection, last)
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            raise MailboxBroken(f"feedback.mailbox: {self.name} cannot be read: {_plain(error)}") from None

    def done(self, letter: StoredMail) -> None:
        """Nothing is to be done: the cursor knows."""

    def close(self) -> None:
        """Say goodbye; whether the server hears it does not matter."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.logout()
        except (imaplib.IMAP4.error, OSError):
            connection.shutdown()

    def _open(self) -> imaplib.IMAP4:
        if self._tls:
            context = ssl.create_default_context()
            self._connection = imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=_SECONDS)
        else:
            self._connection = imaplib.IMAP4(self._host, self._port, timeout=_SECONDS)
        try:
            self._connection.login(_quoted(self._user), self._password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise MailboxBroken(
                f"feedback.mailbox: {self.name} refuses the user or the password; correct feedback.mailbox"
            ) from None
        return self._connection

    def _numbers(self, connection: imaplib.IMAP4) -> tuple[int, int]:
        """Open the folder; return its UIDVALIDITY and the UID that comes next."""
        status, _ = connection.select(_quoted(self._folder), readonly=self._delete_after is None)
        if status != "OK":
            raise MailboxBroken(f"feedback.mailbox: {self.name}: there is no such folder; name another")
        return _number(connection, "UIDVALIDITY"), _number(connection, "UIDNEXT")

    def _uids(self, connection: imaplib.IMAP4, last: int, ends: int) -> Iterator[int]:
        """Yield the UIDs after the last, except of mails so old that their news would not be heeded."""
        since = _day(self._clock.now() - KEPT_FOR)
        for low in range(last + 1, ends, _WINDOW):
            found = _answer(connection.uid("SEARCH", f"UID {low}:{min(low + _WINDOW, ends) - 1}", "SINCE", since))
            yield from sorted(uid for uid in map(int, _found(found)) if uid > last)

    def _letter(self, connection: imaplib.IMAP4, uid: int, validity: int) -> StoredMail | None:
        """Fetch the beginning of a mail without marking it as read; None where it is gone."""
        what = f"(UID INTERNALDATE BODY.PEEK[]<0.{LONGEST_MAIL}>)"
        parts = _answer(connection.uid("FETCH", str(uid), what))
        for part, after in zip(parts, [*parts[1:], b""], strict=True):
            if not isinstance(part, tuple):
                continue
            about = part[0] + (after if isinstance(after, bytes) else b"")  # servers put the items in any order
            if (found := _UID.search(about)) and int(found[1]) == uid:
                cursor = {"uidvalidity": validity, "uid": uid}
                return StoredMail(content=part[1], arrived=_arrived(about, self._clock.now()), cursor=cursor)
        return None

    def _delete(self, connection: imaplib.IMAP4, last: int) -> None:
        """Delete mails that were heeded and are old enough."""
        before = _day(self._clock.now() - (self._delete_after or timedelta()))
        for low in range(1, last + 1, _AT_ONCE):
            among = f"UID {low}:{min(low + _AT_ONCE - 1, last)}"
            old = b",".join(_found(_answer(connection.uid("SEARCH", among, "BEFORE", before)))).decode()
            if old:
                _answer(connection.uid("STORE", old, "+FLAGS.SILENT", r"(\Deleted)"))
                if "UIDPLUS" in connection.capabilities:
                    _answer(connection.uid("EXPUNGE", old))
                else:
                    _answer(connection.expunge())


def _answer(answered: tuple[str, list[Any]]) -> list[Any]:
    status, found = answered
    if status != "OK":
        raise imaplib.IMAP4.error("the server refused a command")
    return found


def _found(answer: list[Any]) -> list[bytes]:
    """Return the numbers that a search found."""
    return b" ".join(part for part in answer if isinstance(part, bytes)).split()


def _number(connection: imaplib.IMAP4, name: str) -> int:
    _, found = connection.response(name)
    if not found or not isinstance(found[0], bytes):
        raise imaplib.IMAP4.error(f"the server told no {name}")
    return int(found[0])


def _arrived(head: bytes, now: datetime) -> datetime:
    found = _DATE.search(head)
    try:
        return datetime.strptime(found[1].decode().strip() if found else "", "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return now


def _day(moment: datetime) -> str:
    """Return a day as IMAP writes it, whatever the machine's language."""
    return f"{moment.day:02}-{_MONTHS[moment.month - 1]}-{moment.year}"


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(error: Exception) -> str:
    """Say what is wrong without the server's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, imaplib.IMAP4.abort):
        return "the connection broke"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "the server refused a command or answered nonsense"
