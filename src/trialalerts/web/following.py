"""What a form asks to follow: reading area, region, distance and filters, and writing a preference into a form.

A preference that is edited keeps its area and its place where their fields still say what they said: an imported
place may have a name that no search finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial

from sqlmodel import Session

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownArea, UnknownRegion
from trialalerts.subscribers.choices import birthday
from trialalerts.subscribers.preference_input import (
    LeavesNothing,
    NeedsPlaceOrTopic,
    NewPreference,
    PreferenceInput,
    is_any_area,
)
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.regions import (
    DEFAULT_RADIUS_KM,
    TRAVEL_KM,
    Region,
    any_distance_from,
    find_region,
    parse_radius,
)
from trialalerts.vocabulary.topics import TopicTree, load_topics
from trialalerts.web.forms import Fault, Form

__all__ = ["FIELDS", "FILTERS", "KM_PER_MILE", "given", "read_preference", "typed"]

FILTERS = ("topic", "kinds", "audience", "born", "sex", "healthy", "phases", "changes", "excluded")
"""The fields of the block that is closed until it is used."""
FIELDS = ("preference", "area", "region", "travel", "radius", "unit", "label", *FILTERS)
KM_PER_MILE = 1.609344

_LABEL_LENGTH = 80


def read_preference(
    form: Form, areas: AreaTree, session: Session, today: date, *, kept: Preference | None = None
) -> NewPreference | None:
    """Return what a form asks to follow; None where something is wrong, which is noted in the form.

    Args:
        form: as it was typed.
        areas: all areas.
        session: to look places up.
        today: for ages.
        kept: the preference that is edited, if one is.
    """
    values = form.values
    area = form.meant("area")
    if kept is not None and area == areas.name(kept.area_id):
        area = kept.area_id
    if not area:
        form.errors["area"] = Fault(key="error.area_missing")
    region = _region(form, session, kept)
    excluded = _parted(form.meant("excluded"), areas)
    found = PreferenceInput(
        area=area or ANY_AREA,
        region=region,
        item_kinds=tuple(values["kinds"].split()),
        born=values["born"],
        sex=values["sex"],
        healthy_volunteer=bool(values["healthy"]),
        phases=tuple(form.chosen("phases")),
        change_kinds=tuple(form.chosen("changes")),
        excluded_areas=tuple(excluded),
        topics=tuple(form.chosen("topic")),
        audience=values["audience"],
        label=values["label"][:_LABEL_LENGTH],
    ).checked(areas, load_topics(session), today)
    for name, error in found.errors.items():
        form.errors.setdefault(_FIELD_OF.get(name, name), _fault(name, error, excluded))
    return None if form.errors else found.preference


_FIELD_OF = {"item_kinds": "kinds", "change_kinds": "changes", "excluded_areas": "excluded", "topics": "topic"}


def _fault(name: str, error: InvalidInput, excluded: list[str]) -> Fault:
    """Return what a form says of an error; the choices offered for one unknown name hold the other names too."""
    if isinstance(error, NeedsPlaceOrTopic):
        return Fault(key="error.any_area_alone")
    if isinstance(error, LeavesNothing):
        return Fault(key="error.excluded_all", values={"area": error.area})
    if isinstance(error, UnknownArea) and name == "area":
        return Fault(key="error.area_unknown", choices=error.choices)
    if isinstance(error, UnknownArea):
        at = excluded.index(error.text)
        offered = ("; ".join([*excluded[:at], choice, *excluded[at + 1 :]]) for choice in error.choices)
        return Fault(key="error.excluded_unknown", choices=tuple(offered), values={"name": error.text})
    return Fault(key="error.born_wrong" if name == "born" else "error.choice_wrong")


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


def typed(preference: Preference, areas: AreaTree, *, any_area: str = ANY_AREA) -> dict[str, str]:
    """Return a preference as somebody would have typed it into the form, who calls any disease ``any_area``."""
    return {
        "preference": str(preference.id or ""),
        "area": any_area if preference.area_id == ANY_AREA else areas.name(preference.area_id),
        "region": preference.region_label if preference.region_label != "anywhere" else "",
        **_distance(preference),
        "kinds": " ".join(preference.item_kinds) if len(preference.item_kinds) == 1 else "",
        "born": _born_words(preference.born_on),
        "sex": preference.sex or "",
        "healthy": "yes" if preference.healthy_volunteer else "",
        "phases": " ".join(preference.phases),
        "changes": " ".join(preference.change_kinds),
        "topic": "; ".join(preference.topics),
        "audience": preference.audience or "",
        "excluded": "; ".join(areas.name(area) for area in preference.excluded_areas),
        "label": preference.label or "",
    }


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


def _born_words(born_on: date | None) -> str:
    """Write a birthday; the middle of a year stands for the year, as :func:`birthday` reads it."""
    if born_on is None:
        return ""
    return str(born_on.year) if birthday(str(born_on.year)) == born_on else born_on.isoformat()


def _region(form: Form, session: Session, kept: Preference | None) -> Region | None:
    text, travel = form.meant("region") or "anywhere", form.values["travel"]
    if travel and travel not in TRAVEL_KM:
        form.errors["travel"] = Fault(key="error.travel_wrong")
        return None
    radius = _radius(form)
    if travel and form.values["radius"] and "radius" not in form.errors:
        form.errors["radius"] = Fault(key="error.radius_twice")
    try:
        region = _of(kept) if kept is not None and text == kept.region_label else find_region(session, text)
        return _around(region, radius, travel)
    except AmbiguousRegion as error:
        form.errors["region"] = Fault(key="error.region_ambiguous", choices=error.choices)
    except UnknownRegion as error:
        form.errors["region"] = Fault(key="error.region_unknown", choices=error.choices)
    except InvalidInput:
        form.errors["region"] = Fault(key="error.region_too_fine")
    return None


def _around(region: Region, radius: float | None, travel: str) -> Region:
    """Return the region with the distance around it; a country or a state has none, whatever was typed."""
    if travel and TRAVEL_KM[travel] is None:
        return any_distance_from(region)
    if region.kind == "anywhere" and region.latitude is not None:
        region = replace(region, kind="place")
    if region.kind != "place":
        return region
    level = TRAVEL_KM[travel] if travel else None
    return replace(region, radius_km=radius or level or DEFAULT_RADIUS_KM)


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
        form.errors["radius"] = Fault(key="error.radius_wrong")
        return None


def _parted(text: str, areas: AreaTree) -> list[str]:
    """Part names at semicolons; at commas only where that gives names, since names have commas in them."""
    parts = [part.strip() for part in text.split(";") if part.strip()]
    return [name for part in parts for name in _by_commas(part, lambda name: _is_area(areas, name))]


def _by_commas(part: str, is_area: Callable[[str], bool]) -> list[str]:
    names = [name.strip() for name in part.split(",") if name.strip()]
    return names if len(names) > 1 and not is_area(part) and all(map(is_area, names)) else [part]


def _is_area(areas: AreaTree, name: str) -> bool:
    try:
        areas.find(name)
    except UnknownArea:
        return False
    return True
