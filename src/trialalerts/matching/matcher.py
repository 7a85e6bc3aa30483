"""Owns the matching of a preference with a window: which changes it asks for."""

from __future__ import annotations

from datetime import date

from trialalerts.matching.index import Filters, WindowIndex
from trialalerts.subscribers.tables import Preference

__all__ = ["wanted"]


def wanted(index: WindowIndex, preference: Preference, today: date) -> int:
    """Return the candidates that meet a preference, as bits of the index; ``today`` is the day on which ages count."""
    region = (
        preference.region_kind,
        preference.country,
        preference.subdivision,
        preference.latitude,
        preference.longitude,
        preference.radius_km,
    )
    filters = Filters(
        born_on=preference.born_on,
        sex=preference.sex,
        healthy_volunteer=preference.healthy_volunteer,
        phases=tuple(preference.phases),
        item_kinds=tuple(preference.item_kinds),
        change_kinds=tuple(preference.change_kinds),
    )
    met = index.filters(filters, today)
    return index.wanted(preference.area_id, frozenset(preference.excluded_areas), met, region)
