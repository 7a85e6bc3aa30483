"""What is typed into the forms: reading it, checking it, and what to say at the field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import zone_names
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.tables import Frequency

__all__ = ["FieldError", "Form", "Schedule", "read_form", "reads_form", "time_zones", "zone_named"]

_CAME_BY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LONGEST = 300
_LONGEST_LIST = 2_000
_MOST_FIELDS = 160
_PARTS = {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
_LISTS = {each.field: each.parted for each in FILTERS if each.parted}
"""Fields that may be sent once for each word (a box to tick), and what parts the words in one value."""
_OFFERING = ("area", "region", *_LISTS)
"""Fields for which near choices are offered: the one taken, and what was typed by then, are fields too."""
_FIELDS = (
    "address", "area", "region", "travel", "radius", "unit", "label", "frequency", "language", "timezone", "hour",
    "weekday", "day", "consent", "website", "action", "until", "heartbeat", "discreet", "area_in_subject",
    "announcements", "preference", "step", "who", "trial", "also", "source", "way", "recipient",
    *(each.field for each in FILTERS),
    *(f"{name}_{what}" for name in _OFFERING for what in ("choice", "was")),
)  # fmt: skip
_PLACES = {
    name: place
    for place, name in enumerate((
        "limit", "area", "region", "travel", "born", "address", "frequency", "hour", "weekday", "day", "language",
        "timezone", "radius", "label", *(each.field for each in FILTERS if each.field != "born"), "consent",
    ))
}  # fmt: skip
"""Where each field stands on the pages."""
_LONG = {f"{name}{what}" for name in _LISTS for what in ("", "_choice", "_was")} | {"area", "area_choice", "area_was"}
_LONGEST_OF = dict.fromkeys(_LONG, _LONGEST_LIST) | {"also": 12_000}


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with a field: the key of the text that says so and its values, and the nearest valid choices.

    ``foreign`` are the names in the choices that stand in English on another page.
    """

    key: str
    choices: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When and in which language a form asks to be written to.

    ``hour`` is local, ``weekday`` 0 is Monday, ``day`` of the month is 1–28; None where not asked.
    """

    frequency: Frequency
    language: str
    timezone: str
    hour: int | None
    weekday: int | None
    day: int | None


@dataclass
class Form:
    """A form as it was typed, and what is wrong with it, in the order of the fields checked."""

    values: dict[str, str]
    errors: dict[str, FieldError] = field(default_factory=dict)

    @classmethod
    def filled(cls, typed: Mapping[str, object], **defaults: str) -> Form:
        """Return a form with the known fields of ``typed``, cleaned, over the ``defaults``."""
        clean = {name: _clean(typed[name], _LONGEST_OF.get(name, _LONGEST)) for name in _FIELDS if name in typed}
        return cls(dict.fromkeys(_FIELDS, "") | defaults | clean)

    @property
    def errors_in_order(self) -> list[tuple[str, FieldError]]:
        """The fields that are wrong, in the order in which they stand on a page."""
        return sorted(self.errors.items(), key=lambda each: _PLACES.get(each[0], len(_PLACES)))

    def address(self) -> str:
        """Return the address as it is to be stored; empty where it is wrong."""
        if not self.values["address"]:
            self.errors["address"] = FieldError(key="error.address_missing")
            return ""
        try:
            return checked_address(self.values["address"])
        except InvalidInput:
            self.errors["address"] = FieldError(key="error.address_wrong")
            return ""

    def schedule(self, languages: set[str]) -> Schedule | None:
        """Return when and how to write; None where something is none of the choices."""
        values = self.values
        checks = {
            "frequency": values["frequency"] in set(Frequency),
            "language": values["language"] in languages,
            "timezone": values["timezone"] in zone_names(),
            "hour": values["hour"] in {"", *map(str, range(24))},
            "weekday": values["weekday"] in {"", *map(str, range(7))},
            "day": values["day"] in {"", *map(str, range(1, 29))},
        }
        wrong = [name for name, right in checks.items() if not right]
        self.errors |= {name: FieldError(key=f"error.{name}_wrong") for name in wrong}
        if wrong:
            return None
        return Schedule(
            frequency=Frequency(values["frequency"]),
            language=values["language"],
            timezone=values["timezone"],
            **{name: int(values[name]) if values[name] else None for name in ("hour", "weekday", "day")},
        )

    @property
    def came_by(self) -> str | None:
        """The word of the link that led here (``?source=clinic-leeds``); None where there is none, or it is no word."""
        word = self.values["source"].lower()
        return word if _CAME_BY.fullmatch(word) else None

    def hidden_fields(self, names: Iterable[str]) -> dict[str, str]:
        """Return what was typed into these fields, to be sent again by a page that comes between."""
        return {name: self.values[name] for name in names if self.values[name]}

    def uses(self, *fields: str) -> bool:
        """Tell whether one of these fields is filled in or wrong."""
        return any(self.values[name] or name in self.errors for name in fields)

    def uses_wrong(self, *fields: str) -> bool:
        """Tell whether one of these fields is wrong."""
        return any(name in self.errors for name in fields)

    def chosen(self, name: str) -> list[str]:
        """Return the words ticked in a field with many."""
        return [word.strip() for word in self.values[name].split(_LISTS[name]) if word.strip()]

    def consent(self) -> None:
        """Note where the consent was not given."""
        if not self.values["consent"]:
            self.errors["consent"] = FieldError(key="error.consent_missing")

    def resolved(self, name: str) -> str:
        """Return what a field means: the choice taken, unless somebody has typed anew since the choices were shown."""
        choice = self.values.get(f"{name}_choice")
        if choice and self.values[name] == self.values[f"{name}_was"]:
            self.values[name] = choice
        return self.values[name]


def _clean(value: object, longest: int) -> str:
    """Return one line of text: no control characters, no lone surrogates, no blanks around it, of bounded length."""
    if not isinstance(value, str):
        return ""
    return "".join(sign if sign.isprintable() else " " for sign in value[:longest]).strip()


@lru_cache(maxsize=1)
def time_zones() -> list[tuple[str, list[str]]]:
    """Return the time zones that people choose from, by part of the world."""
    names = sorted(name for name in zone_names() if name.partition("/")[0] in _PARTS)
    return [
        ("UTC", ["UTC"]),
        *((part, list(group)) for part, group in groupby(names, lambda name: name.partition("/")[0])),
    ]


@lru_cache(maxsize=1)
def _zones_by_name() -> dict[str, str]:
    """Return the zones by their names and by their cities alone, in small letters."""
    named = [name for _, names in time_zones() for name in names]
    cities = {name.rpartition("/")[2].replace("_", " ").casefold(): name for name in reversed(named)}
    return cities | {name.casefold(): name for name in named}


def zone_named(text: str) -> str:
    """Return the time zone that a text names, by its own name or by its city (“new york”); else the text itself."""
    typed = " ".join(text.split())
    known = typed if typed in zone_names() else None
    return (
        known
        or _zones_by_name().get(typed.casefold().replace("_", " "))
        or _zones_by_name().get(typed.casefold(), text)
    )


async def read_form(request: Request, *, lenient: bool = False) -> dict[str, object]:
    """Return what a form holds; ``lenient`` takes a body that is no form for an empty one.

    Raises:
        HTTPException: 400 for what is no form.
    """
    try:
        async with request.form(max_fields=_MOST_FIELDS, max_files=1) as form:
            typed: dict[str, object] = dict(form)
            for name in typed.keys() & _LISTS.keys():
                typed[name] = _LISTS[name].join(str(value) for value in form.getlist(name))
    except (HTTPException, LookupError, ValueError):  # no form, an unknown charset, a parser at its wits' end
        if not lenient:
            raise HTTPException(400) from None
        return {}
    return typed


def reads_form(
    answer: Callable[[Request, Mapping[str, object]], Response], *, lenient: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads the form and answers in a thread, where the database may be waited for.

    ``lenient`` as in :func:`read_form`.
    """

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request, await read_form(request, lenient=lenient))

    return endpoint
