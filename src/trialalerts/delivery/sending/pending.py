"""The deliveries that are claimed and not yet on their way: one queue for each domain that has its own limits."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from sqlmodel import col, select

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.sending.channels import Job
from trialalerts.delivery.sending.limits import Limits
from trialalerts.delivery.sending.results import Results
from trialalerts.subscribers.tables import Subscriber

__all__ = ["Pending"]

_BATCHES_WAITING = 2
"""So many batches for each connection of a domain wait here; more go back to the queue, out of the others' way."""


@dataclass(kw_only=True)
class Pending:
    """Claimed rows by bucket. What waits for a connection to its domain holds up nobody else."""

    db: Database
    limits: Limits
    clock: Clock
    results: Results
    batch: int
    _queues: dict[str, deque[Claimed]] = field(default_factory=dict)
    _jobs: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        """Whether any row waits that could leave now."""
        return any(line and self._room(bucket) != 0 for bucket, line in self._queues.items())

    def add(self, rows: list[Claimed]) -> None:
        """Let claimed rows wait; those that wait for a connection behind many others get an appointment."""
        if not self.limits.by_domain:
            self._line("").extend(rows)
            return
        with self.db.read() as session:
            numbers = {row.subscriber_id for row in rows}
            found = session.exec(select(Subscriber.id, Subscriber.address).where(col(Subscriber.id).in_(numbers)))
            buckets = {number: self.limits.bucket_of(address) for number, address in found}
        for row in rows:
            self._line(buckets.get(row.subscriber_id, "")).append(row)
        for bucket, line in self._queues.items():
            self._thin(bucket, line)

    def take(self, most: int) -> list[Claimed]:
        """Return rows that may leave now, from each line in turn."""
        taken: list[Claimed] = []
        for bucket, line in self._queues.items():
            room = self._room(bucket)
            share = most - len(taken) if room is None else min(room, most - len(taken))
            taken += [line.popleft() for _ in range(min(share, len(line)))]
        return taken

    def put_back(self, row: Claimed, bucket: str) -> None:
        """Let a row wait again, before the others."""
        self._line(bucket).appendleft(row)

    def begun(self, job: Job) -> None:
        """Note that a channel may be at work for a bucket."""
        self._jobs[job.bucket] += 1

    def ended(self, job: Job) -> None:
        """Note that a channel is done with a job of a bucket."""
        self._jobs[job.bucket] -= 1

    def empty(self) -> list[Claimed]:
        """Return all that waits, and let nothing wait any more."""
        rows = [row for line in self._queues.values() for row in line]
        self._queues.clear()
        return rows

    def _line(self, bucket: str) -> deque[Claimed]:
        return self._queues.setdefault(bucket, deque())

    def _room(self, bucket: str) -> int | None:
        """Return how many rows of a bucket may leave now, None: any number."""
        connections = self.limits.connections(bucket) if bucket else None
        return None if connections is None else max(0, connections - self._jobs[bucket]) * self.batch

    def _thin(self, bucket: str, line: deque[Claimed]) -> None:
        connections = self.limits.connections(bucket) if bucket else None
        if connections is None or len(line) <= connections * self.batch * _BATCHES_WAITING:
            return
        excess = [line.pop() for _ in range(len(line) - connections * self.batch * _BATCHES_WAITING)][::-1]
        with self.db.write() as session:
            appointments = self.limits.appoint(session, bucket, len(excess), now=self.clock.now())
        for row, until in zip(excess, appointments, strict=True):
            self.results.appoint(row, until)
