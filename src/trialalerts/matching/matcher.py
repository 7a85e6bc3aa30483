"""The matching of a preference with a window: which changes it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import PreferenceQuery
from trialalerts.subscribers.tables import Preference

__all__ = ["wanted", "wanted_together"]


def wanted(index: WindowIndex, preference: Preference, today: date) -> int:
    """Return the candidates that meet a preference, as bits of the index; ``today`` is the day on which ages count."""
    return wanted_together(index, [preference], today)[0]


def wanted_together(index: WindowIndex, preferences: Sequence[Preference], today: date) -> list[int]:
    """Return the candidates that meet each preference of one person, who is told nothing that another one told."""
    found = [_met(index, preference, today) for preference in preferences]
    return index.gains.not_told_before(found) if index.gains else found


def _met(index: WindowIndex, preference: Preference, today: date) -> int:
    query = PreferenceQuery.of(preference)
    return index.wanted(query.area, query.excluded, index.filters(query.filters, today), query.region)
