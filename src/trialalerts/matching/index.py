"""The index of a window: for each area, region and filter the candidates that meet it, as the bits of one integer.

A preference is then a few ANDs. Python's integers as bitsets were measured simplest and fast enough (170,000
subscribers a second). What is asked for is remembered: there are far fewer distinct areas, regions and filters than
subscribers; and few distinct answers (30,000 for 390,000 preferences over 7,000 changes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from trialalerts.catalog.tables import ChangeKind, ItemKind
from trialalerts.matching.closings import ClosingIndex
from trialalerts.matching.gaining import Gains
from trialalerts.matching.site_index import SiteIndex
from trialalerts.matching.window import RECRUITING_NOW, Candidate
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from trialalerts.matching.query import RegionKey
    from trialalerts.subscribers.filters import Filters

__all__ = ["WindowIndex", "bits_of", "numbers_of"]

_ASKED_OTHERWISE = frozenset({ChangeKind.SITE_CLOSED.value, ChangeKind.CORRECTED.value})
_DAYS_OF_UNIT = {"year": 365, "month": 30, "week": 6}
"""“75 Years” takes people until the day before they turn 76: so many days more than the number itself says."""


def numbers_of(bits: int) -> NDArray[np.int64]:
    """Return the numbers of the set bits, the lowest first: the inverse of :func:`bits_of`, fast for many of them."""
    flags = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    found: NDArray[np.int64] = np.unpackbits(flags, bitorder="little").nonzero()[0]
    return found


def bits_of(numbers: Iterable[int]) -> int:
    """Return the integer whose set bits are ``numbers``."""
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


class WindowIndex:
    """The candidates of one window, ready to be asked. Their bits have the numbers of their places in the sequence.

    Behind them stand, as bits that no answer may keep, the articles of ``gains`` as they were before.
    """

    def __init__(self, candidates: Sequence[Candidate], areas: AreaTree) -> None:
        self.candidates = tuple(candidates)
        self.gains = Gains(self.candidates)
        self._asked = (*self.candidates, *self.gains.before)
        self.every = (1 << len(self._asked)) - 1
        self.areas = areas
        self._index_subjects()
        self._index_kinds()
        self._index_people()
        self._index_sites()
        self._areas_asked: dict[str | tuple[str, frozenset[str]], int] = {}
        self._after_asked: dict[int, int] = {}

    @cached_property
    def announced(self) -> int:
        """The candidates that are changes, not what is open."""
        return self.every & ~self._change_kinds.get(RECRUITING_NOW, 0)

    @cached_property
    def over(self) -> int:
        """The candidates that an introduction would not show: trials that take nobody now."""
        return bits_of(
            n for n, c in enumerate(self._asked) if c.subject.kind is ItemKind.TRIAL and not c.subject.recruiting
        )

    def after(self, seq: int) -> int:
        """Return the candidates with a change number above ``seq``."""
        if seq not in self._after_asked:
            self._after_asked[seq] = bits_of(n for n, c in enumerate(self._asked) if c.seq > seq)
        return self._after_asked[seq]

    def wanted(self, area: str, excluded: frozenset[str], met: int, region: RegionKey | int) -> int:
        """Return the candidates on an area and in a region, among those that meet the filters (see :meth:`filters`).

        ``region`` may be what :meth:`region` gave for its key, where the caller remembers it.
        """
        bits = self.area(area, excluded) & met
        if not bits:
            return 0
        return bits & (region if isinstance(region, int) else self.region(region))

    def area(self, area: str, excluded: frozenset[str]) -> int:
        """Return the candidates on the area or a descendant, through an area of theirs that is not excluded.

        Any area (:data:`~trialalerts.vocabulary.areas.tree.ANY_AREA`) is also the one of a candidate that has none.
        """
        key = (area, excluded) if excluded else area  # a text alone is found faster
        try:
            return self._areas_asked[key]
        except KeyError:
            found = self._areas_asked[key] = self._area(area, excluded)
            return found

    def region(self, key: RegionKey) -> int:
        """Return the candidates with a site in the region, or that may have one there.

        A site that closed is news only where it was the nearest (:mod:`~trialalerts.matching.closings`).
        """
        elsewhere = self._sites.every if key[0] is RegionKind.ANYWHERE else self._sites.region(key)
        return elsewhere | self._closings.region(key)

    def filters(self, filters: Filters, today: date) -> int:
        """Return the candidates that meet all filters, or do not say; ``today`` is the day on which ages count."""
        found = self.item_kinds(filters.item_kinds) & self.change_kinds(filters.change_kinds)
        found &= self.phases(filters.phases) & self.sex(filters.sex)
        found &= self.topics(filters.topics) & self.audience(filters.audience)
        if filters.born_on is not None:
            found &= self.age((today - filters.born_on).days)
        return found & self.healthy() if filters.healthy_volunteer else found

    def item_kinds(self, wanted: Sequence[str]) -> int:
        """Return the candidates of these kinds of item; all where none is named."""
        return self._any_of(self._item_kinds, wanted)

    def change_kinds(self, wanted: Sequence[str]) -> int:
        """Return the candidates of these kinds of change; what is recruiting now is no change and always stays."""
        return self._any_of(self._change_kinds, [*wanted, RECRUITING_NOW] if wanted else ())

    def phases(self, wanted: Sequence[str]) -> int:
        """Return the candidates in one of these phases, or without a phase."""
        return self._any_of(self._phases, wanted) | (self._without_phase if wanted else 0)

    def topics(self, wanted: Sequence[str]) -> int:
        """Return the candidates with one of these topics; all where none is named."""
        return self._any_of(self._topics, wanted)

    def audience(self, wanted: str | None) -> int:
        """Return the candidates written for this audience, for any, or that do not say for whom."""
        if wanted is None:
            return self.every
        return self.every & ~self._audiences["professionals" if wanted == "patients" else "patients"]

    def sex(self, sex: str | None) -> int:
        """Return the candidates that take people of this sex, or do not say whom."""
        return self.every if sex is None else self._sexes["all"] | self._sexes[sex]

    def healthy(self) -> int:
        """Return the candidates that take healthy volunteers, or do not say."""
        return self._healthy

    def age(self, days: int) -> int:
        """Return the candidates that take people of this age in days, or do not say."""
        lowest = self._minimum_bits[bisect_right(self._minimums, days)]
        highest = self._maximum_bits[bisect_left(self._maximums, days)]
        return lowest & highest

    def _any_of(self, index: dict[str, int], wanted: Sequence[str]) -> int:
        if not wanted:
            return self.every
        bits = 0
        for name in wanted:
            bits |= index.get(name, 0)
        return bits

    def _area(self, area: str, excluded: frozenset[str]) -> int:
        if area == ANY_AREA:
            return self._anything_but(excluded)
        bits = 0
        for own in self._under.get(area, ()):
            if not (excluded and (own in excluded or self.areas.ancestors(own) & excluded)):
                bits |= self._direct[own]
        by_record = self._by_record.get(area, 0)
        for other in excluded:
            by_record &= ~(self._by_record.get(other, 0) | self._any_under(other))
        return bits | by_record

    def _anything_but(self, excluded: frozenset[str]) -> int:
        """Return the candidates with an own area that is not excluded, and those without one that may be told."""
        if not excluded:
            return self.every
        allowed = without = 0
        for own, bits in self._direct.items():
            without |= bits
            if own not in excluded and not self.areas.ancestors(own) & excluded:
                allowed |= bits
        without = self.every & ~without
        for other in excluded:
            without &= ~self._by_record.get(other, 0)
        return allowed | without

    def _any_under(self, area: str) -> int:
        bits = 0
        for own in self._under.get(area, ()):
            bits |= self._direct[own]
        return bits

    def _index_subjects(self) -> None:
        direct: dict[str, int] = defaultdict(int)
        by_record: dict[str, int] = defaultdict(int)
        for number, candidate in enumerate(self._asked):
            bit = 1 << number
            for area in candidate.subject.direct:
                direct[area] |= bit
            for area in candidate.subject.ancestors:
                by_record[area] |= bit
        under: dict[str, list[str]] = defaultdict(list)
        for own in direct:
            for above in (own, *self.areas.ancestors(own)):
                under[above].append(own)
        self._direct, self._by_record, self._under = dict(direct), dict(by_record), dict(under)

    def _index_kinds(self) -> None:
        self._item_kinds: dict[str, int] = defaultdict(int)
        self._change_kinds: dict[str, int] = defaultdict(int)
        self._phases: dict[str, int] = defaultdict(int)
        self._topics: dict[str, int] = defaultdict(int)
        self._audiences: dict[str, int] = defaultdict(int)
        self._without_phase = 0
        for number, candidate in enumerate(self._asked):
            bit = 1 << number
            self._item_kinds[candidate.subject.kind.value] |= bit
            self._change_kinds[candidate.kind] |= bit
            for topic in candidate.subject.topics:
                self._topics[topic] |= bit
            if candidate.subject.audience is not None:
                self._audiences[candidate.subject.audience] |= bit
            phases = [
                phase for phase in (candidate.subject.facts.phases if candidate.subject.facts else ()) if phase != "NA"
            ]
            for phase in phases:
                self._phases[phase] |= bit
            self._without_phase |= 0 if phases else bit

    def _index_people(self) -> None:
        minimums: dict[int, int] = defaultdict(int)
        maximums: dict[int, int] = defaultdict(int)
        self._sexes: dict[str, int] = {"all": 0, "female": 0, "male": 0}
        self._healthy = no_minimum = no_maximum = 0
        for number, candidate in enumerate(self._asked):
            bit, facts = 1 << number, candidate.subject.facts
            self._sexes[(facts.sex if facts else None) or "all"] |= bit
            self._healthy |= 0 if facts and facts.healthy_volunteers is False else bit
            if facts is None or facts.minimum_age_days is None:
                no_minimum |= bit
            else:
                minimums[facts.minimum_age_days] |= bit
            if facts is None or facts.maximum_age_days is None:
                no_maximum |= bit
            else:
                maximums[facts.maximum_age_days + _slack(facts.maximum_age)] |= bit
        self._minimums = sorted(minimums)
        self._minimum_bits = list(accumulate((minimums[days] for days in self._minimums), or_, initial=no_minimum))
        self._maximums = sorted(maximums)
        downwards = list(accumulate((maximums[days] for days in reversed(self._maximums)), or_, initial=no_maximum))
        self._maximum_bits = downwards[::-1]

    def _index_sites(self) -> None:
        """Index places; closings of sites are asked differently, corrections are for those who got the article."""
        placed = [(number, c) for number, c in enumerate(self._asked) if c.kind not in _ASKED_OTHERWISE]
        self._sites = SiteIndex((number, c.subject.facts, c.sites) for number, c in placed)
        self._closings = ClosingIndex(self._asked)


def _slack(words: str | None) -> int:
    unit = (words or "").rpartition(" ")[2].lower().rstrip("s")
    return _DAYS_OF_UNIT.get(unit, 0)
