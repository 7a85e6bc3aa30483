"""What stands between a subscriber and the next mail, as far as it is not a matter of news.

Each obstacle is asked where the sender or the composer asks it, so that what is told here is what happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.delivery.outbox.allowed import allowed_recipients
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT, NUDGES
from trialalerts.delivery.outbox.suppressions import domain_of, is_suppressed
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, RefusedAddress, SendingHold, SoftBounces
from trialalerts.delivery.policy.mass_guard import EVERYWHERE, held_words
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.delivery.sending.limits import quiet_until
from trialalerts.digests.overdue import waited_for
from trialalerts.settings import Settings
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, Subscriber, SubscriberState, id_of

__all__ = ["Obstacle", "Obstacles", "WhyNoMail", "obstacles_of"]


class WhyNoMail(StrEnum):
    """Why somebody gets no mail now; in this order they are told."""

    PENDING = "pending"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    RESTING = "resting"
    QUIET_HOURS = "quiet_hours"
    HELD_BACK = "held_back"
    NOTHING_NEW = "nothing_new"
    NOT_DUE = "not_due"


_FOR_GOOD = {WhyNoMail.PENDING, WhyNoMail.UNSUBSCRIBED, WhyNoMail.COMPLAINED, WhyNoMail.SUPPRESSED}
_STATES = {
    SubscriberState.PENDING: WhyNoMail.PENDING,
    SubscriberState.PAUSED: WhyNoMail.PAUSED,
    SubscriberState.UNSUBSCRIBED: WhyNoMail.UNSUBSCRIBED,
    SubscriberState.ERASED: WhyNoMail.UNSUBSCRIBED,
    SubscriberState.BOUNCED: WhyNoMail.BOUNCED,
    SubscriberState.COMPLAINED: WhyNoMail.COMPLAINED,
}


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One reason, a sentence for the operator, and until when it holds (None: until somebody does something).

    ``needs`` tells whether no moment ends it: then no next mail can be foreseen.
    """

    reason: WhyNoMail
    text: str
    until: datetime | None = None
    needs: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {"reason": self.reason.value, "text": self.text, "until": self.until}


@dataclass(frozen=True, kw_only=True)
class Obstacles:
    """All that holds for a subscriber now."""

    subscriber: Subscriber
    found: tuple[Obstacle, ...]
    queued: tuple[Delivery, ...]

    @property
    def reasons(self) -> list[str]:
        """The words of what holds, each once."""
        return [*dict.fromkeys(each.reason.value for each in self.found)]

    @property
    def stops_digests(self) -> bool:
        """Whether no digest is composed or sent to this person, whatever is new."""
        return any(each.reason in _FOR_GOOD | {WhyNoMail.PAUSED, WhyNoMail.BOUNCED} for each in self.found)

    def next_mail(self, settings: Settings, now: datetime, *, something_new: bool) -> datetime | None:
        """Return the earliest moment at which a mail can leave; None where nobody can foresee one."""
        if any(each.reason in _FOR_GOOD or each.needs for each in self.found):
            return None
        composed = self._composed(now, something_new=something_new)
        moments = [each.not_before for each in self.queued] + ([composed] if composed else [])
        if not moments:
            return None
        held = [each.until for each in self.found if each.until is not None]
        earliest = max([min(moments), now, *held])
        quiet = quiet_until(settings.mail.quiet_hours, self.subscriber.timezone, earliest)
        return quiet or earliest

    def _composed(self, now: datetime, *, something_new: bool) -> datetime | None:
        who = self.subscriber
        if who.state is SubscriberState.PAUSED and who.paused_until is not None and who.paused_until <= now:
            return _slot(who, now)
        begins = next((each.until for each in self.found if each.reason in {WhyNoMail.PAUSED, WhyNoMail.BOUNCED}), None)
        if begins is not None:
            return begins if who.cursor == NEVER_SERVED else _slot(who, begins)
        if who.state is not SubscriberState.ACTIVE:
            return None
        if who.frequency is Frequency.IMMEDIATELY and not something_new:
            return None
        return max(who.next_due_at or now, now)


def _slot(who: Subscriber, after: datetime) -> datetime:
    return next_due(who.frequency, who.hour, who.weekday, who.day, who.timezone, after)


def obstacles_of(session: Session, settings: Settings, now: datetime, subscriber: Subscriber) -> Obstacles:
    """Return what stands in the way of mail to a subscriber; news and due times are not looked at."""
    queued = select(Delivery).where(
        col(Delivery.subscriber_id) == subscriber.id,
        col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.SENDING]),
    )
    waiting = tuple(session.exec(queued.order_by(col(Delivery.id))))
    found = [
        *_by_state(session, subscriber, now),
        *_suppressed(session, settings, subscriber),
        *_resting(session, subscriber, now),
        *_quiet(settings, subscriber, now),
        *_held(session, settings, subscriber, now),
    ]
    known = any(each.until is not None or each.needs for each in found)
    found += [] if known else _later(waiting, now)
    order = list(WhyNoMail)
    return Obstacles(
        subscriber=subscriber, found=tuple(sorted(found, key=lambda each: order.index(each.reason))), queued=waiting
    )


def _by_state(session: Session, who: Subscriber, now: datetime) -> Iterator[Obstacle]:
    reason = _STATES.get(who.state)
    if reason is WhyNoMail.PAUSED and who.paused_until is not None and who.paused_until <= now:
        return  # the next round of composing ends it
    why = f" ({who.state_reason})" if who.state_reason else ""
    if reason is WhyNoMail.PENDING:
        text = f"has not confirmed yet; asked on {who.created_at:%Y-%m-%d}. Nobody is mailed who did not ask{why}"
        yield Obstacle(reason=reason, text=text)
    elif reason is WhyNoMail.PAUSED:
        until = who.paused_until
        ends = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until you say: trialalerts subscribers resume EMAIL"
        text = f"paused {ends}; what happens meanwhile is told afterwards"
        yield Obstacle(reason=reason, text=text, until=until, needs=until is None)
    elif reason is WhyNoMail.BOUNCED:
        bounces = session.get(SoftBounces, id_of(who))
        parked = bounces.parked_until if bounces else None
        remedy = "" if parked else "; once it works again: trialalerts suppressions lift EMAIL"
        yield Obstacle(reason=reason, text=f"mail came back{why}{remedy}", until=parked, needs=parked is None)
    elif reason is not None:
        word = {WhyNoMail.UNSUBSCRIBED: "left", WhyNoMail.COMPLAINED: "called a mail spam"}[reason]
        yield Obstacle(reason=reason, text=f"{word}{why}; only signing up again brings mail")


def _suppressed(session: Session, settings: Settings, who: Subscriber) -> Iterator[Obstacle]:
    secrets = settings.service.hash_keys
    found = is_suppressed(session, secrets, who.address) if secrets[0] else None
    if found is not None:
        detail = f": {found.detail}" if found.detail else ""
        text = (
            f"the address is suppressed ({found.reason}{detail}) since {found.since:%Y-%m-%d %H:%M} UTC; if that is "
            "wrong: trialalerts suppressions lift EMAIL"
        )
        yield Obstacle(reason=WhyNoMail.SUPPRESSED, text=text)


def _resting(session: Session, who: Subscriber, now: datetime) -> Iterator[Obstacle]:
    bounces, refused = session.get(SoftBounces, id_of(who)), session.get(RefusedAddress, id_of(who))
    parked = bounces.parked_until if bounces else None
    if parked is not None and parked > now:
        yield _rests(f"parked after {bounces.in_a_row if bounces else 0} soft bounces in a row", parked)
    elif bounces is not None and bounces.not_before is not None and bounces.not_before > now:
        yield _rests(f"the address rests after {bounces.in_a_row} soft bounces in a row", bounces.not_before)
    if refused is not None and refused.not_before > now:
        yield _rests("the address rests: its server refuses our mail by a policy", refused.not_before)


def _rests(what: str, until: datetime) -> Obstacle:
    text = f"{what}, until {until:%Y-%m-%d %H:%M} UTC; then it is tried again"
    return Obstacle(reason=WhyNoMail.RESTING, text=text, until=until)


def _quiet(settings: Settings, who: Subscriber, now: datetime) -> Iterator[Obstacle]:
    until = quiet_until(settings.mail.quiet_hours, who.timezone, now)
    if until is not None:
        text = f"quiet hours ({settings.mail.quiet_hours}, {who.timezone}) until {until:%Y-%m-%d %H:%M} UTC"
        yield Obstacle(reason=WhyNoMail.QUIET_HOURS, text=text, until=until)


def _held(session: Session, settings: Settings, who: Subscriber, now: datetime) -> Iterator[Obstacle]:
    reason = WhyNoMail.HELD_BACK
    if not allowed_recipients(settings.mail.only_to).admits(who.address):
        yield Obstacle(reason=reason, text="mail.only_to holds back all mail to this address", needs=True)
    held = select(Delivery.id).where(col(Delivery.subscriber_id) == who.id, col(Delivery.state) == DeliveryState.HELD)
    if kept := len(session.exec(held).all()):
        text = f"{kept} held back by mail.only_to, for good; to send: trialalerts deliveries retry --held"
        yield Obstacle(reason=reason, text=text)
    if pause := pause_of(session):
        text = f"sending is paused: {pause.reason}; when it is mended: trialalerts deliveries resume"
        yield Obstacle(reason=reason, text=text, needs=True)
    for scope in (EVERYWHERE, domain_of(who.address)):
        if hold := session.get(SendingHold, scope):
            yield Obstacle(reason=reason, text=f"{held_words(scope)}: {hold.reason}", until=max(hold.retry_at, now))
    if who.state is SubscriberState.ACTIVE and who.cursor == NEVER_SERVED:
        for source in waited_for(session, settings, now):
            yield Obstacle(reason=reason, text=source.words(now), until=source.until, needs=source.until is None)


def _named(mail: Delivery) -> str:
    if mail.kind in NUDGES:
        return f"mail {mail.id} (a nudge, which tells elsewhere)"
    return f"mail {mail.id} (an announcement)" if mail.kind == ANNOUNCEMENT else f"mail {mail.id}"


def _later(queued: tuple[Delivery, ...], now: datetime) -> list[Obstacle]:
    """Say of mails that wait for a turn, or for another try, until when."""
    return [
        Obstacle(
            reason=WhyNoMail.HELD_BACK,
            text=f"{_named(each)} waits until {each.not_before:%Y-%m-%d %H:%M} UTC"
            + (f" ({each.last_error})" if each.last_error else ""),
            until=each.not_before,
        )
        for each in queued
        if each.not_before > now + timedelta(minutes=1)
    ]
