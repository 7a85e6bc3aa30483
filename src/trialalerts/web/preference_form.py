"""What a form asks to follow: reading area, region, distance and filters, and writing a preference into a form.

A preference that is edited keeps its area and its place where their fields still say what they said: an imported
place may have a name that no search finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial

from sqlmodel import Session

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownArea, UnknownRegion
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.preferences import (
    LeavesNothing,
    NeedsPlaceOrTopic,
    NewPreference,
    PreferenceInput,
    WrongPreference,
    is_any_area,
)
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.vocabulary.places.everyday.table import everyday_stored
from trialalerts.vocabulary.places.regions import (
    DEFAULT_RADIUS_KM,
    TRAVEL_KM,
    RadiusWithoutTown,
    Region,
    any_distance_from,
    find_region,
    parse_radius,
    with_radius,
)
from trialalerts.vocabulary.places.shown import choice_shown, region_shown
from trialalerts.vocabulary.topics import TopicTree, load_topics
from trialalerts.web.forms import FieldError, Form

__all__ = ["FIELDS", "given", "read_preference", "typed"]

FIELDS = ("preference", "area", "region", "travel", "radius", "unit", "label", *(each.field for each in FILTERS))

_LABEL_LENGTH = 80
_FOR = re.compile(r"^(?:for|für|pour|para)\s+(?=\S)", re.IGNORECASE)
"""A label is a name ("Anna"): the pages and mails write "for" themselves."""


def read_preference(
    form: Form,
    areas: AreaTree,
    session: Session,
    today: date,
    *,
    kept: Preference | None = None,
    language: str = "en",
) -> NewPreference | None:
    """Return what a form asks to follow; None where something is wrong, which is noted in the form.

    Args:
        form: as it was typed.
        areas: all areas.
        session: to look places up.
        today: for ages.
        kept: the preference that is edited, if one is.
        language: of the page; what a word means there goes first.
    """
    area = form.resolved("area")
    if kept is not None and area in {areas.name(kept.area_id), areas.name(kept.area_id, language)}:
        area = kept.area_id
    if not area:
        form.errors["area"] = FieldError(key="error.area_missing")
    typed_in = PreferenceInput(
        area=area or ANY_AREA,
        region=_region(form, session, kept, language),
        filters={each.name: (form.resolved(each.field),) for each in FILTERS},
        label=_FOR.sub("", form.values["label"])[:_LABEL_LENGTH],
    )
    try:
        new = typed_in.checked(areas, load_topics(session), today, language=language)
    except WrongPreference as wrong:
        for name, error in wrong.errors.items():
            form.errors.setdefault(_FIELD_OF.get(name, name), _field_error(name, error, form, areas, language))
        return None
    return None if form.errors else new


_FIELD_OF = {each.name: each.field for each in FILTERS}
_ERROR_OF = {each.name: each.error for each in FILTERS}


def _field_error(name: str, error: InvalidInput, form: Form, areas: AreaTree, language: str) -> FieldError:
    """Return what a form says of an error; the choices offered for one unknown name hold the other names too."""
    if isinstance(error, NeedsPlaceOrTopic):
        return FieldError(key="error.any_area_alone")
    if isinstance(error, LeavesNothing):
        return FieldError(key="error.excluded_all", values={"area": error.area})
    if isinstance(error, UnknownArea):
        foreign = _english(error.choices, areas, language)
        if name == "area":
            return FieldError(key="error.area_unknown", choices=error.choices, foreign=foreign)
        names = [" ".join(part.split()).strip(" ,") for part in form.values[_FIELD_OF[name]].split(";")]
        offered = ("; ".join(choice if each == error.text else each for each in names) for choice in error.choices)
        values = {"name": error.text}
        return FieldError(key="error.excluded_unknown", choices=tuple(offered), foreign=foreign, values=values)
    return FieldError(key=_ERROR_OF.get(name, "error.choice_wrong"))


def _english(choices: Iterable[str], areas: AreaTree, language: str) -> tuple[str, ...]:
    """Return the choices that stand in English in another language."""
    return tuple(each for each in choices if _spoken(each, areas, language) != language)


def _spoken(name: str, areas: AreaTree, language: str) -> str:
    try:
        return areas.names(areas.find(name, language).id).language(language)
    except UnknownArea:  # several are called so
        return language


def given(query: Mapping[str, str], areas: AreaTree, topics: TopicTree, *, any_area: str) -> dict[str, str]:
    """Return what a link (``?area=…&region=…&topic=…``) fills in; a topic that is unknown is left out.

    An area by its id gets its name; one that is not known stands as it is written, and the nearest names are told once
    the form is sent. ``any_area`` are the page's own words for any disease.
    """
    area = query.get("area", "").strip()
    known = any_area if is_any_area(area) else _known(area, lambda: areas.find(area).name)
    found = {"area": known or area}
    named = [each.strip() for each in query.get("topic", "").split(";")]
    chosen = dict.fromkeys(filter(None, (_known(each, partial(topics.find, each)) for each in named)))
    return found | {"region": query.get("region", ""), "topic": "; ".join(chosen)}


def _known(text: str, find: Callable[[], str]) -> str:
    try:
        return find() if text else ""
    except InvalidInput:
        return ""


def typed(preference: Preference, areas: AreaTree, *, any_area: str = ANY_AREA, language: str = "en") -> dict[str, str]:
    """Return a preference as somebody would have typed it into the form, who calls any disease ``any_area``."""
    return {
        "preference": str(preference.id or ""),
        "area": any_area if preference.area_id == ANY_AREA else areas.name(preference.area_id, language),
        "region": _typed_region(preference, language),
        **_distance(preference),
        **{each.field: each.typed(getattr(preference, each.name), areas.name) for each in FILTERS},
        "label": preference.label or "",
    }


def _typed_region(preference: Preference, language: str) -> str:
    """Return a place as somebody would have typed it: by its name in the language of the page."""
    if preference.region_label == "anywhere":
        return ""
    where = (preference.region_kind.value, preference.country, preference.subdivision)
    return region_shown(preference.region_label, *where, language)


def _distance(preference: Preference) -> dict[str, str]:
    """Write a radius as a level where it is one, else as a number, in the unit in which it is a round one."""
    radius_km = preference.radius_km
    if preference.region_kind == "anywhere" and preference.latitude is not None:
        return {"travel": "anywhere"}
    if radius_km is None or radius_km == DEFAULT_RADIUS_KM:
        return {}
    if level := next((word for word, km in TRAVEL_KM.items() if km == radius_km), None):
        return {"travel": level}
    miles = round(radius_km / KM_PER_MILE, 6)
    if radius_km != round(radius_km) and miles == round(miles):
        return {"radius": f"{miles:g}", "unit": "miles"}
    return {"radius": f"{radius_km:.10g}", "unit": "km"}


def _named(places: Iterable[str], language: str) -> tuple[str, ...]:
    """Return places to choose from as their readers call them."""
    return tuple(dict.fromkeys(choice_shown(place, language) for place in places))


def _region(form: Form, session: Session, kept: Preference | None, language: str) -> Region | None:
    text, travel = form.resolved("region") or "anywhere", form.values["travel"]
    if travel and travel not in TRAVEL_KM:
        form.errors["travel"] = FieldError(key="error.travel_wrong")
        return None
    radius = _radius(form)
    if travel and form.values["radius"] and "radius" not in form.errors:
        form.errors["radius"] = FieldError(key="error.radius_twice")
    try:
        own = {kept.region_label, _typed_region(kept, language)} if kept is not None else set()
        region = _of(kept) if kept is not None and text in own else find_region(session, text)
        return _around(region, radius, travel)
    except AmbiguousRegion as error:
        form.errors["region"] = FieldError(key="error.region_ambiguous", choices=_named(error.choices, language))
    except UnknownRegion as error:
        form.errors["region"] = FieldError(key="error.region_unknown", choices=_named(error.choices, language))
    except RadiusWithoutTown:
        form.errors.setdefault("radius", FieldError(key="error.radius_alone"))
    except InvalidInput:
        form.errors["region"] = FieldError(key="error.region_too_fine")
    return None


def _around(region: Region, radius: float | None, travel: str) -> Region:
    """Return the region with the distance around it.

    The choice of distances always says one: with a country or a state it means nothing. A number was typed on purpose.

    Raises:
        RadiusWithoutTown: a number was typed for what is no town.
    """
    if travel and TRAVEL_KM[travel] is None:
        return any_distance_from(region)
    if region.kind == "anywhere" and region.latitude is not None:
        region = replace(region, kind="place")
    if region.kind != "place":
        return with_radius(region, radius)
    own = region.radius_km if everyday_stored(region.label, region.country) else None
    return with_radius(replace(region, radius_km=own), radius or (TRAVEL_KM[travel] if travel else None))


def _of(preference: Preference) -> Region:
    return Region(
        kind=preference.region_kind.value,
        label=preference.region_label,
        country=preference.country,
        subdivision=preference.subdivision,
        latitude=preference.latitude,
        longitude=preference.longitude,
        radius_km=preference.radius_km,
    )


def _radius(form: Form) -> float | None:
    """Return the distance in kilometres; None where none was typed or it is wrong."""
    text = form.values["radius"]
    if not text:
        return None
    try:
        return parse_radius(text if text[-1].isalpha() else f"{text} {form.values['unit'] or 'km'}")
    except InvalidInput:
        form.errors["radius"] = FieldError(key="error.radius_wrong")
        return None
