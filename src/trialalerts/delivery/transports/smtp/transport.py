"""The SMTP transport: ``smtp://user:password@host:587?tls=starttls&connections=5`` and ``smtps://…``.

A channel has the life of one connection in hand, and says what a broken one means for each mail. What is left to
others: ``dialogue`` (messages, pipelined), ``connection`` (connecting, encryption, log-in, bounded replies),
``replies`` (whose fault a refusal is).
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports import options_of
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.smtp.connection import Lost, NoConnection, SmtpServer, Tls, connect
from trialalerts.delivery.transports.smtp.dialogue import PATIENCE, Dialogue, Mail, Progress
from trialalerts.errors import ConfigurationError
from trialalerts.net.reach import is_no_network

__all__ = ["SmtpChannel", "SmtpServer", "SmtpTransport", "open_url"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PIPELINED = 20
_ONE_BY_ONE = 5
_PERMANENT = 500


class SmtpTransport:
    """One SMTP server, spoken to over several connections."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    @property
    def name(self) -> str:
        """``smtp``."""
        return "smtp"

    @property
    def batch(self) -> int:
        """As many as make the round trips of beginning and ending small; fewer where each command has its own."""
        return _PIPELINED if self.server.pipeline else _ONE_BY_ONE

    @property
    def connections(self) -> int:
        """How many connections the server may be asked for at once."""
        return self.server.connections

    def open(self) -> SmtpChannel:
        """Return a channel with a connection of its own."""
        return SmtpChannel(self.server, lambda: self._context)

    def probe(self, *, seconds: float) -> TrialResult:
        """Connect, encrypt, log in and say goodbye."""
        server = replace(self.server, timeout=min(seconds, self.server.timeout))
        where = f"The mail server {server.host}:{server.port}"
        try:
            line = connect(server, self._context)
        except NoConnection as error:
            cause = error.__cause__
            silent = is_no_network(cause) or (isinstance(cause, Lost) and cause.timed_out)
            later = isinstance(cause, smtplib.SMTPResponseException) and cause.smtp_code < _PERMANENT
            return TrialResult(works=None if silent or later else False, told=error.reason)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            return TrialResult(works=False, told=f"The certificates of ca_file cannot be read: {type(error).__name__}.")
        encrypted = isinstance(line.sock, ssl.SSLSocket)
        line.hang_up(politely=True)
        how = "encrypted" if encrypted else "without encryption"
        logged_in = "takes user and password" if server.user else "asks for no user"
        return TrialResult(works=True, told=f"{where} answers, {how}, and {logged_in}.")

    @cached_property
    def _context(self) -> ssl.SSLContext | None:
        """What encryption must hold to; made once, for reading the system's certificates takes a while."""
        if self.server.tls == "none":
            return None
        context = ssl.create_default_context()
        if self.server.ca_file:
            context.load_verify_locations(self.server.ca_file)
        return context


def open_url(parts: SplitResult) -> SmtpTransport:
    """Open ``smtp://[user:password@]host[:port][?option=value&…]`` or ``smtps://…``.

    Options: ``tls`` (starttls, tls, none), ``timeout`` (seconds for a reply, 30), ``ca_file`` (certificates to trust
    besides the system's), ``connections`` (5), ``pipeline`` (yes; no: one command at a time, whatever is offered).
    Without ``tls``, ``smtps://`` is encrypted from the start and ``smtp://`` must upgrade (STARTTLS), except
    on loopback, where it goes unencrypted.

    Raises:
        ConfigurationError: something in the URL makes no sense.
    """
    options = options_of(parts, ("tls", "timeout", "ca_file", "connections", "pipeline"))
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
            connections=_connections(options.get("connections", "5")),
            pipeline=_yes_or_no(options.get("pipeline", "yes")),
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


def _connections(given: str) -> int:
    if not re.fullmatch(r"\d{1,2}", given) or not int(given):
        raise ConfigurationError(f"mail.url: found connections={given}, expected a number from 1 to 99")
    return int(given)


def _yes_or_no(given: str) -> bool:
    if given not in {"yes", "no"}:
        raise ConfigurationError(f"mail.url: found pipeline={given}, expected yes or no")
    return given == "yes"


_IDLE = 60.0
_AGE = 600.0
_STRIKES = 3
"""So many connections in a row that broke without one answer to a mail, and the server is left alone."""
_TRIES = 2


class SmtpChannel:
    """Speaks to one SMTP server over one connection at a time; used by one thread at a time."""

    def __init__(self, server: SmtpServer, context: Callable[[], ssl.SSLContext | None]) -> None:
        self._server = server
        self._context = context
        self._dialogue: Dialogue | None = None
        self._opened = 0.0
        self._used = 0.0

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand messages over; return what became of each.

        Takes at most about four of the server's timeouts, and as much again for a message in hand then.
        """
        mails = [Mail(envelope=envelope) for envelope in envelopes]
        stopped = self._deliver(mails, until=time.monotonic() + PATIENCE * self._server.timeout)
        one_sender_passed = any(mail.stage > Progress.WAITING for mail in mails)
        return [_outcome(mail, stopped, one_sender_passed=one_sender_passed) for mail in mails]

    def close(self) -> None:
        """Say goodbye and hang up; the next :meth:`send` connects again."""
        self._hang_up(politely=True)

    def _deliver(self, mails: list[Mail], *, until: float) -> Unsent | None:
        """Settle the mails, on as many connections as it makes sense; return why some were left."""
        strikes = 0
        while waiting := [mail for mail in mails if mail.open]:
            reused = self._reusable()
            try:
                dialogue = self._connected()
            except NoConnection as error:
                return Unsent(reason=error.reason, retry_after=error.retry_after)
            try:
                stopped = dialogue.run(waiting, until=until)
            except Lost as lost:
                self._hang_up(politely=False)
                if reused and all(mail.open and mail.stage is Progress.WAITING for mail in waiting):
                    continue  # servers close what idles, and not all say so: that is no sign of trouble
                strikes = 1 if _note_break(waiting, lost) else strikes + 1
                if lost.timed_out or strikes >= _STRIKES or _hopeless(waiting):
                    return Unsent(reason=self._broken(lost), retry_after=lost.retry_after)
            except BaseException:
                self._hang_up(politely=False)  # nobody knows where the dialogue stood
                raise
            else:
                self._used = time.monotonic()
                if stopped:
                    return Unsent(reason=stopped)
        return None

    def _broken(self, lost: Lost) -> str:
        return f"The mail server {self._server.host}:{self._server.port} is of no use for now: {lost.reason}."

    def _reusable(self) -> bool:
        """Whether the open connection may serve on; closes it where it is too old, or the server has left."""
        if self._dialogue is None:
            return False
        now = time.monotonic()
        if now - self._used > _IDLE or now - self._opened > _AGE:
            self._hang_up(politely=True)
        elif not self._dialogue.line.quiet():
            self._hang_up(politely=False)
        return self._dialogue is not None

    def _connected(self) -> Dialogue:
        if self._dialogue is None:
            try:
                context = self._context()
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise NoConnection(f"The certificates of ca_file cannot be read: {type(error).__name__}.") from error
            line = connect(self._server, context)
            self._opened = self._used = time.monotonic()
            self._dialogue = Dialogue(line, pipeline=self._server.pipeline, timeout=self._server.timeout)
        return self._dialogue

    def _hang_up(self, *, politely: bool) -> None:
        if self._dialogue is not None:
            self._dialogue.line.hang_up(politely=politely)
            self._dialogue = None


def _note_break(mails: list[Mail], lost: Lost) -> bool:
    """Write down what a broken connection means for each mail; return whether any got a real answer on it."""
    answers = sum(not mail.open for mail in mails) - lost.blamed
    current = next((mail for mail in mails if mail.open), None)
    if current is None or lost.blamed:
        return answers > 0
    current.breaks += 1
    if current.stage is Progress.HANDED:
        current.outcome = Refused(
            reason=f"nobody knows whether the mail server accepted the message: {lost.reason} before its reply"
        )
    elif current.stage is Progress.WELCOME and (current.breaks >= _TRIES or lost.timed_out):
        current.outcome = Refused(reason=f"the mail server did not take the message: {lost.reason}")
    return answers > 0


def _hopeless(mails: list[Mail]) -> bool:
    """Whether one mail did not even get its sender accepted twice: it is not about the mail then."""
    return any(mail.open and mail.breaks >= _TRIES for mail in mails)


def _outcome(mail: Mail, stopped: Unsent | None, *, one_sender_passed: bool) -> Outcome:
    """Return what became of a mail.

    A sender who is refused while others pass is a fault of this mail; where none passes, none was tried.
    """
    if mail.outcome is not None:
        return mail.outcome
    if mail.sender_refusal is None:
        return stopped or Unsent(reason="nothing was tried")
    if one_sender_passed:
        permanent = mail.sender_refusal.code is not None and mail.sender_refusal.code.startswith("5")
        return replace(mail.sender_refusal, permanent=False, ours=permanent)
    return Unsent(reason=mail.sender_refusal.reason, retry_after=mail.sender_refusal.retry_after)
