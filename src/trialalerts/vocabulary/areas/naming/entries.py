"""An area as the search knows it: its node, its names folded, and the words that tell nothing in a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from trialalerts.vocabulary.areas.naming.shown import AreaName
from trialalerts.vocabulary.spelling import WordFolder, fold_word, is_acronym, name_key, name_orders
from trialalerts.vocabulary.tables import AreaOrigin

__all__ = ["FILLERS", "LEFT_OUT", "AreaHit", "AreaNode", "FoldedName", "Key", "Name", "bag", "foreign_keys", "spaced"]

Key = tuple[str, ...]
_FILLING = {
    "en": "of the and in with due to",
    "de": "der die das des dem den und mit bei im am durch",
    "fr": "de du des la le les et aux chez",
    "es": "de del el la los las en por con",
}
FILLERS = {language: frozenset(fold_word(word) for word in words.split()) for language, words in _FILLING.items()}
"""Folded words that tell nothing in a name, by language."""
LEFT_OUT = tuple(fold_word(word) for word in ("disease", "syndrome", "disorder"))
"""What people leave out behind the name of a person or an organ: "Parkinson's"."""
_TRANSLITERATED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_ELISION = re.compile(r"\b[dl]['’]", re.IGNORECASE)
"""What stands before a vowel in French: "maladie d’Alzheimer"."""
_WITH_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaNode:
    """A disease area; ``parents`` are the ids right above it, ``acronyms`` count in their exact case only.

    ``names`` are those of other languages by the language's code, the one shown first. ``is_disease`` is false for
    what people follow though MeSH has it elsewhere: pregnancy, transplants.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    acronyms: tuple[str, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parents: tuple[str, ...] = ()
    therapeutic: bool = False
    is_disease: bool = True
    origin: AreaOrigin = AreaOrigin.CURATED

    @property
    def shown(self) -> AreaName:
        """The names shown to people."""
        return AreaName(self.id, self.name, tuple((language, names[0]) for language, names in self.names))

    def names_in(self, language: str) -> tuple[str, ...]:
        """Return the names in a language other than English; none where there are none."""
        return next((names for code, names in self.names if code == language), ())


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaHit:
    """An area found by a search: the name that matched, and how well (0–100)."""

    node: AreaNode
    matched: str
    score: float


class FoldedName(NamedTuple):
    """One way to write one name of one area, folded; ``exact`` is the score where somebody types just this."""

    key: Key
    text: str
    node: AreaNode
    exact: float


class Name(NamedTuple):
    """The same for searching: ``key`` is one text, each word after a blank."""

    key: str
    text: str
    node: AreaNode
    exact: float


def bag(key: Key, language: str = "en") -> Key:
    """Return the words of a folded name in alphabetical order, without those that tell nothing."""
    fillers = FILLERS[language]
    return tuple(sorted(word for word in key if word not in fillers)) or key


def spaced(words: Iterable[str]) -> str:
    """Return folded words as one text, a blank before each."""
    return "".join(f" {word}" for word in words)


def foreign_keys(name: str, folder: WordFolder) -> Iterator[Key]:
    """Yield the ways to write a name of another language: as it is, without umlauts, before its brackets."""
    name = _ELISION.sub("", name)
    pair = _WITH_BRACKETS.fullmatch(name)
    acronym = [pair[2]] if pair and is_acronym(pair[2]) else []
    for part in (name, *([pair[1]] if pair else []), *acronym):
        for written in dict.fromkeys((part, part.translate(_TRANSLITERATED))):
            yield from (key for order in name_orders(written) if (key := name_key(order, folder)))
