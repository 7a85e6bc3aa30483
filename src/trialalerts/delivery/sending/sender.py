"""The sending: from claimed rows to acknowledged rows.

Delivery carries messages and knows nothing of what is in them: a renderer, handed in, turns rows into messages. One
thread (the caller's) claims, checks, renders and writes down; the channels of the transport work on threads of their
own. One bad delivery harms only itself; a broken transport ends the round and blames nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.leases import worker_id
from trialalerts.delivery.outbox import lifecycle
from trialalerts.delivery.outbox.allowed import HELD_BACK, allowed_recipients, hold_back_others
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.outbox.tables import SendingPause
from trialalerts.delivery.policy import mass_guard, slowing
from trialalerts.delivery.policy.cooldown import outage, outages
from trialalerts.delivery.sending import breaker
from trialalerts.delivery.sending.batches import Batches, Renderer
from trialalerts.delivery.sending.channels import ALONE, Channels, Job, ProcessShare
from trialalerts.delivery.sending.limits import Limits
from trialalerts.delivery.sending.pending import Pending
from trialalerts.delivery.sending.results import ACKNOWLEDGED_TOGETHER, Results, SendCount
from trialalerts.delivery.transports import Transport
from trialalerts.delivery.transports.combined import Combined
from trialalerts.errors import DatabaseUnavailable
from trialalerts.logs import Logger
from trialalerts.settings import Settings

__all__ = ["LEASE", "Renderer", "SendCount", "most_in_flight", "send_queued"]

log = Logger()

LEASE = timedelta(minutes=10)
_LEASE_MARGIN = timedelta(minutes=2)
"""No batch is begun so near the end of its lease: it may take as long as the transport's timeouts."""
_FRESH = timedelta(seconds=30)
"""A message that waited longer for a channel than this is checked and written again before it leaves."""
_SLICE = 100
"""About so many messages are checked and written in one reading transaction."""
_BATCHES_A_CHANNEL = 2
"""One is on its way while the next one waits, so that no channel is idle."""
_PATIENCE = timedelta(seconds=5)
"""A round waits so long for the next turn of a limit; what comes later is left to the next round."""
_LOOKS_EVERY = timedelta(seconds=10)
"""So often a round looks for leases that are over, and whether too much bounced; a pause counts at the next claim."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_GLANCE = 0.02
"""Seconds the round waits for channels before it uses the time to write down what they did."""
_LAST_WAITS = (0.5, 1.0, 2.0, 4.0)
"""So many seconds the end of a round waits between its tries to write down what was sent, if the database is gone."""


def most_in_flight(transport: Transport, settings: Settings, share: ProcessShare = ALONE) -> int:
    """Return how many messages may be in the transport's hands, or accepted and not yet written down, at any moment.

    That many may come twice if the process is killed; never more, and always with the same Message-ID.
    """
    return _channels(transport, settings, share) * transport.batch * _BATCHES_A_CHANNEL


def send_queued(
    db: Database,
    transport: Transport,
    renderer: Renderer,
    *,
    settings: Settings,
    clock: Clock,
    limit: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    random: Random | None = None,
    wait: Callable[[float], object] | None = None,
    share: ProcessShare = ALONE,
) -> SendCount:
    """Send what is due, batch after batch, until nothing is left, ``limit`` is reached, or ``stop()`` says so.

    ``stop`` is asked between batches, on several threads. Whatever ends the round, what was sent is written down and
    what was claimed but not sent goes back to the queue. ``wait`` waits so many seconds: with it the round goes on when
    a limit grants the next turn soon; without it it ends there. ``share`` says which part of the connections is for
    this process; one that has none sends nothing.

    Raises:
        ConfigurationError, DatabaseUnavailable, DatabaseUnusable: nothing can be sent for now.
    """
    if _channels(transport, settings, share) == 0:
        return SendCount()
    dice = random or Random()  # noqa: S311 - jitter
    results = Results(db=db, transport=transport.name, settings=settings, clock=clock, random=dice)
    limits = Limits(settings.mail, share)
    worker = _Round(
        db=db,
        transport=transport,
        settings=settings,
        clock=clock,
        stop=stop,
        limit=limit,
        results=results,
        limits=limits,
        batches=Batches(db=db, renderer=renderer, settings=settings, clock=clock, limits=limits, results=results),
        share=share,
        waiting=Pending(db=db, limits=limits, clock=clock, results=results, batch=transport.batch),
    )
    worker.run(wait)
    return results.count()


def _rests(session: Session, now: datetime) -> dict[str, tuple[float, str]]:
    """Return how many seconds transports rest that providers told to, or that were found broken, and why."""
    return {
        each.name: ((each.retry_at - now).total_seconds(), each.reason)
        for each in outages(session)
        if each.retry_at is not None and each.retry_at > now
    }


def _channels(transport: Transport, settings: Settings, share: ProcessShare) -> int:
    return share.of(max(1, min(transport.connections, settings.mail.limits.connections or transport.connections)))


@dataclass(kw_only=True)
class _Round:
    """One round: what is claimed and waits, what is on its way, what came back."""

    db: Database
    transport: Transport
    settings: Settings
    clock: Clock
    stop: Callable[[], bool]
    limit: int | None
    results: Results
    limits: Limits
    batches: Batches
    share: ProcessShare
    waiting: Pending
    owner: str = field(default_factory=worker_id)
    nothing_due: bool = False
    looked_at_url: bool = False
    looks_at_leases: datetime = _NEVER
    looks_at_rates: datetime = _NEVER

    def run(self, wait: Callable[[float], object] | None) -> None:
        """Send until nothing is due; at the end every claimed row is settled, whatever happens."""
        self._hold_back()
        number = _channels(self.transport, self.settings, self.share)
        self.channels = Channels(self.transport, number=number, may_begin=self._may_begin)
        self.capacity = most_in_flight(self.transport, self.settings, self.share)
        self.results.together = max(1, min(ACKNOWLEDGED_TOGETHER, self.capacity // 2))
        try:
            while not self._ended() and (self._step() or self._wait(wait)):
                pass
        finally:
            try:
                self._end()
            finally:
                self.channels.join()

    def _hold_back(self) -> None:
        """Keep back what goes to nobody whom ``mail.only_to`` names, whether or not anything is sent now."""
        if allowed := allowed_recipients(self.settings.mail.only_to):
            with self.db.write() as session:
                number = hold_back_others(session, allowed)
            self.results.held_back(number)
            if number:
                log.warning("deliveries.held", mails=number, reason=HELD_BACK)

    def _ended(self) -> bool:
        return self.results.broken is not None or self.stop()

    def _step(self) -> bool:
        """Do what there is to do; return False where nothing is, and nothing is on its way."""
        self._collect()
        if self.results.broken is not None:
            return True
        if not self.waiting and not self.nothing_due:
            self._claim()
        room = self.capacity - self.channels.out - self.results.unwritten
        if self.waiting and room >= min(max(1, self.capacity // 2), _SLICE):
            rows = self.waiting.take(min(room, self._slice()))
            if rows:
                self._hand_in(rows)
                return True
        if self.channels.out:
            if not self._collect(wait=_GLANCE):
                self.results.write()
            return True
        self.results.write()
        if self.results.opened:  # what waited behind the mail that tried is due now
            self.results.opened = self.nothing_due = False
        return bool(self.waiting) or not self.nothing_due

    def _slice(self) -> int:
        """Return how many messages are written at once: whole batches, about as many as are written together."""
        batch = self.transport.batch
        return -(-_SLICE // batch) * batch

    def _hand_in(self, rows: list[Claimed]) -> None:
        alive = []
        for row in rows:
            if self._lease_holds(row):
                alive.append(row)
            else:
                self.results.release(row)
        for job in self.batches.jobs(alive, batch=self.transport.batch):
            self.waiting.begun(job)
            self.channels.hand_in(job)

    def _claim(self) -> None:
        """Claim what is due, unless sending is paused, the transport left alone, or all mail has to wait."""
        size = self.settings.mail.batch if self.limit is None else min(self.limit, self.settings.mail.batch)
        now = self.clock.now()
        self.nothing_due = True
        with self.db.write() as session:
            if not self.looked_at_url:
                url = self.settings.mail.url.get_secret_value()
                breaker.begin_anew_with(session, url, self.settings.service.secrets, now=now)
                self.looked_at_url = True
            if paused := self._paused(session, now):
                self.results.broken = (
                    f"Sending is paused: {paused.reason}; look into it, then: trialalerts deliveries resume"
                )
                return
            state = outage(session, self.transport.name)
            if state is not None and state.retry_at is not None and state.retry_at > now:
                self.results.broken = f"{state.reason} (tried again at {state.retry_at:%H:%M:%S} UTC)"
                return
            self.results.cooling = state is not None
            if isinstance(self.transport, Combined):
                self.transport.rest(_rests(session, now))
            mass_guard.settle_probes(session, now=now)
            if (rest := mass_guard.rest_of_all(session)) and rest.retry_at > now:
                self.results.broken = (
                    f"{mass_guard.held_words(rest.scope)}: {rest.reason} (tried again at {rest.retry_at:%H:%M} UTC)"
                )
                return
            self.limits.slow(slowing.paces(session, now=now))
            if self.limits.applies(now):
                room = self.limits.room(session, now)
                self.results.comes_again(room.again_at)
                size = size if room.mails is None else min(size, room.mails)
            if size == 0:
                return
            rows = self._claimed(session, size, now)
        self.nothing_due = not rows
        self.limit = None if self.limit is None else self.limit - len(rows)
        self.waiting.add(rows)

    def _claimed(self, session: Session, size: int, now: datetime) -> list[Claimed]:
        """Claim what is due; now and then, and for as long as there are any, half of it of what lost its sender."""
        expired: list[Claimed] = []
        if now >= self.looks_at_leases:
            share = max(1, size // 2)
            expired = lifecycle.claim_expired(session, owner=self.owner, limit=share, now=now, lease=LEASE)
            if len(expired) < share:
                self.looks_at_leases = now + _LOOKS_EVERY
        left = size - len(expired)
        return lifecycle.claim_due(session, owner=self.owner, limit=left, now=now, lease=LEASE) + expired

    def _paused(self, session: Session, now: datetime) -> SendingPause | None:
        if now < self.looks_at_rates:
            return breaker.pause_of(session)
        self.looks_at_rates = now + _LOOKS_EVERY
        return breaker.trip(session, self.settings.mail.breaker, now=now)

    def _wait(self, wait: Callable[[float], object] | None) -> bool:
        """Wait for the next turn of a limit where it comes soon; return False where the round is over."""
        now, again_at = self.clock.now(), self.results.again_at
        if wait is None or again_at is None or self.limit == 0 or again_at - now > _PATIENCE:
            return False
        wait(max(0.0, (again_at - now).total_seconds()))
        self.results.again_at = None
        self.nothing_due = False
        return True

    def _collect(self, wait: float = 0.0) -> bool:
        """Take back what channels are done with; return False where nothing came."""
        any_came = False
        while done := self.channels.collect(0.0 if any_came else wait):
            any_came = True
            self.waiting.ended(done.job)
            if done.fault is not None:
                self.results.release_all(done.job.rows)
                raise done.fault
            if done.outcomes is not None:
                self.results.enter(done.job.rows, done.outcomes, done.job.domains)
            else:
                self._untouched(done.job)
            self.results.write_where_many()
        return any_came

    def _untouched(self, job: Job) -> None:
        """Take rows back whose turn did not come: to be checked again, or back to the queue."""
        for row in job.rows:
            if not self._ended() and self._lease_holds(row):
                self.waiting.put_back(row, job.bucket)
            else:
                self.results.release(row)

    def _may_begin(self, job: Job) -> bool:
        """Tell, on a channel's thread, whether a batch may still leave as it was checked."""
        fresh = self.clock.now() - job.checked_at <= _FRESH
        rests = self.results.held.intersection((mass_guard.EVERYWHERE, *job.domains))
        return fresh and not rests and not self._ended() and all(self._lease_holds(row) for row in job.rows)

    def _lease_holds(self, row: Claimed) -> bool:
        """Tell whether the lease still holds; after a clock that went back nobody knows, so it does not."""
        now = self.clock.now()
        return now + _LEASE_MARGIN < row.leased_until <= now + LEASE + _LEASE_MARGIN

    def _end(self) -> None:
        """Let channels finish what they began; write down everything, and give back what was not sent."""
        self.channels.close()
        self.results.release_all(self.waiting.empty())
        while self.channels.out:
            done = self.channels.collect(wait=_GLANCE)
            if done is None:
                self._write_in_the_end()
            elif done.outcomes is None:
                self.results.release_all(done.job.rows)
            else:
                self.results.enter(done.job.rows, done.outcomes, done.job.domains)
        self._write_in_the_end()

    def _write_in_the_end(self) -> None:
        """Write down what became of the mails; a database that is gone for a moment must not make them come twice."""
        for seconds in _LAST_WAITS:
            try:
                return self.results.write()
            except DatabaseUnavailable:
                time.sleep(seconds)
        return self.results.write()
