"""The Flesch-Kincaid grade of English: after how many years of school a text is understood."""

from __future__ import annotations

import re

__all__ = ["grade", "syllables"]

_WORD = re.compile(r"[A-Za-z0-9]+(?:['’.-][A-Za-z0-9]+)*")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?:[^laeiouy]e|[^dt]ed|[^csxz]es|[csxzh]hes)$")


def syllables(word: str) -> int:
    """Count the syllables of a word by its groups of vowels; a silent e is none."""
    small = re.sub(r"[^a-z]", "", word.lower())
    groups = len(_VOWELS.findall(small))
    return max(1, groups - bool(_SILENT.search(small) and groups > 1))


def grade(text: str) -> float:
    """Return the grade of a text of at least one word."""
    words = _WORD.findall(text)
    sentences = max(1, len(_SENTENCE.findall(text)))
    return 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
