"""Items that gained areas: news to those who were not told of them before.

A second source may have an article for other areas, or topics, than the first; the record of a trial may name a further
condition. The change that says so holds what the item was about before. Matching asks of the item as it was, too:
whoever follows anything by which it was told then is not told again. So a window has, behind its candidates, those
items as they were, each as one more bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialalerts.matching.window import Candidate, Subject

__all__ = ["Gains", "as_it_was"]


def as_it_was(subject: Subject, before: Mapping[str, Any]) -> Subject | None:
    """Return an item as it was before it gained areas, by what its change says; None: it gained none."""
    if "areas" not in before:
        return None
    direct = tuple(before["areas"])
    return replace(
        subject,
        direct=direct,
        in_title=subject.in_title & frozenset(direct),
        ancestors=frozenset(before.get("ancestors", ())),
        topics=frozenset(before.get("topics", ())),
    )


class Gains:
    """The items of a window that gained areas; ``before`` are they as they were, to be put behind the others."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        gained = [(number, c, c.had) for number, c in enumerate(candidates) if c.had is not None]
        self.before = tuple(replace(c, subject=had, had=None) for _, c, had in gained)
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
