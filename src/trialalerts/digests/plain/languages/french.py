"""The grammar of French: “d’” before a vowel, “atteintes” after a feminine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.digests.plain.languages.common_names import is_common_name
from trialalerts.digests.plain.languages.english import Grammar

__all__ = ["French"]

_VOWEL = re.compile(r"[aeiouyéèêàâîôœ]|h(?!ern|aut|and|ors|ypo? )", re.IGNORECASE)
_FEMININE = re.compile(r"(?:ie|ion|ine|ure|ère)$")
_THIN = "\u202f"


class French(Grammar):
    """The grammar of French."""

    both, more = "ou des deux", "ou d’autres maladies"
    ands = ("et", "ou")
    together = " ensemble"
    quotes = (f"«{_THIN}", f"{_THIN}»")
    longest = 40
    code = "fr"

    def name(self, name: str, *, is_word: bool = False) -> str:
        """Return a name, words of English in quotation marks."""
        return self._own_name(name, is_word=is_word)

    def with_article(self, name: str) -> str:
        """Return a word of French with its article; a medicine, a brand or words of English bear none."""
        return f"{_article(name)}{name}" if is_common_name(name, self.code) else name

    def condition(self, name: str, *, is_own: bool) -> str:
        """Return a condition as it is called within a sentence, words of English in quotation marks."""
        return _small(name) if is_own else self._registrys_condition(name)

    def healthy(self, people: str, *, feminine: bool) -> str:
        """Return healthy people."""
        del feminine
        return f"{people} en bonne santé"

    def having(self, people: str, conditions: Sequence[str], *, more: bool, both: bool, feminine: bool) -> str:
        """Return people who have conditions; the participle follows their gender."""
        found = self._either([_of(condition) for condition in conditions], more=more, both=both)
        return f"{people} {'atteintes' if feminine else 'atteints'} {found}"


def _article(name: str) -> str:
    """Return the article of what is tested; no rule of French, but one that holds for our names of it."""
    word = name.split(maxsplit=1)[0]
    if word.endswith("s") and not word.startswith("anticorps"):
        return "les "
    if _VOWEL.match(word):
        return "l’"
    return "la " if _FEMININE.search(word) else "le "


def _of(condition: str) -> str:
    return f"d’{condition}" if _VOWEL.match(condition) else f"de {condition}"


def _small(name: str) -> str:
    """Return a name with a small letter at its beginning, where that is no acronym or number."""
    return name[:1].lower() + name[1:] if name[1:2].islower() and not name.startswith(_NAMES) else name


_NAMES = ("Alzheimer", "Parkinson", "Crohn", "Hodgkin", "Sjögren", "Down", "Huntington", "Duchenne")
