"""Owns the ledger of a round: what became of each delivery, written down in groups, one transaction for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

import structlog
from sqlmodel import Session, col, select

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import end_findings
from trialalerts.delivery import benching, guard, outbox, tallies, telling
from trialalerts.delivery.envelope import Accepted, Outcome, Refused, Unsent
from trialalerts.delivery.feedback.refusals import about_whom, heed_listed, heed_refusal
from trialalerts.delivery.guard import Answer
from trialalerts.delivery.last_check import Withheld
from trialalerts.delivery.mail.reply_codes import BounceClass, Classified
from trialalerts.delivery.outbox import Claimed, Settlement, postponement, retrial
from trialalerts.delivery.tables import Delivery, DeliveryState, SendingHold
from trialalerts.delivery.tallies import Tallied
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["ACKNOWLEDGED_TOGETHER", "Ledger", "SendCount"]

log = structlog.get_logger()

ACKNOWLEDGED_TOGETHER = 50
"""One commit says of so many messages that they were sent, or of fewer when the channels leave time for it."""
_REFUSALS_OF_OURS = 3
_DOMAINS_OF_OURS = 2
"""So many messages refused in a row because of us, by so many domains: no more are tried for now."""
_DOUBTED_FOR = 7_200.0
"""Seconds a mail waits at least whose recipient is said to be gone while a guard believes it of nobody."""


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


@dataclass(frozen=True, kw_only=True)
class _Gone:
    """A mail to somebody who is said to be gone; whether that is believed shows when it is written down."""

    row: Claimed
    domain: str
    refusal: Refused


@dataclass(kw_only=True)
class Ledger:
    """What became of the deliveries of a round. ``benched``: the transport is noted as broken in the tables.

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
    benched: bool = False
    together: int = ACKNOWLEDGED_TOGETHER
    held: set[str] = field(default_factory=set)
    opened: bool = False
    _unwritten: list[Settlement] = field(default_factory=list)
    _gone: list[_Gone] = field(default_factory=list)
    _answers: Counter[tuple[str, Answer]] = field(default_factory=Counter)
    _accepted: set[str] = field(default_factory=set)
    _told: dict[str, str] = field(default_factory=dict)
    _blameless: set[int] = field(default_factory=set)
    _faulty: dict[str, tuple[str, int]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    _sent: int = 0
    _ours_in_a_row: list[str] = field(default_factory=list)
    _bench: Unsent | None = None

    def count(self) -> SendCount:
        """Return what the round came to."""
        return SendCount(**self._counts, broken=self.broken, again_at=self.again_at)

    @property
    def unwritten(self) -> int:
        """How many deliveries are entered and not yet written down."""
        return len(self._unwritten) + len(self._gone)

    def comes_again(self, at: datetime | None) -> None:
        """Note when a limit grants the next turn; the earliest counts."""
        if at is not None:
            self.again_at = at if self.again_at is None else min(self.again_at, at)

    def enter(self, rows: Sequence[Claimed], outcomes: Sequence[Outcome], domains: Sequence[str] = ()) -> None:
        """Enter what a channel said became of these; ``domains`` are those they went to."""
        for row, outcome, domain in zip(rows, outcomes, domains or [""] * len(rows), strict=True):
            if isinstance(outcome, Accepted):
                self._sent += 1
                self._ours_in_a_row.clear()
                self._answered(domain)
                self._accepted.add(domain)
                sent = Settlement(
                    delivery=row,
                    state=DeliveryState.SENT,
                    provider_id=outcome.provider_id,
                    transport=outcome.transport,
                )
                self._unwritten.append(sent)
            elif isinstance(outcome, Refused):
                self._refused(row, outcome, domain)
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
        # What was one batch when nobody answered comes due together, to be asked for as one.
        random = Random(request_key) if request_key else self.random  # noqa: S311 - jitter
        settlement = self._retrial(
            row, self.clock.now(), random, error=error, code=code, retry_after=retry_after, meaning=meaning
        )
        again = settlement.state is DeliveryState.QUEUED
        self._enter("retried" if again else "failed", replace(settlement, request_key=request_key))
        log.warning("delivery.retried" if again else "delivery.failed", delivery=row.id, code=code)

    def _retrial(
        self,
        row: Claimed,
        now: datetime,
        random: Random,
        *,
        error: str,
        code: str | None,
        retry_after: float | None,
        meaning: Classified | None = None,
    ) -> Settlement:
        return retrial(
            row,
            now=now,
            give_up_after=self.settings.mail.give_up_after,
            random=random,
            error=error,
            code=code,
            retry_after=retry_after,
            meaning=meaning,
        )

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
        self._enter("postponed", postponement(row, until=until, reason=guard.held_words(hold.scope)))

    def write(self) -> None:
        """Write down what is entered."""
        if not self.unwritten and self._bench is None:
            return
        now = self.clock.now()
        with self.db.write() as session:
            outbox.settle(session, self._unwritten, now=now, transport=self.transport)
            self._lock(session)
            held, gone = self._guarded(session, now)
            outbox.settle(session, gone, now=now, transport=self.transport)
            bounced = self._heed_refusals(session, gone, now)
            opened = self._opened(session, now)
            if self._bench is not None and guard.EVERYWHERE not in {each.scope for each in held}:
                retry_after = self._bench.retry_after
                benching.bench(session, self.transport, reason=self._bench.reason, now=now, retry_after=retry_after)
            elif self.benched and self._sent:
                benching.clear(session, self.transport)
            for name in {each.transport for each in self._unwritten if each.transport}:
                benching.clear(session, name, over_at=now)
            # last: all senders share these rows
            tallies.add(session, Tallied.SENT, self._sent, at=now)
            tallies.add(session, Tallied.REFUSED, self._refusals, at=now)
            tallies.add(session, Tallied.BOUNCED, bounced, at=now)
        self._written(gone, held, opened)
        if any(not each.undone for each in held):
            guard.take_back_pending(self.db, self.settings.service.secrets, now=now)

    def _written(self, gone: Sequence[Settlement], held: Sequence[SendingHold], opened: bool) -> None:
        """Forget what is written down, now that it is."""
        if self.benched and self._sent and self._bench is None:
            self.benched = False
            log.info("transport.works_again", transport=self.transport)
        for each in self._unwritten:
            if each.state is DeliveryState.SENT:
                row = each.delivery
                log.debug("delivery.sent", delivery=row.id, kind=row.kind, attempts=row.attempts)
        self._counts["sent"] += self._sent
        for each in gone:
            self._counts["failed" if each.state is DeliveryState.FAILED else "retried"] += 1
        for entered in (self._unwritten, self._gone, self._answers, self._accepted, self._told):
            entered.clear()
        self._blameless.clear()
        self._faulty.clear()
        self._sent, self._bench = 0, None
        self.opened = self.opened or opened
        for hold in held:
            self.held.add(hold.scope)
            if hold.scope == guard.EVERYWHERE:
                self.broken = self.broken or f"{guard.held_words(hold.scope)}: {hold.reason}"

    def _lock(self, session: Session) -> None:
        """Lock those of whom something bad is told: deliveries first, then people, in one order everywhere."""
        mails = sorted(each.row.id for each in self._gone)
        people = {each.row.subscriber_id for each in self._gone}
        people |= {each.delivery.subscriber_id for each in self._failed()}
        for locked in (
            select(Delivery.id).where(col(Delivery.id).in_(mails)).order_by(col(Delivery.id)),
            select(Subscriber.id).where(col(Subscriber.id).in_(people)).order_by(col(Subscriber.id)),
        ):
            session.exec(locked.with_for_update()).all()

    def _guarded(self, session: Session, now: datetime) -> tuple[list[SendingHold], list[Settlement]]:
        """Count the answers; return where mail rests from now on, and what becomes of mails to nobody.

        While a guard believes it of nobody, such a mail is tried again.
        """
        count = +self._answers
        for key in [key for key in count if not key[0]]:
            del count[key]
        if self._bench is not None or self._faulty:
            guard.take_turn(session, now=now)
        guard.count(session, count, at=now)
        domains = {domain for domain, what in count if what is not Answer.ANSWERED}
        told = next(reversed(self._told.values()), "")
        held = guard.look(session, domains, now=now, told=told) if domains else []
        resting = {each.scope for each in guard.holds(session)} if domains else set()
        self._tell_refusals(session, now)
        return held, [self._decided(each, resting, now) for each in self._gone]

    def _decided(self, gone: _Gone, resting: set[str], now: datetime) -> Settlement:
        refusal = gone.refusal
        if resting & {gone.domain, guard.EVERYWHERE}:
            self._blameless.add(gone.row.id)
            return self._retrial(
                gone.row, now, self.random, error=refusal.reason, code=refusal.code, retry_after=_DOUBTED_FOR
            )
        return Settlement(
            delivery=gone.row,
            state=DeliveryState.FAILED,
            error=refusal.reason,
            code=refusal.code,
            meaning=refusal.meaning,
        )

    def _tell_refusals(self, session: Session, now: datetime) -> None:
        """Tell the operator at once who refuses us, until a mail to that domain is accepted again."""
        if self._accepted:
            end_findings(session, guard.REFUSED, self._accepted)
        told = {
            domain: words
            for domain, words in self._told.items()
            if domain and domain not in self._accepted and (domain, Answer.OURS) in self._answers
        }
        if told and guard.rest_of_all(session):
            pass  # which is told
        elif told and self.benched and not self._sent:
            telling.tell_why_benched(session, self.transport, next(reversed(told.values())), now=now)
        elif told:
            guard.tell_refused(session, told, now=now)
        for rule, (words, number) in self._faulty.items():
            telling.tell_faulty(session, rule, words, delivery_id=number, now=now)

    def _opened(self, session: Session, now: datetime) -> bool:
        sent = {each.delivery.id for each in self._unwritten if each.state is DeliveryState.SENT}
        return bool(sent and guard.opened(session, sent, now=now))

    @property
    def _refusals(self) -> int:
        answered = sum(number for (_, what), number in self._answers.items() if what is Answer.ANSWERED)
        return answered - self._sent

    def _failed(self) -> list[Settlement]:
        return [each for each in self._unwritten if each.state is DeliveryState.FAILED and each.code]

    def _heed_refusals(self, session: Session, gone: Sequence[Settlement], now: datetime) -> int:
        """Let what failed for good count for its subscriber; return how many did. All of them are locked."""
        failed = [*self._failed(), *(each for each in gone if each.state is DeliveryState.FAILED)]
        return sum(self._heeded(session, each, now) for each in failed if each.delivery.id not in self._blameless)

    def _heeded(self, session: Session, failed: Settlement, now: datetime) -> bool:
        number, code = failed.delivery.subscriber_id, failed.code or ""
        if failed.listed:
            heed_listed(session, self.settings, subscriber_id=number, how=self.transport, code=code, now=now)
            return False
        return heed_refusal(
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

    def _answered(self, domain: str, what: Answer | None = None) -> None:
        self._answers[domain, Answer.ANSWERED] += 1
        if what is not None:
            self._answers[domain, what] += 1

    def _refused(self, row: Claimed, refusal: Refused, domain: str) -> None:
        about = about_whom(refusal)
        if about is not BounceClass.OURS:
            self._ours_in_a_row.clear()
        if about is BounceClass.GONE:
            self._answered(domain, Answer.GONE)
            self._told[domain] = refusal.reason
            self._gone.append(_Gone(row=row, domain=domain, refusal=refusal))
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
                self._answered(domain)
            if about is BounceClass.MESSAGE:
                self._blameless.add(row.id)
                self._faulty[refusal.meaning.rule if refusal.meaning else "msg"] = _told(refusal), row.id
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

    def _retry_refused(self, row: Claimed, refusal: Refused) -> None:
        self.retry(
            row,
            error=refusal.reason,
            code=refusal.code,
            retry_after=refusal.retry_after,
            request_key=refusal.request_key,
            meaning=refusal.meaning,
        )

    def _refused_us(self, row: Claimed, refusal: Refused, domain: str) -> None:
        """Enter a refusal that is about us: it goes again, whatever the code, and counts for nobody."""
        # A connection that broke off, or a provider that failed, says nothing of how we stand with a domain.
        if refusal.code is not None and not refusal.doubtful:
            self._answered(domain, Answer.OURS)
            self._told[domain] = _told(refusal)
        self._blameless.add(row.id)
        self._retry_refused(row, refusal)
        self._ours_in_a_row.append(domain)
        many = len(self._ours_in_a_row) >= _REFUSALS_OF_OURS and len(set(self._ours_in_a_row)) >= _DOMAINS_OF_OURS
        if many and self.broken is None:
            reason = f"{len(self._ours_in_a_row)} messages in a row were refused because of us, last: {refusal.reason}"
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


def _told(refusal: Refused) -> str:
    """Return what was said, with its code and the rule that knew it: a sentence alone may not say which fault it is."""
    code = refusal.code if refusal.code and refusal.code not in refusal.reason else None
    rule = refusal.meaning.rule if refusal.meaning and refusal.meaning.rule not in refusal.reason else None
    known_by = ", ".join(filter(None, (code, rule)))
    return f"{refusal.reason} ({known_by})" if known_by else refusal.reason
