"""The look-up of disease areas by what people call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from trialalerts.errors import UnknownArea
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id, normal_mesh_id
from trialalerts.vocabulary.spelling import WordFolder, fold_word, is_acronym, name_key, name_orders
from trialalerts.vocabulary.tables import AreaOrigin
from trialalerts.vocabulary.tagging.words import is_generic

__all__ = ["AreaHit", "AreaNode", "NameIndex", "said_otherwise"]

_Key = tuple[str, ...]
_FILLERS = frozenset({"of", "the", "and", "in", "with", "due", "to"})
_NEOPLASM = fold_word("neoplasms")
_DIABETES = tuple(fold_word(word) for word in ("diabetes", "mellitus"))
_LEFT_OUT = tuple(fold_word(word) for word in ("disease", "syndrome", "disorder"))
"""What people leave out behind the name of a person or an organ: "Parkinson's"."""
_WITH_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")
_ANIMALS = ("D000820", "D009374")
"""MeSH's diseases of animals, and the tumours that are made in them for research."""
_NEAR = 3
_ALIKE = 68.0
"""Below this similarity (0–100) two names are strangers."""
_NAME, _SYNONYM, _BEGINNING, _WORDS, _FUZZY = 100.0, 95.0, 85.0, 70.0, 60.0
_SLIP = 88.0
_KIN = 66.0
"""Each of several words has to be like one of the name's at least so much: "cancer du sein" is no womb cancer."""
_ALMOST = 84.0
"""From this similarity on a name that nobody has is a known one with a slip of the pen."""
_MOST_TAKEN_OFF = 9.0
_STANDS_BACK = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaNode:
    """A disease area; ``parents`` are the ids right above it, ``acronyms`` count in their exact case only.

    ``is_disease`` is false for what people follow though MeSH has it elsewhere: pregnancy, transplants.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    acronyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    therapeutic: bool = False
    is_disease: bool = True
    origin: AreaOrigin = AreaOrigin.CURATED


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaHit:
    """An area found by a search: the name that matched, and how well (0–100)."""

    node: AreaNode
    matched: str
    score: float


class _Entry(NamedTuple):
    """One way to write one name of one area, folded; ``exact`` is the score where somebody types just this."""

    key: _Key
    text: str
    node: AreaNode
    exact: float


class _Name(NamedTuple):
    """The same for searching: ``key`` is one text, each word after a blank."""

    key: str
    text: str
    node: AreaNode
    exact: float


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
        self._entries: list[_Entry] = []
        self._keys: dict[_Key, AreaNode] = {}
        self._acronyms: dict[str, list[AreaNode]] = {}
        self._lower_acronyms: dict[str, list[AreaNode]] = {}
        self._headings: dict[str, AreaNode] = {}
        self._of_animals = dict.fromkeys(_ANIMALS, True)
        self._fill()

    def find(self, text: str) -> AreaNode:
        """Return the one area that ``text`` names.

        Raises:
            UnknownArea: there is none, or the acronym stands for several.
        """
        text = " ".join(text.split())
        found = self._by_id(text) or self._by_name(text) or self._headings.get(text)
        if found is not None:
            return found
        meant = self._meant_by_acronym(text)
        if len(meant) == 1:
            return meant[0]
        raise UnknownArea(text, list(dict.fromkeys(node.name for node in meant[:_NEAR] or self._near(text))))

    def search(self, text: str, *, limit: int) -> list[AreaHit]:
        """Return up to ``limit`` areas, the likeliest first, each once."""
        best: dict[str, AreaHit] = {}
        for hit in self._candidates(" ".join(text.split()), limit):
            known = best.get(hit.node.id)
            if known is None or hit.score > known.score:
                best[hit.node.id] = hit
        return sorted(best.values(), key=_rank)[:limit]

    def _near(self, text: str) -> list[AreaNode]:
        if is_generic(name_key(text, self._folder)):
            return []
        hits = self.search(text, limit=_NEAR)
        return [hit.node for hit in hits if hit.score >= hits[0].score - _MOST_TAKEN_OFF]

    def _by_id(self, text: str) -> AreaNode | None:
        return self._nodes.get(text) or self._nodes.get(normal_mesh_id(text)) or self._nodes.get(text.lower())

    def _by_name(self, text: str) -> AreaNode | None:
        exact = self._acronyms.get(text, ())
        if len(exact) == 1:
            return exact[0]
        key = name_key(text, self._folder)
        found = self._keys.get(key) or self._bags.get(_bag(key))
        return found or self._by_shortened(key) or self._by_first_of_two(text)

    def _by_shortened(self, key: _Key) -> AreaNode | None:
        """Understand "Parkinson's"; a curated area comes first."""
        found = [node for word in _LEFT_OUT if key and (node := self._keys.get((*key, word)))]
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
                self._entries.append(_Entry(key, name, node, exact))

    def _fill_acronyms(self, nodes: Sequence[AreaNode], *, only_new: bool) -> None:
        """Add the acronyms; with ``only_new`` those that no node has already."""
        known, lower = (set(self._acronyms), set(self._lower_acronyms)) if only_new else (set(), set())
        for node in nodes:
            for acronym in node.acronyms:
                if acronym not in known:
                    self._acronyms.setdefault(acronym, []).append(node)
                if acronym.lower() not in lower:
                    self._lower_acronyms.setdefault(acronym.lower(), []).append(node)
                self._entries.append(_Entry(name_key(acronym, self._folder), acronym, node, _SYNONYM))

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
    def _bags(self) -> Mapping[_Key, AreaNode]:
        bags: dict[_Key, AreaNode] = {}
        for key, node in self._keys.items():
            bags.setdefault(_bag(key), node)
        return bags

    @cached_property
    def _all(self) -> Sequence[_Name]:
        return [_Name(_joined(entry.key), entry.text, entry.node, entry.exact) for entry in self._entries]

    @cached_property
    def _likenesses(self) -> tuple[list[str], list[_Name]]:
        """The words of all long names in alphabetical order, once more without what people leave out."""
        found: dict[str, _Name] = {}
        for name in self._all:
            if not is_acronym(name.text):
                found.setdefault(_in_order(name.key), name)
        for name in list(found.values()):
            if short := _shortened(name.key):
                found.setdefault(_in_order(short), name)
        return list(found), list(found.values())

    def _candidates(self, text: str, limit: int) -> Iterator[AreaHit]:
        named = self._by_id(text) or self._by_name(text)
        if named is not None:
            yield AreaHit(node=named, matched=_matched_name(named, text, self._folder), score=_SYNONYM)
        for node in self._meant_by_acronym(text):
            matched = next(acronym for acronym in node.acronyms if acronym.lower() == text.lower())
            yield AreaHit(node=node, matched=matched, score=_SYNONYM)
        words = name_key(text, self._folder)
        if not words:
            return
        found = list(self._with_words(words))
        yield from found
        if named is None or len({hit.node.id for hit in found}) < limit:
            yield from self._alike(_joined(words), limit, misspelt=named is None)

    def _with_words(self, words: _Key) -> Iterator[AreaHit]:
        """Yield the names that are, begin with, or hold all the words; the last may be half typed."""
        whole = _joined(words)
        starts = [f" {word}" for word in words]
        for name in self._all:
            if starts[0] not in name.key or not all(start in name.key for start in starts):
                continue
            if name.key == whole:
                score = name.exact if name.node.origin is AreaOrigin.CURATED else min(name.exact, _SYNONYM)
            else:
                tier = _BEGINNING if name.key.startswith(whole) else _WORDS
                score = tier - min(_MOST_TAKEN_OFF, (len(name.key) - len(whole)) / 4) - _handicap(name.node)
            yield AreaHit(node=name.node, matched=name.text, score=round(score, 1))

    def _alike(self, whole: str, limit: int, *, misspelt: bool) -> Iterator[AreaHit]:
        """Yield the names that are written much alike; where nothing is called so, a slip of the pen is likely."""
        from rapidfuzz import fuzz, process  # only a misspelt name needs it

        keys, names = self._likenesses
        alike = process.extract(_in_order(whole), keys, scorer=fuzz.ratio, limit=limit * 5, score_cutoff=_ALIKE)
        for key, similarity, position in alike:
            if _is_kin(whole.split(), key.split()):
                tier = _SLIP if misspelt and similarity >= _ALMOST else _FUZZY
                score = tier * similarity / 100 - _handicap(names[position].node)
                yield AreaHit(node=names[position].node, matched=names[position].text, score=round(score, 1))


def _is_kin(words: Sequence[str], own: Sequence[str]) -> bool:
    """Tell whether each of several words is like one of a name's, or all together like it: "fibro mialgia"."""
    from rapidfuzz import fuzz, process

    telling = [word for word in words if word not in _FILLERS]
    if len(telling) < 2 or fuzz.ratio("".join(sorted(words)), "".join(own)) >= _ALMOST:  # noqa: PLR2004 - several
        return True
    return all(process.extractOne(word, own, scorer=fuzz.ratio, score_cutoff=_KIN) for word in telling)


def _rank(hit: AreaHit) -> tuple[float, str, str]:
    return (-hit.score, hit.node.origin.value, hit.node.name)


def _handicap(node: AreaNode) -> float:
    """Return what an area that was not written for people to choose stands back by, where nothing is named exactly."""
    return 0.0 if node.origin is AreaOrigin.CURATED else _STANDS_BACK


def _in_order(key: str) -> str:
    return " ".join(sorted(key.split()))


def _joined(words: Iterable[str]) -> str:
    return "".join(f" {word}" for word in words)


def _shortened(key: str) -> str:
    """Return a name's key without the last word that people leave out ("Alzhiemers"); empty where there is none."""
    rest, _, last = key.rpartition(" ")
    return rest if last in _LEFT_OUT else ""


def _bag(key: _Key) -> _Key:
    return tuple(sorted(word for word in key if word not in _FILLERS)) or key


def said_otherwise(key: _Key) -> Iterator[_Key]:
    """Yield how people say a folded name of MeSH: "cancer" and "tumour" for neoplasms, "diabetes" without mellitus."""
    if len(key) > 1 and key[-1] == _NEOPLASM:
        yield (*key[:-1], "cancer")
        yield (*key[:-1], "tumor")
    if set(_DIABETES) <= set(key):
        yield tuple(word for word in key if word != _DIABETES[1])


def _matched_name(node: AreaNode, text: str, folder: WordFolder) -> str:
    """Return the name of ``node`` that ``text`` spells, or its own name."""
    bag = _bag(name_key(text, folder))
    for name in (node.name, *node.synonyms, *node.acronyms):
        if _bag(name_key(name, folder)) == bag:
            return name
    return node.name
