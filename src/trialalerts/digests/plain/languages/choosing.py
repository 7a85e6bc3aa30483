"""Which language has which grammar."""

from __future__ import annotations

from trialalerts.digests.plain.languages.english import Grammar
from trialalerts.digests.plain.languages.french import French
from trialalerts.digests.plain.languages.german import German
from trialalerts.digests.plain.languages.spanish import Spanish

__all__ = ["grammar_of"]

_GRAMMARS: dict[str, Grammar] = {"en": Grammar(), "de": German(), "fr": French(), "es": Spanish()}


def grammar_of(language: str) -> Grammar:
    """Return the grammar of a language (``de``); English, where there is none."""
    return _GRAMMARS.get(language, _GRAMMARS["en"])
