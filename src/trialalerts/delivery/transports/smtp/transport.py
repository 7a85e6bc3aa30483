"""The SMTP transport: ``smtp://user:password@host:587?tls=starttls&connections=5`` and ``smtps://…``.

What is left to others: ``smtp_channel`` (a connection's life, what a broken one means), ``smtp_dialogue``
(messages, pipelined), ``smtp_line`` (connecting, encryption, log-in, bounded replies), ``smtp_replies`` (whose fault
a refusal is).
"""

from __future__ import annotations

import re
import ssl
from functools import cached_property
from pathlib import Path
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.transports import options_of
from trialalerts.delivery.transports.smtp.channel import SmtpChannel
from trialalerts.delivery.transports.smtp.connection import SmtpServer, Tls
from trialalerts.errors import ConfigurationError

__all__ = ["SmtpServer", "SmtpTransport", "open_url"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PIPELINED = 20
_ONE_BY_ONE = 5


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
