"""One connection to an SMTP server: the greeting, encryption, the log-in, and bytes there and back.

The standard library's client does what is said once on a connection. Replies are read here, so that each has one
deadline for all of it (a server that dribbles gains nothing), and a size that it cannot exceed.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Literal

from trialalerts.delivery.mail.reply_codes import Stage, classify
from trialalerts.delivery.transports.smtp.replies import SmtpReply, reply_line, wait_asked
from trialalerts.redaction import hidden

__all__ = ["Lost", "NoConnection", "SmtpConnection", "SmtpServer", "Tls", "connect"]

Tls = Literal["starttls", "tls", "none"]

_LONGEST_LINE = 4_096
_MOST_LINES = 200
_AT_ONCE = 65_536
_GOODBYE = 2.0
_LAST_WORDS = 0.05


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where and how to connect. ``timeout`` is in seconds; ``ca_file`` adds to the system's certificates."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Tls = "starttls"
    timeout: float = 30.0
    ca_file: str = ""
    connections: int = 5
    pipeline: bool = True

    def __repr__(self) -> str:
        """Show no password."""
        return f"SmtpServer({self.host}:{self.port}, tls={self.tls})"


class NoConnection(Exception):
    """No connection, no encryption or no log-in: says which, and what mends it."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Lost(smtplib.SMTPServerDisconnected):
    """The connection is of no use any more.

    ``handed`` is how many bytes of the last write the system had taken; ``blamed`` tells that the server said
    goodbye in its refusal of one mail; ``retry_after`` is how many seconds it asked to be left alone.
    """

    def __init__(
        self,
        reason: str,
        *,
        timed_out: bool = False,
        handed: int = 0,
        blamed: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out
        self.handed = handed
        self.blamed = blamed
        self.retry_after = retry_after


class SmtpConnection(smtplib.SMTP):
    """A connection whose replies are bounded in time and size."""

    def __init__(self, server: SmtpServer, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._context = context
        self._unread = b""
        self._at = 0
        self._tightened = False
        # What is said before the first message may take twice the patience for a reply, not ten times.
        self._opened_until = time.monotonic() + 2 * server.timeout
        super().__init__(server.host, server.port, local_hostname=_own_name(), timeout=server.timeout)

    def connect(self, host: str = "localhost", port: int = 0, source_address: object = None) -> tuple[int, bytes]:
        """Connect, encrypted from the start where the server is meant to be, and read the greeting."""
        del source_address
        plain = socket.create_connection((host, port), self._server.timeout)
        # Each write is whole: waiting for more of it would only add the other side's delayed acknowledgement.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if self._server.tls == "tls" and self._context is not None:
            self.sock = self._context.wrap_socket(plain, server_hostname=host)
        return self.getreply()

    def upgrade(self) -> None:
        """Encrypt the connection (STARTTLS); nothing that came before counts."""
        if not self.has_extn("starttls"):
            raise smtplib.SMTPException("it offers no STARTTLS; ?tls=none in mail.url sends without encryption")
        self.starttls(context=self._context)
        if self._at < len(self._unread):
            raise smtplib.SMTPException(
                "it said more in the clear than it was asked, which somebody may have slipped in"
            )
        self.ehlo_or_helo_if_needed()

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply to what the standard library's client said."""
        deadline = min(time.monotonic() + self._server.timeout, self._opened_until)
        try:
            reply = self.read_reply(deadline)
        except Lost:
            self.close()
            raise
        return reply.code, reply.text

    def read_reply(self, deadline: float) -> SmtpReply:
        """Read one reply, all of it before ``deadline`` (of the monotonic clock).

        Raises:
            Lost: the connection broke, the time is up, or what came is no reply.
        """
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._read_line(deadline)
            code = line[:3]
            if not (code.isdigit() and len(code) == 3 and line[3:4] in b" -"):  # noqa: PLR2004 - a code has three
                raise Lost("it answered something that is no SMTP")
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                separator = b"\n" if len(lines) > 1 else b""
                return SmtpReply(int(code), separator.join(lines))
        raise Lost("it sent a reply without end")

    def write(self, data: bytes, deadline: float) -> None:
        """Write all of it.

        Raises:
            Lost: with ``handed``, the number of bytes that may have reached the server.
        """
        handed = 0
        try:
            self._wait_until(deadline)
            handed = self._socket.send(data)
            while handed < len(data):
                self._wait_until(deadline)
                handed += self._socket.send(memoryview(data)[handed:])
        except (OSError, ValueError) as error:
            raise _lost(error, handed=handed) from error

    def quiet(self) -> bool:
        """Whether the connection lives and the server has said nothing of its own accord (such as 421)."""
        if self._at < len(self._unread):
            return False
        try:
            self._socket.settimeout(0)
            self._tightened = True
            self._unread, self._at = self._socket.recv(_AT_ONCE), 0
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def said_before_it_broke(self) -> SmtpReply | None:
        """Return the reply that explains why a write failed, where it is there already."""
        with contextlib.suppress(Lost):
            return self.read_reply(time.monotonic() + _LAST_WORDS)
        return None

    @property
    def silent(self) -> bool:
        """Whether every byte that was received has been understood."""
        return self._at >= len(self._unread)

    def hang_up(self, *, politely: bool) -> None:
        """Close the connection; say goodbye first, where it is in order."""
        if politely:
            with contextlib.suppress(Lost):
                deadline = time.monotonic() + min(_GOODBYE, self._server.timeout)
                self.write(b"QUIT\r\n", deadline)
                self.read_reply(deadline)
        self.close()

    @property
    def _socket(self) -> socket.socket:
        if self.sock is None:
            raise Lost("the connection is closed")
        return self.sock

    def _read_line(self, deadline: float) -> bytes:
        while True:
            end = self._unread.find(b"\n", self._at)
            if (end if end >= 0 else len(self._unread)) - self._at > _LONGEST_LINE:
                raise Lost("it sent a line without end")
            if end >= 0:
                line = self._unread[self._at : end]
                self._at = end + 1
                return line
            self._unread = self._unread[self._at :]
            self._at = 0
            self._unread += self._receive(deadline)

    def _receive(self, deadline: float) -> bytes:
        try:
            while True:
                self._wait_until(deadline)
                try:
                    data = self._socket.recv(_AT_ONCE)
                    break
                except TimeoutError:
                    if time.monotonic() >= deadline:
                        raise
                    # there is more patience than one wait of the socket's
        except (OSError, ValueError) as error:
            raise _lost(error) from error
        if not data:
            raise Lost("it closed the connection")
        return data

    def _wait_until(self, deadline: float) -> None:
        """Let the next call wait as long as the deadline allows; mostly the usual timeout is set already.

        Past the deadline what has come meanwhile is still taken: a process that was frozen must not give up a reply
        that says whether its message was accepted.
        """
        left = deadline - time.monotonic()
        usual = self._server.timeout
        if left < 0.9 * usual:
            self._socket.settimeout(max(left, 0.0))
            self._tightened = True
        elif self._tightened:
            self._socket.settimeout(usual)
            self._tightened = False


@cache
def _own_name() -> str:
    """Return how we introduce ourselves; found out once, for it may ask a name server."""
    name = socket.getfqdn()
    if "." in name and name.isascii():
        return name
    with contextlib.suppress(OSError):
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    return "[127.0.0.1]"


def connect(server: SmtpServer, context: ssl.SSLContext | None) -> SmtpConnection:
    """Connect, encrypt, log in.

    Raises:
        NoConnection: one of these does not work.
    """
    where = f"{server.host}:{server.port}"
    try:
        line = _greeted(server, context)
    except ssl.SSLError as error:
        raise NoConnection(f"The mail server {where} gave no trusted encryption: {error.reason or error}.") from error
    except smtplib.SMTPResponseException as error:
        reply = _reply(error)
        said, rule = reply_line(reply), _rule(reply, error)
        raise NoConnection(
            f"The mail server {where} refuses us before any mail: {said} ({rule}).", retry_after=wait_asked(reply)
        ) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NoConnection(f"The mail server {where} cannot be reached: {_reason(error)}.") from error
    try:
        if server.user:
            line.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        line.close()
        raise NoConnection(
            f"The mail server {where} refused the user or password of mail.url: {_login_reason(error, server)}.",
            retry_after=_wait(error),
        ) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        line.close()
        raise NoConnection(f"The mail server {where} did not let us log in: {_login_reason(error, server)}.") from None
    return line


def _greeted(server: SmtpServer, context: ssl.SSLContext | None) -> SmtpConnection:
    line = SmtpConnection(server, context)
    try:
        line.ehlo_or_helo_if_needed()
        if server.tls == "starttls":
            line.upgrade()
    except BaseException:
        line.close()
        raise
    return line


def _lost(error: Exception, *, handed: int = 0) -> Lost:
    if isinstance(error, Lost):
        return error
    if isinstance(error, TimeoutError | BlockingIOError | ssl.SSLWantReadError | ssl.SSLWantWriteError):
        return Lost("it did not answer in time", timed_out=True, handed=handed)
    return Lost(f"it broke the connection ({type(error).__name__})", handed=handed)


def _reason(error: Exception, private: str = "") -> str:
    if isinstance(error, Lost):
        return error.reason
    if isinstance(error, smtplib.SMTPResponseException):
        return reply_line(_reply(error), private=f"{private}@")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return f"what it said makes no sense ({type(error).__name__})"  # its text may hold what we answered
    return reply_line(SmtpReply(0, str(getattr(error, "strerror", None) or error).encode()))[2:] or type(error).__name__


def _rule(reply: SmtpReply, error: smtplib.SMTPResponseException) -> str:
    """Return the rule that knows what the server has against us."""
    stage = Stage.EHLO if isinstance(error, smtplib.SMTPHeloError) else Stage.CONNECT
    return classify(f"{reply.code} {reply.text.decode('utf-8', 'replace')}", stage=stage).rule


def _login_reason(error: Exception, server: SmtpServer) -> str:
    """Say why without user and password, which some servers repeat."""
    together = f"\0{server.user}\0{server.password}"
    return hidden(_reason(error, server.user), server.password, together)


def _wait(error: Exception) -> float | None:
    return wait_asked(_reply(error)) if isinstance(error, smtplib.SMTPResponseException) else None


def _reply(error: smtplib.SMTPResponseException) -> SmtpReply:
    text = error.smtp_error
    return SmtpReply(error.smtp_code, text if isinstance(text, bytes) else text.encode())
