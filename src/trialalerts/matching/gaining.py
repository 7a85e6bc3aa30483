"""Items that gained areas: news to those who were not told of them before.

A second source may have an article for other areas, or topics, than the first; the record of a trial may name a further
condition; an article may be found to name a trial. The change that says so holds what the item was about before. So
does what is told of two trials that were found to be one: each was told as it was then. Matching asks of the item as it
was, too: whoever follows anything by which it was told then is not told again. So a window has, behind its candidates,
those items as they were, each as one more bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from trialalerts.catalog.outlines import read_outline
from trialalerts.catalog.tables import ChangeKind

if TYPE_CHECKING:
    from trialalerts.catalog.outlines import Outline
    from trialalerts.matching.window import Indexed

__all__ = ["Gains", "as_it_was"]

_MAY_GAIN = frozenset({ChangeKind.PUBLISHED, ChangeKind.REGISTERED})


def as_it_was(outline: Outline, kind: ChangeKind, before: Mapping[str, Any]) -> tuple[Outline, ...]:
    """Return an item as it was told before, by what its change says: before it gained areas, or was joined."""
    known = tuple(read_outline(text) for text in before.get("told_as", ()))
    if kind not in _MAY_GAIN or "areas" not in before:
        return known
    areas = {"direct": before["areas"], "ancestors": before.get("ancestors", ()), "topics": before.get("topics", ())}
    return (*known, outline._replace(**areas, trials=before.get("trials", outline.trials)))


class Gains:
    """The items of a window that gained areas; ``before`` are they as they were, to be put behind the others."""

    def __init__(self, candidates: Sequence[Indexed]) -> None:
        gained = [(number, each, had) for number, each in enumerate(candidates) for had in each.had]
        self.before = tuple(
            replace(each, outline=had.outline, places=had.places, names=had.names, had=(), only_followers=False)
            for _, each, had in gained
        )
        self._bits = [1 << number for number, _, _ in gained]
        self._first = len(candidates)
        self.told_before = ((1 << len(gained)) - 1) << self._first
        """The bits behind those of the candidates."""

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._bits)

    def not_told_before(self, found: Sequence[int]) -> list[int]:
        """Return, of what each of somebody's preferences brings, what is news to that person."""
        had = reduce(or_, found, 0) >> self._first
        again = reduce(or_, (bit for number, bit in enumerate(self._bits) if had >> number & 1), self.told_before)
        return [bits & ~again for bits in found]
