"""Batches: a few dozen deliveries are checked and written together, right before they leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol, cast

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks
from trialalerts.delivery.mail import verp
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.envelope import Envelope
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.outbox import lifecycle
from trialalerts.delivery.outbox.lifecycle import Claimed
from trialalerts.delivery.outbox.notices.kinds import URGENT
from trialalerts.delivery.outbox.suppressions import domain_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.sending.channels import Job
from trialalerts.delivery.sending.limits import Limits, Request
from trialalerts.delivery.sending.recipient_check import Recipient, Withheld, check_recipients
from trialalerts.delivery.sending.results import Results
from trialalerts.delivery.transports.in_doubt import doubtful_key
from trialalerts.errors import ConfigurationError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["Batches", "Renderer"]

_STOPPING = (ConfigurationError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable, DBAPIError)
"""What is no delivery's fault: it ends the round instead of being noted on the row."""


class Renderer(Protocol):
    """Writes messages."""

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> Sequence[Message | Exception | None]:
        """Write the messages of a batch, in its order.

        Deliveries come as plain rows with ``id``, ``kind``, ``data`` and ``message_id`` (see :class:`Claimed`), people
        with what is said to them and where; neither belongs to the session.

        None: nothing to send (any more). An exception stands in the place of a message that cannot be written.
        """
        ...


@dataclass(kw_only=True)
class Batches:
    """Turns claimed rows into jobs for the channels; what does not leave goes to the results."""

    db: Database
    renderer: Renderer
    settings: Settings
    clock: Clock
    limits: Limits
    results: Results

    def __post_init__(self) -> None:
        """Read the keys that sign."""
        self._signer = DkimSigner.from_settings(self.settings)
        self._sender = None if self.settings.mail.bounces else verp.return_address(self.settings, 0)

    def jobs(self, rows: Sequence[Claimed], *, batch: int) -> Iterator[Job]:
        """Check the recipients and write the messages of a batch, in one reading transaction."""
        checked_at = self.clock.now()
        try:
            written = self._written(rows, checked_at)
        except BaseException:
            self.results.release_all(rows)
            raise
        for bucket, ready in self._by_bucket(written):
            for some in _batches(ready, batch):
                yield Job(
                    rows=[row for row, _ in some],
                    envelopes=[envelope for _, envelope in some],
                    checked_at=checked_at,
                    bucket=bucket,
                )

    def _by_bucket(self, ready: list[tuple[Claimed, Envelope]]) -> Iterator[tuple[str, list[tuple[Claimed, Envelope]]]]:
        if not self.limits.by_domain:
            yield "", ready
            return
        ordered = sorted(
            ((self._bucket_of_connections(each[1].recipient), each) for each in ready), key=lambda pair: pair[0]
        )
        for bucket, pairs in groupby(ordered, key=lambda pair: pair[0]):
            yield bucket, [each for _, each in pairs]

    def _bucket_of_connections(self, address: str) -> str:
        """Return the bucket where that limits connections: only then do its messages need jobs of their own."""
        bucket = self.limits.bucket_of(address)
        return bucket if bucket and self.limits.connections(bucket) is not None else ""

    def _written(self, rows: Sequence[Claimed], now: datetime) -> list[tuple[Claimed, Envelope]]:
        with self.db.read() as session:
            passed = self._checked(session, self._not_given_up(rows), now)
            leaving = self._granted(self._going(session, passed, now), now)
            mails = cast("Sequence[tuple[Delivery, Subscriber]]", leaving)  # plain rows that look the same
            messages = self.renderer(session, mails) if leaving else []
        ready = []
        for (row, person), message in zip(leaving, messages, strict=True):
            if isinstance(message, _STOPPING):
                raise message
            if message is None:
                self.results.withhold(row, Withheld(reason="nothing to send"))
            elif isinstance(message, Exception):  # its name, never its text, which may hold anything
                self.results.retry(row, error=type(message).__name__)
            elif envelope := self._envelope(row, person, message):
                ready.append((row, envelope))
        return ready

    def _not_given_up(self, rows: Sequence[Claimed]) -> list[Claimed]:
        kept = []
        for row in rows:
            if lifecycle.given_up(row.attempts - 1, self.settings.mail.give_up_after):
                self.results.retry(row, error="tried again and again without an end")
            else:
                kept.append(row)
        return kept

    def _checked(self, session: Session, rows: Sequence[Claimed], now: datetime) -> list[tuple[Claimed, Recipient]]:
        passed = []
        for row, found in zip(rows, check_recipients(session, rows, settings=self.settings, now=now), strict=True):
            if isinstance(found, Withheld):
                self.results.withhold(row, found)
            else:
                passed.append((row, found))
        return passed

    def _going(
        self, session: Session, mails: list[tuple[Claimed, Recipient]], now: datetime
    ) -> list[tuple[Claimed, Recipient]]:
        """Keep back what goes where mail rests, but for the one that tries; it takes a transaction of its own."""
        resting = {each.scope: each for each in mass_guard.holds(session)} if mails else {}
        if not resting:
            return mails
        going, tried = [], dict[str, datetime]()
        for row, person in self._likeliest_first(session, mails):
            hold = resting.get(mass_guard.EVERYWHERE) or resting.get(domain_of(person.address))
            if hold is None:
                going.append((row, person))
            elif hold.retry_at <= now and hold.scope not in tried:
                tried[hold.scope] = now + timedelta(seconds=hold.wait)
                with self.db.write() as writing:
                    may_try = mass_guard.probe(writing, hold, row.id, now=now)
                going += [(row, person)] if may_try else []
                if not may_try:
                    self.results.hold(row, hold, tried[hold.scope])
            else:
                self.results.hold(row, hold, tried.get(hold.scope, hold.retry_at))
        return sorted(going, key=lambda mail: (mail[0].not_before, mail[0].id))

    def _likeliest_first(
        self, session: Session, mails: list[tuple[Claimed, Recipient]]
    ) -> list[tuple[Claimed, Recipient]]:
        """Return mails so that one to somebody whose mail was accepted before tries first."""
        people = [person.id for _, person in mails]
        taken = col(Delivery.state).in_([DeliveryState.SENT, DeliveryState.DELIVERED])
        known = set(
            session.exec(
                select(Delivery.subscriber_id).where(col(Delivery.subscriber_id).in_(people), taken).distinct()
            )
        )
        return sorted(mails, key=lambda mail: (mail[1].id not in known, mail[0].attempts))

    def _granted(self, mails: list[tuple[Claimed, Recipient]], now: datetime) -> list[tuple[Claimed, Recipient]]:
        """Take turns where there are limits; only what passed the last check takes one."""
        wishes = [
            Request(bucket=self.limits.bucket_of(person.address), urgent=row.kind in URGENT) for row, person in mails
        ]
        if not mails or not self.limits.applies(now, (wish.bucket for wish in wishes)):
            return mails
        with self.db.write() as session:
            turns = self.limits.take(session, wishes, now=now)
        for (row, _), turn in zip(mails, turns, strict=True):
            if turn.until is not None:
                self.results.appoint(row, turn.until)
            elif not turn.now:
                self.results.release(row)
        return [mail for mail, turn in zip(mails, turns, strict=True) if turn.now]

    def _envelope(self, row: Claimed, person: Recipient, message: Message) -> Envelope | None:
        try:
            message = message.with_headers(verp.report_headers(self.settings, row.id, kind=row.kind, at=message.date))
            return Envelope(
                sender=self._sender or verp.return_address(self.settings, row.id),
                recipient=person.address,
                content=self._signer.sign(to_bytes(message)),
                message=message,
                metadata=verp.delivery_metadata(self.settings, row.id),
                request_key=row.request_key,
                dot_free=True,  # as to_bytes promises; to look would take a twentieth of the time of sending
            )
        except _STOPPING:
            raise
        except Exception as error:  # noqa: BLE001 - one message that has no bytes must not stop the others
            self.results.retry(row, error=type(error).__name__)
            return None


def _batches(ready: list[tuple[Claimed, Envelope]], batch: int) -> Iterator[list[tuple[Claimed, Envelope]]]:
    """Cut what is ready into batches; those that were one when nobody answered stay one."""
    together: dict[str | None, list[tuple[Claimed, Envelope]]] = {}
    for each in ready:
        together.setdefault(doubtful_key(each[1]), []).append(each)
    for some in together.values():
        yield from in_chunks(some, batch)
