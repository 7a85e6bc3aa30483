"""What a trial tests, in which groups, and who knows who gets what: the same short form for every registry.

It is kept as the registry has it, short: a card makes its words, so that better words need no new reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["MOST_LISTED", "design_values"]

MOST_LISTED = 40
"""So many interventions, groups and terms are read of one record."""
_LONGEST_NAME, _LONGEST_OTHER, _MOST_OTHERS = 160, 40, 6
_LONGEST_TYPE = len("Combination Product")

_Named = tuple[str | None, str | None, Sequence[str]]


def design_values(interventions: Iterable[_Named], arms: Iterable[_Named], **more: Any) -> dict[str, Any]:
    """Return the values of :class:`~trialalerts.catalog.facts.Design`.

    Args:
        interventions: the type, the name and other names of each; one without a name is left out.
        arms: the type, the label and the names of what it gets, also with its type before it (``Drug: Examplumab``).
        more: the other values.
    """
    kept = [
        (type_ or "OTHER", name[:_LONGEST_NAME], tuple(o for o in others if len(o) <= _LONGEST_OTHER)[:_MOST_OTHERS])
        for type_, name, others in interventions
        if name
    ]
    numbers = {name: number for number, (_, name, _) in enumerate(kept)}
    return {"interventions": kept, "arms": [_arm(*arm, numbers) for arm in arms], **more}


def _arm(
    type_: str | None, label: str | None, names: Sequence[str], numbers: dict[str, int]
) -> tuple[str, str, tuple[int, ...]]:
    named = (_untyped(name)[:_LONGEST_NAME] for name in names)
    given = tuple(dict.fromkeys(numbers[name] for name in named if name in numbers))
    return type_ or "", (label or "")[:_LONGEST_NAME], given


def _untyped(name: str) -> str:
    type_, colon, bare = name.partition(": ")
    return bare if colon and type_[:1].isupper() and len(type_) <= _LONGEST_TYPE else name
