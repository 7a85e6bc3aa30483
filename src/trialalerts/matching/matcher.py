"""Owns the matching of preferences with a window: which changes each of them asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from trialalerts.matching.arranging import Match, arranged
from trialalerts.matching.index import Filters, RegionKey, WindowIndex
from trialalerts.subscribers.tables import Preference

__all__ = ["Matcher", "filters_of", "region_key"]


class Matcher:
    """Matches preferences with one window; made once for a window and shared by all subscribers."""

    def __init__(self, index: WindowIndex, today: date) -> None:
        self.index = index
        self.today = today

    def match(self, preferences: Sequence[Preference], *, after: int = -1) -> list[Match]:
        """Return what these preferences of one subscriber bring out of the changes above ``after``, best first.

        A change that meets several preferences is told once and names them all; several changes of one item
        are one match.
        """
        window, candidates = self.index.after(after), self.index.candidates
        asked = [
            (preference, candidates[number])
            for preference in preferences
            for number in self.index.numbers(self.wanted(preference) & window)
        ]
        return arranged(asked)

    def wanted(self, preference: Preference) -> int:
        """Return the candidates that meet one preference, as bits of the index."""
        bits = self.index.area(preference.area_id, frozenset(preference.excluded_areas))
        if bits:
            bits &= self.index.region(region_key(preference)) & self.index.filters(filters_of(preference), self.today)
        return bits


def region_key(preference: Preference) -> RegionKey:
    """Return the region of a preference as the index takes it."""
    return (
        preference.region_kind,
        preference.country,
        preference.subdivision,
        preference.latitude,
        preference.longitude,
        preference.radius_km,
    )


def filters_of(preference: Preference) -> Filters:
    """Return the filters of a preference as the index takes them."""
    return Filters(
        born_on=preference.born_on,
        sex=preference.sex,
        healthy_volunteer=preference.healthy_volunteer,
        phases=tuple(preference.phases),
        item_kinds=tuple(preference.item_kinds),
        change_kinds=tuple(preference.change_kinds),
    )
