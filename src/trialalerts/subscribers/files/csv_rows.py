"""A line of an exported file: one preference of one subscriber as plain text, and back.

Reading a line that was written gives what was there. A cell that a spreadsheet would take for a formula
(``=``, ``+``, ``-``, ``@`` at its start) is written with an apostrophe before it, which reading takes off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
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
    checked_heartbeat,
    checked_hour,
    checked_locale,
    checked_state,
    checked_timezone,
    checked_unit,
    checked_weekday,
    checked_yes,
)
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.follows.trials import follow_columns, wanted_trial
from trialalerts.subscribers.people import NewSubscriber
from trialalerts.subscribers.preferences import NewPreference, PreferenceInput, columns_of, how_far, region_around
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.places.regions import DEFAULT_RADIUS_KM, TRAVEL_KM, Region
from trialalerts.vocabulary.topics import load_topics

if TYPE_CHECKING:
    from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["COLUMNS", "READ_ONLY_COLUMNS", "CsvRow", "CsvRowReader", "Tastes", "csv_cells", "unguarded"]

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
    "heartbeat",
    "discreet",
    "area_in_subject",
    "announcements",
    "distance_unit",
    "area",
    "area_name",
    "region",
    "radius_km",
    "travel",
    "latitude",
    "longitude",
    "country",
    "subdivision",
    *(each.column for each in FILTERS),
    "label",
    "trial",
    "rests_until",
    "confirmed",
)
"""The columns of an export, in this order; an import may leave out all but those that are required."""

READ_ONLY_COLUMNS = ("consent", "lists")
"""What an import reads beside: where somebody agreed, and the names of their lists in another program."""

_FORMULA = tuple("=+-@\t\r'")
_NUMBERS = {"radius_km", "latitude", "longitude"}
_READ = (*COLUMNS, *READ_ONLY_COLUMNS)
_SCHEDULE = ("language", "timezone", "frequency", "hour", "weekday", "day")
_TASTES = ("heartbeat", "discreet", "area_in_subject", "announcements", "distance_unit")
_PERSON = {"address", "state", "paused_until", *_SCHEDULE, *_TASTES}
_BESIDE = {*_PERSON, "area_name", "trial", "rests_until", "confirmed"}
_PREFERENCE = tuple(name for name in COLUMNS if name not in _BESIDE)
_MOST_REMEMBERED = 10_000
_LONGEST_CONSENT = 500


@dataclass(frozen=True, kw_only=True)
class Tastes:
    """How somebody wants their mails, by the names of the columns of the table of subscribers."""

    heartbeat: str | None = None
    discreet: bool = False
    area_in_subject: bool = False
    announcements: bool = True
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """What one line says, checked: nothing in it is refused when it is stored.

    ``preference`` is None for somebody who follows nothing, or by this line one ``trial``, an item; it rests until
    ``rests_until``; ``confirmed`` is when it was agreed to, None for never; ``consent`` says where.
    """

    person: NewSubscriber
    tastes: Tastes = Tastes()
    state: SubscriberState | None
    paused_until: datetime | None
    preference: NewPreference | None
    confirmed: datetime | None
    rests_until: datetime | None = None
    consent: str = ""
    trial: int | None = None

    @property
    def columns(self) -> dict[str, Any] | None:
        """The columns of the preference that the line makes; None where nothing is followed."""
        if self.trial is not None:
            return follow_columns(self.trial)
        return None if self.preference is None else {**columns_of(self.preference), "item_id": None}


def csv_cells(
    subscriber: Subscriber,
    preference: Preference | None,
    area_name: Callable[[str], str],
    numbers: Mapping[int, str] = MappingProxyType({}),
    nudged: Collection[int] = (),
) -> dict[str, str]:
    """Write one preference (or None: nothing is followed) of a subscriber as the cells of a line.

    ``numbers`` are those of the trials followed, by their items. The ``nudged`` want no content in mails.
    """
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
        "heartbeat": subscriber.heartbeat or "",
        "discreet": "yes" if subscriber.discreet or subscriber.id in nudged else "",
        "area_in_subject": "yes" if subscriber.area_in_subject else "",
        "announcements": "" if subscriber.announcements else "no",
        "distance_unit": subscriber.unit or "",
    }
    if preference is not None:
        trial = preference.item_id
        cells |= _preference_cells(preference, area_name) if trial is None else {"trial": numbers.get(trial, "")}
        cells |= {
            "rests_until": _moment(preference.paused_until),
            "confirmed": _moment(preference.confirmed_at) or "no",
        }
    return {name: _guarded(name, cells.get(name, "")) for name in COLUMNS}


class CsvRowReader:
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
        self._trials: dict[str, int] = {}
        self._regions: dict[tuple[str, str, str], Region] = {}
        self._preferences: dict[tuple[str, ...], NewPreference | InvalidInput] = {}
        self._schedules: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._tastes: dict[tuple[str, ...], Tastes] = {}

    def read(self, cells: Mapping[str, str]) -> CsvRow:
        """Read the cells of one line.

        Raises:
            InvalidInput: a cell makes no sense; names it and the nearest valid choices.
        """
        values = dict.fromkeys(_READ, "") | {name: unguarded(cell).strip() for name, cell in cells.items()}
        trial = self._trial(values)
        values |= {name: text for name, text in self._defaults.items() if not values[name]}
        preference = self._known_preference(values) if values["area"] and trial is None else None
        follows = preference is not None or trial is not None
        return CsvRow(
            person=NewSubscriber(address=checked_address(values["address"]), **self._schedule(values)),
            tastes=self._tastes_of(values),
            state=checked_state(values["state"]) if values["state"] else None,
            paused_until=_read_moment(values["paused_until"]),
            preference=preference,
            confirmed=self._confirmed(values["confirmed"]) if follows else None,
            rests_until=_read_moment(values["rests_until"]) if follows else None,
            consent=_one_line(values["consent"]),
            trial=trial,
        )

    def _trial(self, values: Mapping[str, str]) -> int | None:
        number = values["trial"]
        if not number:
            return None
        if values["area"]:
            raise InvalidInput(
                f"“{values['area']}” and the trial “{number}” stand in one line; write one line for each."
            )
        if number not in self._trials:
            self._trials[number] = wanted_trial(self._session, number)
        return self._trials[number]

    def forget(self) -> None:
        """Forget what earlier lines said: each is looked at anew (for the benchmark)."""
        self._preferences.clear()
        self._schedules.clear()
        self._tastes.clear()

    def _known_preference(self, values: Mapping[str, str]) -> NewPreference:
        """Read what is followed; of many lines that follow the same, the first is looked at."""
        key = tuple(values[name] for name in _PREFERENCE)
        if (known := self._preferences.get(key)) is None:
            if len(self._preferences) >= _MOST_REMEMBERED:
                self._preferences.clear()
            try:
                known = self._preference(values)
            except InvalidInput as error:
                known = error
            self._preferences[key] = known
        if isinstance(known, InvalidInput):
            raise known
        return known

    def _schedule(self, values: Mapping[str, str]) -> Mapping[str, Any]:
        key = tuple(values[name] for name in _SCHEDULE)
        if key not in self._schedules:
            self._schedules[key] = _checked_schedule(values)
        return self._schedules[key]

    def _tastes_of(self, values: Mapping[str, str]) -> Tastes:
        key = tuple(values[name] for name in _TASTES)
        if key not in self._tastes:
            self._tastes[key] = _checked_tastes(values)
        return self._tastes[key]

    def _preference(self, values: Mapping[str, str]) -> NewPreference:
        filters = {each.name: (values[each.column],) for each in FILTERS}
        typed = PreferenceInput(
            area=values["area"], region=self._region(values), filters=filters, label=values["label"]
        )
        return typed.checked(self._areas, self._topics, self._now.date(), as_stored=True)

    def _region(self, values: Mapping[str, str]) -> Region:
        """Find the region by its name; coordinates beside it, as an export writes them, settle where it is."""
        radius_km, travel = how_far(values["radius_km"], values["travel"])
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
            self._regions[key] = region_around(self._session, values["region"], radius_km, travel)
        return self._regions[key]

    def _confirmed(self, text: str) -> datetime | None:
        if re.match(r"\d", text):
            return _read_moment(text)
        return self._now if checked_yes(text) else None


def _checked_schedule(values: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "locale": checked_locale(values["language"]),
        "timezone": checked_timezone(values["timezone"]),
        "frequency": checked_frequency(values["frequency"]),
        "hour": checked_hour(values["hour"]),
        "weekday": checked_weekday(values["weekday"]),
        "day": checked_day(values["day"]),
    }


def _checked_tastes(values: Mapping[str, str]) -> Tastes:
    rhythm, unit = values["heartbeat"], values["distance_unit"]
    return Tastes(
        heartbeat=checked_heartbeat(rhythm) if rhythm else None,
        discreet=_ticked(values["discreet"]),
        area_in_subject=_ticked(values["area_in_subject"]),
        announcements=not values["announcements"] or checked_yes(values["announcements"]),
        unit=checked_unit(unit) if unit else None,
    )


def _ticked(text: str) -> bool:
    return bool(text) and checked_yes(text)


def _preference_cells(preference: Preference, area_name: Callable[[str], str]) -> dict[str, str]:
    codes = {
        RegionKind.COUNTRY: preference.country,
        RegionKind.SUBDIVISION: preference.subdivision,
        RegionKind.GROUP: preference.subdivision,
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
        **{each.column: each.cell(getattr(preference, each.name)) for each in FILTERS},
        "label": preference.label or "",
    }


def _level(radius_km: float | None) -> str:
    return next((word for word, km in TRAVEL_KM.items() if km and km == radius_km), "")


def _guarded(name: str, text: str) -> str:
    return f"'{text}" if name not in _NUMBERS and text.startswith(_FORMULA) else text


def unguarded(text: str) -> str:
    """Return a cell without the sign that keeps programs from taking it for a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _one_line(text: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split()) if text else ""
    if len(line) > _LONGEST_CONSENT:
        raise InvalidInput(f"The consent has {len(line)} characters; say it in at most {_LONGEST_CONSENT}.")
    return line


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
