"""The transport that keeps messages in memory: for tests and trials, of users of this package too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome
from trialalerts.delivery.transports.probing import TrialResult

__all__ = ["MemoryChannel", "MemoryTransport", "open_url"]


class MemoryTransport:
    """Accepts every message into :attr:`sent`, except where :meth:`answer` scripted something else.

    ``tried`` counts the messages that were handed over, accepted or not; ``opened`` and ``closed`` the channels.
    ``meanwhile`` is called for each message before it is answered: what happens elsewhere at that moment.
    """

    name = "memory"

    def __init__(
        self, *, batch: int = 10, connections: int = 1, meanwhile: Callable[[Envelope], None] | None = None
    ) -> None:
        self.batch = batch
        self.connections = connections
        self.sent: list[Envelope] = []
        self.batches: list[int] = []
        self.tried = 0
        self.opened = 0
        self.closed = 0
        self._meanwhile = meanwhile
        self._answers: dict[str, Outcome] = {}
        self._lock = threading.Lock()

    def answer(self, address: str, with_outcome: Outcome | None) -> None:
        """From now on answer messages to this address so; None: accept them again."""
        self._answers.pop(address, None)
        if with_outcome is not None:
            self._answers[address] = with_outcome

    def probe(self, *, seconds: float) -> TrialResult:
        """Work."""
        del seconds
        return TrialResult(works=True, told="What is sent stays in memory.")

    def open(self) -> MemoryChannel:
        """Return a channel of this transport."""
        with self._lock:
            self.opened += 1
        return MemoryChannel(self)

    def take(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Keep the messages that are accepted, and say what became of each."""
        with self._lock:
            self.batches.append(len(envelopes))
        return [self._take(envelope) for envelope in envelopes]

    def _take(self, envelope: Envelope) -> Outcome:
        if self._meanwhile is not None:
            self._meanwhile(envelope)
        outcome = self._answers.get(envelope.recipient, Accepted())
        with self._lock:
            self.tried += 1
            if isinstance(outcome, Accepted):
                self.sent.append(envelope)
        return outcome


class MemoryChannel:
    """One of the channels of a :class:`MemoryTransport`."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand the messages to the transport."""
        return self._transport.take(envelopes)

    def close(self) -> None:
        """Count that it was closed; what was sent stays."""
        self._transport.closed += 1


def open_url(parts: SplitResult) -> MemoryTransport:
    """Open ``memory://``."""
    del parts
    return MemoryTransport()
