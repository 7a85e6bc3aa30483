"""Letting one wish rest for a time: what happens meanwhile is told once it goes on."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from trialalerts.database.counter import CHANGES, current_number
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.schedule import local_moment
from trialalerts.subscribers.tables import NEVER_SERVED, ConsentAction, Preference, Subscriber

__all__ = ["end_rests", "let_rest", "rest_preference", "wake_preference"]


def rest_preference(
    session: Session, subscriber: Subscriber, number: int, *, until: date, how: str, now: datetime
) -> None:
    """Leave one wish out of the digests until a local day begins.

    From where the digests stand now its changes wait, so that none is lost and none told twice.

    Raises:
        NotFound: the subscriber has no such wish.
        InvalidInput: the day is not in the future.
    """
    preference = _own(session, subscriber, number)
    ends = local_moment(until, 0, subscriber.timezone)
    if ends <= now:
        raise InvalidInput(f"“{until}” is not in the future; name a later day.")
    let_rest(session, subscriber, preference, ends)
    what = f"preference {number} paused"
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=what, new=f"until {until}", now=now)
    session.flush()


def let_rest(session: Session, subscriber: Subscriber, preference: Preference, ends: datetime) -> None:
    """Let a wish rest until a moment, from where the digests stand now."""
    if preference.paused_seq is None:
        served = subscriber.cursor != NEVER_SERVED
        preference.paused_seq = subscriber.cursor if served else current_number(session, CHANGES)
        if not served:
            preference.introduced_at = None  # with the first digest after the rest it is told what is open then
    preference.paused_until = ends


def wake_preference(session: Session, subscriber: Subscriber, number: int, *, how: str, now: datetime) -> None:
    """Let a wish go on before its rest is over.

    Raises:
        NotFound: the subscriber has no such wish.
    """
    preference = _own(session, subscriber, number)
    if preference.paused_until is None:
        return
    preference.paused_until = None
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"preference {number} resumed", now=now)
    session.flush()


def end_rests(session: Session, now: datetime) -> int:
    """Let every wish go on whose rest is over; return how many."""
    over = list(session.exec(select(Preference).where(col(Preference.paused_until) <= now)))
    for preference in over:
        preference.paused_until = None
    session.flush()
    return len(over)


def _own(session: Session, subscriber: Subscriber, number: int) -> Preference:
    preference = session.get(Preference, number)
    if preference is None or preference.subscriber_id != subscriber.id:
        raise NotFound(f"This subscriber has no preference {number}.")
    return preference
