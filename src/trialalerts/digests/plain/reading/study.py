"""What is read of a study before its line is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from trialalerts.catalog.facts import Design, TrialFacts
from trialalerts.digests.plain.reading.comparison import Comparison, Group, Thing, compared, groups_of, things_of
from trialalerts.digests.plain.reading.conditions import About, about
from trialalerts.digests.plain.reading.healthy import in_whom
from trialalerts.digests.plain.reading.kinds import Kind
from trialalerts.digests.plain.reading.people import People, people_of
from trialalerts.digests.plain.reading.turns import all_get_all

__all__ = ["Study"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study as far as its line needs it; ``kinds`` are those of all interventions, placebo among them."""

    facts: TrialFacts
    design: Design
    things: Sequence[Thing]
    groups: Sequence[Group]
    compared: Comparison
    kinds: frozenset[Kind]
    people: People
    about: About

    @classmethod
    def of(cls, facts: TrialFacts, design: Design) -> Self:
        """Read a study."""
        read, things = things_of(facts, design)
        groups = groups_of(design, read)
        return cls(
            facts=facts,
            design=design,
            things=tuple(things.values()),
            groups=groups,
            compared=compared(design, groups, things),
            kinds=frozenset(kind for _, kind in read),
            people=people_of(facts),
            about=in_whom(facts, design, about(facts)),
        )

    @property
    def compares(self) -> bool:
        """Whether chance gives people one of several things that are tested."""
        named = sum(bool(thing.name) for thing in self.compared.tested)
        return self.compared.how == "compare" and self.design.allocation == "RANDOMIZED" and named > 1

    @property
    def all_in_turn(self) -> bool:
        """Whether everybody gets everything, one after the other."""
        return self.design.model == "CROSSOVER" and all_get_all(self.groups)

    @property
    def masked(self) -> str:
        """Who does not know who gets what: ``both`` the people and the team, the ``participant``, or nobody."""
        masked = set(self.design.masked)
        if "PARTICIPANT" not in masked:
            return ""
        return "both" if masked & {"CARE_PROVIDER", "INVESTIGATOR"} else "participant"
