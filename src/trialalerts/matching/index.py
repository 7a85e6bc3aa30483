"""The index of a window: for each area, region and filter the candidates that meet it, as the bits of one integer.

A preference is then a few ANDs. What is asked for is remembered: there are far fewer distinct areas, regions and
filters than subscribers; and few distinct answers (30,000 for 390,000 preferences over 7,000 changes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from functools import cached_property, reduce
from itertools import accumulate
from operator import and_, or_
from typing import TYPE_CHECKING, Self, TypeVar

from trialalerts.catalog.tables import ChangeKind
from trialalerts.matching.bits import Postings, bits_of
from trialalerts.matching.closings import ClosingIndex
from trialalerts.matching.gaining import Gains
from trialalerts.matching.places import PlaceIndex
from trialalerts.matching.window import RECRUITING_NOW, Indexed
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

if TYPE_CHECKING:
    from datetime import date

    from trialalerts.matching.query import RegionKey
    from trialalerts.subscribers.filters import Filters

__all__ = ["Miss", "WindowIndex"]

_Key = TypeVar("_Key")
_SEXES = ("female", "male")
_NO_PHASE = ""


class Miss(StrEnum):
    """What of a preference a candidate does not meet; ``words`` say it to the operator.

    >>> Miss("sex").words
    'takes the other sex'
    """

    words: str

    def __new__(cls, value: str, words: str) -> Self:
        """Make a member that is its value, and has words."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    AREA = "area", "another disease area"
    EXCLUDED = "excluded_area", "an area left out"
    TRIAL = "trial", "not the trial followed"
    FOLLOWERS = "followers_only", "told to those only who follow the trial"
    PLACE = "place", "not in the region"
    KIND = "kind", "not this kind of item"
    CHANGE = "change", "not this kind of change"
    PHASE = "phase", "another phase"
    SEX = "sex", "takes the other sex"
    TOPIC = "topic", "another topic"
    AUDIENCE = "audience", "written for others"
    AGE = "age", "outside the age taken"
    HEALTHY = "healthy_volunteer", "takes no healthy volunteers"
    LANGUAGE = "language", "for readers of other languages"
    SILENCED = "silenced", "a trial that they silenced: not for me"


class WindowIndex:
    """The candidates of one window, ready to be asked. Their bits have the numbers of their places in the sequence.

    Behind them stand, as bits that no answer may keep, the items of ``gains`` as they were before.
    """

    def __init__(self, candidates: Sequence[Indexed], areas: AreaTree) -> None:
        self.candidates = tuple(candidates)
        self.gains = Gains(self.candidates)
        self._asked = (*self.candidates, *self.gains.before)
        self.every = (1 << len(self._asked)) - 1
        self.areas = areas
        self._index_subjects()
        placed = [(n, each.places) for n, each in enumerate(self._asked) if _is_asked_by_place(each)]
        self._places = PlaceIndex(placed)
        self._closings = ClosingIndex([(n, c.closing) for n, c in enumerate(self._asked) if c.closing is not None])
        self._areas_asked: dict[str | tuple[str, frozenset[str]], int] = {}
        self._after_asked: dict[int, int] = {}
        self._limited = [number for number, each in enumerate(self._asked) if each.outline.languages]
        self._languages_asked: dict[str, int] = {}

    @property
    def numbers(self) -> list[int]:
        """The numbers of changes, or of items, by the numbers of their bits."""
        return [each.number for each in self._asked]

    @cached_property
    def announced(self) -> int:
        """The candidates that are changes, not what is open."""
        return self.every & ~self._change_kinds[RECRUITING_NOW]

    @cached_property
    def over(self) -> int:
        """The candidates that an introduction would not show: trials that take nobody now."""
        return bits_of([number for number, each in enumerate(self._asked) if each.is_over])

    def after(self, seq: int) -> int:
        """Return the candidates with a change number above ``seq``."""
        if seq not in self._after_asked:
            self._after_asked[seq] = bits_of([n for n, c in enumerate(self._asked) if c.seq > seq])
        return self._after_asked[seq]

    def numbered(self, seqs: Collection[int]) -> int:
        """Return the candidates with one of these change numbers."""
        return bits_of([n for n, c in enumerate(self._asked) if c.seq in seqs]) if seqs else 0

    def read_in(self, language: str) -> int:
        """Return the candidates for people who read a language (ISO 639-1), or for all."""
        if not self._limited:
            return self.every
        if language not in self._languages_asked:
            others = [n for n in self._limited if language not in self._asked[n].outline.languages]
            self._languages_asked[language] = self.every & ~bits_of(others)
        return self._languages_asked[language]

    def wanted(self, area: str, excluded: frozenset[str], met: int, region: RegionKey | int) -> int:
        """Return the candidates on an area and in a region, among those that meet the filters (see :meth:`filters`).

        ``region`` may be what :meth:`region` gave for its key, where the caller remembers it.
        """
        bits = self.area(area, excluded) & met
        if not bits:
            return 0
        return bits & (region if isinstance(region, int) else self.region(region))

    def trial(self, item_id: int) -> int:
        """Return all that happened to one trial, whatever and wherever that is; in what is shown, the trial.

        That it is open, told as a change to those who did not know it, is no change of it. What happened to an article
        that names it is, but that this was corrected, or raised concern: that is for those who were told the article.
        """
        return self._by_item[item_id]

    def of_items(self, item_ids: Iterable[int]) -> int:
        """Return all that is told of these items, as they are and as they were before."""
        return reduce(or_, (self._told_of[item_id] for item_id in item_ids), 0)

    @cached_property
    def for_followers(self) -> int:
        """The candidates that those only are told who follow the trial."""
        return bits_of([number for number, each in enumerate(self._asked) if each.only_followers])

    @cached_property
    def _told_of(self) -> Postings[int]:
        found = Postings[int]()
        for number, each in enumerate(self._asked):
            found.add((each.item_id,), number)
        return found

    @cached_property
    def _by_item(self) -> Postings[int]:
        found = Postings[int]()
        for number, each in enumerate(self.candidates):
            if not (each.seq and each.kind == RECRUITING_NOW):
                found.add((each.item_id,), number)
        for number, each in enumerate(self._asked):
            if each.names and not each.told_before_only:
                found.add(each.names, number)
        return found

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
        elsewhere = self._places.every if key[0] is RegionKind.ANYWHERE else self._places.region(key)
        return elsewhere | self._closings.region(key)

    def filters(self, filters: Filters, today: date) -> int:
        """Return the candidates that meet all filters, or do not say; ``today`` is the day on which ages count."""
        return reduce(and_, self.by_filter(filters, today).values())

    def by_filter(self, filters: Filters, today: date) -> dict[Miss, int]:
        """Return the candidates that meet each filter, or do not say, by how one that does not misses."""
        return {
            Miss.KIND: self.item_kinds(filters.item_kinds),
            Miss.CHANGE: self.change_kinds(filters.change_kinds),
            Miss.PHASE: self.phases(filters.phases),
            Miss.SEX: self.sex(filters.sex),
            Miss.TOPIC: self.topics(filters.topics),
            Miss.AUDIENCE: self.audience(filters.audience),
            Miss.AGE: self.every if filters.born_on is None else self.age((today - filters.born_on).days),
            Miss.HEALTHY: self.healthy() if filters.healthy_volunteer else self.every,
        }

    def item_kinds(self, wanted: Sequence[str]) -> int:
        """Return the candidates of these kinds of item; all where none is named."""
        return self._any_of(self._item_kinds, wanted) if wanted else self.every

    def change_kinds(self, wanted: Sequence[str]) -> int:
        """Return the candidates of these kinds of change; what is recruiting now is no change and always stays."""
        return self._any_of(self._change_kinds, (*wanted, RECRUITING_NOW)) if wanted else self.every

    def phases(self, wanted: Sequence[str]) -> int:
        """Return the candidates in one of these phases, or without a phase."""
        return self._any_of(self._phases, (*wanted, _NO_PHASE)) if wanted else self.every

    def topics(self, wanted: Sequence[str]) -> int:
        """Return the candidates with one of these topics; all where none is named."""
        return self._any_of(self._topics, wanted) if wanted else self.every

    def audience(self, wanted: str | None) -> int:
        """Return the candidates written for this audience, for any, or that do not say for whom."""
        if wanted is None:
            return self.every
        return self.every & ~self._audiences["professionals" if wanted == "patients" else "patients"]

    def sex(self, sex: str | None) -> int:
        """Return the candidates that take people of this sex, or do not say whom."""
        if sex is None:
            return self.every
        if sex not in _SEXES:
            raise ValueError(f"{sex!r} is none of {', '.join(_SEXES)}")
        return self._sexes["all"] | self._sexes[sex]

    def healthy(self) -> int:
        """Return the candidates that take healthy volunteers, or do not say."""
        return self._healthy

    def age(self, days: int) -> int:
        """Return the candidates that take people of this age in days, or do not say."""
        (youngest, from_them_on), (oldest, up_to_them) = self._youngest, self._oldest
        return from_them_on[bisect_right(youngest, days)] & up_to_them[bisect_left(oldest, days)]

    @staticmethod
    def _any_of(index: Postings[str], wanted: Iterable[str]) -> int:
        return reduce(or_, (index[name] for name in wanted), 0)

    def _area(self, area: str, excluded: frozenset[str]) -> int:
        if area == ANY_AREA:
            return self._anything_but(excluded)
        bits = 0
        for own in self._under.get(area, ()):
            if not (excluded and (own in excluded or self.areas.ancestors(own) & excluded)):
                bits |= self._direct[own]
        by_record = self._by_record[area]
        for other in excluded:
            by_record &= ~(self._by_record[other] | self._any_under(other))
        return bits | by_record

    def _anything_but(self, excluded: frozenset[str]) -> int:
        """Return the candidates with an own area that is not excluded, and those without one that may be told."""
        if not excluded:
            return self.every
        allowed = without = 0
        for own in self._direct:
            bits = self._direct[own]
            without |= bits
            if own not in excluded and not self.areas.ancestors(own) & excluded:
                allowed |= bits
        without = self.every & ~without
        for other in excluded:
            without &= ~self._by_record[other]
        return allowed | without

    def _any_under(self, area: str) -> int:
        bits = 0
        for own in self._under.get(area, ()):
            bits |= self._direct[own]
        return bits

    def _index_subjects(self) -> None:
        self._direct, self._by_record = Postings[str](), Postings[str]()
        for number, each in enumerate(self._asked):
            self._direct.add(each.outline.direct, number)
            self._by_record.add(each.outline.ancestors, number)
        self._under: dict[str, list[str]] = defaultdict(list)
        for own in self._direct:
            for above in (own, *self.areas.ancestors(own)):
                self._under[above].append(own)

    @cached_property
    def _item_kinds(self) -> Postings[str]:
        return self._posted(lambda each: (each.outline.kind,))

    @cached_property
    def _change_kinds(self) -> Postings[str]:
        return self._posted(lambda each: (each.kind,))

    @cached_property
    def _phases(self) -> Postings[str]:
        return self._posted(lambda each: each.outline.phases or (_NO_PHASE,))

    @cached_property
    def _topics(self) -> Postings[str]:
        return self._posted(lambda each: each.outline.topics)

    @cached_property
    def _audiences(self) -> Postings[str]:
        return self._posted(lambda each: (each.outline.audience or "all",))

    @cached_property
    def _sexes(self) -> Postings[str]:
        return self._posted(lambda each: (each.outline.sex or "all",))

    @cached_property
    def _healthy(self) -> int:
        refused = [n for n, each in enumerate(self._asked) if each.outline.healthy_volunteers is False]
        return self.every & ~bits_of(refused)

    @cached_property
    def _youngest(self) -> tuple[list[int], list[int]]:
        """The lowest ages in days, and the candidates that take people of so many of them, or name none."""
        ages = self._posted(lambda each: (each.outline.youngest_days,))
        days = sorted(age for age in ages if age is not None)
        return days, list(accumulate((ages[age] for age in days), or_, initial=ages[None]))

    @cached_property
    def _oldest(self) -> tuple[list[int], list[int]]:
        """The highest ages in days, and the candidates that take people from so many of them on, or name none."""
        ages = self._posted(lambda each: (each.outline.oldest_days,))
        days = sorted(age for age in ages if age is not None)
        return days, list(accumulate((ages[age] for age in reversed(days)), or_, initial=ages[None]))[::-1]

    def _posted(self, keys: Callable[[Indexed], Iterable[_Key]]) -> Postings[_Key]:
        """Return which candidates have each key; made when it is first asked for, for few wishes have all filters."""
        found = Postings[_Key]()
        for number, each in enumerate(self._asked):
            found.add(keys(each), number)
        return found


def _is_asked_by_place(candidate: Indexed) -> bool:
    if candidate.told_before_only or candidate.only_followers:
        return False
    return candidate.kind != ChangeKind.SITE_CLOSED
