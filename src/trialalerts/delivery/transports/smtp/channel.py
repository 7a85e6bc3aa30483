"""One channel to an SMTP server: its connection from opening to closing, what a broken one means for each mail.

A connection that breaks tells nothing about most of the mails: those that were not handed over are tried again on a
fresh one, at once and within bounds. Whose final dot may have reached the server is never sent again here; nobody
knows whether it was accepted. What could not be begun at all goes back as unsent.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports.smtp.connection import Lost, NoConnection, SmtpServer, connect
from trialalerts.delivery.transports.smtp.dialogue import PATIENCE, Dialogue, Mail, Progress

__all__ = ["SmtpChannel"]

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
                strikes = 1 if _heed_break(waiting, lost) else strikes + 1
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


def _heed_break(mails: list[Mail], lost: Lost) -> bool:
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
