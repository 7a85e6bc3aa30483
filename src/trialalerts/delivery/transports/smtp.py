"""Owns the SMTP transport: ``smtp://user:password@host:587?tls=starttls`` and ``smtps://…``.

One connection is used for message after message and opened again when it drops. Whose fault a refusal
is decides what happens: a recipient's is :class:`MailRefused`; ours or the server's (no connection,
certificate, password, 421, a sender that is not allowed) is :class:`TransportBroken`.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.message import Message, ascii_domain, to_bytes
from trialalerts.delivery.transports import options_of
from trialalerts.errors import ConfigurationError, MailRefused, TransportBroken

__all__ = ["SmtpChannel", "SmtpServer", "SmtpTransport", "open_url"]

Tls = Literal["starttls", "tls", "none"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_FINE = 250
_CLOSING = 421
_PERMANENT = 500
_TOO_LARGE = 552
_GARBAGE = -1
_OURS_OR_SOFT = re.compile(r"5\.7\.\d+|5\.2\.2")
"""A policy against us, or a full mailbox: no reason to give the recipient up at once (RFC 3463)."""
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_TEXT_LENGTH = 200


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

    def __repr__(self) -> str:
        """Show no password."""
        return f"SmtpServer({self.host}:{self.port}, tls={self.tls})"


class SmtpTransport:
    """Speaks to one SMTP server over one connection."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._open: smtplib.SMTP | None = None

    @property
    def name(self) -> str:
        """``smtp``."""
        return "smtp"

    batch = 1
    connections = 1

    def open(self) -> SmtpChannel:
        """Return a channel with a connection of its own."""
        return SmtpChannel(SmtpTransport(self.server))

    def send(self, envelope_to: str, message: Message) -> None:
        """Hand one message over (see :meth:`hand_over`)."""
        self.hand_over(message.sender_address, envelope_to, to_bytes(message))

    def hand_over(self, sender: str, recipient: str, content: bytes) -> None:
        """Hand one message over.

        Raises:
            MailRefused: refused for this recipient or for what it holds; also where the connection dropped
                in the middle, when nobody knows whether it was accepted.
            TransportBroken: no connection, no encryption, wrong password, or the server is closing.
        """
        try:
            self._hand_over(_wire_address(sender), _wire_address(recipient), content)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            raise MailRefused(
                f"the connection to the mail server broke in the middle of a message ({type(error).__name__})",
                permanent=False,
            ) from error

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self._open is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._open.quit()
            self._drop()

    def _hand_over(self, sender: str, recipient: str, content: bytes) -> None:
        smtp = self._begun(sender, content)
        reply = smtp.rcpt(recipient)
        if reply[0] not in {250, 251}:
            self._refused(reply, "recipient")
        try:
            reply = smtp.data(content)
        except smtplib.SMTPDataError as error:
            reply = (error.smtp_code, _bytes(error.smtp_error))
        if reply[0] != _FINE:
            self._refused(reply, "message")

    def _begun(self, sender: str, content: bytes) -> smtplib.SMTP:
        """Name the sender, on the open connection where it still lives: servers close those that idle or did enough."""
        if self._open is not None:
            with contextlib.suppress(smtplib.SMTPServerDisconnected, OSError):
                reply = self._open.mail(sender, _mail_options(self._open, content))
                if reply[0] != _CLOSING:
                    return self._accepted(self._open, reply)
            self._drop()
        self._open = _connected(self.server)
        return self._accepted(self._open, self._open.mail(sender, _mail_options(self._open, content)))

    def _accepted(self, smtp: smtplib.SMTP, reply: tuple[int, bytes]) -> smtplib.SMTP:
        if reply[0] != _FINE:
            self._refused(reply, "sender")
        return smtp

    def _refused(self, reply: tuple[int, bytes], what: str) -> NoReturn:
        """Raise what a refusal means; leave the connection ready for the next message."""
        code, enhanced, text = _read(reply)
        line = f"the mail server refused the {what}: {text}"
        # Who sends, or a server that is closing, has nothing to do with the recipient; the size has.
        if code in {_CLOSING, _GARBAGE} or (what == "sender" and code != _TOO_LARGE):
            self._drop()
            raise TransportBroken(line)
        if self._open is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._open.rset()
        permanent = code >= _PERMANENT and not _OURS_OR_SOFT.fullmatch(enhanced)
        raise MailRefused(line, permanent=permanent, code=f"{code} {enhanced}".strip())

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class SmtpChannel:
    """One connection, one message after the other."""

    def __init__(self, client: SmtpTransport) -> None:
        self._client = client

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand the messages over; return what became of each."""
        return [self._outcome(envelope) for envelope in envelopes]

    def close(self) -> None:
        """Say goodbye and hang up."""
        self._client.close()

    def _outcome(self, envelope: Envelope) -> Outcome:
        try:
            self._client.hand_over(envelope.sender, envelope.recipient, envelope.content)
        except MailRefused as error:
            ours = " 5.7." in (error.code or "")
            return Refused(reason=str(error), permanent=error.permanent, code=error.code, ours=ours)
        except TransportBroken as error:
            return Unsent(reason=str(error))
        return Accepted()


def open_url(parts: SplitResult) -> SmtpTransport:
    """Open ``smtp://[user:password@]host[:port][?tls=starttls|tls|none&timeout=30&ca_file=PATH]`` or ``smtps://…``.

    Without ``tls``, ``smtps://`` is encrypted from the start and ``smtp://`` must upgrade (STARTTLS), except
    on loopback, where it goes unencrypted.

    Raises:
        ConfigurationError: something in the URL makes no sense.
    """
    options = options_of(parts, ("tls", "timeout", "ca_file"))
    if not parts.hostname:
        raise ConfigurationError(
            f"mail.url: {parts.scheme}:// names no host; write {parts.scheme}://user:password@host"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        raise ConfigurationError("mail.url: user and password hold a letter outside ASCII, which SMTP cannot carry")
    ca_file = options.get("ca_file", "")
    if ca_file and not Path(ca_file).is_file():
        raise ConfigurationError(f"mail.url: there is no file {ca_file} for ca_file")
    tls = _tls(parts, options.get("tls"))
    default_port = 465 if tls == "tls" else 587 if user else 25
    return SmtpTransport(
        SmtpServer(
            host=parts.hostname,
            port=parts.port or default_port,
            user=user,
            password=password,
            tls=tls,
            timeout=_seconds(options.get("timeout", "30")),
            ca_file=ca_file,
        )
    )


def _tls(parts: SplitResult, given: str | None) -> Tls:
    if given is None:
        if parts.scheme == "smtps":
            return "tls"
        return "none" if parts.hostname in _LOOPBACK else "starttls"
    known: dict[str, Tls] = {"starttls": "starttls", "tls": "tls", "none": "none"}
    if given not in known:
        raise ConfigurationError(f"mail.url: found tls={given}, expected starttls, tls or none")
    if parts.scheme == "smtps" and given != "tls":
        raise ConfigurationError(f"mail.url: smtps:// is encrypted from the start; for tls={given} write smtp://")
    return known[given]


def _seconds(given: str) -> float:
    if not re.fullmatch(r"\d{1,3}", given) or not int(given):
        raise ConfigurationError(f"mail.url: found timeout={given}, expected seconds from 1 to 999")
    return float(given)


def _connected(server: SmtpServer) -> smtplib.SMTP:
    """Connect, encrypt, log in.

    Raises:
        TransportBroken: one of these does not work; says which, and what mends it.
    """
    where = f"{server.host}:{server.port}"
    try:
        context = ssl.create_default_context()
        if server.ca_file:
            context.load_verify_locations(server.ca_file)
        smtp = _greeted(server, context)
    except ssl.SSLError as error:
        raise TransportBroken(
            f"The mail server {where} gave no trusted encryption: {error.reason or error}."
        ) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise TransportBroken(f"The mail server {where} cannot be reached: {_reason(error)}.") from error
    try:
        if server.user:
            smtp.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        smtp.close()
        text = _read((error.smtp_code, _bytes(error.smtp_error)))[2]
        raise TransportBroken(f"The mail server {where} refused the user or password of mail.url: {text}.") from None
    except (smtplib.SMTPException, OSError) as error:
        smtp.close()
        raise TransportBroken(f"The mail server {where} did not let us log in: {_reason(error)}.") from None
    return smtp


def _greeted(server: SmtpServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.tls == "starttls":
            _upgrade(smtp, context)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _upgrade(smtp: smtplib.SMTP, context: ssl.SSLContext) -> None:
    if not smtp.has_extn("starttls"):
        raise smtplib.SMTPException("it offers no STARTTLS; ?tls=none in mail.url sends without encryption")
    smtp.starttls(context=context)
    smtp.ehlo_or_helo_if_needed()


def _mail_options(smtp: smtplib.SMTP, content: bytes) -> list[str]:
    """Return the options of MAIL FROM; refuse what this server cannot take, before it is sent."""
    options = []
    if smtp.has_extn("size"):
        limit = smtp.esmtp_features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < len(content):
            raise MailRefused(f"the message has {len(content)} bytes, the server takes {limit}", permanent=True)
        options.append(f"size={len(content)}")
    if not content.isascii():
        if not smtp.has_extn("smtputf8"):
            raise MailRefused(
                "the address has letters outside ASCII, and the server takes none (SMTPUTF8)", permanent=True
            )
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    return options


def _wire_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def _read(reply: tuple[int, bytes]) -> tuple[int, str, str]:
    """Return code, enhanced code and one line of the reply, without any address in it."""
    code, raw = reply
    text = raw.decode("utf-8", "replace")
    found = _ENHANCED.match(text)
    line = re.sub(r"\S*@\S*", "…", " ".join("".join(s if s.isprintable() else " " for s in text).split()))
    return code, found[1] if found else "", f"{code} {line}"[:_TEXT_LENGTH]


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _read((error.smtp_code, _bytes(error.smtp_error)))[2]
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return re.sub(r"\S*@\S*", "…", text) or type(error).__name__


def _bytes(reply: bytes | str) -> bytes:
    return reply if isinstance(reply, bytes) else reply.encode()
