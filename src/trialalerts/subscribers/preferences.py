"""Preferences: what a subscriber follows, where, and with which filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from trialalerts.errors import InvalidInput, NotFound, UnknownArea
from trialalerts.subscribers.choices import checked_audience, checked_label, checked_sex, checked_words
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.preference_input import NewPreference, check_birthday, check_reach
from trialalerts.subscribers.tables import ConsentAction, Preference, RegionKind, Subscriber, id_of
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.tables import Area

if TYPE_CHECKING:
    from trialalerts.vocabulary.places.regions import Region

__all__ = [
    "MOST_PREFERENCES",
    "AddedPreference",
    "NewPreference",
    "add_preference",
    "checked_preference",
    "edit_preference",
    "find_preference",
    "list_preferences",
    "remove_preference",
    "same_preference",
    "unsaved_preference",
]

MOST_PREFERENCES = 50
"""How many preferences one subscriber may have: more than anybody means, fewer than would harm others."""


@dataclass(frozen=True, kw_only=True)
class AddedPreference:
    """The preference that now stands, and whether it is ``new`` or was there already."""

    preference: Preference
    new: bool


def add_preference(
    session: Session, subscriber: Subscriber, new: NewPreference, *, confirmed: bool, how: str, now: datetime
) -> AddedPreference:
    """Store a preference, or find the same one (area, region, filters); without ``confirmed`` it waits.

    A preference that is there already keeps its label; with ``confirmed`` it is confirmed.

    Raises:
        InvalidInput: an unknown area, word or birthday, or more preferences than one person can mean.
    """
    wanted = checked_preference(new, is_area=lambda area: session.get(Area, area) is not None, today=now.date())
    existing = list_preferences(session, subscriber)
    found = next((each for each in existing if same_preference(each, wanted)), None)
    if found is None and len(existing) >= MOST_PREFERENCES:
        raise InvalidInput(f"One subscriber has at most {MOST_PREFERENCES} preferences; remove one first.")
    preference = found or Preference(subscriber_id=id_of(subscriber), created_at=now, **wanted)
    newly_confirmed = confirmed and preference.confirmed_at is None
    if newly_confirmed:
        preference.confirmed_at = now
    session.add(preference)
    session.flush()
    what = f"preference {preference.id}"
    if found is None:
        record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=f"{what} added", now=now)
    if newly_confirmed:
        record_consent(session, subscriber, ConsentAction.CONFIRMED, how=how, what=what, now=now)
    return AddedPreference(preference=preference, new=found is None)


def edit_preference(
    session: Session, subscriber: Subscriber, preference_id: int, new: NewPreference, *, how: str, now: datetime
) -> list[str]:
    """Make one of the subscriber's preferences say something else; return the names of the columns that changed.

    It stays the same preference: its number, its confirmation and the day it began. Where it follows something
    else or reaches farther than before, what is open for it now is still to be told (``introduced_at``); other
    filters alone do not tell it all again.

    Raises:
        NotFound: the subscriber has no preference of this number.
        InvalidInput: as :func:`checked_preference` does; or another preference says the same already.
    """
    preference = _own(session, subscriber, preference_id)
    wanted = checked_preference(new, is_area=lambda area: session.get(Area, area) is not None, today=now.date())
    others = (each for each in list_preferences(session, subscriber) if each.id != preference_id)
    if any(same_preference(each, wanted) for each in others):
        raise InvalidInput("Another preference of this subscriber says the same already; remove one of the two.")
    changed = [name for name, value in wanted.items() if getattr(preference, name) != value]
    if _reaches_elsewhere(preference, wanted, set(changed)):
        preference.introduced_at = None
    for name in changed:
        setattr(preference, name, wanted[name])
    session.flush()
    if changed:  # which columns, never what they hold: the log outlives what is followed
        what = f"preference {preference_id} changed: {', '.join(changed)}"
        record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=what, now=now)
    return changed


def _reaches_elsewhere(preference: Preference, wanted: dict[str, Any], changed: set[str]) -> bool:
    """Tell whether a change of area, topics or region asks for more than fewer topics or a smaller circle there."""
    if preference.topics and not (wanted["topics"] and set(wanted["topics"]) <= set(preference.topics)):
        return True
    moved = changed & {"area_id", "region_kind", "country", "subdivision", "latitude", "longitude", "radius_km"}
    if moved == {"radius_km"}:
        before, after = preference.radius_km, wanted["radius_km"]
        return before is None or after is None or after > before
    return bool(moved)


def remove_preference(session: Session, subscriber: Subscriber, preference_id: int, *, how: str, now: datetime) -> None:
    """Remove one of the subscriber's preferences.

    Raises:
        NotFound: the subscriber has no preference of this number.
    """
    session.delete(_own(session, subscriber, preference_id))
    session.flush()
    what = f"preference {preference_id} removed"
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what=what, now=now)


def _own(session: Session, subscriber: Subscriber, preference_id: int) -> Preference:
    preference = find_preference(session, preference_id)
    if preference.subscriber_id != subscriber.id:
        raise NotFound(f"This subscriber has no preference {preference_id}.")
    return preference


def find_preference(session: Session, preference_id: int) -> Preference:
    """Return a preference by its number.

    Raises:
        NotFound: there is none.
    """
    preference = session.get(Preference, preference_id)
    if preference is None:
        raise NotFound(f"There is no preference {preference_id}; see: trialalerts preferences list EMAIL")
    return preference


def list_preferences(session: Session, subscriber: Subscriber) -> list[Preference]:
    """Return the subscriber's preferences, confirmed or not, oldest first."""
    rows = select(Preference).where(col(Preference.subscriber_id) == subscriber.id).order_by(col(Preference.id))
    return list(session.exec(rows))


def unsaved_preference(new: NewPreference, *, is_area: Callable[[str], bool], now: datetime) -> Preference:
    """Return a preference that is not stored, to try it out.

    Raises:
        InvalidInput: as :func:`checked_preference` does.
    """
    columns = checked_preference(new, is_area=is_area, today=now.date())
    return Preference(subscriber_id=0, created_at=now, confirmed_at=now, **columns)


def checked_preference(new: NewPreference, *, is_area: Callable[[str], bool], today: date) -> dict[str, Any]:
    """Return the columns of a preference as they are stored; ``is_area`` tells whether an area of this id exists.

    Raises:
        InvalidInput: an unknown area or word, or a birthday of nobody alive.
    """
    for area_id in (new.area_id, *new.excluded_areas):
        if area_id != ANY_AREA and not is_area(area_id):
            raise UnknownArea(area_id)
    if new.area_id in new.excluded_areas:
        raise InvalidInput(f"The area {new.area_id} is both followed and excluded; leave one of the two out.")
    check_birthday(new.born_on, today)
    check_reach(new)
    return {
        "area_id": new.area_id,
        **_region_columns(new.region),
        "born_on": new.born_on,
        "sex": checked_sex(new.sex),
        "healthy_volunteer": new.healthy_volunteer,
        "phases": checked_words(new.phases, "phase"),
        "item_kinds": checked_words(new.item_kinds, "kind of item"),
        "change_kinds": checked_words(new.change_kinds, "kind of change"),
        "excluded_areas": sorted(set(new.excluded_areas)),
        "topics": sorted(set(new.topics)),
        "audience": checked_audience(new.audience),
        "label": checked_label(new.label),
    }


def _region_columns(region: Region) -> dict[str, Any]:
    return {
        "region_kind": RegionKind(region.kind),
        "region_label": region.label,
        "country": region.country,
        "subdivision": region.subdivision,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "radius_km": region.radius_km,
    }


def same_preference(preference: Preference, wanted: dict[str, Any]) -> bool:
    """Tell whether these columns make the same preference, whatever its label and the spelling of its place."""
    return all(getattr(preference, name) == wanted[name] for name in wanted.keys() - {"label", "region_label"})
