"""The dialogue of messages on one connection: in groups (RFC 2920) where the server takes them, else in lock-step.

In groups a message costs one round trip: ``MAIL``, ``RCPT`` and ``DATA`` of the next message leave together with the
final dot of the one before, and one body at most is on its way. Replies belong to commands by their order alone, so
whatever the server says out of turn ends the connection. A message that was refused may still be asked for
(``354``, which RFC 2920 allows): it is ended with a lone dot, and never where a recipient could get an empty mail.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused
from trialalerts.delivery.mail.message import ascii_domain
from trialalerts.delivery.mail.reply_codes import BounceClass
from trialalerts.delivery.transports.smtp.connection import Lost, SmtpConnection
from trialalerts.delivery.transports.smtp.replies import CLOSING, SmtpReply, acceptance, refusal, reply_line, wait_asked

__all__ = ["PATIENCE", "Dialogue", "Mail", "Progress", "dot_stuffed"]

PATIENCE = 4
"""How many timeouts the reply to a message may take: who gives up after the dot sends a second copy one day."""
_SENDERS_TRIED = 3
"""After so many refused senders and no accepted one, it is us whom the server does not want."""
_GO_AHEAD = 354
_TOO_LARGE = 552

_BARE = re.compile(r"[^\s<>\x00-\x1f\x7f\ud800-\udfff]+@[^\s<>@\x00-\x1f\x7f\ud800-\udfff]+")
_DOT_AFTER_LF = re.compile(rb"\n\.")
_DOT_AFTER_CR = re.compile(rb"\r\.")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Progress(IntEnum):
    """How far the server has come with a message."""

    WAITING = 0
    WELCOME = 1
    """Its sender was accepted."""
    HANDED = 2
    """Its final dot may have reached the server: until the reply, nobody knows."""


@dataclass(kw_only=True, slots=True)
class Mail:
    """One message on its way. ``unwelcome`` is a refused sender: others tell whether this mail or we are to blame."""

    envelope: Envelope
    stage: Progress = Progress.WAITING
    outcome: Outcome | None = None
    sender_refusal: Refused | None = None
    breaks: int = 0
    commands: tuple[bytes, bytes, bytes] = field(default=(b"", b"", b""))

    @property
    def open(self) -> bool:
        """Whether something remains to be done with it."""
        return self.outcome is None and self.sender_refusal is None


class Dialogue:
    """Messages one after the other on one connection."""

    def __init__(self, line: SmtpConnection, *, pipeline: bool, timeout: float) -> None:
        self.line = line
        self._timeout = timeout
        self._grouped = pipeline and line.has_extn("pipelining")
        self._eight_bit = line.has_extn("8bitmime")
        self._utf8 = line.has_extn("smtputf8")
        self._sized = line.has_extn("size")
        limit = line.esmtp_features.get("size", "").strip()
        self._limit = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 19 else 0  # noqa: PLR2004 - 64 bits
        self._needs_rset = False
        self._queue: deque[Mail] = deque()
        self._until = 0.0
        self._unwelcome = 0
        self._stopped = ""

    def run(self, mails: Iterable[Mail], *, until: float) -> str:
        """Settle the mails; begin none after ``until`` (of the monotonic clock).

        Returns:
            Why some were not begun, in which case nothing is wrong with them; empty where all are settled.

        Raises:
            Lost: the connection ended; each mail's ``stage`` tells how far it had come.
        """
        self._queue, self._until, self._unwelcome, self._stopped = deque(mails), until, 0, ""
        if self._grouped:
            self._in_groups()
        else:
            self._in_lock_step()
        return self._stopped

    def _in_groups(self) -> None:
        mail = self._next()
        if mail is not None:
            self._tidy_up(b"".join(mail.commands))
        while mail is not None:
            asked = self._hear_opening(mail)
            following = self._next()
            commands = b"".join(following.commands) if following else b""
            if mail.open:
                self._send_content(mail, commands)
            elif asked:
                self._end_at_once(commands)
            else:
                self._needs_rset = True
                if following:
                    self._tidy_up(commands)
            mail = following

    def _in_lock_step(self) -> None:
        while (mail := self._next()) is not None:
            if self._needs_rset:
                self._tidy_up(b"")
            if self._open(mail):
                self._send_content(mail, b"")
            else:
                self._needs_rset = True

    def _next(self) -> Mail | None:
        """Take the next mail that this server can take at all."""
        while self._queue and not self._stopped:
            if time.monotonic() >= self._until:
                self._stopped = "the mail server is too slow to take more for now"
                return None
            mail = self._queue.popleft()
            refusal = self._prepared(mail)
            if refusal is None:
                return mail
            mail.outcome = refusal
        return None

    def _prepared(self, mail: Mail) -> Refused | None:
        """Write the commands of a mail; return why it cannot go to this server."""
        envelope = mail.envelope
        try:
            sender, recipient = _wire_address(envelope.sender), _wire_address(envelope.recipient)
        except ValueError as error:
            return Refused(reason=str(error), permanent=True)
        size = len(envelope.content)
        if 0 < self._limit < size:
            return Refused(
                reason=f"the message has {size} bytes, the server takes {self._limit}", permanent=True, ours=True
            )
        options = self._options(envelope, sender + recipient)
        if isinstance(options, Refused):
            return options
        options = (f" SIZE={size}" if self._sized else "") + options
        mail.commands = (
            f"MAIL FROM:<{sender}>{options}\r\n".encode(),
            f"RCPT TO:<{recipient}>\r\n".encode(),
            b"DATA\r\n",
        )
        return None

    def _options(self, envelope: Envelope, addresses: str) -> str | Refused:
        """Return what MAIL says of letters outside ASCII; why it cannot go where the server takes none.

        Bodies hold none: they are quoted-printable always. What is left are the parts of addresses before the ``@``,
        which have no other form.
        """
        plain = envelope.content.isascii()
        head, _, body = (b"", b"", b"") if plain else envelope.content.partition(b"\r\n\r\n")
        utf8 = not (addresses.isascii() and head.isascii())
        if utf8 and not self._utf8:
            return _no_such_letters(envelope)
        if not (body.isascii() or self._eight_bit):
            return Refused(reason="the message has bytes outside ASCII, and the server takes none", ours=True)
        eight_bit = not plain and self._eight_bit
        return (" SMTPUTF8" if utf8 else "") + (" BODY=8BITMIME" if eight_bit else "")

    def _hear_opening(self, mail: Mail) -> bool:
        """Read the replies to MAIL, RCPT and DATA; return whether the server waits for content now."""
        deadline = time.monotonic() + self._timeout
        self._note_sender_reply(mail, self.line.read_reply(deadline))
        recipient = self.line.read_reply(deadline)
        self._note_reply(mail, recipient, "recipient")
        data = self.line.read_reply(deadline)
        if data.code != _GO_AHEAD:
            self._note_reply(mail, data, "message", ok=False)
            return False
        if not mail.open and recipient.ok:
            raise Lost("it took a recipient from a sender whom it refused")
        return True

    def _open(self, mail: Mail) -> bool:
        """Say MAIL, RCPT and DATA, each after the reply to the one before; return whether content may follow."""
        self._note_sender_reply(mail, self._ask(mail.commands[0]))
        if mail.open:
            self._note_reply(mail, self._ask(mail.commands[1]), "recipient")
        if mail.open:
            data = self._ask(mail.commands[2])
            if data.code != _GO_AHEAD:
                self._note_reply(mail, data, "message", ok=False)
        return mail.open

    def _note_sender_reply(self, mail: Mail, reply: SmtpReply) -> None:
        if reply.ok:
            mail.stage = Progress.WELCOME
            self._unwelcome = 0
            return
        refusal = self._refusal(mail, reply, "sender")
        if reply.code == CLOSING:
            raise _closing(reply, mail)
        about_this_mail = refusal.meaning is not None and refusal.meaning.bounce_class is BounceClass.MESSAGE
        if reply.code == _TOO_LARGE or about_this_mail:
            mail.outcome = refusal
            return
        mail.sender_refusal = refusal
        self._unwelcome += 1
        if self._unwelcome >= _SENDERS_TRIED:
            self._stopped = refusal.reason

    def _note_reply(self, mail: Mail, reply: SmtpReply, what: str, *, ok: bool = True) -> None:
        if reply.ok and ok:
            return
        refusal = self._refusal(mail, reply, what)
        blamed = mail.open
        if blamed:
            mail.outcome = refusal
        if reply.code == CLOSING:
            raise _closing(reply, mail, blamed=blamed)

    def _refusal(self, mail: Mail, reply: SmtpReply, what: str) -> Refused:
        if not reply.refusal:
            raise Lost("it answered out of turn")
        return refusal(reply, what, private=mail.envelope.recipient)

    def _send_content(self, mail: Mail, commands: bytes) -> None:
        """Hand over the content, the dot, and what comes next; settle the mail by the reply to the dot."""
        self._expect_silence()
        content = mail.envelope.content if mail.envelope.dot_free else dot_stuffed(mail.envelope.content)
        deadline = time.monotonic() + PATIENCE * self._timeout
        mail.stage = Progress.HANDED
        try:
            self.line.write(b"".join((content, b".\r\n", commands)), deadline)
        except Lost as lost:
            if lost.handed < len(content) + len(b".\r\n"):
                mail.stage = Progress.WELCOME
            self._read_last_words(mail)
            raise
        self._settle(mail, self.line.read_reply(deadline))

    def _settle(self, mail: Mail, reply: SmtpReply) -> None:
        if reply.ok:
            mail.outcome = acceptance(reply)
        else:
            self._note_reply(mail, reply, "message")

    def _read_last_words(self, mail: Mail) -> None:
        """Some servers refuse a message in the middle of it, and hang up: what they said counts."""
        reply = self.line.said_before_it_broke()
        if reply is None:
            return
        if mail.stage is Progress.HANDED and reply.ok:
            mail.outcome = acceptance(reply)
        elif reply.refusal and reply.code != CLOSING:
            mail.outcome = refusal(reply, "message", private=mail.envelope.recipient)

    def _end_at_once(self, commands: bytes) -> None:
        """End a message that has no recipient before it begins."""
        self._expect_silence()
        self._write(b".\r\nRSET\r\n" + commands)
        deadline = time.monotonic() + self._timeout
        reply = self.line.read_reply(deadline)
        if reply.code == CLOSING:
            raise _closing(reply)
        self._hear_reset(deadline)

    def _hear_reset(self, deadline: float) -> None:
        reply = self.line.read_reply(deadline)
        if reply.code == CLOSING:
            raise _closing(reply)
        if not reply.ok:
            raise Lost("it does not forget a message that was refused")

    def _tidy_up(self, commands: bytes) -> None:
        """Make the server forget what was refused (RSET), where there is something; say what comes next."""
        self._expect_silence()
        self._write(b"RSET\r\n" + commands if self._needs_rset else commands)
        if self._needs_rset:
            self._hear_reset(time.monotonic() + self._timeout)
        self._needs_rset = False

    def _ask(self, command: bytes) -> SmtpReply:
        self._expect_silence()
        self._write(command)
        return self.line.read_reply(time.monotonic() + self._timeout)

    def _write(self, data: bytes) -> None:
        self.line.write(data, time.monotonic() + self._timeout)

    def _expect_silence(self) -> None:
        """Stop where the server has said more than it was asked: its replies would be taken for others."""
        if not self.line.silent:
            raise Lost("it said more than it was asked")


def dot_stuffed(content: bytes) -> bytes:
    """Return the content as it goes over the wire, up to its final dot: lines that begin with a dot get another.

    A message with a bare CR or LF before a dot gets CRLF line ends first: a server that takes those for line ends
    must not see a final dot (and a second message) inside.
    """
    # Searched for by patterns: for two bytes they are three times as fast as the methods of bytes.
    dots = [found.start() for found in _DOT_AFTER_LF.finditer(content)]
    bare = _DOT_AFTER_CR.search(content) is not None or any(content[at - 1 : at] != b"\r" for at in dots)
    if dots and not bare:
        content = _DOT_AFTER_LF.sub(b"\n..", content)
    if bare:
        content = _LINE_END.sub(b"\r\n", content).replace(b"\n.", b"\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def _no_such_letters(envelope: Envelope) -> Refused:
    """Say whose address the server cannot take: where it is ours, nobody's mail is lost for it."""
    if envelope.recipient.rpartition("@")[0].isascii():
        return Refused(
            reason="mail.from or mail.reply_to has letters outside ASCII before its @, and the mail server takes none "
            "(SMTPUTF8): write it in ASCII",
            ours=True,
        )
    return Refused(reason="an address has letters outside ASCII, and the server takes none (SMTPUTF8)", permanent=True)


def _wire_address(address: str) -> str:
    """Return the address as it stands in a command: the domain in ASCII.

    Raises:
        ValueError: it cannot stand there; the address is not shown.
    """
    if not address:
        return ""  # the empty return path of RFC 5321
    if not _BARE.fullmatch(address):
        raise ValueError("the address cannot be written in SMTP")
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def _closing(reply: SmtpReply, mail: Mail | None = None, *, blamed: bool = False) -> Lost:
    """Return what a 421 means for the connection; ``blamed`` where it was the answer to this one mail."""
    private = mail.envelope.recipient if mail else ""
    return Lost(f"it is closing: {reply_line(reply, private=private)}", blamed=blamed, retry_after=wait_asked(reply))
