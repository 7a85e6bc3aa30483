"""Owns the last check right before a mail leaves: is this person still to be mailed, and may it be now?

Nothing that was decided when the mail was queued counts here: somebody may have unsubscribed a second ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from trialalerts.delivery.confirmations import CONFIRMATION
from trialalerts.delivery.limits import quiet_until
from trialalerts.delivery.outbox import Claimed
from trialalerts.delivery.suppressions import address_hash
from trialalerts.delivery.tables import SoftBounces, Suppression
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["Withheld", "last_check"]

_AFTER_PAUSE = timedelta(hours=6)
_CONFIRMED_TO = {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """Why a mail does not leave: for good, or ``until`` a moment."""

    reason: str
    until: datetime | None = None


def last_check(
    session: Session, rows: Sequence[Claimed], *, settings: Settings, now: datetime
) -> list[Subscriber | Withheld]:
    """Return for each mail whom it goes to, or why it must not leave (promise 4 stands or falls here)."""
    numbers = {row.subscriber_id for row in rows}
    people = {each.id: each for each in session.exec(select(Subscriber).where(col(Subscriber.id).in_(numbers)))}
    secret = settings.service.secret.get_secret_value()
    hashes = {number: address_hash(secret, person.address) for number, person in people.items()}
    found = session.exec(
        select(Suppression.address_hash, Suppression.reason).where(col(Suppression.address_hash).in_(hashes.values()))
    )
    suppressed = dict(found.all())
    resting = session.exec(
        select(SoftBounces.subscriber_id, SoftBounces.not_before).where(
            col(SoftBounces.subscriber_id).in_(numbers), col(SoftBounces.not_before) > now
        )
    )
    rests = dict(resting.all())

    def checked(row: Claimed) -> Subscriber | Withheld:
        person = people.get(row.subscriber_id)
        if person is None:
            return Withheld(reason="nobody to send it to")
        if reason := suppressed.get(hashes[person.id]):
            return Withheld(reason=f"suppressed ({reason})")
        if row.kind == CONFIRMATION:  # somebody waits for it
            return person if person.state in _CONFIRMED_TO else Withheld(reason=person.state)
        withheld = _by_state(person, now) or _by_time(person, now, rests.get(row.subscriber_id), settings)
        return withheld or person

    return [checked(row) for row in rows]


def _by_state(person: Subscriber, now: datetime) -> Withheld | None:
    if person.state is SubscriberState.ACTIVE:
        return None
    if person.state is SubscriberState.PAUSED:
        return Withheld(reason=person.state, until=max(person.paused_until or now + _AFTER_PAUSE, now))
    return Withheld(reason=person.state)


def _by_time(person: Subscriber, now: datetime, rest: datetime | None, settings: Settings) -> Withheld | None:
    if rest is not None:
        return Withheld(reason="soft bounces", until=rest)
    if until := quiet_until(settings.mail.quiet_hours, person.timezone, now):
        return Withheld(reason="quiet hours", until=until)
    return None
