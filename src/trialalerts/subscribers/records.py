"""A line of an exported file: one preference of one subscriber as plain text, and back.

Reading a line that was written gives what was there. A cell that a spreadsheet would take for a formula
(``=``, ``+``, ``-``, ``@`` at its start) is written with an apostrophe before it, which reading takes off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.choices import (
    WEEKDAYS,
    checked_day,
    checked_frequency,
    checked_hour,
    checked_locale,
    checked_state,
    checked_timezone,
    checked_weekday,
    checked_yes,
)
from trialalerts.subscribers.people import NewSubscriber
from trialalerts.subscribers.preference_input import NewPreference, PreferenceInput
from trialalerts.subscribers.preferences import checked_preference
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.places.regions import (
    DEFAULT_RADIUS_KM,
    TRAVEL_KM,
    Region,
    find_region,
    find_region_to_travel,
    parse_radius,
)
from trialalerts.vocabulary.topics import load_topics

if TYPE_CHECKING:
    from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["COLUMNS", "Record", "RecordReader", "written"]

COLUMNS = (
    "address",
    "state",
    "language",
    "timezone",
    "frequency",
    "hour",
    "weekday",
    "day",
    "paused_until",
    "area",
    "area_name",
    "region",
    "radius_km",
    "travel",
    "latitude",
    "longitude",
    "country",
    "subdivision",
    "born_on",
    "sex",
    "healthy_volunteer",
    "phases",
    "item_kinds",
    "change_kinds",
    "excluded_areas",
    "topic",
    "audience",
    "label",
    "confirmed",
)
"""The columns of an export, in this order; an import may leave out all but those that are required."""

_FORMULA = tuple("=+-@\t\r'")
_NUMBERS = {"radius_km", "latitude", "longitude"}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one line says, checked: nothing in it is refused when it is stored.

    ``preference`` is None for somebody who follows nothing, ``columns`` is how it is stored; ``confirmed``
    is when it was agreed to, None where it was not.
    """

    person: NewSubscriber
    state: SubscriberState | None
    paused_until: datetime | None
    preference: NewPreference | None
    columns: dict[str, Any]
    confirmed: datetime | None


def written(subscriber: Subscriber, preference: Preference | None, area_name: Callable[[str], str]) -> dict[str, str]:
    """Write one preference (or None: nothing is followed) of a subscriber as the cells of a line."""
    cells = {
        "address": subscriber.address,
        "state": subscriber.state.value,
        "language": subscriber.locale,
        "timezone": subscriber.timezone,
        "frequency": subscriber.frequency.value,
        "hour": str(subscriber.hour),
        "weekday": WEEKDAYS[subscriber.weekday],
        "day": str(subscriber.day),
        "paused_until": _moment(subscriber.paused_until),
    }
    if preference is not None:
        cells |= _preference_cells(preference, area_name)
    return {name: _guarded(name, cells.get(name, "")) for name in COLUMNS}


class RecordReader:
    """Reads lines; knows the vocabulary, and the values for the columns that a file leaves out or empty."""

    def __init__(
        self,
        session: Session,
        areas: AreaTree,
        *,
        locale: str,
        timezone: str,
        confirmed: bool,
        now: datetime,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._session = session
        self._areas = areas
        self._topics = load_topics(session)
        self._defaults = {
            "language": locale,
            "timezone": timezone,
            "frequency": "weekly",
            "hour": "8",
            "weekday": "monday",
            "day": "1",
            "region": "anywhere",
            "confirmed": "yes" if confirmed else "",
        } | {name: text for name, text in others.items() if text}
        self._now = now
        self._regions: dict[tuple[str, str, str], Region] = {}

    def read(self, cells: Mapping[str, str]) -> Record:
        """Read the cells of one line.

        Raises:
            InvalidInput: a cell makes no sense; names it and the nearest valid choices.
        """
        values = {name: _unguarded(cells.get(name) or "").strip() for name in COLUMNS}
        values = {name: value or self._defaults.get(name, "") for name, value in values.items()}
        preference = self._preference(values) if values["area"] else None
        today = self._now.date()
        is_area = self._areas.__contains__
        return Record(
            person=_person(values),
            state=checked_state(values["state"]) if values["state"] else None,
            paused_until=_read_moment(values["paused_until"]),
            preference=preference,
            columns=checked_preference(preference, is_area=is_area, today=today) if preference else {},
            confirmed=self._confirmed(values["confirmed"]) if preference else None,
        )

    def _preference(self, values: Mapping[str, str]) -> NewPreference:
        return (
            PreferenceInput(
                area=values["area"],
                region=self._region(values),
                born=values["born_on"],
                sex=values["sex"],
                healthy_volunteer=checked_yes(values["healthy_volunteer"]),
                phases=tuple(_words(values["phases"])),
                item_kinds=tuple(_words(values["item_kinds"])),
                change_kinds=tuple(_words(values["change_kinds"])),
                excluded_areas=tuple(_words(values["excluded_areas"])),
                topics=tuple(_names(values["topic"])),
                audience=values["audience"],
                label=values["label"],
            )
            .checked(self._areas, self._topics, self._now.date(), as_stored=True)
            .or_raise()
        )

    def _region(self, values: Mapping[str, str]) -> Region:
        """Find the region by its name; coordinates beside it, as an export writes them, settle where it is."""
        travel = _travel(values["travel"])
        radius_km = _radius(values["radius_km"], travel)
        if values["latitude"] or values["longitude"]:
            if travel is not None and radius_km is None:
                radius_km, kind = None, RegionKind.ANYWHERE
            else:
                radius_km, kind = radius_km if radius_km is not None else DEFAULT_RADIUS_KM, RegionKind.PLACE
            return Region(
                kind=kind,
                label=values["region"],
                country=values["country"] or None,
                subdivision=values["subdivision"] or None,
                latitude=_degrees(values["latitude"], 90),
                longitude=_degrees(values["longitude"], 180),
                radius_km=radius_km,
            )
        key = (values["region"], values["radius_km"], values["travel"])
        if key not in self._regions:
            self._regions[key] = (
                find_region(self._session, values["region"], radius_km=radius_km)
                if travel is None
                else find_region_to_travel(self._session, values["region"], travel)
            )
        return self._regions[key]

    def _confirmed(self, text: str) -> datetime | None:
        if re.match(r"\d", text):
            return _read_moment(text)
        return self._now if checked_yes(text) else None


def _travel(text: str) -> str | None:
    """Return how far somebody would travel, in a word; None where nothing is said."""
    word = re.sub(r"[\s_]+", "-", text.lower())
    if word and word not in TRAVEL_KM:
        raise InvalidInput(f"“{text}” is no way to travel; expected one of: {', '.join(TRAVEL_KM)}.")
    return word or None


def _radius(text: str, travel: str | None) -> float | None:
    """Return the radius that a line gives as a number, in a word, or as both where these agree."""
    radius_km = parse_radius(text) if text else None
    if travel is None:
        return radius_km
    if radius_km is not None and radius_km != TRAVEL_KM[travel]:
        raise InvalidInput(f"“{text}” and “{travel}” say how far, and not the same; give one of them.")
    return TRAVEL_KM[travel]


def _person(values: Mapping[str, str]) -> NewSubscriber:
    return NewSubscriber(
        address=checked_address(values["address"]),
        locale=checked_locale(values["language"]),
        timezone=checked_timezone(values["timezone"]),
        frequency=checked_frequency(values["frequency"]),
        hour=checked_hour(values["hour"]),
        weekday=checked_weekday(values["weekday"]),
        day=checked_day(values["day"]),
    )


def _preference_cells(preference: Preference, area_name: Callable[[str], str]) -> dict[str, str]:
    codes = {
        RegionKind.COUNTRY: preference.country,
        RegionKind.SUBDIVISION: preference.subdivision,
        RegionKind.ANYWHERE: "anywhere" if preference.latitude is None else None,
    }
    is_place = preference.latitude is not None
    any_distance = is_place and preference.region_kind is RegionKind.ANYWHERE
    return {
        "area": preference.area_id,
        "area_name": area_name(preference.area_id),
        "region": codes.get(preference.region_kind) or preference.region_label,
        "radius_km": _number(preference.radius_km),
        "travel": "anywhere" if any_distance else _level(preference.radius_km),
        "latitude": _number(preference.latitude),
        "longitude": _number(preference.longitude),
        "country": (preference.country or "") if is_place else "",
        "subdivision": (preference.subdivision or "") if is_place else "",
        "born_on": preference.born_on.isoformat() if preference.born_on else "",
        "sex": preference.sex or "",
        "healthy_volunteer": "yes" if preference.healthy_volunteer else "",
        "phases": " ".join(preference.phases),
        "item_kinds": " ".join(preference.item_kinds),
        "change_kinds": " ".join(preference.change_kinds),
        "excluded_areas": "; ".join(preference.excluded_areas),
        "topic": "; ".join(preference.topics),
        "audience": preference.audience or "",
        "label": preference.label or "",
        "confirmed": _moment(preference.confirmed_at) or "no",
    }


def _level(radius_km: float | None) -> str:
    return next((word for word, km in TRAVEL_KM.items() if km and km == radius_km), "")


def _guarded(name: str, text: str) -> str:
    return f"'{text}" if name not in _NUMBERS and text.startswith(_FORMULA) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _words(text: str) -> list[str]:
    """Part a list: at semicolons or commas where there are any, else at blanks."""
    return [word.strip() for word in re.split(r"[;,]" if re.search("[;,]", text) else r"\s+", text) if word.strip()]


def _names(text: str) -> list[str]:
    """Part a list of names, which may have blanks in them, at semicolons or commas."""
    return [name.strip() for name in re.split("[;,]", text) if name.strip()]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _degrees(text: str, most: float) -> float:
    try:
        degrees = float(text)
    except ValueError:
        degrees = most + 1
    if not -most <= degrees <= most:
        raise InvalidInput(f"“{text}” are no degrees; expected a number from -{most:g} to {most:g}.")
    return degrees


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).isoformat()


def _read_moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"“{text}” is no date; write year-month-day, such as 2026-12-01.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
