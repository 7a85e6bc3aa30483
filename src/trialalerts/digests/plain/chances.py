"""The second sentence of a line: who gets what, by chance or not, and who knows of it."""

from __future__ import annotations

from dataclasses import dataclass

from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain.languages.english import Grammar, Joiner
from trialalerts.digests.plain.phrases import Namer
from trialalerts.digests.plain.reading.kinds import Kind
from trialalerts.digests.plain.reading.study import Study

__all__ = ["Chances"]

_BESIDE = frozenset({"PLACEBO_COMPARATOR", "SHAM_COMPARATOR", "NO_INTERVENTION"})
_COMPARATORS = _BESIDE | {"ACTIVE_COMPARATOR"}
_WITHOUT_MASKING, _WITHOUT_PLACEBO = 4, 2
"""How tight a line must be for its masking, or a placebo that no other sentence tells of, to be left out."""


@dataclass(slots=True)
class _Sentence:
    text: str
    tells_placebo: bool = False


class Chances:
    """Says who gets what."""

    def __init__(self, words: Wording, grammar: Grammar, study: Study, namer: Namer) -> None:
        self._words = words
        self._grammar = grammar
        self._study = study
        self._namer = namer
        self._compared = study.compared

    def sentences(self, tight: int) -> list[str]:
        """Return no sentence (where the record does not say it), one, or two.

        Args:
            tight: from 0 to 4; the higher, the more of the less important is left out.
        """
        is_random = self._study.design.allocation == "RANDOMIZED"
        said = self._chances(tight) if is_random else self._without_chance()
        found = [said.text] if said else []
        silent = (said and said.tells_placebo) or "sham" in self._compared.marks
        if is_random and Kind.PLACEBO in self._study.kinds and not silent and tight < _WITHOUT_PLACEBO:
            found.append(self._words.say("plain.then.placebo"))
        return found

    def _sentence(self, key: str, **values: str) -> _Sentence:
        return _Sentence(self._words.say(f"plain.then.{key}", **values))

    def _without_chance(self) -> _Sentence | None:
        what, groups = self._compared, self._study.groups
        allocation = self._study.design.allocation
        if what.how == "single":
            return self._sentence("all") if len(groups) == 1 and allocation in {"NA", None} else None
        if allocation != "NON_RANDOMIZED":
            return None
        if what.how in {"versus", "compare"}:
            return self._sentence("no_chance")
        beside = any(group.type in _COMPARATORS for group in groups) or all(group.placebo for group in groups)
        return self._sentence("all") if len(what.tested) == 1 and not what.marks and not beside else None

    def _chances(self, tight: int) -> _Sentence | None:
        what = self._compared
        if what.how == "single" or self._lists_the_same_beside:
            return None
        is_crossover = self._study.design.model == "CROSSOVER"
        key, values = self._crossover(tight) if is_crossover else self._parallel(tight)
        said = self._sentence(f"chance_{key}", **values)
        said.tells_placebo = key == "order_placebo" or ("instead" in key and "placebo" in what.marks)
        knows = key == "none" and Kind.PLACEBO in self._study.kinds  # who gets nothing at all is told so by that
        if self._study.masked and tight < _WITHOUT_MASKING and not knows:
            masking = self._words.say(f"plain.mask.{self._masking(key, is_crossover=is_crossover)}")
            said.text = said.text.rstrip(".") + masking
        return said

    @property
    def _lists_the_same_beside(self) -> bool:
        """Whether an arm to compare with is said to get just what is tested: then nobody knows what it gets."""
        what, types = self._compared, {group.type for group in self._study.groups}
        if what.how != "same" or what.marks:
            return False
        active = {"ACTIVE_COMPARATOR", "EXPERIMENTAL"} <= types and not what.by_dose
        return active or bool(types & _BESIDE)

    def _masking(self, key: str, *, is_crossover: bool) -> str:
        what, masked = self._compared, self._study.masked
        if key == "none" and masked == "participant":
            return "participant_at_all"
        beside = bool(what.marks or what.rivals) and not is_crossover and what.how in {"versus", "same"}
        return f"{masked}_{'who' if beside or key == 'none' else 'which'}"

    def _crossover(self, tight: int) -> tuple[str, dict[str, str]]:
        what = self._compared
        if len(what.tested) == 1 and not what.marks and not what.rivals:
            groups = self._study.groups
            if all(group.placebo for group in groups):
                return "order_placebo", {}
            return ("order_sham" if all(group.sham for group in groups) else "way"), {}
        if not self._study.all_in_turn:
            return "what", {}
        if len(what.tested) > 1:
            return "order", {}
        if what.rivals:
            return ("order_other", {"others": self._rivals(tight)}) if self._rivals_are_others else ("order", {})
        return next((f"order_{mark}" for mark in ("placebo", "sham") if mark in what.marks), "order"), {}

    @property
    def _rivals_are_others(self) -> bool:
        """Whether what people get in turn is surely another thing: no other form of the same, no stray word."""
        tested = " ".join(thing.name.lower() for thing in self._compared.tested)
        return all(
            thing.name and thing.name.lower() not in tested and (thing.kind is Kind.MEDICINE or " " in thing.name)
            for thing in self._compared.rivals
        )

    def _parallel(self, tight: int) -> tuple[str, dict[str, str]]:
        what = self._compared
        if what.how in {"versus", "same"} and (what.marks or what.rivals):
            return self._instead(tight)
        if self._study.compares:
            return "which", {}
        if what.how != "same" or len(what.tested) > 1 or Kind.PLACEBO in self._study.kinds:
            return "what", {}
        return "dose" if what.by_dose else "way", {}

    def _instead(self, tight: int) -> tuple[str, dict[str, str]]:
        what, say = self._compared, self._words.say
        others = [say(f"plain.other.{mark}") for mark in ("placebo", "sham", "usual") if mark in what.marks]
        if what.rivals:
            others.append(self._rivals(tight))
        if others:
            key = "instead_or_nothing" if "none" in what.marks else "instead"
            return key, {"others": self._grammar.joined(others, "or")}
        if "base_only" in what.marks:
            alone = len(what.base) == 1 and what.base[0].name
            if alone:
                return "base", {"base": self._namer.base(tight)}
            return ("what" if what.base_tested else "not_added"), {}
        return ("none" if "none" in what.marks else "what"), {}

    def _rivals(self, tight: int) -> str:
        rivals = self._compared.rivals
        if not all(thing.name for thing in rivals):
            return self._words.say("plain.other.treatment")
        how: Joiner = "and" if self._compared.rivals_joined else "or"
        return self._namer.named(rivals, tight, how=how, with_kind=False)
