"""The grammar of Spanish: “e” for “y” before an i, “u” for “o” before an o."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.digests.plain.languages.english import Grammar, Joiner

__all__ = ["Spanish"]

_Y = re.compile(r" y (?=«?\W?h?i(?![ae]))", re.IGNORECASE)
_O = re.compile(r" o (?=«?\W?h?o)", re.IGNORECASE)
_FEMININE = re.compile(r"(?:as|mujeres)$|^personas\b")


class Spanish(Grammar):
    """The grammar of Spanish."""

    both, more = "o ambos", "u otras enfermedades"
    ands = ("y", "o")
    together = " juntos"
    quotes = ("«", "»")
    longest = 40
    code = "es"

    def name(self, name: str, *, is_word: bool = False) -> str:
        """Return a name, words of English in quotation marks."""
        return self._own_name(name, is_word=is_word)

    def with_article(self, name: str) -> str:
        """Return a name as it is: none of them wants an article here."""
        return name

    def condition(self, name: str, *, is_own: bool) -> str:
        """Return a condition as it is called within a sentence, words of English in quotation marks."""
        if not is_own:
            return self._registrys_condition(name)
        return name[:1].lower() + name[1:] if name[1:2].islower() else name

    def joined(self, parts: Sequence[str], how: Joiner) -> str:
        """Return ``A, B y C``; the little word changes before a vowel like its own."""
        return _O.sub(" u ", _Y.sub(" e ", super().joined(parts, how)))

    def healthy(self, people: str, *, feminine: bool) -> str:
        """Return healthy people."""
        return f"{people} {'sanas' if feminine or _FEMININE.search(people) else 'sanos'}"

    def having(self, people: str, conditions: Sequence[str], *, more: bool, both: bool, feminine: bool) -> str:
        """Return people with conditions."""
        del feminine
        return f"{people} con {self._either(conditions, more=more, both=both)}"
