"""The naming of interventions: a kind once, up to three names, how many more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain.languages.english import Grammar, Joiner
from trialalerts.digests.plain.reading.comparison import Comparison, Thing
from trialalerts.digests.plain.reading.kinds import Kind

__all__ = ["Namer"]

_TWO, _THREE, _MOST_WORDS = 2, 3, 8
_MORE, _MORE_BASE = "plain.more", "plain.more_base"
_ONE_NAME = 3
"""So tight a line names of three and more only the first; a still tighter one of two as well."""
_WORDS = frozenset(
    {Kind.PROGRAMME, Kind.FOOD, Kind.TEST, Kind.PROCEDURE, Kind.OPERATION, Kind.RADIATION, Kind.OTHER, Kind.CELLS}
)
_SAYS_ITS_KIND = {
    Kind.MEDICINE: (
        "medic|venom|pollen|allergen|food|probiotic|steroids?\\b|antibiotics?\\b|antihistamines?\\b|inhibitors?\\b"
    ),
    Kind.VACCINE: "vaccin|impf|vacun",
    Kind.DEVICE: "device|system|fusion|implant|cage|stent",
    Kind.OPERATION: "surg|operat|ectomy|fusion|plasty|implant|resect",
    Kind.PROCEDURE: "procedure",
    Kind.RADIATION: "radi",
    Kind.PROGRAMME: "program|training|exercise|education|therapy|yoga|app",
    Kind.SUPPLEMENT: "supplement|vitamin|diet|probiotic|formula|food",
    Kind.TEST: "test|scan|imag|mri|assess|measure|monitor|ultraso|analysis|challenge|prueba",
    Kind.CELLS: "cell|car",
}
"""Names with such words need no “the device” before them; kinds that are missing here never have it."""
_ACTION = re.compile(
    r"(?:therap(?:y|ies)|treatments?|[a-z]{4}(?:ation|plantation|gestion)|traction|consumption)"
    r"(?: (?:with|of|to|by|for) .*)?$",
    re.IGNORECASE,
)
"""How names end of what is done to people: no medicine, device or food in itself."""


class Namer:
    """Names what is compared, in one language."""

    def __init__(self, words: Wording, grammar: Grammar, comparison: Comparison, *, all_in_turn: bool = False) -> None:
        self._words = words
        self._grammar = grammar
        self._compared = comparison
        self._all_in_turn = all_in_turn

    def treatment(self, tight: int) -> str:
        """Return what is tested; of what not everybody gets whole, ``A or B``."""
        return self.named(self._compared.tested, tight, joined=self._compared.joined, how=self.how)

    @property
    def how(self) -> Joiner:
        """How several that are tested are told: ``A or B`` where not everybody gets all."""
        is_one_of_them = self._compared.how == "versus" and self._compared.differs and not self._all_in_turn
        return "or" if is_one_of_them else "and"

    def base(self, tight: int, *, added_to: bool = False) -> str:
        """Return what everybody gets; ``added_to``: as it stands behind “in addition to”."""
        if not all(thing.name for thing in self._compared.base):
            return self._words.say("plain.base")
        return self.named(self._compared.base, tight, with_kind=False, more=_MORE_BASE, added_to=added_to)

    def named(
        self,
        things: Sequence[Thing],
        tight: int,
        *,
        joined: bool = False,
        how: Joiner = "and",
        with_kind: bool = True,
        more: str = _MORE,
        added_to: bool = False,
    ) -> str:
        """Return interventions in words: ``the medicines A, B and 4 more``, ``a medicine`` where none has a name.

        Args:
            things: at least one.
            tight: from 0 to 4; from 3 on of several only the first is named.
            joined: whether they are given together.
            how: whether people get all of them or one.
            with_kind: whether the kind stands before the names, where all are of one.
            more: the phrase of names and how many more: a language may decline it.
            added_to: whether something is added to these.
        """
        words, grammar = self._words, self._grammar
        named = [thing for thing in things if thing.name]
        if not named:
            kinds = {thing.kind for thing in things}
            kind = things[0].kind if len(kinds) == 1 else Kind.OTHER
            return words.count(f"plain.a.{kind}", len(things))
        shown = _shown(named, tight)
        names = [grammar.name(thing.name, is_word=_is_word(thing)) for thing in shown]
        common = _common_kind(named, [*(thing.name for thing in shown), *names]) if with_kind else None
        if added_to:
            names = [grammar.beside(name) for name in names]
        if common is None and more != _MORE_BASE:
            names = [grammar.with_article(name) for name in names]
        if unnamed := len(things) - len(shown):
            more = "plain.more_or" if how == "or" and more == _MORE else more
            text = words.count(more, unnamed, names=", ".join(names))
        else:
            together = grammar.together if joined and len(names) > 1 else ""
            text = grammar.joined(names, "and" if together else how) + together
        return words.count(f"plain.the.{common}", len(things), name=text) if common else text


def _is_word(thing: Thing) -> bool:
    """Tell whether a single word is one of English (“booklet”), and no name of a medicine, a brand or a code."""
    return thing.kind in _WORDS and thing.name.isalpha() and thing.name[1:].islower()


def _shown(named: Sequence[Thing], tight: int) -> Sequence[Thing]:
    if tight >= _ONE_NAME:
        return named[:1] if len(named) > _TWO or tight > _ONE_NAME else named
    if len(named) > _TWO and len(" ".join(thing.name for thing in named[:_THREE]).split()) > _MOST_WORDS:
        return named[:1]
    return named if len(named) <= _THREE else named[:_TWO]


def _common_kind(named: Sequence[Thing], words: Sequence[str]) -> Kind | None:
    """Return the kind that all things are of; None where their words say it themselves."""
    kinds = {thing.kind for thing in named}
    kind = next(iter(kinds))
    said = _SAYS_ITS_KIND.get(kind)
    if len(kinds) > 1 or said is None:
        return None
    is_done = kind is not Kind.TEST and any(map(_ACTION.search, words))
    return None if is_done or re.search(said, " ".join(words), re.IGNORECASE) else kind
