"""The dictionary of the tagger: folded names and exact acronyms, each with its area."""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trialalerts.vocabulary.areas.search import AreaNode
from trialalerts.vocabulary.spelling import BREAKS, WordFolder, is_acronym, name_key, name_orders, split_words
from trialalerts.vocabulary.tagging.proper_names import bare_eponym
from trialalerts.vocabulary.tagging.variants import variants
from trialalerts.vocabulary.tagging.words import NO_DISEASES, is_generic

__all__ = [
    "ALONE",
    "NOTHING",
    "Hit",
    "Key",
    "Lengths",
    "Seconds",
    "TagDictionary",
    "WordTokens",
    "possible_keys",
    "read_wordings",
]

Key = tuple[str, ...]
Seconds = Mapping[str, tuple[int, ...]]
Lengths = Mapping[str, Seconds]
ALONE = ""
NOTHING = ""
"""The area of words that look like a disease and are none: "tumor necrosis factor"."""
_UNMISTAKABLE = 4
"""An acronym of this many letters that only one area has needs no long form beside it."""
_MEMORY = 200_000
_NO_SECONDS: Seconds = {}
_NO_WORD = 5
"""A name in capitals of this many letters is no English word in small ones: "COVID", unlike "AIDS"."""


class Hit(NamedTuple):
    """A name found from word ``start`` up to before word ``end``."""

    start: int
    end: int
    area: str
    found: str


_Token = tuple[str, Seconds, bool]


class _Tokens(dict[str, _Token]):
    """A memory of words as they stand in texts: folded, what may stand behind in a name, whether an acronym begins.

    One look-up for a word of a text, where folding it and asking what begins with it would be three. Like the folder,
    it forgets everything when it grows large.
    """

    def __init__(self, folder: WordFolder, names: Lengths, acronyms: Lengths) -> None:
        super().__init__()
        self._folder = folder
        self._names = names
        self._acronyms = acronyms

    def __missing__(self, word: str) -> _Token:
        if len(self) >= _MEMORY:
            self.clear()
        key = self._folder[word]
        token = self[word] = (key, self._names.get(key, _NO_SECONDS), word in self._acronyms)
        return token


class WordTokens(NamedTuple):
    """The words of a text: folded, the lengths of names that begin there by the word behind, and of acronyms if any."""

    keys: Sequence[str]
    names: Sequence[Seconds]
    acronyms: Sequence[bool]


class TagDictionary:
    """``names`` maps folded words to an area id, ``acronyms`` exact words to the ids they may stand for.

    ``acronym_lengths`` gives for a first word, then for the word behind it, the lengths to try, longest first; under
    :data:`ALONE` stands the length of what is one word, whatever is behind it. Where two areas have the same name,
    the earlier in ``nodes`` wins, and a name wins over a synonym.
    """

    def __init__(self, nodes: Sequence[AreaNode], folder: WordFolder) -> None:
        self.names: dict[Key, str] = {}
        self.acronyms: dict[Key, tuple[str, ...]] = {}
        self._proper: set[Key] = set()
        for node in nodes:
            self._add_name(node.id, node.name, folder)
            for acronym in node.acronyms:
                self._add_acronym(node.id, acronym)
        named = set(self.names)
        for node in nodes:
            for synonym in node.synonyms:
                self._add_name(node.id, synonym, folder)
        self._sharpen(nodes, named, folder)
        self._add_wordings(nodes, folder)
        self._add_bare_eponyms(nodes, folder)
        for key in NO_DISEASES:
            self.names[key] = NOTHING
        self._add_variants()
        self.acronym_lengths = _lengths(self.acronyms)
        self._tokens = _Tokens(folder, _lengths(self.names), self.acronym_lengths)

    def read(self, words: Sequence[str]) -> WordTokens:
        """Return what the dictionary knows of each word of a text."""
        known = list(filter(None, map(self._tokens.get, words)))  # in less time than map(self._tokens.__getitem__)
        if len(known) < len(words):
            known = [self._tokens[word] for word in words]
        return WordTokens(*zip(*known, strict=True)) if known else WordTokens((), (), ())

    def is_unmistakable(self, acronym: Key) -> bool:
        """Return whether an acronym can stand alone: it is an area's name or synonym, or long, and has one meaning."""
        return len(self.acronyms[acronym]) == 1 and (acronym in self._proper or _letters(acronym) >= _UNMISTAKABLE)

    def _sharpen(self, nodes: Sequence[AreaNode], named: Container[Key], folder: WordFolder) -> None:
        """Let a synonym mean the narrower of two areas: "gastric ulcer" is the stomach's, not "stomach or duodenal".

        Who follows the broader one follows the narrower too. An area's own name stays its own.
        """
        parents = {node.id: node.parents for node in nodes}
        for node in nodes:
            for name in (node.name, *node.synonyms) if node.parents else ():
                for key in _keys(name, folder):
                    other = self.names.get(key)
                    if (
                        other not in {None, NOTHING, node.id}
                        and key not in named
                        and _is_above(other, node.id, parents)
                    ):
                        self.names[key] = node.id

    def _add_wordings(self, nodes: Sequence[AreaNode], folder: WordFolder) -> None:
        """Add the other ways in which texts say a disease; a name of the vocabulary goes first."""
        known = {node.id for node in nodes}
        for area_id, wordings in read_wordings():
            for wording in wordings if area_id in known else ():
                if is_acronym(wording):
                    self._add_acronym(area_id, wording)
                else:
                    self._add_name(area_id, wording, folder)

    def _add_bare_eponyms(self, nodes: Sequence[AreaNode], folder: WordFolder) -> None:
        """Add the persons that one disease alone is named after: "Guillain-Barré"."""
        meant: dict[Key, set[str]] = {}
        for node in nodes:
            for name in (node.name, *node.synonyms):
                bare = bare_eponym(name)
                if bare is not None:
                    meant.setdefault(name_key(bare, folder), set()).add(node.id)
        for key, areas in meant.items():
            if len(areas) == 1:
                self.names.setdefault(key, *areas)

    def _add_variants(self) -> None:
        for key, area_id in list(self.names.items()):
            if area_id != NOTHING:
                for variant in variants(key):
                    if not is_generic(variant):
                        self.names.setdefault(variant, area_id)

    def _add_name(self, area_id: str, name: str, folder: WordFolder) -> None:
        if is_acronym(name):
            acronym = self._add_acronym(area_id, name)
            self._proper.add(acronym)
            if _letters(acronym) < _NO_WORD:
                return
        for key in _keys(name, folder):
            if key and not is_generic(key):
                self.names.setdefault(key, area_id)

    def _add_acronym(self, area_id: str, acronym: str) -> Key:
        key = tuple(split_words(acronym))
        known = self.acronyms.get(key, ())
        if key and area_id not in known:
            self.acronyms[key] = (*known, area_id)
        return key


def possible_keys(words: Sequence[str], start: int, beginnings: Lengths) -> Iterator[Key]:
    """Yield the sequences of words at ``start`` that may be in the dictionary, longest first."""
    seconds = beginnings[words[start]]
    following = words[start + 1] if start + 1 < len(words) else ALONE
    for length in seconds.get(following) or seconds.get(ALONE, ()):
        yield tuple(words[start : start + length])


def _is_above(area_id: str | None, below: str, parents: Mapping[str, Sequence[str]]) -> bool:
    """Return whether an area stands above another."""
    above = list(parents[below])
    for id_ in above:  # grows while we walk it
        if id_ == area_id:
            return True
        above += (further for further in parents.get(id_, ()) if further not in above)
    return False


def _letters(acronym: Key) -> int:
    return sum(len(part) for part in acronym if part.isalpha())


def _keys(name: str, folder: WordFolder) -> Iterator[Key]:
    """Yield the ways to write a name: as it stands with and without its commas, and turned round if inverted."""
    for order in name_orders(name):
        with_commas = tuple(folder[word] for word in split_words(order) if word not in BREAKS)
        yield with_commas
        if "," in with_commas:
            yield tuple(word for word in with_commas if word != ",")


def _lengths(keys: Iterable[Key]) -> Lengths:
    """Index by two words: few names begin with the two words that stand in a text, many with its one."""
    found: dict[str, dict[str, set[int]]] = {}
    for key in keys:
        second = key[1] if len(key) > 1 else ALONE
        found.setdefault(key[0], {}).setdefault(second, set()).add(len(key))
    for seconds in found.values():
        if ALONE in seconds:
            for lengths in seconds.values():
                lengths.add(1)
    return {
        first: {second: tuple(sorted(lengths, reverse=True)) for second, lengths in seconds.items()}
        for first, seconds in found.items()
    }


_OURS = Path(__file__).with_name("wordings.toml")
_MESH = Path(__file__).with_name("mesh_2014_terms.tsv.gz")


def read_wordings() -> Iterator[tuple[str, list[str]]]:
    """Yield ids of areas, each with wordings, those to be preferred first."""
    with gzip.open(_MESH, "rt", encoding="utf-8") as lines:
        for line in lines:
            area_id, _, terms = line.rstrip("\n").partition("\t")
            yield area_id, terms.split("|")
    for area_id, listed in tomllib.loads(_OURS.read_text("utf-8")).items():
        yield area_id, [part.strip() for part in listed.split(",")]
