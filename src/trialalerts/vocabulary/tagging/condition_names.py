"""What a trial's own conditions name, one condition at a time.

A condition is a line that somebody typed into a form: "Asthma; COPD", "Leukemia, Myeloid, Acute", "Cancer of the Lung
(NSCLC)", "Stage IV Breast Cancer AJCC v8", "Healthy". It is cut where a list is. A piece that is a name, but for words
that tell how far, how long or in whom ("stage IV", "chronic", "in children"), names that area and no other: "pain,
postoperative" is no second word for pain. Otherwise the names that stand in it count. The rest of the record is asked
for one thing only, the long form of an acronym.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.spelling import BREAKS, is_acronym, split_words
from trialalerts.vocabulary.tagging.dictionary import NOTHING, Key
from trialalerts.vocabulary.tagging.finding import Hit, read_text
from trialalerts.vocabulary.tagging.roles import Role, roles_in
from trialalerts.vocabulary.tagging.tagger import Tagger
from trialalerts.vocabulary.tagging.words import JOINS, is_generic

__all__ = ["ConditionNames"]

_AND_OR = re.compile(r"\band\s?/\s?or\b", re.IGNORECASE)
_CUT = re.compile(r"[;|/\n()\[\]•]|\s[-–—+&]\s")
_EDGES = " ,.:-–—"
_FILLERS = frozenset({"of", "the", "and", "in", "with", "due", "to"})
_MOST_WORDS = 14
"""A longer piece is a sentence, and no name."""
_STAGED = frozenset({"stage", "grade", "ajcc"})
_STAGE = re.compile(r"\d{1,2}|[abcv]|i{1,3}v?[abc]?|iv[abc]?")
"""What may stand for a stage once folded: "IV" is 4, "v8" two words."""
_TELL_NOTHING = """
stage grade ajcc figo who anatomic prognostic clinical pathologic pathological tnm
locally advanced metastatic recurrent recurring relapsed relapsing refractory resistant persistent progressive
unresectable resectable inoperable operable untreated treated pretreated previously newly diagnosed
early late onset end mild moderate severe acute subacute chronic stable active symptomatic asymptomatic controlled
uncontrolled poorly intermittent seasonal perennial new known suspected confirmed established
primary idiopathic unspecified nos other specified adult pediatric child childhood adolescent adolescence infant
infancy elderly older young woman man male female patient people person subject participant
treatment management diagnosis finding disorder disease illness
a an the of in with for to and or by on from at
"""
"""A disease with these words is the same disease, further on or in somebody else."""
_STATES = frozenset({"D010335", "D020763", "D020969"})
"""MeSH's pathologic processes, anatomical pathological conditions, and attributes of diseases."""
_TURNED = ("hypertension", "depression", "shock", "fever", "palsy", "arrest", "attack")
"""Words that name one disease alone and others behind an organ: ocular hypertension, heart attack."""
_PASSING = (Role.DENIED, Role.ASIDE)
_LONG = 4
"""An acronym of this many letters and digits that only one area has stands for it: "T2DM"."""
_MEMORY = 20_000


class _Found(NamedTuple):
    """What one condition names, and the acronyms in it that need a second look."""

    areas: frozenset[str]
    acronyms: frozenset[Key]


class ConditionNames:
    """Reads conditions with the dictionary of a tagger. Building one takes a moment; it may be shared by threads."""

    def __init__(self, tagger: Tagger) -> None:
        self.tagger = tagger
        self._dictionary = tagger.dictionary
        self._folder = tagger.folder
        self._bags = _bags(tagger.dictionary.names)
        self._tell_nothing = frozenset(self._folder[word] for word in _TELL_NOTHING.split())
        self._staged = frozenset(self._folder[word] for word in _STAGED)
        self._turned = frozenset((self._folder[word],) for word in _TURNED)
        self._found = lru_cache(maxsize=_MEMORY)(self._read)

    @property
    def areas(self) -> AreaTree:
        """The areas that the tagger was built from."""
        return self.tagger.areas

    def named(self, conditions: Iterable[str], record: Iterable[str] = ()) -> frozenset[str]:
        """Return the ids of the areas that the conditions name.

        An acronym counts where it can mean one thing only, or where the conditions or the record spell it out.

        Args:
            conditions: as the record lists them; their order makes no difference.
            record: its other words (keywords, titles).
        """
        conditions = sorted(conditions)
        found = [self._found(condition) for condition in conditions]
        areas = frozenset[str]().union(*(each.areas for each in found))
        acronyms = frozenset[Key]().union(*(each.acronyms for each in found))
        return areas | self._meant(acronyms, (*conditions, *record)) if acronyms else areas

    def _read(self, condition: str) -> _Found:
        whole = self._exactly(condition)
        if whole is not None:
            return _Found(frozenset({whole} - {NOTHING}), frozenset())
        areas: set[str] = set()
        acronyms: set[Key] = set()
        for piece in (part.strip(_EDGES) for part in _CUT.split(_AND_OR.sub(" and ", condition))):
            area = self._exactly(piece)
            if area is None and is_acronym(piece):
                acronyms.add(tuple(split_words(piece)))
            elif area is not None:
                areas.add(area)
            else:
                areas |= self._within(piece)
        return _Found(frozenset(areas - {NOTHING}), frozenset(acronyms))

    def _exactly(self, piece: str) -> str | None:
        """Return the area whose name a piece is, words around it that tell nothing left out.

        None where it is no name; ``NOTHING`` where it is known to be no disease. A word in capitals that is a name in
        small letters too is that name: many shout ("SCAR" is a scar here, no drug reaction).
        """
        keys = [self._folder[word] for word in split_words(piece) if word not in BREAKS]
        if len(keys) > _MOST_WORDS:
            return None
        called = (self._called(core) for core in self._cores(keys))
        return next((area for area in called if area is not None), None)

    def _cores(self, keys: Sequence[str]) -> Iterator[Key]:
        """Yield the words without more and more of those around them that tell nothing, the most words first."""
        is_staged = not self._staged.isdisjoint(keys)
        told = [key for key in keys if not self._tells_nothing(key, is_staged=is_staged)]
        if not keys:
            return
        first = keys.index(told[0]) if told else len(keys) - 1
        last = len(keys) - keys[::-1].index(told[-1]) if told else 1
        spans = [(start, end) for start in range(first + 1) for end in range(max(last, start + 1), len(keys) + 1)]
        for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            yield tuple(keys[start:end])

    def _tells_nothing(self, key: str, *, is_staged: bool) -> bool:
        return key == "," or key in self._tell_nothing or (is_staged and bool(_STAGE.fullmatch(key)))

    def _called(self, key: Key) -> str | None:
        """Return the area of a name, its words in any order ("lung non-small cell carcinoma")."""
        plain = tuple(word for word in key if word != ",")
        if not plain or is_generic(plain):
            return None
        area = self._dictionary.names.get(key, self._dictionary.names.get(plain))
        return self._bags.get(_bag(plain)) if area is None and len(plain) > 1 else area

    def _within(self, piece: str) -> set[str]:
        """Return what stands in a piece that is more than a name: "squamous lung cancer", "asthma, healthy".

        Words that only stand beside one another make no name here ("pulmonary cystic fibrosis"); those of a list do.
        """
        reading = read_text("", piece, self._dictionary)
        is_list = not JOINS.isdisjoint(reading.keys)
        return {
            hit.area
            for hit, role in zip(reading.hits, roles_in(reading), strict=True)
            if role not in _PASSING
            and (is_list or len(hit.found.split()) == hit.end - hit.start)
            and not self._is_turned(reading.keys, hit)
            and not self._is_state(hit.area)
        }

    def _is_turned(self, keys: Sequence[str], hit: Hit) -> bool:
        """Tell whether a word before a name makes another disease of it: hypertension of the portal vein."""
        if hit.start == 0 or tuple(keys[hit.start : hit.end]) not in self._turned:
            return False
        before = keys[hit.start - 1]
        return before not in self._tell_nothing and before not in JOINS

    def _is_state(self, area: str) -> bool:
        """Tell whether an area is what any disease may bring (stenosis, recurrence): it says little beside others."""
        parents = self.areas.parents(area)
        return bool(parents) and all(
            parent in _STATES or not _STATES.isdisjoint(self.areas.ancestors(parent)) for parent in parents
        )

    def _meant(self, acronyms: Iterable[Key], record: Sequence[str]) -> frozenset[str]:
        said = {tag.area_id for tag in self.tagger.named(title="", text=". ".join(record))}
        found: set[str] = set()
        for acronym in acronyms:
            areas = self._dictionary.acronyms.get(acronym, ())
            if len(areas) == 1 and (len("".join(acronym)) >= _LONG or self._dictionary.is_unmistakable(acronym)):
                found.update(areas)
            else:
                found.update(said.intersection(areas))
        return frozenset(found)


def _bag(key: Key) -> Key:
    return tuple(sorted(word for word in key if word not in _FILLERS))


def _bags(names: Mapping[Key, str]) -> dict[Key, str]:
    """Return the names of several words without their order, each first come."""
    found: dict[Key, str] = {}
    for key, area in names.items():
        if len(bag := _bag(key)) > 1:
            found.setdefault(bag, area)
    return found
