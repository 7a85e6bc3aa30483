"""The steps from a wish to a wider or a narrower one, each with a code that gives nothing away.

A mail offers a step with what it would bring, and the form that its link leads to is filled with the same step: so a
link carries ``any`` or ``up0``, never a disease or a place.
"""

from __future__ import annotations

from trialalerts.subscribers.tables import NO_PLACE, ONE_TRIAL, Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.places.regions import MAX_RADIUS_KM, TRAVEL_KM
from trialalerts.vocabulary.places.shown import country_shown

__all__ = ["OPENINGS", "PHASE", "broader", "farther", "nearer", "stepped"]

PHASE, OPENINGS = "phase3", "openings"
_ANY, _COUNTRY, _KM, _UP = "any", "country", "km", "up"
_WIDER = 3
_SMALLEST_KM = 10.0
_MOST_ABOVE = 4
_OPENS = ["registered", "opened", "reopened", "site_opened"]
_LEVELS = sorted((km for km in TRAVEL_KM.values() if km is not None), reverse=True)


def farther(wish: Preference) -> list[str]:
    """Return the codes of what is farther away than a wish asks for, the nearest first."""
    if wish.region_kind is RegionKind.PLACE:
        radii, radius = [], max(wish.radius_km or 0.0, _SMALLEST_KM)
        while radius < MAX_RADIUS_KM:
            radius = min(round(radius * _WIDER), MAX_RADIUS_KM)
            radii.append(f"{_KM}{radius:.0f}")
        return [*radii, _ANY]
    if wish.region_kind is RegionKind.SUBDIVISION:
        return [_COUNTRY, _ANY]
    return [_ANY] if wish.region_kind in {RegionKind.COUNTRY, RegionKind.GROUP} else []


def nearer(wish: Preference) -> list[str]:
    """Return the codes of what is nearer to the place of a wish, the farthest first; none where it has no place."""
    if wish.latitude is None or wish.region_kind not in {RegionKind.PLACE, RegionKind.ANYWHERE}:
        return []
    return [f"{_KM}{km:.0f}" for km in _LEVELS if wish.radius_km is None or km < wish.radius_km]


def broader(wish: Preference, areas: AreaTree) -> list[str]:
    """Return the codes of the areas above the one of a wish, the nearest first."""
    return [f"{_UP}{at}" for at in range(len(_above(wish, areas)))]


def stepped(wish: Preference, code: str, areas: AreaTree) -> Preference | None:
    """Return a wish with a step taken, not to be stored; None where it has no such step."""
    changes = _changes(wish, code, areas)
    return None if changes is None else Preference(**{**wish.model_dump(), **changes})


def _changes(wish: Preference, code: str, areas: AreaTree) -> dict[str, object] | None:
    if code == PHASE:
        return None if wish.phases else {"phases": ["PHASE3"]}
    if code == OPENINGS:
        return None if wish.change_kinds else {"change_kinds": list(_OPENS)}
    above = dict(zip(broader(wish, areas), _above(wish, areas), strict=True))
    if code in above:
        return {"area_id": above[code]}
    return _elsewhere(wish, code) if code in {*farther(wish), *nearer(wish)} else None


def _elsewhere(wish: Preference, code: str) -> dict[str, object]:
    if code.startswith(_KM):
        return {"region_kind": RegionKind.PLACE, "radius_km": float(code.removeprefix(_KM))}
    if code == _COUNTRY:
        label = country_shown(wish.country or "", "en") or wish.country or ""
        return {**NO_PLACE, "region_kind": RegionKind.COUNTRY, "country": wish.country, "region_label": label}
    placed = wish.region_kind is RegionKind.PLACE and wish.latitude is not None
    return {"region_kind": RegionKind.ANYWHERE, "radius_km": None} if placed else dict(NO_PLACE)


def _above(wish: Preference, areas: AreaTree) -> list[str]:
    """Return the areas above the one of a wish: those right above, then those above these."""
    if wish.area_id in {ANY_AREA, ONE_TRIAL}:
        return []
    found: dict[str, None] = {}
    row = [wish.area_id]
    for _ in range(2):
        row = [parent for area in row for parent in areas.parents(area) if parent not in wish.excluded_areas]
        found |= dict.fromkeys(row)
    return list(found)[:_MOST_ABOVE]
