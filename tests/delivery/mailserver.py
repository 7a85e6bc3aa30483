"""A real SMTP server on loopback that answers as a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

HANG_UP = "hang up"
"""An answer that is none: the server closes the connection instead."""


@dataclass
class Mailbox:
    """What the server was given, and how it answers.

    ``answers`` maps a word of the conversation (``GREETING``, ``EHLO`` (and HELO), ``MAIL``, ``RCPT``, ``DATA``, an
    address, or ``ALL`` for whatever follows the greeting) to a reply; a list is used up one by one, then all is well
    again. ``extensions`` are those that EHLO offers; None: all that the server knows. With ``seven_bits`` it refuses a
    message with a byte above 127.
    """

    answers: dict[str, str | list[str]] = field(default_factory=dict)
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    connections: int = 0
    extensions: tuple[str, ...] | None = None
    seven_bits: bool = False

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count connections by their greeting."""
        del server, envelope
        session.host_name = hostname
        self.connections += 1
        if self.extensions is None:
            return responses
        lines = [responses[0][4:], *self.extensions]
        return [f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, start=1)]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept the sender, or answer as told."""
        del session
        self.options.append(options)
        if reply := self._answer(server, "MAIL"):
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept the recipient, or answer as told."""
        del session, options
        if reply := self._answer(server, address) or self._answer(server, "RCPT"):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the message, or answer as told; ``accept, then hang up`` does both."""
        del session
        reply = self.next_answer("DATA")
        if self.seven_bits and isinstance(envelope.content, bytes) and not envelope.content.isascii():
            return "554 5.6.1 Eight-bit data is not accepted here"
        if reply is None or reply == "accept, then hang up":
            assert isinstance(envelope.content, bytes)
            self.received.append((envelope.mail_from or "", envelope.rcpt_tos[0], envelope.content))
        if reply is not None and reply.endswith(HANG_UP):
            return _hang_up(server)
        return reply or "250 OK"

    def _answer(self, server: SMTP, word: str) -> str | None:
        reply = self.next_answer(word)
        return _hang_up(server) if reply == HANG_UP else reply

    def next_answer(self, word: str) -> str | None:
        answer = self.answers.get(word)
        if isinstance(answer, list):
            return answer.pop(0) if answer else None
        return answer


class _Server(SMTP):
    """A server whose mailbox has a say from the greeting on."""

    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        super().__init__(mailbox, **options)
        self._mailbox = mailbox
        self._has_greeted = False

    async def push(self, status: Any) -> None:
        """Say something, or what was told instead."""
        word = "ALL" if self._has_greeted else "GREETING"
        self._has_greeted = True
        reply = self._mailbox.next_answer(word) if not str(status).startswith("250-") else None
        if reply == HANG_UP:
            _hang_up(self)
        elif reply or word == "GREETING" or "ALL" not in self._mailbox.answers:
            await super().push(reply or status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Answer EHLO."""
        if not await self._has_refused():
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Answer HELO."""
        if not await self._has_refused():
            await super().smtp_HELO(hostname)

    async def _has_refused(self) -> bool:
        reply = self._mailbox.next_answer("EHLO")
        if reply == HANG_UP:
            _hang_up(self)
        elif reply:
            await self.push(reply)
        return reply is not None


def _hang_up(server: SMTP) -> str:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    return "421 gone"


@contextmanager
def running(mailbox: Mailbox, *, tls_from_the_start: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """Run the server on a thread of its own; gives its port. ``options`` are those of :class:`aiosmtpd.smtp.SMTP`."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: _Server(mailbox, loop=loop, **options), "127.0.0.1", 0, ssl=tls_from_the_start
        )
        started.set_result((server.sockets[0].getsockname()[1], loop, done))
        await done.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop, done = started.result(timeout=10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


def password_check(user: str, password: str) -> Any:
    """Return an authenticator that knows one user."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        return AuthResult(success=(data.login, data.password) == (user.encode(), password.encode()), handled=False)

    return check


def server_context(certificate: Any) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate made by trustme."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context
