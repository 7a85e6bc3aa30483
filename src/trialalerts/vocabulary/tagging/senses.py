"""Words that name a disease in one context and something else in another.

The table ``senses.toml`` says for each such word in which company it is no disease: a rule for a word, whatever the
sentence. What bears a disease's name as a proper name is told by ``tag_proper_names``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from trialalerts.vocabulary.spelling import BREAKS, WordFolder
from trialalerts.vocabulary.tagging.variants import STATES

__all__ = ["means_something_else"]

_FILE = Path(__file__).with_name("senses.toml")
_ANY = "*"
_NEAR = 5
_OF = 4
"""The most words between "of" and what it is said of: "depression of the left ST segment"."""


class _Sense(NamedTuple):
    """The company in which a word is no disease, in folded words."""

    before: frozenset[str] = frozenset()
    before_one: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()
    of: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()


def means_something_else(words: Sequence[str], keys: Sequence[str], start: int, end: int) -> bool:
    """Return whether the name at ``start`` to ``end`` stands in a company in which it is no disease."""
    senses = _senses()
    if end < len(keys) and keys[end] == "of" and _is_said_of(keys, end, senses[_ANY].of):
        return True
    if start and keys[start - 1] in senses[_ANY].before:
        return True
    if end > start + 1:
        if _is_cut_off(keys, start, end, senses):
            return True
        sense = senses.get(" ".join(keys[start:end]))
    else:
        sense = senses.get(keys[start])
    return sense is not None and _is_in_company(words, keys, start, end, sense)


def _is_cut_off(keys: Sequence[str], start: int, end: int, senses: Mapping[str, _Sense]) -> bool:
    """Return whether the first or last word of several belongs to what stands beside it: "muscle strain gauge"."""
    first, last = senses.get(keys[start]), senses.get(keys[end - 1])
    if last is not None and end < len(keys) and keys[end] in last.behind:
        return True
    return first is not None and start > 0 and keys[start - 1] in first.before


def _is_in_company(words: Sequence[str], keys: Sequence[str], start: int, end: int, sense: _Sense) -> bool:
    before = keys[start - 1] if start else ""
    behind = keys[end] if end < len(keys) else ""
    return (
        before in sense.before
        or behind in sense.behind
        or (before in sense.before_one and not words[end - 1].endswith("s"))
        or (behind == "of" and _is_said_of(keys, end, sense.of))
        or (bool(sense.near) and not sense.near.isdisjoint(_around(keys, start, end)))
        or (bool(sense.only) and sense.only.isdisjoint(_around(keys, start, end)))
    )


def _is_said_of(keys: Sequence[str], place: int, what: frozenset[str]) -> bool:
    """Return whether one of the words ``what`` stands behind the "of" at ``place``."""
    for key in keys[place + 1 : place + 1 + _OF]:
        if key in BREAKS:
            return False
        if key in what:
            return True
    return False


def _around(keys: Sequence[str], start: int, end: int) -> list[str]:
    """Return the words close by in the same phrase."""
    left = start
    while left > max(0, start - _NEAR) and keys[left - 1] not in BREAKS:
        left -= 1
    right = end
    while right < min(len(keys), end + _NEAR) and keys[right] not in BREAKS:
        right += 1
    return [*keys[left:start], *keys[end:right]]


@cache
def _senses() -> dict[str, _Sense]:
    """Read the table, folded."""
    folder = WordFolder()
    table = tomllib.loads(_FILE.read_text("utf-8"))
    senses = {
        " ".join(folder[word] for word in name.split()): _Sense(
            **{where: frozenset(folder[word] for word in listed.split()) for where, listed in company.items()}
        )
        for name, company in table.items()
    }
    stated = {adjective: senses[noun] for adjective, noun in STATES.items() if noun in senses}
    return stated | senses
