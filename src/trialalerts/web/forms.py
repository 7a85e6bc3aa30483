"""Owns what is typed into the forms: reading it, checking it, and what to say at the field that is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from zoneinfo import available_timezones

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownArea, UnknownRegion
from trialalerts.subscribers.addresses import checked_address
from trialalerts.subscribers.tables import Frequency
from trialalerts.vocabulary.areas import AreaTree
from trialalerts.vocabulary.regions import Region, find_region, parse_radius

__all__ = ["Fault", "Followed", "Form", "Rhythm", "reads_form", "time_zones"]

_LONGEST = 300
_MOST_FIELDS = 40
_PARTS = {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
_FIELDS = (
    "address", "area", "region", "radius", "unit", "frequency", "language", "timezone", "hour", "label", "consent",
    "area_choice", "area_was", "region_choice", "region_was", "website", "action", "preference",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a field: the key of the text that says so, and the nearest valid choices."""

    key: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a form asks to follow."""

    area_id: str
    region: Region
    label: str | None


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """When and in which language a form asks to be written to; ``hour`` is local, None where not asked."""

    frequency: Frequency
    language: str
    timezone: str
    hour: int | None


@dataclass
class Form:
    """A form as it was typed, and what is wrong with it, in the order of the fields checked."""

    values: dict[str, str]
    errors: dict[str, Fault] = field(default_factory=dict)

    @classmethod
    def filled(cls, typed: Mapping[str, object], **defaults: str) -> Form:
        """Return a form with the known fields of ``typed``, cleaned, over the ``defaults``."""
        clean = {name: _clean(typed[name]) for name in _FIELDS if name in typed}
        return cls(dict.fromkeys(_FIELDS, "") | defaults | clean)

    def address(self) -> str:
        """Return the address as it is to be stored; empty where it is wrong."""
        if not self.values["address"]:
            self.errors["address"] = Fault(key="error.address_missing")
            return ""
        try:
            return checked_address(self.values["address"])
        except InvalidInput:
            self.errors["address"] = Fault(key="error.address_wrong")
            return ""

    def followed(self, areas: AreaTree, session: Session) -> Followed | None:
        """Return what is to be followed; None where the area, the region or the distance is wrong."""
        area_id = self._area(areas)
        region = self._region(session)
        if area_id is None or region is None or "radius" in self.errors:
            return None
        return Followed(area_id=area_id, region=region, label=self.values["label"][:80] or None)

    def rhythm(self, languages: set[str]) -> Rhythm | None:
        """Return when and how to write; None where something is none of the choices."""
        values = self.values
        checks = {
            "frequency": values["frequency"] in set(Frequency),
            "language": values["language"] in languages,
            "timezone": values["timezone"] in available_timezones(),
            "hour": values["hour"] in {"", *map(str, range(24))},
        }
        wrong = [name for name, right in checks.items() if not right]
        self.errors |= {name: Fault(key=f"error.{name}_wrong") for name in wrong}
        if wrong:
            return None
        return Rhythm(
            frequency=Frequency(values["frequency"]),
            language=values["language"],
            timezone=values["timezone"],
            hour=int(values["hour"]) if values["hour"] else None,
        )

    def consent(self) -> None:
        """Note where the consent was not given."""
        if not self.values["consent"]:
            self.errors["consent"] = Fault(key="error.consent_missing")

    def _area(self, areas: AreaTree) -> str | None:
        text = self._meant("area")
        if not text:
            self.errors["area"] = Fault(key="error.area_missing")
            return None
        try:
            return areas.find(text).id
        except UnknownArea as error:
            self.errors["area"] = Fault(key="error.area_unknown", choices=error.choices)
            return None

    def _region(self, session: Session) -> Region | None:
        text, radius = self._meant("region") or "anywhere", self._radius()
        try:
            region = find_region(session, text)
            return region if radius is None or region.kind != "place" else find_region(session, text, radius_km=radius)
        except AmbiguousRegion as error:
            self.errors["region"] = Fault(key="error.region_ambiguous", choices=error.choices)
        except UnknownRegion as error:
            self.errors["region"] = Fault(key="error.region_unknown", choices=error.choices)
        except InvalidInput:
            self.errors["region"] = Fault(key="error.region_too_fine")
        return None

    def _radius(self) -> float | None:
        """Return the distance in kilometres; None where none was given or it is wrong."""
        text = self.values["radius"]
        if not text:
            return None
        try:
            return parse_radius(text if text[-1].isalpha() else f"{text} {self.values['unit'] or 'km'}")
        except InvalidInput:
            self.errors["radius"] = Fault(key="error.radius_wrong")
            return None

    def _meant(self, name: str) -> str:
        """Return the choice taken for what was typed; who has typed anew since the choices were shown means that."""
        text, choice = self.values[name], self.values[f"{name}_choice"]
        if choice and text == self.values[f"{name}_was"]:
            self.values[name] = choice
        return self.values[name]


def _clean(value: object) -> str:
    """Return one line of text: no control characters, no lone surrogates, no blanks around it, of bounded length."""
    if not isinstance(value, str):
        return ""
    return "".join(sign if sign.isprintable() else " " for sign in value[:_LONGEST]).strip()


@lru_cache(maxsize=1)
def time_zones() -> list[tuple[str, list[str]]]:
    """Return the time zones that people choose from, by part of the world."""
    names = sorted(name for name in available_timezones() if name.partition("/")[0] in _PARTS)
    return [
        ("UTC", ["UTC"]),
        *((part, list(group)) for part, group in groupby(names, lambda name: name.partition("/")[0])),
    ]


def reads_form(
    answer: Callable[[Request, Mapping[str, object]], Response], *, lenient: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads the form and answers in a thread, where the database may be waited for.

    ``lenient`` takes a body that is no form for an empty one.
    """

    async def endpoint(request: Request) -> Response:
        typed: dict[str, object] = {}
        try:
            async with request.form(max_fields=_MOST_FIELDS, max_files=1) as form:
                typed = dict(form)
        except (HTTPException, LookupError, ValueError):  # no form, an unknown charset, a parser at its wits' end
            if not lenient:
                raise HTTPException(400) from None
        return await run_in_threadpool(answer, request, typed)

    return endpoint
