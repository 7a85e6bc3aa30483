"""Writing results down: a batch of them becomes rows, in the caller's one transaction.

The order of the locks is the same everywhere: deliveries, people, then what all senders share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlmodel import Session, col, select

from trialalerts.database.findings import end_findings
from trialalerts.delivery.outbox import counters, lifecycle
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.lifecycle import Settlement, retrial
from trialalerts.delivery.outbox.notices.handing_off import forget_handoffs
from trialalerts.delivery.outbox.notices.kinds import HANDOFF
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SendingHold
from trialalerts.delivery.policy import answers, cooldown, mass_guard, refusal_findings
from trialalerts.delivery.policy.answers import Answer
from trialalerts.delivery.policy.refusals import record_listed, record_refusal, record_restricted
from trialalerts.delivery.sending.result_batch import GoneRecipient, ResultBatch
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["ResultWriter", "WrittenResults"]

_DOUBTED_FOR = 7_200.0
"""Seconds a mail waits at least whose recipient is said to be gone while a guard believes it of nobody."""


@dataclass(frozen=True, kw_only=True)
class WrittenResults:
    """What came of a batch: where mail rests from now on, what became of mails to nobody, whether mail goes on."""

    held: Sequence[SendingHold]
    gone: Sequence[Settlement]
    opened: bool


@dataclass(frozen=True, kw_only=True)
class ResultWriter:
    """Writes pages; ``transport`` is by whose name."""

    transport: str
    settings: Settings
    random: Random

    def write(self, session: Session, batch: ResultBatch, *, cooling: bool, now: datetime) -> WrittenResults:
        """Write a batch; ``cooling``: the transport is noted as broken in the tables."""
        lifecycle.settle(session, batch.settlements, now=now, transport=self.transport)
        handed_off = forget_handoffs(session, _left(batch))
        _lock(session, batch)
        held = self._guarded(session, batch, cooling, now)
        gone = self._decided(session, batch, now)
        lifecycle.settle(session, gone, now=now, transport=self.transport)
        bounced = self._record_failures(session, batch, gone, now)
        opened = bool(batch.sent and mass_guard.end_probed(session, batch.taken, now=now))
        self._clear(session, batch, held, cooling, now)
        # last: all senders share these rows
        counters.count_up(session, HourlyCounts.SENT, batch.sent, at=now)
        counters.count_up(session, HourlyCounts.REFUSED, batch.refused, at=now)
        counters.count_up(session, HourlyCounts.HANDED_OFF, handed_off, at=now)
        counters.count_up(session, HourlyCounts.BOUNCED, bounced, at=now)
        return WrittenResults(held=held, gone=gone, opened=opened)

    def _guarded(self, session: Session, batch: ResultBatch, cooling: bool, now: datetime) -> list[SendingHold]:
        """Count the answers; return where mail rests from now on."""
        count = {key: number for key, number in batch.answers.items() if key[0]}
        if batch.outage is not None or batch.faulty:
            answers.take_turn(session, now=now)
        answers.count_answers(session, count, at=now)
        answers.note_replies(session, batch.replies, at=now)
        domains = {domain for domain, what in count if what is not Answer.ANSWERED}
        told = next(reversed(batch.told.values()), "")
        held = mass_guard.look(session, domains, now=now, told=told) if domains else []
        self._tell_refusals(session, batch, cooling, now)
        return held

    def _decided(self, session: Session, batch: ResultBatch, now: datetime) -> list[Settlement]:
        """Return what becomes of mails to nobody: while a guard believes it of nobody, they are tried again."""
        resting = {each.scope for each in mass_guard.holds(session)} if batch.gone else set()
        return [self._believed(each, batch, resting, now) for each in batch.gone]

    def _believed(self, gone: GoneRecipient, batch: ResultBatch, resting: set[str], now: datetime) -> Settlement:
        refusal = gone.refusal
        if resting & {gone.domain, mass_guard.EVERYWHERE}:
            batch.blameless.add(gone.row.id)
            return retrial(
                gone.row,
                now=now,
                give_up_after=self.settings.mail.give_up_after,
                random=self.random,
                error=refusal.reason,
                code=refusal.code,
                retry_after=_DOUBTED_FOR,
            )
        return Settlement(
            delivery=gone.row,
            state=DeliveryState.FAILED,
            error=refusal.reason,
            code=refusal.code,
            meaning=refusal.meaning,
        )

    def _tell_refusals(self, session: Session, batch: ResultBatch, cooling: bool, now: datetime) -> None:
        """Tell the operator at once who refuses us, until a mail to that domain is accepted again."""
        if batch.accepted:
            end_findings(session, mass_guard.REFUSED, batch.accepted)
        told = {
            domain: words
            for domain, words in batch.told.items()
            if domain and domain not in batch.accepted and (domain, Answer.OURS) in batch.answers
        }
        if told and mass_guard.rest_of_all(session):
            pass  # which is told
        elif told and cooling and not batch.sent:
            refusal_findings.note_outage_reason(session, self.transport, next(reversed(told.values())), now=now)
        elif told:
            mass_guard.note_refusals(session, told, now=now)
        for rule, (words, number) in batch.faulty.items():
            refusal_findings.note_faulty(session, rule, words, delivery_id=number, now=now)

    def _clear(
        self, session: Session, batch: ResultBatch, held: Sequence[SendingHold], cooling: bool, now: datetime
    ) -> None:
        """Note that the transport does not work, or that it works again."""
        if batch.outage is not None and mass_guard.EVERYWHERE not in {each.scope for each in held}:
            retry_after = batch.outage.retry_after
            cooldown.cool_down(session, self.transport, reason=batch.outage.reason, now=now, retry_after=retry_after)
        elif cooling and batch.sent:
            cooldown.end_outage(session, self.transport)
        for name in {each.transport for each in batch.settlements if each.transport}:
            cooldown.end_outage(session, name, over_at=now)

    def _record_failures(self, session: Session, batch: ResultBatch, gone: Sequence[Settlement], now: datetime) -> int:
        """Let what failed for good count for its subscriber; return how many did. All of them are locked."""
        for settlement, refusal in batch.restricted:
            record_restricted(session, self.settings, settlement, refusal, how=self.transport, now=now)
        failed = [*batch.failed, *(each for each in gone if each.state is DeliveryState.FAILED)]
        return sum(
            self._record_failure(session, each, now) for each in failed if each.delivery.id not in batch.blameless
        )

    def _record_failure(self, session: Session, failed: Settlement, now: datetime) -> bool:
        number, code = failed.delivery.subscriber_id, failed.code or ""
        if failed.listed:
            record_listed(session, self.settings, subscriber_id=number, how=self.transport, code=code, now=now)
            return False
        return record_refusal(
            session,
            self.settings,
            subscriber_id=number,
            how=self.transport,
            code=code,
            meaning=failed.meaning,
            said=failed.error or "",
            delivery_id=failed.delivery.id,
            now=now,
        )


def _left(batch: ResultBatch) -> list[int]:
    """Return the messages to the nurse that have left: nothing of them is kept."""
    sent = (each.delivery for each in batch.settlements if each.state is DeliveryState.SENT)
    return [row.data.get("handoff", 0) for row in sent if row.kind == HANDOFF]


def _lock(session: Session, batch: ResultBatch) -> None:
    """Lock those of whom something bad is told: deliveries first, then people, in one order everywhere."""
    mails = sorted(each.row.id for each in batch.gone)
    people = {each.row.subscriber_id for each in batch.gone}
    people |= {each.delivery.subscriber_id for each in batch.failed}
    people |= {settlement.delivery.subscriber_id for settlement, _ in batch.restricted}
    for table, numbers in ((Delivery, mails), (Subscriber, sorted(people))):
        if numbers:
            locked = select(table.id).where(col(table.id).in_(numbers)).order_by(col(table.id))
            session.exec(locked.with_for_update()).all()
