"""What a trial compares: which of its interventions is tested, which everybody gets, and what others get instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from trialalerts.catalog.facts import Arm, Design, TrialFacts
from trialalerts.digests.plain.reading.conditions import cleaned_condition
from trialalerts.digests.plain.reading.everyday import SOUNDS_LIKE_DISEASE
from trialalerts.digests.plain.reading.kinds import MARKS, NO_TREATMENT, Kind
from trialalerts.digests.plain.reading.names import Named, named

__all__ = ["Comparison", "Group", "Thing", "compared", "groups_of", "things_of"]

How = Literal["no_treatment", "single", "same", "versus", "compare"]
Mark = Literal["placebo", "sham", "usual", "none", "base_only", "unknown"]

_DOSE = re.compile(r"\d ?(?:mg|µg|mcg|ug|ml|iu|g)\b|\bdos(?:e|ing|age)|\b(?:low|high)\b", re.IGNORECASE)
_CHOICE = re.compile(r"choice|\bor\b|/", re.IGNORECASE)
_RIVALS_BY_CHOICE = re.compile(r"choice|\bTPC\b|\bBAT\b|best available|investigator|one of", re.IGNORECASE)
_LIKE_PLACEBO = re.compile(r"placebo|sham|inactive|dummy|vehicle|saline", re.IGNORECASE)
_CALLED_PLACEBO = re.compile(r"placebo|vehicle", re.IGNORECASE)
_CALLED_USUAL = re.compile(r"standard (?:of )?care|usual care|\bsoc\b", re.IGNORECASE)
_ABBREVIATED = re.compile(r"\w{4,} [(\[]([A-Za-z][A-Za-z-]{1,6})[)\]]$")
_SEVERAL = re.compile(r"\+|\b(?:and|plus|with)\b", re.IGNORECASE)
_BESIDE = frozenset({"PLACEBO_COMPARATOR", "SHAM_COMPARATOR", "NO_INTERVENTION"})


class Thing(NamedTuple):
    """An intervention: ``name`` is empty where only the kind can be told; ``key`` tells two such apart."""

    key: str
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An arm: the keys of what it gets, what it gets beside or instead of it, and whether all of it could be read."""

    type: str
    label: str
    keys: frozenset[str]
    placebo: bool
    sham: bool
    usual: bool
    nothing: bool
    whole: bool = True

    @property
    def has_marks(self) -> int:
        """How many of placebo, sham, usual care and nothing it has."""
        return self.placebo + self.sham + self.usual + self.nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is compared with what.

    ``joined``: all that is tested is given together; ``by_choice``: of the rivals a person gets one; ``differs``: the
    groups that test do not test the same; ``by_dose``: their labels speak of doses; ``base_tested``: what everybody
    gets is tested by itself, too.
    """

    how: How
    tested: tuple[Thing, ...] = ()
    base: tuple[Thing, ...] = ()
    rivals: tuple[Thing, ...] = ()
    marks: frozenset[Mark] = field(default_factory=frozenset)
    joined: bool = False
    rivals_joined: bool = False
    differs: bool = False
    by_dose: bool = False
    base_tested: bool = False


def things_of(facts: TrialFacts, design: Design) -> tuple[list[Named], dict[str, Thing]]:
    """Return what is read of each intervention, and all that is tested or given by its key."""
    read = _by_one_name(design, _with_stand_ins(design, [named(each, design.mesh) for each in design.interventions]))
    conditions = [_words(f"{cleaned_condition(each)} {each}") for each in facts.conditions]
    things: dict[str, Thing] = {}
    for number, (names, kind) in enumerate(read):
        intervention = design.interventions[number]
        if kind in MARKS or (intervention.type == "OTHER" and _is_condition(intervention.name, conditions)):
            continue
        things.update((key, Thing(key, key if names else "", kind)) for key in names or [f"?{number}"])
    return read, things


def _with_stand_ins(design: Design, read: list[Named]) -> list[Named]:
    """Return with what is a placebo by its arm alone: all that people get who get a placebo, and nobody else gets."""
    if any(kind is Kind.PLACEBO for _, kind in read):
        return read
    alone = {
        arm.interventions[0]
        for arm in design.arms
        if arm.type == "PLACEBO_COMPARATOR" and len(arm.interventions) == 1 and _CALLED_PLACEBO.search(arm.label)
    }
    alone.difference_update(*(arm.interventions for arm in design.arms if arm.type != "PLACEBO_COMPARATOR"))
    return [((), Kind.PLACEBO) if number in alone else each for number, each in enumerate(read)]


def _by_one_name(design: Design, read: Sequence[Named]) -> list[Named]:
    """Return names with those abbreviations written out that the record itself explains: “hyaluronidase (rHu)”."""
    explained = {
        found[1].lower(): names[0]
        for each, (names, _) in zip(design.interventions, read, strict=True)
        if len(names) == 1 and (found := _ABBREVIATED.search(each.name))
    }
    return [(tuple(explained.get(name.lower(), name) for name in names), kind) for names, kind in read]


def _is_condition(name: str, conditions: Iterable[set[str]]) -> bool:
    """Tell whether an intervention only says again what people have."""
    cleaned, words = cleaned_condition(name.lower()), _words(name)
    return SOUNDS_LIKE_DISEASE.search(cleaned) is not None and any(words <= known for known in conditions)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def groups_of(design: Design, read: Sequence[Named]) -> list[Group]:
    """Return the arms as the names of what they get."""
    return [_group(arm, design, read) for arm in design.arms]


def _group(arm: Arm, design: Design, read: Sequence[Named]) -> Group:
    given = [number for number in arm.interventions if number < len(read)]
    kinds = {read[number][1] for number in given}
    keys = frozenset(
        key for number in given if read[number][1] not in MARKS for key in read[number][0] or [f"?{number}"]
    )
    return Group(
        type=arm.type,
        label=arm.label,
        keys=keys,
        placebo=_has_placebo(arm, kinds),
        sham=Kind.SHAM in kinds or arm.type == "SHAM_COMPARATOR",
        usual=Kind.USUAL in kinds or (arm.type != "EXPERIMENTAL" and bool(_CALLED_USUAL.search(arm.label))),
        nothing=(Kind.NOTHING in kinds or arm.type == "NO_INTERVENTION") and not keys,
        whole=not any(_is_cut(design.interventions[number].name, read[number]) for number in given),
    )


def _is_cut(name: str, read: Named) -> bool:
    """Tell whether of several things in one name only one could be read."""
    return len(read[0]) == 1 and _SEVERAL.search(name) is not None


def _has_placebo(arm: Arm, kinds: Collection[Kind]) -> bool:
    """Tell whether an arm gets a placebo: one that is named; an arm's type alone is often a slip."""
    if Kind.PLACEBO in kinds or (arm.type != "EXPERIMENTAL" and _CALLED_PLACEBO.search(arm.label)):
        return True
    return arm.type == "PLACEBO_COMPARATOR" and bool(_LIKE_PLACEBO.search(arm.label))


def compared(design: Design, groups: Sequence[Group], things: Mapping[str, Thing]) -> Comparison:
    """Return what is compared with what."""
    treatments = {key: thing for key, thing in things.items() if thing.kind not in NO_TREATMENT}
    if not treatments:
        return Comparison(how="no_treatment", tested=tuple(things.values()))
    arms = [replace(group, keys=group.keys.intersection(treatments)) for group in groups]
    if len(arms) <= 1 or (design.model == "SINGLE_GROUP" and design.allocation != "RANDOMIZED"):
        return _single(arms, treatments)
    return _Arms(arms, treatments).compared()


def _single(arms: Sequence[Group], treatments: Mapping[str, Thing]) -> Comparison:
    only = arms[0] if len(arms) == 1 else None
    keys = only.keys if only and only.keys else treatments.keys()
    joined = only is not None and not _CHOICE.search(only.label)
    return Comparison(how="single", tested=_ordered(keys, treatments), joined=joined)


def _ordered(keys: Collection[str], treatments: Mapping[str, Thing]) -> tuple[Thing, ...]:
    return tuple(thing for key, thing in treatments.items() if key in keys)


class _Arms:
    """Several arms while they are held beside each other."""

    def __init__(self, arms: Sequence[Group], treatments: Mapping[str, Thing]) -> None:
        self._arms = arms
        self._treatments = treatments
        self._testing = (
            [arm for arm in arms if arm.type == "EXPERIMENTAL"]
            or [arm for arm in arms if arm.type not in _BESIDE]
            or list(arms)
        )
        self._others = [arm for arm in arms if arm not in self._testing]
        self._base = frozenset.intersection(*(arm.keys for arm in arms))
        self._tested = frozenset[str]().union(*(arm.keys - self._base for arm in self._testing))
        self._rivals = frozenset[str]().union(*(self._left(arm) for arm in self._others))
        self._by_dose = any(_DOSE.search(arm.label) for arm in arms)

    def compared(self) -> Comparison:
        if not self._tested:
            return self._same()
        marks = self._marks()
        sets = {arm.keys - self._base for arm in self._testing}
        differs = len(sets) > 1
        how: How = "versus" if marks or self._rivals else "compare" if differs else "same"
        if how == "versus" and any(self._tested <= arm.keys for arm in self._testing):
            differs = False
        rival_arms = [arm for arm in self._others if self._left(arm)]
        by_choice = any(_RIVALS_BY_CHOICE.search(arm.label) for arm in self._arms)
        return Comparison(
            how=how,
            tested=self._things(self._tested),
            base=self._things(self._base),
            rivals=self._things(self._rivals),
            marks=marks,
            joined=len(self._tested) > 1 and all(self._tested <= arm.keys for arm in self._testing),
            rivals_joined=not by_choice and all(self._rivals <= arm.keys for arm in rival_arms),
            differs=differs,
            by_dose=self._by_dose,
            base_tested=self._base_is_tested,
        )

    @property
    def _base_is_tested(self) -> bool:
        """Whether all arms that get the base alone are meant as tests: a new medicine by itself, then with others."""
        alone = [arm for arm in self._arms if arm.keys == self._base and not arm.placebo and not arm.sham]
        named = all(self._treatments[key].name for key in self._base | self._tested)
        return bool(self._base and alone) and named and all(arm.type == "EXPERIMENTAL" and arm.whole for arm in alone)

    def _same(self) -> Comparison:
        """Return that all arms list the same: what they get is tested, and only their marks differ."""
        marks: set[Mark] = set()
        for arm in self._arms:
            if arm.placebo and (arm.type == "PLACEBO_COMPARATOR" or arm.label.lower().startswith("placebo")):
                marks.add("placebo")
            if arm.type == "SHAM_COMPARATOR":
                marks.add("sham")
            if arm.nothing:
                marks.add("none")
        tested = self._things(self._base) or tuple(self._treatments.values())
        return Comparison(how="same", tested=tested, marks=frozenset(marks), by_dose=self._by_dose)

    def _marks(self) -> frozenset[Mark]:
        """Return what the arms have that do not have what is tested."""
        without = [arm for arm in self._arms if not arm.keys & self._tested]
        return frozenset(mark for arm in without if (mark := self._mark(arm)))

    def _mark(self, arm: Group) -> Mark | None:
        alone = not arm.keys - self._base
        for applies, mark in (
            (arm.sham, "sham"),
            (arm.placebo, "placebo"),
            (arm.usual and alone, "usual"),
            (arm.nothing, "none"),
            (alone, "base_only" if self._base else "unknown"),
        ):
            if applies:
                return mark  # type: ignore[return-value]  # one of the words above
        return None

    def _left(self, arm: Group) -> frozenset[str]:
        return arm.keys - self._base - self._tested

    def _things(self, keys: Collection[str]) -> tuple[Thing, ...]:
        return _ordered(keys, self._treatments)
