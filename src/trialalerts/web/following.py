"""Owns what a form asks to follow: reading area, region, distance and filters, and writing a preference into a form.

A preference that is edited keeps its area and its place where their fields still say what they said: an imported
place may have a name that no search finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from sqlmodel import Session

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownArea, UnknownRegion
from trialalerts.subscribers.choices import CHANGE_KINDS, ITEM_KINDS, PHASES, SEXES, birthday, born_about
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas import AreaTree
from trialalerts.vocabulary.regions import (
    DEFAULT_RADIUS_KM,
    TRAVEL_KM,
    Region,
    find_region,
    find_region_to_travel,
    parse_radius,
)
from trialalerts.web.forms import Fault, Form

__all__ = ["FIELDS", "FILTERS", "KM_PER_MILE", "read_preference", "typed"]

FILTERS = ("kinds", "born", "sex", "healthy", "phases", "changes", "excluded")
"""The fields of the block that is closed until it is used."""
FIELDS = ("preference", "area", "region", "travel", "radius", "unit", "label", *FILTERS)
KM_PER_MILE = 1.609344

_OLDEST = 120
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
    area_id = _area(form, areas, kept)
    region = _region(form, session, kept)
    new = NewPreference(
        area_id=area_id or "",
        region=region or find_region(session, "anywhere"),
        item_kinds=_chosen(form, "kinds", ITEM_KINDS),
        born_on=_born(form, today),
        sex=next(iter(_chosen(form, "sex", SEXES)), None),
        healthy_volunteer=bool(form.values["healthy"]),
        phases=_chosen(form, "phases", PHASES),
        change_kinds=_chosen(form, "changes", CHANGE_KINDS),
        excluded_areas=_excluded(form, areas, area_id),
        label=form.values["label"][:_LABEL_LENGTH] or None,
    )
    return None if form.errors else new


def typed(preference: Preference, areas: AreaTree) -> dict[str, str]:
    """Return a preference as somebody would have typed it into the form."""
    return {
        "preference": str(preference.id or ""),
        "area": areas.name(preference.area_id),
        "region": "" if preference.region_kind == "anywhere" else preference.region_label,
        **_distance(preference.radius_km),
        "kinds": " ".join(preference.item_kinds) if len(preference.item_kinds) == 1 else "",
        "born": _born_words(preference.born_on),
        "sex": preference.sex or "",
        "healthy": "yes" if preference.healthy_volunteer else "",
        "phases": " ".join(preference.phases),
        "changes": " ".join(preference.change_kinds),
        "excluded": "; ".join(areas.name(area) for area in preference.excluded_areas),
        "label": preference.label or "",
    }


def _distance(radius_km: float | None) -> dict[str, str]:
    """Write a radius as a level where it is one, else as a number, in the unit in which it is a round one."""
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


def _area(form: Form, areas: AreaTree, kept: Preference | None) -> str | None:
    text = form.meant("area")
    if not text:
        form.errors["area"] = Fault(key="error.area_missing")
        return None
    if kept is not None and text == areas.name(kept.area_id):
        return kept.area_id
    try:
        return areas.find(text).id
    except UnknownArea as error:
        form.errors["area"] = Fault(key="error.area_unknown", choices=error.choices)
        return None


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
        return _around(session, region, radius, travel)
    except AmbiguousRegion as error:
        form.errors["region"] = Fault(key="error.region_ambiguous", choices=error.choices)
    except UnknownRegion as error:
        form.errors["region"] = Fault(key="error.region_unknown", choices=error.choices)
    except InvalidInput:
        form.errors["region"] = Fault(key="error.region_too_fine")
    return None


def _around(session: Session, region: Region, radius: float | None, travel: str) -> Region:
    """Return the region with the distance around it; a country or a state has none, whatever was typed."""
    if travel and TRAVEL_KM[travel] is None:
        return find_region_to_travel(session, "anywhere", travel)
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


def _chosen(form: Form, field: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words chosen, in our order."""
    words = form.values[field].split()
    if any(word not in known for word in words):
        form.errors[field] = Fault(key="error.choice_wrong")
    return tuple(word for word in known if word in words)


def _born(form: Form, today: date) -> date | None:
    """Return the birthday; a number of up to three digits is an age."""
    text = form.values["born"]
    if not text:
        return None
    try:
        born = born_about(int(text), today) if re.fullmatch(r"[0-9]{1,3}", text) else birthday(text)
        if 0 <= today.year - born.year <= _OLDEST and born <= date(today.year, 12, 31):
            return born
    except (InvalidInput, OverflowError):
        pass
    form.errors["born"] = Fault(key="error.born_wrong")
    return None


def _excluded(form: Form, areas: AreaTree, area_id: str | None) -> tuple[str, ...]:
    """Return the ids of the areas to leave out; the choices offered for one unknown name hold the other names too."""
    names = _parted(form.meant("excluded"), areas)
    found: list[str] = []
    for position, name in enumerate(names):
        try:
            found.append(areas.find(name).id)
        except UnknownArea as error:
            offered = ("; ".join([*names[:position], choice, *names[position + 1 :]]) for choice in error.choices)
            form.errors["excluded"] = Fault(key="error.excluded_unknown", choices=tuple(offered), values={"name": name})
            return ()
    if area_id is not None and ({area_id} | areas.ancestors(area_id)) & set(found):
        form.errors["excluded"] = Fault(key="error.excluded_all", values={"area": areas.name(area_id)})
        return ()
    return tuple(found)


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
