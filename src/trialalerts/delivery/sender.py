"""Owns the sending: from claimed rows to acknowledged rows, with the last check right before each message.

Delivery carries messages and knows nothing of what is in them: a renderer, handed in, turns a row into
a :class:`~trialalerts.delivery.message.Message`. One bad delivery harms only itself; a broken transport
ends the round and blames nobody.
"""

from __future__ import annotations

import os
import platform
import secrets
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery import outbox, verp
from trialalerts.delivery.confirmations import CONFIRMATION
from trialalerts.delivery.envelope import Envelope, Refused, Unsent
from trialalerts.delivery.message import Message, to_bytes
from trialalerts.delivery.suppressions import is_suppressed
from trialalerts.delivery.tables import Delivery
from trialalerts.delivery.transports import Channel, Transport
from trialalerts.errors import (
    ConfigurationError,
    DatabaseBehind,
    DatabaseUnavailable,
    DatabaseUnusable,
)
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["LEASE", "Renderer", "SendCount", "send_queued"]

log = structlog.get_logger()


class Renderer(Protocol):
    """Writes messages."""

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> Sequence[Message | Exception | None]:
        """Write the messages of a slice, in its order.

        None: nothing to send (any more). An exception stands in the place of a message that cannot be written.
        """
        ...


LEASE = timedelta(minutes=10)
_LEASE_MARGIN = timedelta(minutes=2)
"""No message is begun so near the end of its lease: one may take as long as the transport's timeouts."""
_ACKNOWLEDGE = 10
"""How many messages are sent before one commit says so: as many may come twice if the process is killed."""
_AFTER_PAUSE = timedelta(hours=6)
_POLICY_LIMIT = 3
_MAILED = {
    CONFIRMATION: {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED},
}
_STOPPING = (ConfigurationError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable, DBAPIError)
"""What is no delivery's fault: it ends the round instead of being noted on the row."""


@dataclass(frozen=True, kw_only=True)
class SendCount:
    """What a round came to. ``broken`` is the line that says why the transport ended it, None where it did not."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    suppressed: int = 0
    postponed: int = 0
    released: int = 0
    broken: str | None = None


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
) -> SendCount:
    """Send what is due, batch after batch, until nothing is left, ``limit`` is reached, or ``stop()`` says so.

    ``stop`` is asked between messages. Whatever ends the round, what was sent is written down and
    what was claimed but not sent goes back to the queue.

    Raises:
        ConfigurationError, DatabaseUnavailable, DatabaseUnusable: nothing can be sent for now.
    """
    worker = _Round(
        db=db,
        transport=transport,
        renderer=renderer,
        settings=settings,
        clock=clock,
        random=random or Random(),  # noqa: S311 - jitter
    )
    left = limit
    while not worker.broken and not stop() and left != 0:
        size = settings.mail.batch if left is None else min(left, settings.mail.batch)
        batch = outbox.claim(db, owner=worker.owner, limit=size, now=clock.now(), lease=LEASE)
        if not batch:
            break
        worker.send(batch, stop)
        left = None if left is None else left - len(batch)
    if worker.channel is not None:
        worker.channel.close()
    return SendCount(**worker.counts, broken=worker.broken)


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A message that may go out now."""

    address: str
    message: Message


@dataclass(frozen=True, kw_only=True)
class _Withheld:
    """Why a message does not go out: for good, or ``until`` a moment."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class _Faulty:
    """Why no message could be written: the name of an error, never its text, which may hold anything."""

    error: str


@dataclass(kw_only=True)
class _Round:
    """One round's state: what was sent and not yet written down, the counts, why it must end."""

    db: Database
    transport: Transport
    renderer: Renderer
    settings: Settings
    clock: Clock
    random: Random
    owner: str = field(default_factory=lambda: f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}")
    counts: Counter[str] = field(default_factory=Counter)
    broken: str | None = None
    sent: list[Delivery] = field(default_factory=list)
    policy_refusals: int = 0
    channel: Channel | None = None

    def send(self, batch: list[Delivery], stop: Callable[[], bool]) -> None:
        """Send a claimed batch; at the end every row of it is settled, whatever happens."""
        waiting = deque(batch)
        try:
            while waiting and not self.broken and not stop() and self._lease_holds(waiting[0]):
                self._one(waiting[0])
                waiting.popleft()
                if len(self.sent) >= _ACKNOWLEDGE:
                    self._acknowledge()
        finally:
            try:
                self._acknowledge()
            finally:
                self._release(waiting)

    def _one(self, delivery: Delivery) -> None:
        found = self._prepared(delivery)
        if isinstance(found, _Ready):
            self._hand_over(delivery, found)
        elif isinstance(found, _Withheld):
            self._withhold(delivery, found)
        else:
            self._retry(delivery, error=found.error)

    def _prepared(self, delivery: Delivery) -> _Ready | _Withheld | _Faulty:
        """Make the last check and write the message, in one reading transaction right before sending."""
        if outbox.given_up(delivery.attempts - 1, self.settings.mail.give_up_after):
            return _Faulty(error="tried again and again without an end")
        with self.db.read() as session:
            subscriber = session.get(Subscriber, delivery.subscriber_id)
            withheld = self._last_check(session, delivery, subscriber)
            if withheld is not None or subscriber is None:
                return withheld or _Withheld(reason="nobody to send it to")
            (message,) = self.renderer(session, [(delivery, subscriber)])
        if isinstance(message, _STOPPING):
            raise message
        if isinstance(message, Exception):
            return _Faulty(error=type(message).__name__)
        return _Ready(address=subscriber.address, message=message) if message else _Withheld(reason="nothing to send")

    def _last_check(self, session: Session, delivery: Delivery, subscriber: Subscriber | None) -> _Withheld | None:
        """Tell why this mail must not go out now: promise 4 stands or falls here."""
        if subscriber is None:
            return _Withheld(reason="nobody to send it to")
        secret = self.settings.service.secret.get_secret_value()
        if found := is_suppressed(session, secret, subscriber.address):
            return _Withheld(reason=f"suppressed ({found.reason})")
        if subscriber.state in _MAILED.get(delivery.kind, {SubscriberState.ACTIVE}):
            return None
        if subscriber.state is SubscriberState.PAUSED:
            until = subscriber.paused_until or self.clock.now() + _AFTER_PAUSE
            return _Withheld(reason=subscriber.state, until=max(until, self.clock.now()))
        return _Withheld(reason=subscriber.state)

    def _hand_over(self, delivery: Delivery, ready: _Ready) -> None:
        if self.channel is None:
            self.channel = self.transport.open()
        try:
            (outcome,) = self.channel.send([self._envelope(delivery, ready)])
        except Exception as error:  # noqa: BLE001 - a message that a transport chokes on must not stop the others
            self.channel.close()
            self._retry(delivery, error=type(error).__name__)
            return
        if isinstance(outcome, Unsent):
            self._break(delivery, outcome.reason)
        elif isinstance(outcome, Refused):
            self._refused(delivery, outcome)
        else:
            self.sent.append(delivery)
            self.policy_refusals = 0

    def _envelope(self, delivery: Delivery, ready: _Ready) -> Envelope:
        return Envelope(
            sender=verp.return_address(self.settings, delivery.id or 0),
            recipient=ready.address,
            content=to_bytes(ready.message),
            message=ready.message,
            metadata=verp.metadata(self.settings, delivery.id or 0),
        )

    def _refused(self, delivery: Delivery, refusal: Refused) -> None:
        if refusal.permanent and not refusal.ours:
            self._fail(delivery, error=refusal.reason, code=refusal.code)
        else:
            self._retry(delivery, error=refusal.reason, code=refusal.code)
        self.policy_refusals = self.policy_refusals + 1 if refusal.ours else 0
        if self.policy_refusals >= _POLICY_LIMIT:
            self._say_broken(f"{_POLICY_LIMIT} messages in a row were refused by policy, last: {refusal.reason}")

    def _break(self, delivery: Delivery, reason: str) -> None:
        """End the round; the delivery at hand goes behind the others, lest it stop every round alone."""
        with self.db.write() as session:
            outbox.postpone(session, delivery, until=self.clock.now(), reason="transport broken")
        self.counts["released"] += 1
        self._say_broken(reason)

    def _say_broken(self, reason: str) -> None:
        self.broken = reason
        log.warning("transport.broken", transport=self.transport.name, reason=reason)

    def _withhold(self, delivery: Delivery, withheld: _Withheld) -> None:
        with self.db.write() as session:
            if withheld.until is None:
                outbox.suppress(session, delivery, reason=withheld.reason)
            else:
                outbox.postpone(session, delivery, until=withheld.until, reason=withheld.reason)
        self.counts["suppressed" if withheld.until is None else "postponed"] += 1
        log.info("delivery.withheld", delivery=delivery.id, kind=delivery.kind, reason=withheld.reason)

    def _retry(self, delivery: Delivery, *, error: str, code: str | None = None) -> None:
        with self.db.write() as session:
            again = outbox.retry_later(
                session,
                delivery,
                now=self.clock.now(),
                give_up_after=self.settings.mail.give_up_after,
                random=self.random,
                error=error,
                code=code,
            )
        self.counts["retried" if again else "failed"] += 1
        log.warning("delivery.retried" if again else "delivery.failed", delivery=delivery.id, code=code)

    def _fail(self, delivery: Delivery, *, error: str, code: str | None) -> None:
        with self.db.write() as session:
            outbox.fail(session, delivery, error=error, code=code)
        self.counts["failed"] += 1
        log.warning("delivery.failed", delivery=delivery.id, code=code)

    def _acknowledge(self) -> None:
        if not self.sent:
            return
        with self.db.write() as session:
            outbox.acknowledge_sent(session, self.sent, now=self.clock.now(), transport=self.transport.name)
        self.counts["sent"] += len(self.sent)
        for delivery in self.sent:
            log.debug("delivery.sent", delivery=delivery.id, kind=delivery.kind, attempts=delivery.attempts)
        self.sent.clear()

    def _release(self, waiting: Collection[Delivery]) -> None:
        if not waiting:
            return
        with self.db.write() as session:
            outbox.release(session, waiting)
        self.counts["released"] += len(waiting)

    def _lease_holds(self, delivery: Delivery) -> bool:
        return delivery.leased_until is not None and self.clock.now() + _LEASE_MARGIN < delivery.leased_until
