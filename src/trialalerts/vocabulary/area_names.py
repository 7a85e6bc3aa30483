"""Owns the look-up of disease areas by what people call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trialalerts.errors import UnknownArea
from trialalerts.vocabulary.mesh_ids import normal_mesh_id
from trialalerts.vocabulary.spelling import Folder, fold_word, name_key, name_orders
from trialalerts.vocabulary.tables import AreaOrigin

__all__ = ["AreaHit", "AreaNode", "NameIndex", "said_otherwise"]

_FILLERS = frozenset({"of", "the", "and", "in", "with", "due", "to"})
_NEOPLASM = fold_word("neoplasms")
_DIABETES = tuple(fold_word(word) for word in ("diabetes", "mellitus"))
_LEFT_OUT = tuple(fold_word(word) for word in ("disease", "syndrome", "disorder"))
"""What people leave out behind the name of a person or an organ: "Parkinson's"."""
_WITH_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")
_NEAR = 3
_ALIKE = 68.0
"""Below this similarity (0–100) two names are strangers."""
_NAME, _SYNONYM, _BEGINNING, _WORDS, _FUZZY = 100.0, 95.0, 85.0, 70.0, 60.0
_MOST_TAKEN_OFF = 9.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaNode:
    """A disease area; ``parents`` are the ids right above it, ``acronyms`` count in their exact case only."""

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    acronyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    therapeutic: bool = False
    origin: AreaOrigin = AreaOrigin.CURATED


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaHit:
    """An area found by a search: the name that matched, and how well (0–100)."""

    node: AreaNode
    matched: str
    score: float


@dataclass(frozen=True, slots=True)
class _Name:
    """One name of one area: ``key`` is its folded words, each after a blank."""

    key: str
    text: str
    node: AreaNode
    exact: float


class NameIndex:
    """Finds areas by name. ``nodes`` stand in the order in which they win where two have the same name."""

    def __init__(self, nodes: Mapping[str, AreaNode]) -> None:
        self._nodes = nodes
        self._folder = Folder()
        self._keys: dict[tuple[str, ...], AreaNode] = {}
        self._bags: dict[tuple[str, ...], AreaNode] = {}
        self._acronyms: dict[str, list[AreaNode]] = {}
        self._lower_acronyms: dict[str, list[AreaNode]] = {}
        self._all: list[_Name] = []
        self._fill()

    def find(self, text: str) -> AreaNode:
        """Return the one area that ``text`` names.

        Raises:
            UnknownArea: there is none, or the acronym stands for several.
        """
        text = " ".join(text.split())
        found = self._by_id(text) or self._by_name(text)
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
        longer = (self._keys.get((*key, word)) for word in _LEFT_OUT if key)
        return found or next((node for node in longer if node), None) or self._by_first_of_two(text)

    def _by_first_of_two(self, text: str) -> AreaNode | None:
        """Understand "multiple sclerosis (MS)"."""
        pair = _WITH_BRACKETS.fullmatch(text)
        return self._by_name(pair[1]) or self._by_name(pair[2]) if pair else None

    def _meant_by_acronym(self, text: str) -> list[AreaNode]:
        return self._acronyms.get(text) or self._lower_acronyms.get(text.lower()) or []

    def _fill(self) -> None:
        for node in self._nodes.values():
            self._add(node, node.name, _NAME)
            for acronym in node.acronyms:
                self._acronyms.setdefault(acronym, []).append(node)
                self._lower_acronyms.setdefault(acronym.lower(), []).append(node)
                self._all.append(_Name(_joined(name_key(acronym, self._folder)), acronym, node, _SYNONYM))
        for node in self._nodes.values():
            for synonym in node.synonyms:
                self._add(node, synonym, _SYNONYM)
        for key, node in list(self._keys.items()):
            for variant in said_otherwise(key):
                self._remember(variant, node)

    def _add(self, node: AreaNode, name: str, exact: float) -> None:
        for order in name_orders(name):
            key = name_key(order, self._folder)
            if key:
                self._remember(key, node)
                self._all.append(_Name(_joined(key), name, node, exact))

    def _remember(self, key: tuple[str, ...], node: AreaNode) -> None:
        self._keys.setdefault(key, node)
        self._bags.setdefault(_bag(key), node)

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
        if len({hit.node.id for hit in found}) < limit:
            yield from self._alike(_joined(words), limit)

    def _with_words(self, words: tuple[str, ...]) -> Iterator[AreaHit]:
        """Yield the names that are, begin with, or hold all the words; the last may be half typed."""
        whole = _joined(words)
        starts = [f" {word}" for word in words]
        for name in self._all:
            if starts[0] not in name.key or not all(start in name.key for start in starts):
                continue
            if name.key == whole:
                score = name.exact
            else:
                tier = _BEGINNING if name.key.startswith(whole) else _WORDS
                score = tier - min(_MOST_TAKEN_OFF, (len(name.key) - len(whole)) / 4)
            yield AreaHit(node=name.node, matched=name.text, score=round(score, 1))

    def _alike(self, whole: str, limit: int) -> Iterator[AreaHit]:
        from rapidfuzz import fuzz, process  # only a misspelt name needs it

        names = [(name.key, name) for name in self._all]
        names += [(short, name) for key, name in names if (short := _shortened(key))]
        keys = [key for key, _ in names]
        alike = process.extract(whole, keys, scorer=fuzz.token_sort_ratio, limit=limit * 5, score_cutoff=_ALIKE)
        for _, similarity, position in alike:
            _, name = names[position]
            yield AreaHit(node=name.node, matched=name.text, score=round(_FUZZY * similarity / 100, 1))


def _rank(hit: AreaHit) -> tuple[float, str, str]:
    return (-hit.score, hit.node.origin.value, hit.node.name)


def _joined(words: Iterable[str]) -> str:
    return "".join(f" {word}" for word in words)


def _shortened(key: str) -> str:
    """Return a name's key without the last word that people leave out ("Alzhiemers"); empty where there is none."""
    rest, _, last = key.rpartition(" ")
    return rest if last in _LEFT_OUT else ""


def _bag(key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(word for word in key if word not in _FILLERS)) or key


def said_otherwise(key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield how people say a folded name of MeSH: "cancer" and "tumour" for neoplasms, "diabetes" without mellitus."""
    if len(key) > 1 and key[-1] == _NEOPLASM:
        yield (*key[:-1], "cancer")
        yield (*key[:-1], "tumor")
    if set(_DIABETES) <= set(key):
        yield tuple(word for word in key if word != _DIABETES[1])


def _matched_name(node: AreaNode, text: str, folder: Folder) -> str:
    """Return the name of ``node`` that ``text`` spells, or its own name."""
    bag = _bag(name_key(text, folder))
    for name in (node.name, *node.synonyms, *node.acronyms):
        if _bag(name_key(name, folder)) == bag:
            return name
    return node.name
