"""Subscribers: signing up, confirming, changing, pausing, leaving.

Erasing has a file of its own (:mod:`trialalerts.subscribers.erasure`), so has what they follow (``preferences``).
Everything that changes what somebody agreed to is written to the consent log in the same transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from trialalerts.database.counter import CHANGES, current_number
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.account.telling import note_confirmed
from trialalerts.subscribers.account.unsubscribing import LEFT, Unsubscribe, unsubscribe_many
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.choices import (
    checked_day,
    checked_frequency,
    checked_heartbeat,
    checked_hour,
    checked_locale,
    checked_timezone,
    checked_unit,
    checked_weekday,
)
from trialalerts.subscribers.consent import ConsentText, note_text, record_consent, shown_values
from trialalerts.subscribers.erasure import close_books
from trialalerts.subscribers.follows.silence import lift_silence
from trialalerts.subscribers.follows.trials import follow_trial
from trialalerts.subscribers.preferences import NewPreference, add_preference, list_preferences
from trialalerts.subscribers.schedule import local_moment, next_due
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    ConsentAction,
    Frequency,
    Preference,
    Subscriber,
    SubscriberState,
)

__all__ = [
    "NewSubscriber", "Signup", "SubscriberChanges", "activate", "add_subscriber", "confirm", "edit", "end_pauses",
    "find_by_key", "find_subscriber", "list_subscribers", "new_subscriber", "pause", "resume", "schedule_next",
    "unsubscribe",
]  # fmt: skip

_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_SCHEDULE: dict[str, Callable[[Any], object]] = {
    "locale": checked_locale,
    "timezone": checked_timezone,
    "frequency": checked_frequency,
    "hour": checked_hour,
    "weekday": checked_weekday,
    "day": checked_day,
}
_TASTES: dict[str, Callable[[Any], object]] = {
    "heartbeat": checked_heartbeat,
    "discreet": bool,
    "area_in_subject": bool,
    "announcements": bool,
    "unit": checked_unit,
}
_CHECKS: dict[str, Callable[[Any], object]] = {"address": checked_address} | _SCHEDULE | _TASTES


@dataclass(frozen=True, kw_only=True)
class NewSubscriber:
    """Somebody who signs up; ``trials`` are items. ``hour`` is local (0–23), ``weekday`` 0 is Monday, ``day`` 1–28.

    ``came_by`` is the word of the link that led here; of somebody known it changes nothing.
    """

    address: str
    preferences: tuple[NewPreference, ...] = ()
    trials: tuple[int, ...] = ()
    locale: str = "en"
    timezone: str = "UTC"
    frequency: Frequency = Frequency.WEEKLY
    hour: int = 8
    weekday: int = 0
    day: int = 1
    agreed_to: ConsentText | None = None
    came_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Signup:
    """What a sign-up came to.

    ``created`` is false where the address was known; ``preferences`` are those asked for, ``added`` counts
    the new ones; ``to_confirm`` holds the ids that wait for a click on a confirmation link.
    """

    subscriber: Subscriber
    created: bool
    preferences: tuple[Preference, ...]
    added: int
    to_confirm: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SubscriberChanges:
    """What to change; None leaves a value as it is. ``heartbeat`` is ``monthly``, ``quarterly`` or ``off``."""

    address: str | None = None
    locale: str | None = None
    timezone: str | None = None
    frequency: Frequency | None = None
    hour: int | None = None
    weekday: int | None = None
    day: int | None = None
    heartbeat: str | None = None
    discreet: bool | None = None
    area_in_subject: bool | None = None
    announcements: bool | None = None
    unit: str | None = None


def add_subscriber(session: Session, new: NewSubscriber, *, confirmed: bool, how: str, now: datetime) -> Signup:
    """Sign somebody up, or add preferences to a known address.

    Without ``confirmed`` nothing is served until the link of a confirmation mail is used: ``to_confirm``
    tells what to ask for (see :func:`trialalerts.delivery.outbox.confirmations.request_confirmation`). Whoever is
    served already keeps language and schedule: a sign-up page must not let others change them.
    Whoever had left starts anew, with these preferences only.

    Raises:
        InvalidInput: the address, a choice or an area makes no sense; nothing is stored then.
    """
    subscriber, created = _subscriber_to_be(session, new, now)
    note_text(record_consent(session, subscriber, ConsentAction.SIGNED_UP, how=how, now=now), new.agreed_to)
    added = [add_preference(session, subscriber, each, confirmed=False, how=how, now=now) for each in new.preferences]
    added += [follow_trial(session, subscriber, each, confirmed=False, how=how, now=now) for each in new.trials]
    ids = [each.preference.id for each in added if each.preference.id is not None]
    if confirmed:
        confirm(session, subscriber, ids, how=how, now=now)
    pending = subscriber.state is SubscriberState.PENDING
    waiting = [each.preference.id for each in added if pending or each.preference.confirmed_at is None]
    return Signup(
        subscriber=subscriber,
        created=created,
        preferences=tuple(each.preference for each in added),
        added=sum(each.new for each in added),
        to_confirm=tuple(number for number in waiting if number is not None),
    )


def confirm(
    session: Session, subscriber: Subscriber, preference_ids: Collection[int], *, how: str, now: datetime
) -> bool:
    """Confirm these preferences of the subscriber; who was pending is active then, due for the first digest at once.

    Returns whether anything changed: a link used twice does nothing more, and nothing comes back for
    somebody who has left since.
    """
    if subscriber.state in LEFT:
        return False
    meant = [each for each in list_preferences(session, subscriber) if each.id in preference_ids]
    waiting = [each for each in meant if each.confirmed_at is None]
    activated = subscriber.state is SubscriberState.PENDING and bool(meant or not preference_ids)
    for preference in waiting:
        preference.confirmed_at = now
        if preference.item_id is not None:
            lift_silence(session, subscriber, preference.item_id, how=how, now=now)
    if activated:
        activate(subscriber, now, last_change=current_number(session, CHANGES))
    if waiting or activated:
        what = ", ".join(f"preference {each.id}" for each in meant)
        record_consent(session, subscriber, ConsentAction.CONFIRMED, how=how, what=what, now=now)
    if activated:
        note_confirmed(session, subscriber.key, now=now)
    session.flush()
    return bool(waiting) or activated


def find_subscriber(session: Session, address: str) -> Subscriber:
    """Return the subscriber with this address, however it is spelled.

    Raises:
        InvalidInput: this is no address.
        NotFound: nobody has it.
    """
    checked = checked_address(address)
    found = session.exec(select(Subscriber).where(col(Subscriber.address_key) == address_key(checked))).first()
    if found is None:
        raise NotFound(f"There is no subscriber “{checked}”; see: trialalerts subscribers list")
    return found


def find_by_key(session: Session, key: str) -> Subscriber | None:
    """Return the subscriber whose random key a link carries; None where there is none (any more)."""
    found = session.exec(select(Subscriber).where(col(Subscriber.key) == key)).first()
    return None if found is None or found.state is SubscriberState.ERASED else found


def list_subscribers(
    session: Session,
    *,
    states: Iterable[SubscriberState] = (),
    area_id: str | None = None,
    limit: int | None = None,
) -> list[Subscriber]:
    """Return subscribers in the order in which they came; all states but erased where none is named."""
    wanted = list(states) or [state for state in SubscriberState if state is not SubscriberState.ERASED]
    rows = select(Subscriber).where(col(Subscriber.state).in_(wanted)).order_by(col(Subscriber.id))
    if area_id is not None:
        followers = select(Preference.subscriber_id).where(col(Preference.area_id) == area_id)
        rows = rows.where(col(Subscriber.id).in_(followers))
    return list(session.exec(rows if limit is None else rows.limit(limit)))


def edit(session: Session, subscriber: Subscriber, changes: SubscriberChanges, *, how: str, now: datetime) -> list[str]:
    """Change the address, the language or the schedule; return the names of what is different now.

    Raises:
        InvalidInput: a value makes no sense, or another subscriber has the address; nothing is changed then.
    """
    values = {name: value for name, value in _checked(changes).items() if getattr(subscriber, name) != value}
    if "address" in values:
        values["address_key"] = _free_key(session, subscriber, values["address"])
    old, new = shown_values({name: getattr(subscriber, name) for name in values}), shown_values(values)
    for name, value in values.items():
        setattr(subscriber, name, value)
    if "heartbeat" in values:  # the quiet is counted from now on
        subscriber.heartbeat_at = now if values["heartbeat"] else None
    names = [name for name in values if name != "address_key"]
    if names:
        schedule_next(subscriber, now)
        said = {"what": ", ".join(names), "old": old, "new": new}
        record_consent(session, subscriber, ConsentAction.CHANGED, how=how, **said, now=now)
    session.flush()
    return names


def pause(session: Session, subscriber: Subscriber, *, until: date | None, how: str, now: datetime) -> None:
    """Stop digests until a local day begins, or until :func:`resume`; what happens meanwhile is told afterwards.

    Raises:
        InvalidInput: the day is not in the future, or the subscriber gets no digests anyway.
    """
    if subscriber.state not in _SERVED:
        raise InvalidInput(f"This subscriber is {subscriber.state}, so there is nothing to pause.")
    ends = local_moment(until, 0, subscriber.timezone) if until else None
    if ends is not None and ends <= now:
        raise InvalidInput(f"“{until}” is not in the future; name a later day.")
    was = subscriber.state
    subscriber.state = SubscriberState.PAUSED
    subscriber.paused_until = ends
    subscriber.next_due_at = None
    what = f"until {until}" if until else ""
    told = {"what": what, "old": was, "new": f"paused {what}"}
    record_consent(session, subscriber, ConsentAction.PAUSED, how=how, **told, now=now)
    session.flush()


def resume(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> None:
    """Let digests come again: to somebody who paused, or whose mail bounced for a time.

    Raises:
        InvalidInput: nothing to resume; somebody who has left must sign up again.
    """
    if subscriber.state not in {SubscriberState.PAUSED, SubscriberState.BOUNCED}:
        remedies = {SubscriberState.ACTIVE: "nothing to resume", SubscriberState.PENDING: "confirm first"}
        raise InvalidInput(f"This subscriber is {subscriber.state}: {remedies.get(subscriber.state, 'sign up again')}.")
    was = subscriber.state
    subscriber.state = SubscriberState.ACTIVE
    subscriber.state_reason = None
    subscriber.paused_until = None
    schedule_next(subscriber, now)
    record_consent(session, subscriber, ConsentAction.RESUMED, how=how, old=was, new=subscriber.state, now=now)
    session.flush()


def end_pauses(session: Session, now: datetime) -> int:
    """Resume everybody whose pause is over; return how many."""
    over = select(Subscriber).where(
        col(Subscriber.state) == SubscriberState.PAUSED, col(Subscriber.paused_until) <= now
    )
    subscribers = list(session.exec(over))
    for subscriber in subscribers:
        resume(session, subscriber, how="schedule", now=now)
    return len(subscribers)


def unsubscribe(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Let somebody go, at once and whatever the state; return whether they were still there."""
    session.flush()
    left = unsubscribe_many(session, [Unsubscribe(key=subscriber.key, how=how)], now=now).left
    session.refresh(subscriber)
    return bool(left)


def _subscriber_to_be(session: Session, new: NewSubscriber, now: datetime) -> tuple[Subscriber, bool]:
    """Return the row to work on (known or new, pending unless served) and whether it is new."""
    wanted = new_subscriber(new, now)
    by_key = select(Subscriber).where(col(Subscriber.address_key) == wanted.address_key).with_for_update()
    known = session.exec(by_key).first()
    if known is None and not _inserted(session, wanted):
        known = session.exec(by_key).one()
    if known is not None and known.state not in _SERVED:
        _start_anew(session, known)
        for name in _SCHEDULE:
            setattr(known, name, getattr(wanted, name))
    session.flush()
    return known or wanted, known is None


def _inserted(session: Session, subscriber: Subscriber) -> bool:
    """Store a new row; False where another transaction stored the same address in this very moment."""
    try:
        with session.begin_nested():
            session.add(subscriber)
    except IntegrityError:
        return False
    return True


def new_subscriber(new: NewSubscriber, now: datetime) -> Subscriber:
    """Return the row of somebody new, pending, not yet stored.

    Raises:
        InvalidInput: the address or a choice makes no sense.
    """
    values = _checked(new)
    return Subscriber(
        key=secrets.token_urlsafe(16),
        address_key=address_key(values["address"]),
        state=SubscriberState.PENDING,
        created_at=now,
        came_by=new.came_by,
        **values,
    )


def activate(subscriber: Subscriber, now: datetime, *, last_change: int) -> None:
    """Make a confirmed subscriber active and due at once: for the first digest, or for what came since the last.

    ``last_change`` is the number of the last change there is: what comes after it is told to whoever is new.
    """
    if subscriber.cursor == NEVER_SERVED:
        subscriber.confirmed_seq = last_change
    subscriber.state = SubscriberState.ACTIVE
    subscriber.confirmed_at = now
    subscriber.next_due_at = now


def _start_anew(session: Session, subscriber: Subscriber) -> None:
    """Make somebody who had left, bounced or never confirmed pending; who had left follows nothing of before."""
    if subscriber.state in LEFT:
        close_books(session, subscriber)
    subscriber.state = SubscriberState.PENDING
    subscriber.state_reason = None


def schedule_next(subscriber: Subscriber, now: datetime) -> None:
    """Say when an active subscriber is due: at once for a first digest, else at the next slot."""
    if subscriber.state is SubscriberState.ACTIVE:
        which = (subscriber.frequency, subscriber.hour, subscriber.weekday, subscriber.day, subscriber.timezone)
        subscriber.next_due_at = now if subscriber.cursor == NEVER_SERVED else next_due(*which, now)


def _checked(wanted: NewSubscriber | SubscriberChanges) -> dict[str, Any]:
    """Return address, language and schedule as they are stored; without those that are to stay as they are.

    Raises:
        InvalidInput: one makes no sense.
    """
    given = {name: getattr(wanted, name, None) for name in _CHECKS}
    return {name: _CHECKS[name](value) for name, value in given.items() if value is not None}


def _free_key(session: Session, subscriber: Subscriber, address: str) -> str:
    key = address_key(address)
    other = session.exec(select(Subscriber).where(col(Subscriber.address_key) == key)).first()
    if other is not None and other.id != subscriber.id:
        raise InvalidInput(f"“{address}” belongs to another subscriber.")
    return key
