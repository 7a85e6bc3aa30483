"""Owns the matching of a preference with a window: which changes it asks for."""

from __future__ import annotations

from datetime import date

from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import PreferenceQuery
from trialalerts.subscribers.tables import Preference

__all__ = ["wanted"]


def wanted(index: WindowIndex, preference: Preference, today: date) -> int:
    """Return the candidates that meet a preference, as bits of the index; ``today`` is the day on which ages count."""
    query = PreferenceQuery.of(preference)
    return index.wanted(query.area, query.excluded, index.filters(query.filters, today), query.region)
