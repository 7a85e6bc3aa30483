"""The trials that somebody follows: each a preference with an item, to whom every later change of it is told.

Such a row has no place and no filters, and its area is no area (:data:`~trialalerts.subscribers.tables.ONE_TRIAL`). It
names the item, not a number: a trial goes on being followed when it gets another number, or a second registry's record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.follows.silence import lift_silence
from trialalerts.subscribers.preferences import AddedPreference, remove_preference
from trialalerts.subscribers.tables import NO_PLACE, ONE_TRIAL, ConsentAction, Preference, Subscriber, id_of

__all__ = [
    "MOST_FOLLOWED",
    "follow_columns",
    "follow_trial",
    "followed_trials",
    "unfollow_trial",
    "wanted_trial",
]

MOST_FOLLOWED = 100
"""How many trials one subscriber may follow: more than anybody reads of, fewer than would harm others."""


def wanted_trial(session: Session, number: str) -> int:
    """Return the item of the trial that is known under a number.

    Raises:
        InvalidInput: none is.
    """
    found = find_trial(session, number)
    if found is None or found.id is None:
        raise InvalidInput(f"No trial is known here under “{number}”; write its number like NCT01234567.")
    return found.id


def follow_columns(item_id: int) -> dict[str, Any]:
    """Return the columns of a preference that follows one trial: no place, no filter."""
    nothing = {each.name: list(each.empty) if isinstance(each.empty, tuple) else each.empty for each in FILTERS}
    return {
        "area_id": ONE_TRIAL,
        "item_id": item_id,
        **NO_PLACE,
        "label": None,
        **nothing,
    }


def follow_trial(
    session: Session, subscriber: Subscriber, item_id: int, *, confirmed: bool, how: str, now: datetime
) -> AddedPreference:
    """Let somebody follow a trial, or find that they do; without ``confirmed`` it waits for their word.

    Who follows it by their own press knows it as it is: nothing of it is introduced to them then. Whoever had silenced
    it hears of it again.

    Raises:
        InvalidInput: more trials than one person can mean.
    """
    known = followed_trials(session, subscriber)
    found = next((each for each in known if each.item_id == item_id), None)
    if found is None and len(known) >= MOST_FOLLOWED:
        raise InvalidInput(f"One subscriber follows at most {MOST_FOLLOWED} trials; leave one first.")
    columns = follow_columns(item_id)
    preference = found or Preference(subscriber_id=id_of(subscriber), created_at=now, **columns)
    newly_confirmed = confirmed and preference.confirmed_at is None
    if confirmed:
        lift_silence(session, subscriber, item_id, how=how, now=now)
    if newly_confirmed:
        preference.confirmed_at = now
        preference.introduced_at = now
    session.add(preference)
    session.flush()
    if found is None or newly_confirmed:
        action = ConsentAction.CONFIRMED if newly_confirmed else ConsentAction.CHANGED
        record_consent(session, subscriber, action, how=how, what=f"preference {preference.id} added", now=now)
    return AddedPreference(preference=preference, new=found is None)


def unfollow_trial(session: Session, subscriber: Subscriber, item_id: int, *, how: str, now: datetime) -> int:
    """Let somebody follow a trial no longer; return the number of the preference that was.

    Raises:
        NotFound: they do not follow it.
    """
    found = next((each for each in followed_trials(session, subscriber) if each.item_id == item_id), None)
    if found is None or found.id is None:
        raise NotFound("This subscriber does not follow this trial; see: trialalerts follows list EMAIL")
    remove_preference(session, subscriber, found.id, how=how, now=now)
    return found.id


def followed_trials(session: Session, subscriber: Subscriber) -> list[Preference]:
    """Return the preferences by which somebody follows single trials, confirmed or not, oldest first."""
    rows = select(Preference).where(
        col(Preference.subscriber_id) == subscriber.id, col(Preference.item_id).is_not(None)
    )
    return list(session.exec(rows.order_by(col(Preference.id))))
