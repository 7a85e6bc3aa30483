"""The reference that the tagger is measured against: the longest dictionary name at each place, and no rules."""

from __future__ import annotations

import re

from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["NaiveTagger"]

_WORDS = re.compile(r"\w+")


class NaiveTagger:
    """Finds every name, synonym and acronym in any case: no folding, no denials, no stop words, no scores."""

    def __init__(self, areas: AreaTree) -> None:
        self._names: dict[tuple[str, ...], str] = {}
        self._lengths: dict[str, set[int]] = {}
        for node in areas.nodes:
            for name in (node.name, *node.synonyms, *node.acronyms):
                key = tuple(_WORDS.findall(name.lower()))
                if key:
                    self._names.setdefault(key, node.id)
                    self._lengths.setdefault(key[0], set()).add(len(key))

    def areas(self, text: str) -> set[str]:
        """Return the ids of the areas whose names stand in ``text``."""
        words = _WORDS.findall(text.lower())
        found: set[str] = set()
        place = 0
        while place < len(words):
            step = 1
            for length in sorted(self._lengths.get(words[place], ()), reverse=True):
                area = self._names.get(tuple(words[place : place + length]))
                if area is not None:
                    found.add(area)
                    step = length
                    break
            place += step
        return found
