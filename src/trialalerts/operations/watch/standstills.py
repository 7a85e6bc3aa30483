"""What stands still, or is about to, as the database, the disk and the configuration show it now.

Nothing here is stored: doctor, ``/readyz``, the metrics and the alerts ask the same. A process that is missing counts
only where work is overdue, so that a service of ``run --once`` by cron is ready between two rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.catalog.changes.baselines import AWAITED
from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.database.heartbeats import Heartbeat, heartbeats
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.feedback.status import SILENT_FOR, is_silent
from trialalerts.delivery.feedback.webhooks.providers import PROVIDERS
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, MailboxState, RequestedMail
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.digests.overdue import overdue, waited_for
from trialalerts.errors import ConfigurationError
from trialalerts.operations.checks.machine import ENOUGH, least_room
from trialalerts.operations.watch.pulse import BY_HAND
from trialalerts.operations.watch.words import words_for
from trialalerts.plurals import counted
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.tables import SourceState

__all__ = ["LATE", "LATE_BY_CRON", "Standstill", "find_standstills", "last_seen", "lateness", "not_yet_over"]

LATE = timedelta(minutes=15)
"""So late a running daemon is with nothing: what waits longer stands still."""
LATE_BY_CRON = timedelta(hours=2)
"""The same where no daemon was seen, only rounds by hand or by cron."""
_ANSWERED = timedelta(hours=2)
"""Longer than a limit puts off what a reader writes, unless very many write."""
_INTERVALS = 3
_FAILURES = 3
_RATES = "bounce-rate", "complaint-rate"
_NEAR, _STILL_NEAR = 0.5, 0.25
"""This part of the rate that stops all sending is worth a word, and it is over at that part."""
_MANY_WITHOUT_AREA = 0.25
_A_FEW_ITEMS, _NEWEST_ITEMS = 40, 200


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """Something that stands still: what kind, about what, since when; ``number`` is how much, where it is counted.

    ``text`` is a sentence without address, disease or anything that others said.
    """

    kind: str
    subject: str
    since: datetime
    text: str
    number: int | None = None

    @property
    def command(self) -> str:
        """The command that shows or mends it."""
        return words_for(self.kind).command

    @property
    def blocks(self) -> bool:
        """Whether the service is not ready; mail to one domain that rests leaves it so, all mail does not."""
        return words_for(self.kind).blocks or (self.kind == mass_guard.HELD and not self.subject)


def lateness(beats: Sequence[Heartbeat]) -> timedelta:
    """Return how long work may wait: less where a daemon is, or was, at work than where only rounds are run."""
    daemons = [beat for beat in beats if not beat.process.endswith(f":{BY_HAND}")]
    return LATE if daemons else LATE_BY_CRON


def find_standstills(settings: Settings, db: Database, clock: Clock) -> list[Standstill]:
    """Return what stands still now, the longest first. Changes nothing."""
    now = clock.now()
    with db.read() as session:
        beats = heartbeats(session)
        late = lateness(beats)
        found = [
            *_overdue(settings, session, beats, now, late),
            *_stuck(session, beats, now, late),
            *_silent_sources(settings, session, beats, now),
            *_failing(beats, now),
            *_sending(settings, session, now),
            *_flooded(session, now),
            *_handed_off(session, now),
            *_feedback(settings, session, clock, late),
            *_without_area(session, now),
            *_findings(session),
        ]
    found += _disk(settings, db, now)
    return sorted(found, key=lambda each: (each.since, each.kind, each.subject))


def _standstill(kind: str, subject: str, since: datetime, more: str = "", number: int | None = None) -> Standstill:
    words = words_for(kind)
    said = words.about(subject)
    text = f"{number:,} {said}" if number is not None else said
    text = text[0].upper() + text[1:] if words.says and not (subject and words.names_subject) else text
    return Standstill(kind=kind, subject=subject, since=since, text=f"{text}{more}", number=number)


def _overdue(
    settings: Settings, session: Session, beats: Sequence[Heartbeat], now: datetime, late: timedelta
) -> Iterator[Standstill]:
    found = overdue(session, now - late, introducing=not waited_for(session, settings, now))
    if found.people and found.since:
        people = "person is overdue for the digest" if found.people == 1 else "people are overdue for their digest"
        text = f"{found.people:,} {people}; {last_seen(beats, 'compose', now)}"
        yield Standstill(kind="overdue", subject="", since=found.since, text=text, number=found.people)


def _stuck(session: Session, beats: Sequence[Heartbeat], now: datetime, late: timedelta) -> Iterator[Standstill]:
    """Look for mail that was due long ago; what a limit, a quiet hour or a hold put off is due later."""
    due = (col(Delivery.state) == DeliveryState.QUEUED) & (col(Delivery.not_before) <= now - late)
    number, since = session.exec(select(func.count(), func.min(Delivery.not_before)).where(due)).one()
    if number:
        text = f"{counted(number, 'mail')} that should have left; {last_seen(beats, 'send', now)}"
        yield Standstill(kind="queue-stuck", subject="", since=since, text=text, number=number)


def last_seen(beats: Sequence[Heartbeat], step: str, now: datetime) -> str:
    """Say when a step was at work last: what tells a dead process from one that fails."""
    own = [beat for beat in beats if beat.step == step]
    if not own:
        return f"no process is known to {step}"
    last = max(own, key=lambda beat: beat.started_at)
    if last.fails:
        return f"the step {step} fails since {last.finished_at or last.started_at:%Y-%m-%d %H:%M} UTC"
    process = next((each for each in beats if each.process == last.process and each.step == "process"), last)
    seen = max(filter(None, (last.started_at, last.finished_at, process.finished_at)))
    if now - seen > LATE:
        return f"no process was seen to {step} since {seen:%Y-%m-%d %H:%M} UTC"
    return f"the step {step} began last at {last.started_at:%Y-%m-%d %H:%M} UTC"


def _silent_sources(
    settings: Settings, session: Session, beats: Sequence[Heartbeat], now: datetime
) -> Iterator[Standstill]:
    for source in settings.sources:
        state = session.get(SourceState, source.name)
        since = _silent_since(state, source, now)
        if since is not None:
            failing = state is not None and state.error_count >= _FAILURES
            more = f"; {counted(state.error_count, 'poll')} in a row failed" if state is not None and failing else ""
            more = more or f"; {last_seen([b for b in beats if b.step.startswith('poll')], f'poll {source.name}', now)}"
            yield _standstill("source-silent", source.name, since, more)


def _silent_since(state: SourceState | None, source: SourceSettings, now: datetime) -> datetime | None:
    """Return since when a source is silent: read last, or tried first, more than three of its intervals ago."""
    if state is None or state.gone or state.held_since:
        return None
    last = state.last_success_at or state.first_attempt_at
    patience = _INTERVALS * max(source.every, timedelta(minutes=10))
    return last if last is not None and now - last > patience else None


def _failing(beats: Sequence[Heartbeat], now: datetime) -> Iterator[Standstill]:
    """Look for steps that failed last wherever they ran: one process of several may fail for a while."""
    for step in sorted({beat.step for beat in beats}):
        own = [beat for beat in beats if beat.step == step]
        latest = max(
            own, key=lambda beat: max(filter(None, (beat.finished_at, beat.failed_at)), default=beat.started_at)
        )
        if latest.fails and not step.startswith("poll "):
            good = [beat.finished_at for beat in own if beat.finished_at is not None]
            yield _standstill("step-failing", step, max(good, default=latest.failed_at or now))


def _sending(settings: Settings, session: Session, now: datetime) -> Iterator[Standstill]:
    if paused := pause_of(session):
        yield _standstill("sending-paused", "", paused.since)
        return
    for kind, number, of, limit in _rates(settings, session, now):
        if number > 1 and number / of >= limit * _NEAR:
            yield _standstill(kind, "", counters.hour_of(now), f" ({number:,} of {of:,})")


def not_yet_over(settings: Settings, session: Session, now: datetime) -> set[str]:
    """Return the kinds that are not over though they hold no more: rates hover around any limit.

    While all sending is paused, for such a rate as a rule, nothing is said to be over of it.
    """
    if pause_of(session):
        return set(_RATES)
    return {kind for kind, number, of, limit in _rates(settings, session, now) if number / of >= limit * _STILL_NEAR}


def _rates(settings: Settings, session: Session, now: datetime) -> Iterator[tuple[str, int, int, float]]:
    """Yield the rates for which the breaker pauses all sending: kind, how many of how many, the limit."""
    breaker = settings.mail.breaker
    counts = counters.since(session, counters.hour_of(now - breaker.window))
    sent, answered = counts[HourlyCounts.SENT], counts[HourlyCounts.SENT] + counts[HourlyCounts.REFUSED]
    if answered >= breaker.at_least:
        yield "bounce-rate", counts[HourlyCounts.BOUNCED], answered, breaker.bounce_rate
    if sent >= breaker.at_least:
        yield "complaint-rate", counts[HourlyCounts.COMPLAINED], sent, breaker.complaint_rate


def _flooded(session: Session, now: datetime) -> Iterator[Standstill]:
    """Look for confirmations that the limit on what strangers bring about puts off."""
    waiting = select(func.count()).where(col(RequestedMail.due_at) > now + timedelta(minutes=1))
    if number := session.exec(waiting).one():
        yield _standstill("confirmations-wait", "", now, number=number)


def _handed_off(session: Session, now: datetime) -> Iterator[Standstill]:
    """Look for what readers wrote and nobody got: a message is kept until it has left."""
    waiting = select(func.count(), func.min(Handoff.created_at)).where(col(Handoff.created_at) <= now - _ANSWERED)
    number, since = session.exec(waiting).one()
    if number:
        yield _standstill("messages-wait", "", since, f" ({counted(number, 'message')})")


def _feedback(settings: Settings, session: Session, clock: Clock, late: timedelta) -> Iterator[Standstill]:
    now = clock.now()
    if url := settings.feedback.mailbox.get_secret_value():
        try:
            name = open_mailbox(url, clock).name
        except ConfigurationError:
            return  # the doctor names it
        state = session.get(MailboxState, name)
        read = state.last_success_at if state else None
        if read is not None and now - read > 3 * max(settings.feedback.every, late):
            yield _standstill("mailbox-silent", "", read)
    for provider in PROVIDERS:
        used = f"{provider}://" in settings.mail.url.get_secret_value()
        if used and is_silent(session, provider, now=now):
            yield _standstill("webhook-silent", provider, now - SILENT_FOR)


def _without_area(session: Session, now: datetime) -> Iterator[Standstill]:
    """Look at the newest of what came in the last day: words of a source that nobody knows reach nobody.

    Asked from the newest on, by number: there is no index on when an item was first seen.
    """
    newest = select(Item.areas, Item.first_seen_at).order_by(col(Item.id).desc()).limit(_NEWEST_ITEMS)
    came = [areas for areas, seen_at in session.exec(newest) if seen_at > now - timedelta(days=1)]
    bare = sum(1 for each in came if not each.get("direct") and not each.get("ancestors"))
    if len(came) >= _A_FEW_ITEMS and bare >= _MANY_WITHOUT_AREA * len(came):
        yield _standstill("areas-missing", "", now, f" ({bare:,} of the last {len(came):,})")


def _findings(session: Session) -> Iterator[Standstill]:
    """Take over what other rooms found; a transport is benched only while it is left alone."""
    broken = {state.name for state in outages(session)}
    for finding in open_findings(session):
        if finding.kind == AWAITED or (finding.kind == "transport-benched" and finding.subject not in broken):
            continue
        yield _standstill(finding.kind, finding.subject, finding.since)


def _disk(settings: Settings, db: Database, now: datetime) -> Iterator[Standstill]:
    room = least_room(settings, db)
    if room is not None and room.free < ENOUGH:
        yield _standstill("disk-full", "", now, f" ({room.free // 1_000_000:,} MB free)")
