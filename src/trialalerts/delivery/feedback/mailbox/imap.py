"""Reading an IMAP folder with IMAPClient: only looking, by UID, a bounded piece of each mail.

The cursor is ``{"uidvalidity": …, "uid": …}``: what the server numbers anew is looked at anew, and known by its
content. The server's words never reach a log: they may quote the user's name.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.handling import KEPT_FOR
from trialalerts.delivery.feedback.mailbox.reader import LONGEST_MAIL, MailboxBroken, StoredMail

__all__ = ["ImapFolder"]

_SECONDS = 30.0
_WINDOW = 10_000
"""UIDs that are asked for at once: a server's answer must not grow without bounds."""
_AT_ONCE = 1_000
"""UIDs that one command deletes: servers limit the length of a line."""
_CONTENT = f"BODY.PEEK[]<0.{LONGEST_MAIL}>"
_READ_AS = b"BODY[]<0>"

logging.getLogger("imapclient").setLevel(logging.WARNING)  # below that it logs the user's name


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
        self._connection: IMAPClient | None = None

    @property
    def name(self) -> str:
        """What it is called in tables and logs: without user and password."""
        return f"{'imaps' if self._tls else 'imap'}://{self._host}:{self._port}/{self._folder}"

    def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        """Yield the mails after the cursor by rising UID; at the end delete what is old enough, where asked to.

        Raises:
            MailboxBroken: the server cannot be reached, refuses the user or the folder, or answers nonsense.
        """
        try:
            connection = self._open()
            validity, ends = self._numbers(connection)
            last = int(cursor.get("uid", 0)) if cursor.get("uidvalidity") == validity else 0
            for uid in self._uids(connection, last, ends):
                mail = self._mail(connection, uid, validity)
                if mail is not None:
                    yield mail
                last = uid
            if self._delete_after is not None:
                self._delete(connection, last)
        except (IMAPClientError, OSError, ValueError, KeyError) as error:
            raise MailboxBroken(f"feedback.mailbox: {self.name} cannot be read: {_plain(error)}") from None

    def done(self, mail: StoredMail) -> None:
        """Nothing is to be done: the cursor knows."""

    def close(self) -> None:
        """Say goodbye; whether the server hears it does not matter."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.logout()
        except (IMAPClientError, OSError):
            connection.shutdown()

    def _open(self) -> IMAPClient:
        context = ssl.create_default_context() if self._tls else None
        connection = IMAPClient(self._host, self._port, ssl=self._tls, ssl_context=context, timeout=_SECONDS)
        connection.normalise_times = False  # else moments lose their zone
        self._connection = connection
        try:
            connection.login(self._user, self._password)
        except LoginError as error:
            if isinstance(error.__context__, IMAPClientAbortError):
                raise error.__context__ from None
            raise MailboxBroken(
                f"feedback.mailbox: {self.name} refuses the user or the password; correct feedback.mailbox"
            ) from None
        return connection

    def _numbers(self, connection: IMAPClient) -> tuple[int, int]:
        """Open the folder; return its UIDVALIDITY and the UID that comes next."""
        try:
            told = connection.select_folder(self._folder, readonly=self._delete_after is None)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            raise MailboxBroken(f"feedback.mailbox: {self.name}: there is no such folder; name another") from None
        return int(told[b"UIDVALIDITY"]), int(told[b"UIDNEXT"])

    def _uids(self, connection: IMAPClient, last: int, ends: int) -> Iterator[int]:
        """Yield the UIDs after the last, except of mails so old that their reports would not be handled."""
        since = (self._clock.now() - KEPT_FOR).date()
        for low in range(last + 1, ends, _WINDOW):
            found = connection.search(["UID", f"{low}:{min(low + _WINDOW, ends) - 1}", "SINCE", since])
            yield from sorted(uid for uid in found if uid > last)

    def _mail(self, connection: IMAPClient, uid: int, validity: int) -> StoredMail | None:
        """Fetch the beginning of a mail without marking it as read; None where it is gone."""
        found = connection.fetch([uid], [_CONTENT, "INTERNALDATE"]).get(uid, {})
        if not isinstance(content := found.get(_READ_AS), bytes):
            return None
        arrived = found.get(b"INTERNALDATE")
        return StoredMail(
            content=content,
            arrived=arrived.astimezone(UTC) if isinstance(arrived, datetime) else self._clock.now(),
            cursor={"uidvalidity": validity, "uid": uid},
        )

    def _delete(self, connection: IMAPClient, last: int) -> None:
        """Delete mails that were handled and are old enough."""
        before = (self._clock.now() - (self._delete_after or timedelta())).date()
        for low in range(1, last + 1, _AT_ONCE):
            old = connection.search(["UID", f"{low}:{min(low + _AT_ONCE - 1, last)}", "BEFORE", before])
            if old:
                connection.delete_messages(old, silent=True)
                connection.uid_expunge(old) if connection.has_capability("UIDPLUS") else connection.expunge()


def _plain(error: Exception) -> str:
    """Say what is wrong without the server's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, IMAPClientAbortError):
        return "the connection broke"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "the server refused a command or answered nonsense"
