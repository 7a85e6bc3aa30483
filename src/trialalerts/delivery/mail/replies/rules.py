"""The words of mail servers, in the order in which they are asked.

Each row: the rule's name, the idea as a pattern over small letters without accents, and where it was seen. Every gap
is bounded and none lies within another, so that a reply of any kind costs no more than its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Rule", "first_match"]


@dataclass(frozen=True)
class Rule:
    """A rule: its stable name, what it looks for, and who documents such words."""

    name: str
    alternatives: tuple[str, ...]
    source: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Any of the alternatives; compiled with the first reply that is read, since that takes a while."""
        return re.compile("|".join(f"(?:{each})" for each in self.alternatives))


def rule(name: str, source: str, *alternatives: str) -> Rule:
    """Make a rule of alternatives."""
    return Rule(name, alternatives, source)


def first_match(rules: tuple[Rule, ...], text: str) -> tuple[Rule, str] | None:
    """Return the first rule that a text meets, and the words that it met."""
    for each in rules:
        found = each.pattern.search(text)
        if found:
            return each, found[0].strip()
    return None
