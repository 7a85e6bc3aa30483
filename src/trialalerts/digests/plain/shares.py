"""The shares in which chance parts people: half get X, 2 of 3 get X.

No field of a register holds them: some summaries say “randomized 2:1 to receive X or placebo”. It is told only where
one sentence says it of as many groups as the record has, and nothing else there says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import gcd

from trialalerts.catalog.facts import TrialFacts
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain.languages.choosing import grammar_of
from trialalerts.digests.plain.line import Piece, pieces_of
from trialalerts.digests.plain.phrases import Namer
from trialalerts.digests.plain.reading.study import Study

__all__ = ["ratio_in", "share_line"]

_TWO = 2
_MOST_IN_A_SHARE = 10
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|\n")
_BY_CHANCE = re.compile(r"randomi[sz]|random(?:ly)? (?:assign|alloc)|at random", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.,])(\d{1,2}(?:\s?:\s?\d{1,2}){1,5})(?![\d:])")
_OF_A_PART = re.compile(
    r"cohort|within|strat|\bstages?\b|\bpart [a-z0-9]\b|\bphase (?:one|two|[ivx\d]+)\b|"
    r"previous|earlier|recent|NCT\d{8}|external|\bsub-?stud|\bre-?randomi",
    re.IGNORECASE,
)
"""Whoever writes so speaks of some of the people, or of another study."""
_BETWEEN = re.compile(r"\s(?:or|versus|vs\.?|and)\s", re.IGNORECASE)
_CONTROL = re.compile(
    r"placebo|sham|control|(?:usual|standard|routine)(?: of)? care|standard treatment|no treatment", re.IGNORECASE
)


def share_line(words: Wording, facts: TrialFacts, summary: str) -> tuple[Piece, ...]:
    """Return in what shares people get what: ``half get brevalumab``; empty where the record does not say it.

    Args:
        words: the reader's language.
        facts: of the trial.
        summary: what its record says of it, in English.
    """
    design = facts.plain
    if design is None or design.allocation != "RANDOMIZED" or design.model == "CROSSOVER":
        return ()
    found = ratio_in(summary)
    if found is None or len(found[0]) != len(design.arms):
        return ()
    ratio, after = found
    study = Study.of(facts, design)
    equal = len(set(ratio)) == 1
    if len(ratio) == _TWO and _one_group_has_all(study):
        first = True if equal else _tested_first(after)
        if first is not None:
            named = Namer(words, grammar_of(words.language), study.compared).named(
                study.compared.tested, 0, with_kind=False
            )
            return pieces_of(_share(words, ratio if first else ratio[::-1], named))
    return pieces_of(words.say("plain.share.equal")) if equal else ()


def ratio_in(summary: str) -> tuple[tuple[int, ...], str] | None:
    """Return the shares that a summary gives all who join, and what follows them; None: it gives none, or several.

    >>> ratio_in("People are randomized in a 2:1 ratio to receive X or placebo.")
    ((2, 1), ' ratio to receive X or placebo.')
    """
    found = list(_ratios(summary))
    return found[0] if len({ratio for ratio, _ in found}) == 1 else None


def _ratios(summary: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """Give all ratios; one that is of some of the people only as one of nobody, so that it contradicts the others."""
    for sentence in _SENTENCE_ENDS.split(summary):
        if not _BY_CHANCE.search(sentence):
            continue
        for match in _RATIO.finditer(sentence):
            numbers = tuple(map(int, match[1].split(":")))
            good = all(0 < number < _MOST_IN_A_SHARE for number in numbers) and not _OF_A_PART.search(sentence)
            yield (numbers if good else ()), sentence[match.end() :]


def _one_group_has_all(study: Study) -> bool:
    """Tell whether of two groups just one gets what is tested, and that has names."""
    tested = {thing.key for thing in study.compared.tested}
    holders = [group for group in study.groups if tested & group.keys]
    named = all(thing.name for thing in study.compared.tested)
    return bool(tested) and named and len(holders) == 1 and tested <= holders[0].keys and study.compared.how == "versus"


def _tested_first(after: str) -> bool | None:
    """Tell whether the first number is of what is tested: the other one is named as what it is compared with."""
    sides = _BETWEEN.split(after, maxsplit=1)
    if len(sides) != _TWO:
        return None
    controls = [bool(_CONTROL.search(side)) for side in sides]
    return controls[1] if controls[0] != controls[1] else None


def _share(words: Wording, ratio: tuple[int, ...], named: str) -> str:
    part, whole = ratio[0], sum(ratio)
    part, whole = part // gcd(part, whole), whole // gcd(part, whole)
    if part * _TWO == whole:
        return words.say("plain.share.half", what=named)
    return words.count("plain.share.part", part, whole=words.number(whole), what=named)
