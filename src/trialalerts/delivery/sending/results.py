"""The results of a round: what became of each delivery, written down in groups, one transaction for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Accepted, Outcome, Refused, Unsent
from trialalerts.delivery.mail.reply_codes import BounceClass, Classified
from trialalerts.delivery.outbox.lifecycle import Claimed, Settlement, postponement, retrial
from trialalerts.delivery.outbox.notices.kinds import ELSEWHERE
from trialalerts.delivery.outbox.tables import DeliveryState, SendingHold
from trialalerts.delivery.policy import answers, mass_guard
from trialalerts.delivery.policy.answers import Answer
from trialalerts.delivery.policy.refusals import about_whom
from trialalerts.delivery.sending.recipient_check import Withheld
from trialalerts.delivery.sending.result_batch import GoneRecipient, ResultBatch
from trialalerts.delivery.sending.result_writer import ResultWriter, WrittenResults
from trialalerts.logs import Logger
from trialalerts.settings import Settings

__all__ = ["ACKNOWLEDGED_TOGETHER", "Results", "SendCount"]

log = Logger()

ACKNOWLEDGED_TOGETHER = 100
"""One commit says of so many messages that they were sent, or of fewer when the channels leave time for it."""
_REFUSALS_OF_OURS = 3
_DOMAINS_OF_OURS = 2
"""So many messages refused in a row because of us, by so many domains: no more are tried for now."""


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
    held: int = 0
    postponed: int = 0
    released: int = 0
    broken: str | None = None
    again_at: datetime | None = None


@dataclass(kw_only=True)
class Results:
    """What became of the deliveries of a round. ``cooling``: the transport is noted as broken in the tables.

    ``held`` are the domains (empty: all) at which mail rests since this round found it out; ``opened`` tells that mail
    goes on somewhere, so that more is due.
    """

    db: Database
    transport: str
    settings: Settings
    clock: Clock
    random: Random
    broken: str | None = None
    again_at: datetime | None = None
    cooling: bool = False
    together: int = ACKNOWLEDGED_TOGETHER
    held: set[str] = field(default_factory=set)
    opened: bool = False
    _batch: ResultBatch = field(default_factory=ResultBatch)
    _counts: Counter[str] = field(default_factory=Counter)
    _ours_in_a_row: list[str] = field(default_factory=list)

    def count(self) -> SendCount:
        """Return what the round came to."""
        return SendCount(**self._counts, broken=self.broken, again_at=self.again_at)

    @property
    def unwritten(self) -> int:
        """How many deliveries are entered and not yet written down."""
        return len(self._batch)

    def held_back(self, number: int) -> None:
        """Count mail that was held back before it was claimed."""
        self._counts["held"] += number

    def comes_again(self, at: datetime | None) -> None:
        """Note when a limit grants the next turn; the earliest counts."""
        if at is not None:
            self.again_at = at if self.again_at is None else min(self.again_at, at)

    def enter(self, rows: Sequence[Claimed], outcomes: Sequence[Outcome], domains: Sequence[str] = ()) -> None:
        """Enter what a channel said became of these; ``domains`` are those they went to."""
        for row, outcome, domain in zip(rows, outcomes, domains or [""] * len(rows), strict=True):
            if isinstance(outcome, Accepted):
                self._batch.sent += 1
                self._ours_in_a_row.clear()
                self._batch.answered(domain)
                self._batch.accepted.add(domain)
                sent = Settlement(
                    delivery=row,
                    state=DeliveryState.SENT,
                    provider_id=outcome.provider_id,
                    transport=outcome.transport,
                )
                self._batch.settlements.append(sent)
            elif isinstance(outcome, Refused):
                self._refused(row, outcome, domain)
            else:
                # Behind the others, lest it stop every round alone; no attempt counts.
                released = postponement(row, until=self.clock.now(), reason="transport broken")
                self._enter("released", replace(released, request_key=outcome.request_key))
                self._break(outcome)

    def withhold(self, row: Claimed, withheld: Withheld) -> None:
        """Enter that this mail must not leave, for good or for now."""
        if withheld.held:
            self._enter(
                "held", Settlement(delivery=row, state=DeliveryState.HELD, error=withheld.reason, counted=False)
            )
        elif withheld.until is None:
            suppressed = Settlement(delivery=row, state=DeliveryState.SUPPRESSED, error=withheld.reason)
            self._enter("suppressed", suppressed)
        else:
            self._enter("postponed", postponement(row, until=withheld.until, reason=withheld.reason))
        log.info("delivery.withheld", delivery=row.id, kind=row.kind, reason=withheld.reason)

    def appoint(self, row: Claimed, until: datetime) -> None:
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
    ) -> Settlement:
        """Enter that this mail goes again later, or failed for good; return which."""
        # What was one batch when nobody answered comes due together, to be asked for as one.
        random = Random(request_key) if request_key else self.random  # noqa: S311 - jitter
        settlement = retrial(
            row,
            now=self.clock.now(),
            give_up_after=self.settings.mail.give_up_after,
            random=random,
            error=error,
            code=code,
            retry_after=retry_after,
            meaning=meaning,
        )
        again = settlement.state is DeliveryState.QUEUED
        log.warning("delivery.retried" if again else "delivery.failed", delivery=row.id, code=code)
        return self._enter("retried" if again else "failed", replace(settlement, request_key=request_key))

    def release(self, row: Claimed) -> None:
        """Enter that this mail goes back as it was before the claim."""
        self._enter("released", postponement(row, until=None, reason=None))

    def release_all(self, rows: Iterable[Claimed]) -> None:
        """Enter that these go back as they were before the claim."""
        for row in rows:
            self.release(row)

    def write_where_many(self) -> None:
        """Write down what is entered, where it has become many."""
        if self.unwritten >= self.together:
            self.write()

    def hold(self, row: Claimed, hold: SendingHold, until: datetime) -> None:
        """Enter that this mail waits since mail to its domain, or all mail, rests."""
        self._enter("postponed", postponement(row, until=until, reason=mass_guard.held_words(hold.scope)))

    def write(self) -> None:
        """Write down what is entered."""
        if not self.unwritten and self._batch.outage is None:
            return
        batch, now = self._batch, self.clock.now()
        writer = ResultWriter(transport=self.transport, settings=self.settings, random=self.random)
        with self.db.write() as session:
            written = writer.write(session, batch, cooling=self.cooling, now=now)
        self._batch = ResultBatch()
        self._written(batch, written)
        if any(not each.undone for each in written.held):
            mass_guard.take_back_pending(self.db, self.settings.service.secrets, now=now)

    def _written(self, batch: ResultBatch, written: WrittenResults) -> None:
        """Count what is written down, now that it is."""
        if self.cooling and batch.sent and batch.outage is None:
            self.cooling = False
            log.info("transport.works_again", transport=self.transport)
        for each in batch.settlements:
            if each.state is DeliveryState.SENT:
                row = each.delivery
                log.debug("delivery.sent", delivery=row.id, kind=row.kind, attempts=row.attempts)
        self._counts["sent"] += batch.sent
        for each in written.gone:
            self._counts["failed" if each.state is DeliveryState.FAILED else "retried"] += 1
        self.opened = self.opened or written.opened
        for hold in written.held:
            self.held.add(hold.scope)
            if hold.scope == mass_guard.EVERYWHERE:
                self.broken = self.broken or f"{mass_guard.held_words(hold.scope)}: {hold.reason}"

    def _refused(self, row: Claimed, refusal: Refused, domain: str) -> None:
        if refusal.code is not None and domain:
            self._batch.replies[domain] = refusal.code, refusal.reason
        about = about_whom(refusal)
        if row.kind in ELSEWHERE:
            self._batch.blameless.add(row.id)
        if about is not BounceClass.OURS:
            self._ours_in_a_row.clear()
        if about is BounceClass.GONE:
            self._batch.answered(domain, Answer.GONE)
            self._batch.told[domain] = refusal.reason
            self._batch.gone.append(GoneRecipient(row=row, domain=domain, refusal=refusal))
            log.warning(
                "delivery.refused",
                delivery=row.id,
                code=refusal.code,
                rule=refusal.meaning.rule if refusal.meaning else None,
            )
        elif about is BounceClass.OURS:
            self._refused_us(row, refusal, domain)
        elif refusal.permanent:
            if refusal.code is not None:  # else nobody was asked
                self._batch.answered(domain, Answer.OTHER)
            if about is BounceClass.MESSAGE:
                self._batch.blameless.add(row.id)
                self._batch.faulty[refusal.meaning.rule if refusal.meaning else "msg"] = _told(refusal), row.id
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
            self._retry_refused(row, refusal)

    def _retry_refused(self, row: Claimed, refusal: Refused) -> Settlement:
        return self.retry(
            row,
            error=refusal.reason,
            code=refusal.code,
            retry_after=refusal.retry_after,
            request_key=refusal.request_key,
            meaning=refusal.meaning,
        )

    def _refused_us(self, row: Claimed, refusal: Refused, domain: str) -> None:
        """Enter a refusal that is about us: it goes again, whatever the code, and counts for nobody."""
        brake = refusal.meaning.brake if refusal.meaning else None
        # A connection that broke off, or a provider that failed, says nothing of how we stand with a domain.
        if refusal.code is not None and not refusal.doubtful:
            self._batch.answered(domain, *answers.about_us(brake))
            self._batch.told[domain] = _told(refusal)
        self._batch.blameless.add(row.id)
        settlement = self._retry_refused(row, refusal)
        if answers.keeps_one_address_from_us(brake) and row.kind not in ELSEWHERE:
            self._batch.restricted.append((settlement, refusal))
        self._ours_in_a_row.append(domain)
        many = len(self._ours_in_a_row) >= _REFUSALS_OF_OURS and len(set(self._ours_in_a_row)) >= _DOMAINS_OF_OURS
        if many and self.broken is None:
            reason = f"{len(self._ours_in_a_row)} messages in a row were refused because of us, last: {refusal.reason}"
            log.error("transport.refuses_us", transport=self.transport, reason=refusal.reason)
            self._break(Unsent(reason=reason, retry_after=refusal.retry_after))

    def _break(self, unsent: Unsent) -> None:
        """End the round and leave the transport alone: the first reason counts."""
        if self.broken is None:
            self.broken = unsent.reason
            self._batch.outage = unsent
            log.warning("transport.broken", transport=self.transport, reason=unsent.reason)

    def _enter(self, counted: str, settlement: Settlement) -> Settlement:
        self._counts[counted] += 1
        self._batch.settlements.append(settlement)
        return settlement


def _told(refusal: Refused) -> str:
    """Return what was said, with its code and the rule that knew it: a sentence alone may not say which fault it is."""
    code = refusal.code if refusal.code and refusal.code not in refusal.reason else None
    rule = refusal.meaning.rule if refusal.meaning and refusal.meaning.rule not in refusal.reason else None
    known_by = ", ".join(filter(None, (code, rule)))
    return f"{refusal.reason} ({known_by})" if known_by else refusal.reason
