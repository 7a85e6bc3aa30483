"""Owns the transport that keeps messages in memory: for tests and trials, of users of this package too."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult

from trialalerts.delivery.message import Message
from trialalerts.errors import MailRefused, TransportBroken

__all__ = ["MemoryTransport", "SentMessage", "open_url"]


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message that was accepted, and for whom."""

    envelope_to: str
    message: Message


class MemoryTransport:
    """Accepts every message into :attr:`sent`, except where :meth:`answer` scripted something else."""

    def __init__(self) -> None:
        self.sent: list[SentMessage] = []
        self.closed = False
        self._answers: dict[str, MailRefused | TransportBroken] = {}

    @property
    def name(self) -> str:
        """``memory``."""
        return "memory"

    def answer(self, address: str, with_error: MailRefused | TransportBroken | None) -> None:
        """From now on answer messages to this address with an error; None: accept them again."""
        self._answers.pop(address, None)
        if with_error is not None:
            self._answers[address] = with_error

    def send(self, envelope_to: str, message: Message) -> None:
        """Keep the message, or raise what was scripted for the address."""
        if error := self._answers.get(envelope_to):
            raise error
        self.sent.append(SentMessage(envelope_to=envelope_to, message=message))

    def close(self) -> None:
        """Remember that nobody needs it any more; what was sent stays."""
        self.closed = True


def open_url(parts: SplitResult) -> MemoryTransport:
    """Open ``memory://``."""
    del parts
    return MemoryTransport()
