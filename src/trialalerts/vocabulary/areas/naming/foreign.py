"""The names of areas in one language other than English, folded for the search."""

from __future__ import annotations

from collections.abc import Iterable

from trialalerts.vocabulary.areas.naming.entries import AreaNode, FoldedName, Key, bag, foreign_keys
from trialalerts.vocabulary.spelling import WordFolder, is_acronym

__all__ = ["LANGUAGES", "ForeignNames"]

LANGUAGES = ("de", "es", "fr")
"""The languages besides English whose names are searched."""
_NAME, _SYNONYM = 100.0, 95.0


class ForeignNames:
    """All names in one language; an acronym is first taken as it is spelt ("DMAE"), then like other words."""

    def __init__(self, language: str, nodes: Iterable[AreaNode], folder: WordFolder) -> None:
        self.entries: list[FoldedName] = []
        self._language = language
        self._folder = folder
        self._keys: dict[Key, FoldedName] = {}
        self._bags: dict[Key, FoldedName] = {}
        self._acronyms: dict[str, FoldedName] = {}
        named = [(node, names) for node in nodes if (names := node.names_in(language))]
        for node, names in named:
            self._add(node, names[0], _NAME)
        for node, names in named:
            for synonym in names[1:]:
                self._add(node, synonym, _SYNONYM)

    def find(self, text: str) -> FoldedName | None:
        """Return the name that a text spells, whatever the order of its words; None where it spells none."""
        if text in self._acronyms:
            return self._acronyms[text]
        keys = list(foreign_keys(text, self._folder))
        found = next((self._keys[key] for key in keys if key in self._keys), None)
        bags = (bag(key, self._language) for key in keys)
        return found or next((self._bags[each] for each in bags if each in self._bags), None)

    def _add(self, node: AreaNode, name: str, exact: float) -> None:
        for key in foreign_keys(name, self._folder):
            entry = FoldedName(key, name, node, exact)
            self.entries.append(entry)
            self._keys.setdefault(key, entry)
            self._bags.setdefault(bag(key, self._language), entry)
        if is_acronym(name):
            self._acronyms.setdefault(name, entry)
