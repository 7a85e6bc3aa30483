"""Preferences: what a subscriber follows, where, and with which filters; checked in one place, whoever reads it.

A form, a command or a line of a file hands over what was typed, as a :class:`PreferenceInput`. What it means is a
:class:`NewPreference`, which is stored as a row. All that is wrong is found at once, each under its name: a command and
a file tell the first, a form tells all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from sqlmodel import Session, col, select

from trialalerts.errors import InvalidInput, NotFound, UnknownArea
from trialalerts.subscribers.choices import checked_label
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.filters import FILTERS, Filters, Lookup
from trialalerts.subscribers.tables import ConsentAction, Preference, RegionKind, Subscriber, id_of
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.regions import TRAVEL_KM, Region, find_region, find_region_to_travel, parse_radius
from trialalerts.vocabulary.tables import Area
from trialalerts.vocabulary.topics import TopicTree

__all__ = [
    "MOST_PREFERENCES",
    "AddedPreference",
    "LeavesNothing",
    "NeedsPlaceOrTopic",
    "NewPreference",
    "PreferenceInput",
    "WrongPreference",
    "add_preference",
    "columns_of",
    "edit_preference",
    "find_preference",
    "how_far",
    "is_any_area",
    "list_preferences",
    "region_around",
    "remove_preference",
    "same_columns",
    "same_preference",
    "unsaved_preference",
]

MOST_PREFERENCES = 50
"""How many preferences one subscriber may have: more than anybody means, fewer than would harm others."""
_BY_THE_WAY = {"label", "region_label"}
_ANY = frozenset(map(folded, (
    "any", "any disease", "any condition", "any disease or condition", "any area", "all diseases", "all conditions",
    "jede Krankheit", "jede Erkrankung", "alle Krankheiten", "alle Erkrankungen", "egal welche Krankheit",
    "toute maladie", "toutes les maladies", "n’importe quelle maladie", "n'importe quelle maladie",
    "cualquier enfermedad", "todas las enfermedades",
)))  # fmt: skip


class NeedsPlaceOrTopic(InvalidInput):
    """Any disease, anywhere, of any topic: that is everything."""

    def __init__(self) -> None:
        super().__init__(
            "Any disease is followed only together with a place (a country, a state, or a town with a distance) "
            "or with a topic; name one of them."
        )


class LeavesNothing(InvalidInput):
    """What is left out stands above what is followed, or is the same."""

    def __init__(self, area: str, excluded: str) -> None:
        self.area = area
        super().__init__(
            f"The area {area} is both followed and excluded; leave one of the two out."
            if area == excluded
            else f"--exclude {excluded} leaves out all of {area}; name something narrower"
        )


class WrongPreference(InvalidInput):
    """What is wrong with an input, by the names of its fields, the first one first; that one is the message."""

    def __init__(self, errors: Mapping[str, InvalidInput]) -> None:
        self.errors = errors
        super().__init__(str(next(iter(errors.values()), "The region makes no sense.")))


@dataclass(frozen=True, kw_only=True)
class NewPreference(Filters):
    """What somebody wants to follow: an area (its id, or any area) in a region, with the filters."""

    area_id: str
    region: Region
    label: str | None = None


class PreferenceInput(BaseModel):
    """What was typed; ``filters`` holds the texts of those that were given, by the names of the table of filters.

    A list is several texts or stands in one of them. ``region`` None: its reader tells what is wrong with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    area: str
    region: Region | None = None
    filters: Mapping[str, tuple[str, ...]] = {}
    label: str | None = None

    @field_validator("filters")
    @classmethod
    def _known(cls, given: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if unknown := given.keys() - {each.name for each in FILTERS}:
            raise ValueError(f"there is no filter {', '.join(unknown)}")
        return given

    def checked(
        self, areas: AreaTree, topics: TopicTree, today: date, *, as_stored: bool = False, language: str = "en"
    ) -> NewPreference:
        """Return what it means.

        Args:
            areas: all areas.
            topics: all topics.
            today: the day on which ages count.
            as_stored: a line of an export is taken as it was: what it leaves out may stand above what it follows.
            language: of whoever typed it; what a word means there goes first.

        Raises:
            WrongPreference: something makes no sense.
        """
        lookup = Lookup(area=lambda text: areas.find(text, language).id, topic=topics.find, today=today)
        errors: dict[str, InvalidInput] = {}

        def read(name: str, reader: Callable[[], Any]) -> Any:
            try:
                return reader()
            except InvalidInput as error:
                errors.setdefault(name, error)

        area = read("area", lambda: ANY_AREA if is_any_area(self.area) else lookup.area(self.area))
        texts = ((each, self.filters.get(each.name, ())) for each in FILTERS)
        filters = {each.name: read(each.name, partial(each.read, given, lookup)) for each, given in texts}
        label = read("label", lambda: checked_label(self.label))
        if self.region is None or errors:
            raise WrongPreference(errors)
        new = NewPreference(area_id=area, region=self.region, label=label, **filters)
        read("area", lambda: _check_reach(new))
        read("excluded_areas", lambda: _check_something_is_left(new, areas, as_stored=as_stored))
        if errors:
            raise WrongPreference(errors)
        return new


def how_far(radius: str, travel: str) -> tuple[float | None, str | None]:
    """Return how far around a town: in kilometres, and in a word where one was given; both may be, where they agree.

    Raises:
        InvalidInput: one makes no sense, or they do not agree.
    """
    level = re.sub(r"[\s_]+", "-", travel.strip().lower()) or None
    if level is not None and level not in TRAVEL_KM:
        raise InvalidInput(f"“{travel}” is no way to travel; expected one of: {', '.join(TRAVEL_KM)}.")
    radius_km = parse_radius(radius) if radius else None
    if level is None:
        return radius_km, None
    if radius_km is not None and radius_km != TRAVEL_KM[level]:
        raise InvalidInput(f"“{radius}” and “{travel}” say how far, and not the same; give one of them.")
    return TRAVEL_KM[level], level


def region_around(session: Session, text: str, radius_km: float | None, level: str | None) -> Region:
    """Return the region that a text names, with what :func:`how_far` gave.

    Raises:
        InvalidInput: as of :func:`~trialalerts.vocabulary.places.regions.find_region`.
    """
    if level is None:
        return find_region(session, text, radius_km=radius_km)
    return find_region_to_travel(session, text, level)


def is_any_area(text: str) -> bool:
    """Tell whether a text, in one of our languages, means any disease."""
    return folded(text) in _ANY


def _check_reach(new: NewPreference) -> None:
    if new.area_id == ANY_AREA and new.region.kind == "anywhere" and not new.topics:
        raise NeedsPlaceOrTopic


def _check_something_is_left(new: NewPreference, areas: AreaTree, *, as_stored: bool) -> None:
    above = {new.area_id} if as_stored else {new.area_id} | areas.ancestors(new.area_id)
    if left_out := sorted(above & set(new.excluded_areas)):
        raise LeavesNothing(areas.name(new.area_id), ", ".join(map(areas.name, left_out)))


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
    wanted = _checked_columns(new, lambda area: session.get(Area, area) is not None, now.date())
    existing = list_preferences(session, subscriber)
    found = next((each for each in existing if same_preference(each, wanted)), None)
    if found is None and sum(each.item_id is None for each in existing) >= MOST_PREFERENCES:
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
        InvalidInput: an unknown area, word or birthday; it follows one trial; or another says the same already.
    """
    preference = _own(session, subscriber, preference_id)
    if preference.item_id is not None:
        raise InvalidInput("This preference follows one trial, whatever happens there: it can only be removed.")
    wanted = _checked_columns(new, lambda area: session.get(Area, area) is not None, now.date())
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


def unsaved_preference(
    new: NewPreference, *, is_area: Callable[[str], bool], now: datetime, subscriber_id: int = 0
) -> Preference:
    """Return a preference that is not stored, to try it out; ``is_area`` tells whether an area of this id exists.

    ``subscriber_id`` is whose it would be; 0: somebody's of whom nothing is known.

    Raises:
        InvalidInput: an unknown area, word or birthday.
    """
    columns = _checked_columns(new, is_area, now.date())
    return Preference(subscriber_id=subscriber_id, created_at=now, confirmed_at=now, **columns)


def columns_of(new: NewPreference) -> dict[str, Any]:
    """Return the columns in which a preference is stored."""
    region = {name: value for name, value in vars(new.region).items() if name not in {"kind", "label"}}
    filters = {each.name: getattr(new, each.name) for each in FILTERS}
    return {
        "area_id": new.area_id,
        "region_kind": RegionKind(new.region.kind),
        "region_label": new.region.label,
        **region,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in filters.items()},
        "label": new.label,
    }


def _checked_columns(new: NewPreference, is_area: Callable[[str], bool], today: date) -> dict[str, Any]:
    """Return the columns of a preference that may have been made by hand, or some time ago.

    Raises:
        InvalidInput: an area that is not there (any more), a word or a birthday that makes no sense.
    """

    def known(area_id: str) -> str:
        if area_id != ANY_AREA and not is_area(area_id):
            raise UnknownArea(area_id)
        return area_id

    known(new.area_id)
    ids = Lookup(area=known, topic=str, today=today)  # topics that are gone stay as they were
    filters = {each.name: each.read(each.write(getattr(new, each.name)), ids) for each in FILTERS}
    if new.area_id in new.excluded_areas:
        raise LeavesNothing(new.area_id, new.area_id)
    _check_reach(new)
    return columns_of(replace(new, label=checked_label(new.label), **filters))


def same_preference(preference: Preference, wanted: Mapping[str, Any]) -> bool:
    """Tell whether these columns make the same preference, whatever its label and the spelling of its place."""
    return all(getattr(preference, name) == wanted[name] for name in wanted.keys() - _BY_THE_WAY)


def same_columns(columns: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell the same of two sets of columns; ``columns`` may hold more."""
    return all(columns[name] == wanted[name] for name in wanted.keys() - _BY_THE_WAY)
