"""The look-up of disease areas by what people call them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from trialalerts.errors import UnknownArea
from trialalerts.vocabulary.areas.graph import reachable
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id, normal_mesh_id
from trialalerts.vocabulary.areas.naming.entries import (
    FILLERS,
    LEFT_OUT,
    AreaHit,
    AreaNode,
    FoldedName,
    Key,
    Name,
    bag,
    spaced,
)
from trialalerts.vocabulary.areas.naming.foreign import LANGUAGES, ForeignNames
from trialalerts.vocabulary.areas.naming.shown import language_of
from trialalerts.vocabulary.areas.naming.slips import SlipIndex
from trialalerts.vocabulary.spelling import WordFolder, fold_word, is_acronym, name_key, name_orders
from trialalerts.vocabulary.tables import AreaOrigin
from trialalerts.vocabulary.tagging.words import is_generic

__all__ = ["AreaHit", "AreaNode", "NameIndex", "said_otherwise"]

_NEOPLASM = fold_word("neoplasms")
_DIABETES = tuple(fold_word(word) for word in ("diabetes", "mellitus"))
_WITH_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")
_ANIMALS = ("D000820", "D009374")
"""MeSH's diseases of animals, and the tumours that are made in them for research."""
_NEAR = 3
_NAME, _SYNONYM, _OTHERWISE, _BEGINNING, _WORDS = 100.0, 95.0, 94.0, 85.0, 70.0
_NAMED = _SYNONYM
_SLIP = 80.0
_A_SLIP = 4.0
_MOST_TAKEN_OFF = 9.0
_STANDS_BACK = 5.0
_SHORT = 4
"""So few letters, with the blank before them, tell too little for words amid the names of rare diseases."""
_LETTERS = 2
"""Names are found by so many first letters of their words."""


class NameIndex:
    """Finds areas by name. ``nodes`` stand in the order in which they win where two have the same name.

    Names and synonyms of curated areas come before the names of others: who types "deafness" means hearing loss, as
    its editor wrote, and not the narrower descriptor of MeSH. Not offered are areas that nothing can match, diseases
    of animals, and those whose name tells nothing ("Syndrome"): they are found by their id, or by MeSH's heading as it
    is spelt. Of two that are called the same, the earlier stands for both.
    """

    def __init__(self, nodes: Mapping[str, AreaNode]) -> None:
        self._nodes = nodes
        self._folder = WordFolder()
        self._entries: list[FoldedName] = []
        self._keys: dict[Key, AreaNode] = {}
        self._above: dict[str, Collection[str]] = {}
        self._by_language: dict[str, _Searched] = {}
        self._acronyms: dict[str, list[AreaNode]] = {}
        self._lower_acronyms: dict[str, list[AreaNode]] = {}
        self._headings: dict[str, AreaNode] = {}
        self._of_animals = dict.fromkeys(_ANIMALS, True)
        self._fill()

    def find(self, text: str, language: str) -> AreaNode:
        """Return the one area that ``text`` names, in the reader's language, in English or in another one.

        Raises:
            UnknownArea: there is none, or the acronym stands for several.
        """
        text = " ".join(text.split())
        found = self._named(text, language_of(language)) or self._headings.get(text)
        if found is not None:
            return found
        meant = self._meant_by_acronym(text)
        if len(meant) == 1:
            return meant[0]
        near = meant[:_NEAR] or self._near(text, language)
        raise UnknownArea(text, list(dict.fromkeys(node.shown.said(language) for node in near)))

    def filed_under(self, heading: str) -> AreaNode | None:
        """Return the area that a library's heading is, by id or English name; near names are not looked for."""
        heading = " ".join(heading.split())
        return self._by_id(heading) or self._headings.get(heading) or self._by_name(heading)

    def search(self, text: str, *, limit: int, language: str) -> list[AreaHit]:
        """Return up to ``limit`` areas, the likeliest first, each once."""
        best: dict[str, AreaHit] = {}
        for hit in self._candidates(" ".join(text.split()), language_of(language)):
            known = best.get(hit.node.id)
            if known is None or hit.score > known.score:
                best[hit.node.id] = hit
        return sorted(best.values(), key=_rank)[:limit]

    def _near(self, text: str, language: str) -> list[AreaNode]:
        if is_generic(name_key(text, self._folder)):
            return []
        hits = self.search(text, limit=_NEAR, language=language)
        return [hit.node for hit in hits if hit.score >= hits[0].score - _MOST_TAKEN_OFF]

    def _named(self, text: str, language: str) -> AreaNode | None:
        own = self._foreign[language].find(text) if language in self._foreign else None
        if own is not None and text not in self._nodes:
            return own.node
        found = self._by_id(text) or self._by_name(text)
        others = (names.find(text) for code, names in self._foreign.items() if code != language)
        return found or next((entry.node for entry in others if entry is not None), None)

    @cached_property
    def _foreign(self) -> Mapping[str, ForeignNames]:
        offered = {entry.node.id: entry.node for entry in self._entries}
        return {code: ForeignNames(code, offered.values(), self._folder) for code in LANGUAGES}

    def _by_id(self, text: str) -> AreaNode | None:
        return self._nodes.get(text) or self._nodes.get(normal_mesh_id(text)) or self._nodes.get(text.lower())

    def _by_name(self, text: str) -> AreaNode | None:
        exact = self._acronyms.get(text, ())
        if len(exact) == 1:
            return exact[0]
        key = name_key(text, self._folder)
        found = self._keys.get(key) or self._bags.get(bag(key))
        return found or self._by_shortened(key) or self._by_first_of_two(text)

    def _by_shortened(self, key: Key) -> AreaNode | None:
        """Understand "Parkinson's"; a curated area comes first."""
        found = [node for word in LEFT_OUT if key and (node := self._keys.get((*key, word)))]
        return min(found, key=_handicap, default=None)

    def _by_first_of_two(self, text: str) -> AreaNode | None:
        """Understand "multiple sclerosis (MS)"."""
        pair = _WITH_BRACKETS.fullmatch(text)
        return self._by_name(pair[1]) or self._by_name(pair[2]) if pair else None

    def _meant_by_acronym(self, text: str) -> list[AreaNode]:
        return self._acronyms.get(text) or self._lower_acronyms.get(text.lower()) or []

    def _fill(self) -> None:
        curated = [node for node in self._nodes.values() if node.origin is AreaOrigin.CURATED]
        others = [node for node in self._nodes.values() if node.origin is not AreaOrigin.CURATED]
        self._fill_with(curated)
        self._fill_with(others)
        offered = {node.id: node for node in curated} | self._worth_offering(others)
        self._keys = {key: offered[node.id] for key, node in self._keys.items() if node.id in offered}
        self._entries = [
            entry._replace(node=offered[entry.node.id]) for entry in self._entries if entry.node.id in offered
        ]
        self._fill_acronyms(curated, only_new=False)
        self._fill_acronyms([node for node in others if offered.get(node.id) is node], only_new=True)
        self._headings = {node.name: node for node in others if node.id not in offered and is_mesh_id(node.id)}
        for key, node in list(self._keys.items()):
            for variant in said_otherwise(key):
                self._keys.setdefault(variant, node)

    def _fill_with(self, nodes: Sequence[AreaNode]) -> None:
        for node in nodes:
            self._add(node, node.name, _NAME)
        for node in nodes:
            for synonym in node.synonyms:
                self._add(node, synonym, _SYNONYM)

    def _add(self, node: AreaNode, name: str, exact: float) -> None:
        for order in name_orders(name):
            key = name_key(order, self._folder)
            if key:
                self._keys.setdefault(key, node)
                self._entries.append(FoldedName(key, name, node, exact))

    def _fill_acronyms(self, nodes: Sequence[AreaNode], *, only_new: bool) -> None:
        """Add the acronyms; with ``only_new`` those that no node has already."""
        known, lower = (set(self._acronyms), set(self._lower_acronyms)) if only_new else (set(), set())
        for node in nodes:
            for acronym in node.acronyms:
                if acronym not in known:
                    self._acronyms.setdefault(acronym, []).append(node)
                if acronym.lower() not in lower:
                    self._lower_acronyms.setdefault(acronym.lower(), []).append(node)
                self._entries.append(FoldedName(name_key(acronym, self._folder), acronym, node, _SYNONYM))

    def _worth_offering(self, nodes: Iterable[AreaNode]) -> dict[str, AreaNode]:
        """Return those that a record or a text can name, under a name that tells something; namesakes as one."""
        own = {node.id for key, node in self._keys.items() if not is_generic(key)}
        found: dict[str, AreaNode] = {}
        for node in nodes:
            key = name_key(node.name, self._folder)
            namesake = self._keys.get(key, node)
            can_match = node.id in own or bool(node.acronyms) or is_mesh_id(node.id)
            if can_match and not is_generic(key) and not self._is_of_animals(node):
                found[node.id] = namesake if name_key(namesake.name, self._folder) == key else node
        return found

    def _is_of_animals(self, node: AreaNode) -> bool:
        """Tell whether an area stands below diseases of animals or tumours made in them, and nowhere else."""
        if node.id not in self._of_animals:
            above = [self._nodes[parent] for parent in node.parents if parent in self._nodes]
            self._of_animals[node.id] = bool(above) and all(map(self._is_of_animals, above))
        return self._of_animals[node.id]

    @cached_property
    def _bags(self) -> Mapping[Key, AreaNode]:
        bags: dict[Key, AreaNode] = {}
        for key, node in self._keys.items():
            bags.setdefault(bag(key), node)
        return bags

    def _searched(self, language: str) -> _Searched:
        """Return the names that are searched for a reader: English ones and those in their own language."""
        if language not in self._by_language:
            own = self._foreign[language].entries if language in self._foreign else []
            names = [Name(spaced(entry.key), entry.text, entry.node, entry.exact) for entry in (*own, *self._entries)]
            self._by_language[language] = _Searched(names, self._slips_in(language, names))
        return self._by_language[language]

    def _slips_in(self, language: str, names: Iterable[Name]) -> SlipIndex:
        fillers = FILLERS["en"] | FILLERS.get(language, frozenset())
        long = (name for name in names if not is_acronym(name.text))
        return SlipIndex(long, left_out=LEFT_OUT, fillers=fillers, above=self._ancestors)

    def _ancestors(self, area_id: str) -> Collection[str]:
        if area_id not in self._above:
            self._above[area_id] = reachable(area_id, self._parents)
        return self._above[area_id]

    @cached_property
    def _parents(self) -> Mapping[str, tuple[str, ...]]:
        return {node.id: node.parents for node in self._nodes.values()}

    def _candidates(self, text: str, language: str) -> Iterator[AreaHit]:
        named = self._named(text, language)
        if named is not None:
            yield AreaHit(node=named, matched=self._matched(named, text), score=_NAMED)
        for node in self._meant_by_acronym(text):
            matched = next(acronym for acronym in node.acronyms if acronym.lower() == text.lower())
            yield AreaHit(node=node, matched=matched, score=_SYNONYM)
        words = name_key(text, self._folder)
        if not words:
            return
        found = list(self._with_words(words, language, named))
        yield from found
        if named is None and not found:
            yield from self._misspelt(words, language)

    def _with_words(self, words: Key, language: str, named: AreaNode | None) -> Iterator[AreaHit]:
        """Yield the names that are, begin with, or hold all the words; the last may be half typed."""
        whole = spaced(words)
        starts = [f" {word}" for word in words]
        is_short = len(whole) <= _SHORT
        for name in self._searched(language).beginning(words):
            if not all(start in name.key for start in starts):
                continue
            if is_short and name.node.origin is not AreaOrigin.CURATED and not name.key.startswith(whole):
                continue
            if name.key == whole:
                score = name.exact if named is None or name.node.id == named.id else min(name.exact, _OTHERWISE)
            else:
                tier = _BEGINNING if name.key.startswith(whole) else _WORDS
                score = tier - min(_MOST_TAKEN_OFF, (len(name.key) - len(whole)) / 4) - _handicap(name.node)
            yield AreaHit(node=name.node, matched=name.text, score=round(score, 1))

    def _misspelt(self, words: Key, language: str) -> Iterator[AreaHit]:
        slips_known = self._searched(language).slips
        meant = slips_known.meant(words) or slips_known.begun(words)
        if meant is not None:
            name, slips = meant
            yield AreaHit(node=name.node, matched=name.text, score=round(_SLIP - _A_SLIP * slips, 1))

    def _matched(self, node: AreaNode, text: str) -> str:
        """Return the name of ``node`` that ``text`` spells, or its own name."""
        typed = bag(name_key(text, self._folder))
        for name in (node.name, *node.synonyms, *node.acronyms):
            if bag(name_key(name, self._folder)) == typed:
                return name
        found = (names.find(text) for names in self._foreign.values())
        return next((entry.text for entry in found if entry is not None and entry.node.id == node.id), node.name)


class _Searched:
    """The names that are searched for readers of one language, by the first letters of their words."""

    def __init__(self, names: Sequence[Name], slips: SlipIndex) -> None:
        self.slips = slips
        self._names = names
        self._starts: dict[str, list[Name]] = {}
        for name in names:
            for start in {word[:_LETTERS] for word in name.key.split()}:
                self._starts.setdefault(start, []).append(name)

    def beginning(self, words: Key) -> Sequence[Name]:
        """Return the names of which one word at least begins as one of these does."""
        starts = [word[:_LETTERS] for word in words if len(word) >= _LETTERS]
        return min((self._starts.get(start, ()) for start in starts), key=len, default=self._names)


def _rank(hit: AreaHit) -> tuple[float, str, str]:
    return (-hit.score, hit.node.origin.value, hit.node.name)


def _handicap(node: AreaNode) -> float:
    """Return what an area that was not written for people to choose stands back by, where nothing is named exactly."""
    return 0.0 if node.origin is AreaOrigin.CURATED else _STANDS_BACK


def said_otherwise(key: Key) -> Iterator[Key]:
    """Yield how people say a folded name of MeSH: "cancer" and "tumour" for neoplasms, "diabetes" without mellitus."""
    if len(key) > 1 and key[-1] == _NEOPLASM:
        yield (*key[:-1], "cancer")
        yield (*key[:-1], "tumor")
    if set(_DIABETES) <= set(key):
        yield tuple(word for word in key if word != _DIABETES[1])
