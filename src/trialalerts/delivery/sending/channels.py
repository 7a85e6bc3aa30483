"""The threads that hand messages over: each has a channel of the transport, all take from one queue.

Nothing here touches the database. What was handed in comes back exactly once: with what became of each message, or
untouched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue

from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.outbox.suppressions import domain_of
from trialalerts.delivery.transports import Channel, Transport

__all__ = ["ALONE", "Channels", "Done", "Job", "ProcessShare"]


@dataclass(frozen=True, kw_only=True)
class ProcessShare:
    """Which of a daemon's processes this one is, the first is 0: they part among them what the daemon may have.

    >>> [ProcessShare(number=each, processes=2).of(5) for each in (0, 1)]
    [3, 2]
    """

    number: int = 0
    processes: int = 1

    def of(self, connections: int) -> int:
        """Return how many of the daemon's connections this process may have; none where there are too few for all."""
        return (connections + self.processes - 1 - self.number) // self.processes


ALONE = ProcessShare()
"""A daemon that is one process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Messages for one call of a channel, when they were checked last, and the bucket of the domain they go to."""

    rows: list[Claimed]
    envelopes: list[Envelope]
    checked_at: datetime
    bucket: str = ""

    @property
    def domains(self) -> list[str]:
        """The domain that each message goes to."""
        return [domain_of(envelope.recipient) for envelope in self.envelopes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A job that came back. Without ``outcomes`` none of its messages was touched; ``fault``: no channel opens."""

    job: Job
    outcomes: list[Outcome] | None = None
    fault: Exception | None = None


class Channels:
    """So many channels at work at once.

    ``may_begin`` is asked, on the thread of the channel, right before a job is begun.
    """

    def __init__(self, transport: Transport, *, number: int, may_begin: Callable[[Job], bool]) -> None:
        self.out = 0
        self._transport = transport
        self._number = number
        self._may_begin = may_begin
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def hand_in(self, job: Job) -> None:
        """Let a channel send this when one is free."""
        self.out += len(job.rows)
        self._jobs.put(job)
        if len(self._threads) < self._number:
            thread = threading.Thread(target=self._work, name=f"channel {len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def collect(self, wait: float) -> Done | None:
        """Return a job that came back; None where none did for ``wait`` seconds."""
        try:
            done = self._done.get(timeout=wait) if wait else self._done.get_nowait()
        except Empty:
            return None
        self.out -= len(done.job.rows)
        return done

    def close(self) -> None:
        """Begin no job any more; those in the line come back untouched. Channels say goodbye when theirs is done."""
        self._closing = True
        for _ in self._threads:
            self._jobs.put(None)

    def join(self) -> None:
        """Wait until all channels are closed."""
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        channel: Channel | None = None
        while (job := self._jobs.get()) is not None:
            if self._closing or not self._may_begin(job):
                self._done.put(Done(job=job))
                continue
            if channel is None:
                try:
                    channel = self._transport.open()
                except Exception as error:  # noqa: BLE001 - whatever it is, the sender must hear of it
                    self._done.put(Done(job=job, fault=error))
                    continue
            outcomes = _sent(channel, job)
            if any(isinstance(outcome, Unsent) for outcome in outcomes):
                self._closing = True  # before the sender hears of it: nothing more is begun with what does not work
            self._done.put(Done(job=job, outcomes=outcomes))
        if channel is not None:
            channel.close()


def _sent(channel: Channel, job: Job) -> list[Outcome]:
    """Send a job. A channel that raises keeps its word badly: then nobody knows what became of these messages."""
    try:
        outcomes = channel.send(job.envelopes)
    except Exception as error:  # noqa: BLE001 - messages that a transport chokes on must not stop the others
        channel.close()
        return [Refused(reason=type(error).__name__)] * len(job.rows)
    if len(outcomes) != len(job.rows):
        channel.close()
        return [Refused(reason="the transport did not say what became of each message")] * len(job.rows)
    return outcomes
