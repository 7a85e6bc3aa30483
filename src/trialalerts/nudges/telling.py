"""Telling readers by one way: its turn, what came of each try, and what follows from it.

One process at a time is at work with a way, and tells one reader after the other. Who is killed between a nudge and
the note of it leaves that one to be told again, and no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import cast

from sqlalchemy import func
from sqlmodel import Session, col, select

from trialalerts.clock import Clock
from trialalerts.database import Database, table_of
from trialalerts.database.findings import end_findings
from trialalerts.database.leases import Lease
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.lifecycle import Claimed, backoff
from trialalerts.delivery.outbox.notices.kinds import NUDGE_CONFIRMATION
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending.recipient_check import Recipient, Withheld, check_recipients
from trialalerts.digests.rendering.renderer import DIGEST, MailRenderer
from trialalerts.errors import ConfigurationError
from trialalerts.logs import Logger
from trialalerts.nudges.outbox import (
    count_failed_try,
    due_nudges,
    ensure_way,
    failing_people,
    give_up_nudges,
    note_nudged,
    put_off_nudge,
    settle_nudge,
    tries_until,
)
from trialalerts.nudges.status import NUDGES_FAILING, tell_failing_way
from trialalerts.nudges.tables import LONGEST_REST, NUDGE_LEASE, NudgeWay
from trialalerts.nudges.ways import NudgeMessage, send_nudge
from trialalerts.settings import NudgeSettings, Settings
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import NudgeChoice, Subscriber

__all__ = ["NudgeCount", "NudgeTurn"]

log = Logger()

_TURN = timedelta(minutes=1)
_AT_ONCE = 50
_MANY = 3
"""So many people whom nothing reaches, or all who chose the way: then it is the way that fails."""
_W = table_of(NudgeWay).c
_NOT_TAKEN = "the way did not take it"


@dataclass(frozen=True, kw_only=True)
class NudgeCount:
    """How many nudges were taken, how many tries failed, and how many digests are told by mail instead."""

    nudged: int = 0
    failed: int = 0
    mailed: int = 0

    def __add__(self, other: NudgeCount) -> NudgeCount:
        """Count both together."""
        return NudgeCount(
            nudged=self.nudged + other.nudged, failed=self.failed + other.failed, mailed=self.mailed + other.mailed
        )


@dataclass(frozen=True, kw_only=True)
class _Nudge:
    """What is to be said to whom."""

    recipient: str
    message: NudgeMessage


@dataclass(frozen=True, kw_only=True)
class _Later:
    """Why something is not said now: for good (``state``), or until a moment; a try that failed counts."""

    reason: str
    state: DeliveryState = DeliveryState.QUEUED
    until: datetime | None = None
    failed: bool = False


class NudgeTurn:
    """One way's turn: who is to be told by it, one after the other, for a minute at the most.

    Args:
        db: the database.
        settings: the configuration.
        clock: tells the time.
        way: by which.
        renderer: says whether there is anything to tell, and in which words.
        stop: asked between two readers.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        clock: Clock,
        way: NudgeSettings,
        renderer: MailRenderer,
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._way = way
        self._renderer = renderer
        self._links = Links(settings, clock)
        self._stop = stop
        self._random = Random()  # noqa: S311 - spreads tries, keeps no secret
        self._lease = Lease(db, NudgeWay, way.name, clock, length=NUDGE_LEASE)

    def take(self) -> NudgeCount:
        """Tell those who are to be told, unless another process has the turn; return what came of it."""
        now = self._clock.now()
        with self._db.write() as session:
            ensure_way(session, self._way.name)
            if not self._lease.take(session, (_W.retry_at.is_(None)) | (_W.retry_at <= now)):
                return NudgeCount()
        with self._lease.kept_up():
            return self._work()

    def _work(self) -> NudgeCount:
        count, until = NudgeCount(), time.monotonic() + _TURN.total_seconds()
        while not self._stop() and time.monotonic() < until:
            with self._db.read() as session:
                rows = due_nudges(session, self._way.name, self._clock.now(), most=_AT_ONCE)
            if not rows:
                break
            for row in rows:
                if self._stop() or self._lease.lost:
                    return count
                told, goes_on = self._tell(row)
                count += told
                if not goes_on:
                    return count
        return count

    def _tell(self, row: Claimed) -> tuple[NudgeCount, bool]:
        """Tell one reader; return what came of it, and whether the turn goes on."""
        with self._db.read() as session:
            found = self._prepared(session, row, self._clock.now())
        if isinstance(found, _Later):
            if found.failed:
                return self._failed(row, found.reason)
            self._leave(row, found)
            return NudgeCount(), True
        try:
            taken = send_nudge(self._way, found.recipient, found.message)
        except ConfigurationError as error:
            return self._unusable(str(error))
        return self._taken(row) if taken else self._failed(row, _NOT_TAKEN)

    def _prepared(self, session: Session, row: Claimed, now: datetime) -> _Nudge | _Later:
        """Make the last check, and write the message: somebody may have left, or taken their wish back, just now."""
        (person,) = check_recipients(session, [row], settings=self._settings, now=now)
        if isinstance(person, Withheld):
            held = DeliveryState.HELD if person.held else DeliveryState.SUPPRESSED
            state = held if person.held or person.until is None else DeliveryState.QUEUED
            return _Later(reason=person.reason, state=state, until=person.until)
        choice = session.get(NudgeChoice, row.subscriber_id)
        if row.kind == NUDGE_CONFIRMATION:
            return self._question(choice, row, person)
        if choice is None or choice.way != self._way.name or choice.recipient is None:
            return _Later(reason="chosen anew", until=now)  # in the next round, by the way that holds then
        mails = [(cast("Delivery", replace(row, kind=DIGEST)), cast("Subscriber", person))]
        (mail,) = self._renderer(session, mails)
        if mail is None:
            return _Later(reason="nothing to send", state=DeliveryState.SUPPRESSED)
        if not isinstance(mail, Message):
            return _Later(reason=type(mail).__name__, failed=True)
        url = self._links.digest(int(row.data.get("digest_id", 0)), cast("Subscriber", person))
        return _Nudge(recipient=choice.recipient, message=self._said(person, "nudge.text", url))

    def _question(self, choice: NudgeChoice | None, row: Claimed, person: Recipient) -> _Nudge | _Later:
        asked_at = choice.asked_at if choice is not None else None
        meant = asked_at is not None and int(asked_at.timestamp()) == row.data.get("asked")
        if choice is None or asked_at is None or choice.asked_recipient is None or not meant:
            return _Later(reason="asked for no more", state=DeliveryState.SUPPRESSED)
        url = self._links.nudges(cast("Subscriber", person), asked_at)
        return _Nudge(recipient=choice.asked_recipient, message=self._said(person, "nudge.confirm", url))

    def _said(self, person: Recipient, key: str, url: str) -> NudgeMessage:
        words = self._renderer.words_of(cast("Subscriber", person))
        title = self._settings.service.discreet_name or words.say("discreet.brand")
        return NudgeMessage(title=title, text=words.say(key, url=url))

    def _leave(self, row: Claimed, later: _Later) -> None:
        with self._db.write() as session:
            if later.state is DeliveryState.QUEUED:
                until = later.until or row.not_before
                put_off_nudge(session, row, until, later.reason, counted=False)
            else:
                settle_nudge(session, row, later.state, later.reason)
        log.info("nudge.withheld", delivery=row.id, kind=row.kind, reason=later.reason)

    def _taken(self, row: Claimed) -> tuple[NudgeCount, bool]:
        now = self._clock.now()
        with self._db.write() as session:
            noted = note_nudged(session, row, self._way.name, now)
            choice = session.get(NudgeChoice, row.subscriber_id)
            if choice is not None and row.kind != NUDGE_CONFIRMATION:
                choice.failed_at = None
            works = {"failures": 0, "failing_since": None, "retry_at": None}
            held = self._lease.change(session, **works, last_success_at=now)
            end_findings(session, NUDGES_FAILING, [self._way.name])
            counters.count_up(session, HourlyCounts.NUDGED, int(noted), at=now)
        log.debug("nudge.sent", delivery=row.id, kind=row.kind, attempts=row.attempts)
        return NudgeCount(nudged=1), held

    def _failed(self, row: Claimed, reason: str) -> tuple[NudgeCount, bool]:
        """Write down a try that failed: it is made again after a growing pause, or a mail tells instead."""
        now = self._clock.now()
        log.warning("nudge.failed", way=self._way.name, delivery=row.id, reason=reason)
        with self._db.write() as session:
            put_off_nudge(session, row, now + backoff(row.attempts, self._random), reason, counted=True)
            since = func.coalesce(_W.failing_since, now)
            held = self._lease.change(session, failures=_W.failures + 1, failing_since=since)
            mailed = self._given_up(session, now)
            fails = held and self._fails_for_many(session)
            if fails:
                mailed += self._rest(session, reason, now)
        return NudgeCount(failed=1, mailed=mailed), held and not fails

    def _unusable(self, reason: str) -> tuple[NudgeCount, bool]:
        """Write down that nothing can be told by this way at all."""
        now = self._clock.now()
        log.error("nudge.way_unusable", way=self._way.name, reason=reason)
        with self._db.write() as session:
            since = func.coalesce(_W.failing_since, now)
            self._lease.change(session, failures=_W.failures + 1, failing_since=since)
            mailed = self._rest(session, reason, now)
        return NudgeCount(failed=1, mailed=mailed), False

    def _rest(self, session: Session, reason: str, now: datetime) -> int:
        """Leave the way alone for a while, with all that waits for it; return how many are told by mail instead."""
        failures = session.exec(select(NudgeWay.failures).where(NudgeWay.name == self._way.name)).one()
        until = now + min(backoff(max(1, failures), self._random), LONGEST_REST)
        count_failed_try(session, self._way.name, until, now)
        self._lease.change(session, retry_at=until)
        tell_failing_way(session, self._way.name, reason, now)
        log.error("nudge.way_failing", way=self._way.name, reason=reason)
        return self._given_up(session, now)

    def _given_up(self, session: Session, now: datetime) -> int:
        """Give up what was tried often enough; return how many digests are told by mail instead."""
        return give_up_nudges(session, self._way.name, tries_until(self._way.give_up_after), now)

    def _fails_for_many(self, session: Session) -> bool:
        """Tell whether it is the way that fails: nothing was taken of late, for some people or for all who chose it."""
        name = self._way.name
        failures = session.exec(select(NudgeWay.failures).where(NudgeWay.name == name)).one()
        if failures < _MANY:
            return False
        count = func.count
        chosen = select(count(), count(col(NudgeChoice.failed_at))).where(col(NudgeChoice.way) == name)
        readers, unreached = session.exec(chosen.where(col(NudgeChoice.confirmed_at).is_not(None))).one()
        told, asked = failing_people(session, name)
        return told + unreached >= min(_MANY, max(1, readers)) or told + asked >= _MANY
