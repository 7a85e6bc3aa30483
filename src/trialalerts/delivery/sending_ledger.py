"""Owns the ledger of a round: what became of each delivery, written down in groups, one transaction for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

import structlog
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery import benching, outbox, tallies
from trialalerts.delivery.envelope import Accepted, Outcome, Refused, Unsent
from trialalerts.delivery.feedback.refusals import heed_listed, heed_refusal
from trialalerts.delivery.last_check import Withheld
from trialalerts.delivery.mail.reply_codes import Classified
from trialalerts.delivery.outbox import Claimed, Settlement, postponement, retrial
from trialalerts.delivery.tables import DeliveryState
from trialalerts.delivery.tallies import Tallied
from trialalerts.settings import Settings

__all__ = ["ACKNOWLEDGED_TOGETHER", "Ledger", "SendCount"]

log = structlog.get_logger()

ACKNOWLEDGED_TOGETHER = 50
"""One commit says of so many messages that they were sent, or of fewer when the channels leave time for it."""
_REFUSALS_OF_OURS = 3
"""So many messages refused in a row because of us: no more are tried for now."""


@dataclass(frozen=True, kw_only=True)
class SendCount:
    """What a round came to.

    ``broken`` is the line that says why it ended early (the transport does not work, sending is paused), ``again_at``
    when a limit lets the next mail leave; None where neither is so.
    """

    sent: int = 0
    retried: int = 0
    failed: int = 0
    suppressed: int = 0
    postponed: int = 0
    released: int = 0
    broken: str | None = None
    again_at: datetime | None = None


@dataclass(kw_only=True)
class Ledger:
    """What became of the deliveries of a round. ``benched``: the transport is noted as broken in the tables."""

    db: Database
    transport: str
    settings: Settings
    clock: Clock
    random: Random
    broken: str | None = None
    again_at: datetime | None = None
    benched: bool = False
    together: int = ACKNOWLEDGED_TOGETHER
    _unwritten: list[Settlement] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _sent: int = 0
    _ours_in_a_row: int = 0
    _bench: Unsent | None = None

    def count(self) -> SendCount:
        """Return what the round came to."""
        return SendCount(**self._counts, broken=self.broken, again_at=self.again_at)

    @property
    def unwritten(self) -> int:
        """How many deliveries are entered and not yet written down."""
        return len(self._unwritten)

    def comes_again(self, at: datetime | None) -> None:
        """Note when a limit grants the next turn; the earliest counts."""
        if at is not None:
            self.again_at = at if self.again_at is None else min(self.again_at, at)

    def enter(self, rows: Sequence[Claimed], outcomes: Sequence[Outcome]) -> None:
        """Enter what a channel said became of these."""
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                self._sent += 1
                self._ours_in_a_row = 0
                sent = Settlement(
                    delivery=row,
                    state=DeliveryState.SENT,
                    provider_id=outcome.provider_id,
                    transport=outcome.transport,
                )
                self._unwritten.append(sent)
            elif isinstance(outcome, Refused):
                self._refused(row, outcome)
            else:
                # Behind the others, lest it stop every round alone; no attempt counts.
                released = postponement(row, until=self.clock.now(), reason="transport broken")
                self._enter("released", replace(released, request_key=outcome.request_key))
                self._break(outcome)

    def withhold(self, row: Claimed, withheld: Withheld) -> None:
        """Enter that this mail must not leave, for good or for now."""
        if withheld.until is None:
            suppressed = Settlement(delivery=row, state=DeliveryState.SUPPRESSED, error=withheld.reason)
            self._enter("suppressed", suppressed)
        else:
            self._enter("postponed", postponement(row, until=withheld.until, reason=withheld.reason))
        log.info("delivery.withheld", delivery=row.id, kind=row.kind, reason=withheld.reason)

    def line_up(self, row: Claimed, until: datetime) -> None:
        """Enter that this mail waits for a turn of its domain."""
        self._enter("postponed", postponement(row, until=until, reason=None))
        self.comes_again(until)

    def retry(
        self,
        row: Claimed,
        *,
        error: str,
        code: str | None = None,
        retry_after: float | None = None,
        meaning: Classified | None = None,
        request_key: str | None = None,
    ) -> None:
        """Enter that this mail goes again later, or failed for good."""
        settlement = retrial(
            row,
            now=self.clock.now(),
            give_up_after=self.settings.mail.give_up_after,
            random=self.random,
            error=error,
            code=code,
            retry_after=retry_after,
            meaning=meaning,
        )
        again = settlement.state is DeliveryState.QUEUED
        self._enter("retried" if again else "failed", replace(settlement, request_key=request_key))
        log.warning("delivery.retried" if again else "delivery.failed", delivery=row.id, code=code)

    def release(self, row: Claimed) -> None:
        """Enter that this mail goes back as it was before the claim."""
        self._enter("released", postponement(row, until=None, reason=None))

    def release_all(self, rows: Iterable[Claimed]) -> None:
        """Enter that these go back as they were before the claim."""
        for row in rows:
            self.release(row)

    def write_where_many(self) -> None:
        """Write down what is entered, where it has become many."""
        if len(self._unwritten) >= self.together:
            self.write()

    def write(self) -> None:
        """Write down what is entered."""
        if not self._unwritten and self._bench is None:
            return
        now = self.clock.now()
        with self.db.write() as session:
            outbox.settle(session, self._unwritten, now=now, transport=self.transport)
            tallies.add(session, Tallied.SENT, self._sent, at=now)
            self._heed_refusals(session, now)
            if self._bench is not None:
                retry_after = self._bench.retry_after
                benching.bench(session, self.transport, reason=self._bench.reason, now=now, retry_after=retry_after)
            elif self.benched and self._sent:
                benching.clear(session, self.transport)
            for name in {each.transport for each in self._unwritten if each.transport}:
                benching.clear(session, name, over_at=now)
        if self.benched and self._sent and self._bench is None:
            self.benched = False
            log.info("transport.works_again", transport=self.transport)
        for each in self._unwritten:
            if each.state is DeliveryState.SENT:
                row = each.delivery
                log.debug("delivery.sent", delivery=row.id, kind=row.kind, attempts=row.attempts)
        self._counts["sent"] += self._sent
        self._unwritten.clear()
        self._sent, self._bench = 0, None

    def _heed_refusals(self, session: Session, now: datetime) -> None:
        """Let what failed for good count for its subscriber, in one order everywhere: each of them is locked."""
        failed = [each for each in self._unwritten if each.state is DeliveryState.FAILED and each.code]
        for each in sorted(failed, key=lambda settled: settled.delivery.subscriber_id):
            if each.listed:
                number, code = each.delivery.subscriber_id, each.code or ""
                heed_listed(session, self.settings, subscriber_id=number, how=self.transport, code=code, now=now)
                continue
            heed_refusal(
                session,
                self.settings,
                subscriber_id=each.delivery.subscriber_id,
                how=self.transport,
                code=each.code or "",
                meaning=each.meaning,
                now=now,
            )

    def _refused(self, row: Claimed, refusal: Refused) -> None:
        if refusal.permanent and not refusal.ours:
            failed = Settlement(
                delivery=row,
                state=DeliveryState.FAILED,
                error=refusal.reason,
                code=refusal.code,
                meaning=refusal.meaning,
                listed=refusal.listed,
                request_key=refusal.request_key,
            )
            self._enter("failed", failed)
            log.warning("delivery.failed", delivery=row.id, code=refusal.code)
        else:
            self.retry(
                row,
                error=refusal.reason,
                code=refusal.code,
                retry_after=refusal.retry_after,
                request_key=refusal.request_key,
                meaning=refusal.meaning,
            )
        self._ours_in_a_row = self._ours_in_a_row + 1 if refusal.ours else 0
        if self._ours_in_a_row == _REFUSALS_OF_OURS:
            reason = f"{_REFUSALS_OF_OURS} messages in a row were refused because of us, last: {refusal.reason}"
            log.error("transport.refuses_us", transport=self.transport, reason=refusal.reason)
            self._break(Unsent(reason=reason, retry_after=refusal.retry_after))

    def _break(self, unsent: Unsent) -> None:
        """End the round and bench the transport: the first reason counts."""
        if self.broken is None:
            self.broken = unsent.reason
            self._bench = unsent
            log.warning("transport.broken", transport=self.transport, reason=unsent.reason)

    def _enter(self, counted: str, settlement: Settlement) -> None:
        self._counts[counted] += 1
        self._unwritten.append(settlement)
