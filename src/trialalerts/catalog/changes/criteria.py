"""The comparison of two eligibility texts: what was really changed, without the noise of editing.

A text is cut into sentences, each of them in its section (inclusion, exclusion) and reduced to its words,
numbers and signs. Moved, re-numbered, re-wrapped, re-punctuated sentences are the same sentences; so are
those that differ in up to two words by a letter. A number or a comparison sign is never a typing error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["changed_criteria"]

_ENUMERATION = re.compile(r"^\s*(?:[-*•·–]\s+)*(?:\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]\s+)?(?:[-*•·–]\s+)*")
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=[A-Z(])")
_HEADING = re.compile(r"(?:[\w()/,-]+ ){0,4}(inclusion|exclusion) criteri(?:a|on)\b[^:.]{0,60}(?::|$)", re.IGNORECASE)

_SPELLINGS = str.maketrans(
    {"⩽": "≤", "≦": "≤", "⩾": "≥", "≧": "≥", "＜": "<", "＞": ">", "−": "-", "–": "-", "—": "-", "’": "'", "µ": "μ"}
    | {"×": " x ", "&": " and "}
    | {superscript: f"^{digit}" for digit, superscript in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
    | {subscript: str(digit) for digit, subscript in enumerate("₀₁₂₃₄₅₆₇₈₉")}
)
_AT_MOST = re.compile(r"<\s*(?:/|or)?\s*=|=<")
_AT_LEAST = re.compile(r">\s*(?:/|or)?\s*=|=>")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_TOKEN = re.compile(r"(?<=[<>≤≥=±])\s*-(?=\s?\d)|\d+(?:[.,]\d+)*|[<>≤≥=±%]|(?<=\w)\+|[^\W\d_]+(?:'[^\W\d_]+)?")
_SIGNS = frozenset("<>≤≥=±%+-")
_ARTICLES = frozenset({"a", "an", "the", "An", "The"})  # "A" is a grade: hepatitis A, class A
_COUNTS = frozenset(
    {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
    | {"once", "twice", "first", "second", "third"}
)
_ROMAN = frozenset("ivxabc")

_MOST_SIMILAR_WORDS = 2
_SHORTEST_SIMILAR_WORD = 4
_MOST_PAIRS = 100_000
"""Above it nobody looks for typing errors any more: the text is another one."""


@dataclass(frozen=True)
class _Sentence:
    section: str
    text: str

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        return _tokens(self.text)

    @cached_property
    def key(self) -> tuple[str, ...]:
        return (self.section, *(token.casefold() for token in self.tokens))


def changed_criteria(before: str, after: str, *, limit: int = 600) -> tuple[str, str] | None:
    """Return the sentences removed and the sentences added, each at most ``limit`` characters; None without news.

    The first of each section says so. A text that is missing on one side is no news:
    the record was cut, or read from another view of the registry.
    """
    if before == after or not before.strip() or not after.strip():
        return None
    old, new = _sentences(before), _sentences(after)
    kept = Counter(sentence.key for sentence in old) & Counter(sentence.key for sentence in new)
    removed, added = _without(old, kept), _without(new, kept)
    if _flow(removed) == _flow(added):
        return None
    if len(removed) * len(added) <= _MOST_PAIRS:
        removed, added = _without_typing_errors(removed, added)
    if not removed and not added:
        return None
    return _listed(removed, limit), _listed(added, limit)


def _sentences(text: str) -> list[_Sentence]:
    found: list[_Sentence] = []
    section = ""
    for line in text.split("\n"):
        plain = line[_end_of_enumeration(line) :].strip()
        heading = _HEADING.match(plain)
        if heading and (heading[0].endswith(":") or not line.startswith("-")):
            section = heading[1].capitalize()
            plain = plain[heading.end() :].strip()
        if plain:
            found += [_Sentence(section, sentence) for sentence in _SENTENCE.split(plain)]
    return [sentence for sentence in found if sentence.tokens]


def _end_of_enumeration(line: str) -> int:
    match = _ENUMERATION.match(line)
    return match.end() if match else 0


def _tokens(text: str) -> tuple[str, ...]:
    text = text.translate(_SPELLINGS)
    if "=" in text:
        text = _AT_LEAST.sub("≥", _AT_MOST.sub("≤", text))
    tokens = [token.strip() for token in _TOKEN.findall(_THOUSANDS.sub("", text))]
    if tokens and tokens[0] == "A":
        del tokens[0]
    return tuple(token for token in tokens if token not in _ARTICLES)


def _without(sentences: Sequence[_Sentence], kept: Counter[tuple[str, ...]]) -> list[_Sentence]:
    left = kept.copy()
    rest: list[_Sentence] = []
    for sentence in sentences:
        if left[sentence.key] > 0:
            left[sentence.key] -= 1
        else:
            rest.append(sentence)
    return rest


def _flow(sentences: Sequence[_Sentence]) -> list[tuple[str, str]]:
    """Return the words of all sentences in one row: the same row was only wrapped in another way."""
    return [(sentence.section, word) for sentence in sentences for word in sentence.key[1:]]


def _without_typing_errors(
    removed: Sequence[_Sentence], added: Sequence[_Sentence]
) -> tuple[list[_Sentence], list[_Sentence]]:
    left = list(added)
    rest: list[_Sentence] = []
    for sentence in removed:
        twin = next((other for other in left if _is_typing_error(sentence, other)), None)
        if twin is None:
            rest.append(sentence)
        else:
            left.remove(twin)
    return rest, left


def _is_typing_error(before: _Sentence, after: _Sentence) -> bool:
    if before.section != after.section or len(before.tokens) != len(after.tokens):
        return _joined(before) == _joined(after)
    changed = [
        pair for pair in zip(before.tokens, after.tokens, strict=True) if pair[0].casefold() != pair[1].casefold()
    ]
    return len(changed) <= _MOST_SIMILAR_WORDS and all(_are_similar(*pair) for pair in changed)


def _joined(sentence: _Sentence) -> tuple[str, ...]:
    """Return the letters in one row, and each number and sign: a blank more or less inside a word is no change."""
    words = [token for token in sentence.key[1:] if token.isalpha()]
    return sentence.section, "".join(words), *(token for token in sentence.key[1:] if not token.isalpha())


def _are_similar(one: str, other: str) -> bool:
    """Tell whether two words are one word spelt in two ways: a letter apart, with the same first letter."""
    if _is_fixed(one) or _is_fixed(other) or one[0].casefold() != other[0].casefold():
        return False
    from rapidfuzz.distance import OSA

    return OSA.distance(one.casefold(), other.casefold(), score_cutoff=1) <= 1


def _is_fixed(token: str) -> bool:
    """Tell whether a token means something else with any letter changed: numbers, signs, acronyms, grades."""
    lower = token.casefold()
    return (
        len(token) < _SHORTEST_SIMILAR_WORD
        or token[0].isdigit()
        or token in _SIGNS
        or lower in _COUNTS
        or token[1:] != lower[1:]
        or _ROMAN.issuperset(lower)
    )


def _listed(sentences: Sequence[_Sentence], limit: int) -> str:
    lines: list[str] = []
    section = ""
    for sentence in sentences:
        heading = "" if sentence.section == section else f"{sentence.section} criteria: "
        section = sentence.section
        lines.append(f"- {heading}{sentence.text}")
    text = "\n".join(lines)
    if len(text) <= limit:
        return text
    cut = max(text.rfind(" ", 0, limit - 1), text.rfind("\n", 0, limit - 1))
    return text[: cut if cut > 0 else limit - 1].rstrip() + "…"
