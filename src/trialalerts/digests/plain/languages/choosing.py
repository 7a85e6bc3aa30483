"""Which language has which grammar."""

from __future__ import annotations

from trialalerts.digests.plain.languages.english import Grammar

__all__ = ["grammar_of"]

_GRAMMARS: dict[str, Grammar] = {"en": Grammar()}


def grammar_of(language: str) -> Grammar:
    """Return the grammar of a language (``de``); English, where there is none."""
    return _GRAMMARS.get(language, _GRAMMARS["en"])
