"""The plain line: in one or two sentences what a study is, from the fields of its record alone.

Every sentence rests on a field; where no field says it, the line is silent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trialalerts.catalog.facts import Design, TrialFacts
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain.chances import Chances
from trialalerts.digests.plain.languages.choosing import grammar_of
from trialalerts.digests.plain.languages.english import FOREIGN_ENDS, FOREIGN_STARTS
from trialalerts.digests.plain.phrases import Namer
from trialalerts.digests.plain.reading.comparison import Thing
from trialalerts.digests.plain.reading.conditions import About
from trialalerts.digests.plain.reading.everyday import SOUNDS_LIKE_DISEASE
from trialalerts.digests.plain.reading.kinds import NO_TREATMENT, Kind
from trialalerts.digests.plain.reading.study import Study

__all__ = ["Piece", "PlainLine", "pieces_of", "plain_line"]

_REGISTRY_LANGUAGE = "en"
_TIGHTEST = 4
_ROOM = 28
"""A line of so many words has room for one more sentence."""
_MOST_TOPIC_WORDS = 5
_OF_VACCINE = re.compile(r"\bvaccin", re.IGNORECASE)
_PIECES = re.compile(f"{FOREIGN_STARTS}(.*?){FOREIGN_ENDS}")
_ONE_CONDITION = frozenset({"PREVENTION", "DIAGNOSTIC", "SCREENING"})
_OTHER_PURPOSES = frozenset({"SUPPORTIVE_CARE", "BASIC_SCIENCE", "HEALTH_SERVICES_RESEARCH", "DEVICE_FEASIBILITY"})
_OF_CARE = frozenset({"SUPPORTIVE_CARE", "HEALTH_SERVICES_RESEARCH"})
_MANY = re.compile(r"(?!.* (?:of|for|in|with|to) ).*[^ius]s")
"""How a name ends that is a plural: “allergen extracts help”."""
_FEMININE = frozenset({"people", "older"})
_CANCER = re.compile(
    r"cancer|tumours|[a-z]{4}(?:carcin|sarc|lymph|blast|melan|gli)omas?\b|melanoma|leukaemia|lymphoma|myeloma|sarcoma"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one language; ``lang`` is None where that is the reader's."""

    text: str
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class PlainLine:
    """What a study is: ``first`` says what is tested in whom, ``second`` who gets what (empty where nothing tells)."""

    first: tuple[Piece, ...]
    second: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join("".join(piece.text for piece in part) for part in (self.first, self.second) if part)


def plain_line(
    words: Wording, facts: TrialFacts, condition: str | None, *, letters: int | None = None
) -> PlainLine | None:
    """Return in one or two sentences what a study is; None where its design was never read.

    Args:
        words: the reader's language.
        facts: of the trial.
        condition: the reader's own name, in this language, of what brings them the trial, where the record's
            conditions are about it; None: the record's own words.
        letters: how many it may have where there is little room; it then says less of what is less important.
    """
    if facts.plain is None or facts.study_type is None:
        return None
    draft = _Draft(words, facts, facts.plain, condition)
    for tight in range(_TIGHTEST + 1):
        first, *rest = draft.sentences(tight)
        whole = " ".join((first, *rest))
        if _count(whole) <= draft.grammar.longest and (letters is None or len(whole) <= letters):
            break
    return PlainLine(pieces_of(first), pieces_of(" ".join(rest)))


def _count(text: str) -> int:
    """Count words; a sign between blanks is none."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def pieces_of(text: str) -> tuple[Piece, ...]:
    """Return a text in pieces of one language each."""
    parts = _PIECES.split(text)
    return tuple(Piece(part, _REGISTRY_LANGUAGE if number % 2 else None) for number, part in enumerate(parts) if part)


class _Draft:
    """One line while it is written."""

    def __init__(self, words: Wording, facts: TrialFacts, design: Design, condition: str | None) -> None:
        self._words = words
        self.grammar = grammar_of(words.language)
        self._facts = facts
        self._design = design
        self._study = Study.of(facts, design)
        self._compared = self._study.compared
        self._people = self._study.people
        self._own = condition
        self._about = _as_called(self._study.about, condition)
        self._namer = Namer(words, self.grammar, self._compared, all_in_turn=self._study.all_in_turn)

    def sentences(self, tight: int) -> list[str]:
        """Return the sentences; the higher ``tight`` (0 to 4), the more of the less important is left out."""
        if self._facts.study_type == "EXPANDED_ACCESS":
            return self._access(tight)
        if self._facts.study_type == "OBSERVATIONAL":
            return self._observational(tight)
        return self._interventional(tight)

    # ---- words of the parts

    def _say(self, key: str, **values: str) -> str:
        return self._words.say(f"plain.{key}", **values)

    def _bare_people(self) -> str:
        return self._say(f"people.{self._people.band}.{self._people.sex or 'all'}")

    @property
    def _feminine(self) -> bool:
        return self._people.sex == "female" or (self._people.band in _FEMININE and not self._people.sex)

    def _who(self, tight: int) -> str:
        """Return in whom: the people with their condition."""
        people, grammar = self._bare_people(), self.grammar
        if self._about.kind == "healthy":
            return grammar.healthy(people, feminine=self._feminine)
        if self._about.kind != "disease" or not self._about.names:
            return people
        names = self._conditions(tight)
        more = self._about.has_more and tight < 1
        both = not all(map(_CANCER.search, self._about.names))
        return grammar.having(people, names, more=more, both=both, feminine=self._feminine)

    def _conditions(self, tight: int) -> list[str]:
        names = self._about.names[: 1 if tight >= 2 else 2]  # noqa: PLR2004 - see sentences
        if self._about.wider and not self.grammar.knows(names[0]):
            names = (self._about.wider,)
        # Two of the registry's conditions may be one in another language.
        told = [self.grammar.condition(name, is_own=name == self._own) for name in reversed(names)]
        return list(reversed({name.casefold(): name for name in told}.values()))

    def _topic(self, tight: int = 0) -> str:
        names = self._conditions(tight)
        return self.grammar.joined(names, "and") if names else ""

    # ---- the kinds of study

    def _access(self, tight: int) -> list[str]:
        tested = self._compared.tested or self._study.things
        if not tested:
            return self._unnamed(tight)
        return [
            self._say("first.access", treatment=self._namer.treatment(tight), people=self._who(tight)),
            self._say("then.access"),
        ]

    def _unnamed(self, tight: int) -> list[str]:
        values = {"people": self._who(tight), "condition": self._topic(tight)}
        if self._about.kind == "topic":
            first = self._say("first.unnamed_topic", **values | {"people": self._bare_people()})
        else:
            first = self._say("first.unnamed", **values)
        return [first, self._say("then.unnamed")]

    def _observational(self, tight: int) -> list[str]:
        key = _way_of_observing(self._design)
        has_others = bool(self._facts.healthy_volunteers) or self._design.observational_model == "CASE_CONTROL"
        may_be_healthy = has_others and key in {"once", "groups", "follows", "observes"}
        is_about = bool(self._about.names) and (self._about.kind == "topic" or may_be_healthy or self._is_of_vaccine)
        people = self._bare_people() if is_about else self._who(tight)
        table = "about" if is_about else "observed"
        found = [self._say(f"{table}.{key}", people=people, condition=self._topic(tight))]
        focus = self._focus()
        if focus and tight < _TIGHTEST:
            found.append(self._say("then.focus", treatment=self._namer.named(focus, tight)))
        if Kind.SAMPLE in self._study.kinds and self._design.time_perspective != "RETROSPECTIVE":
            found.append(self._say("then.samples"))
        elif Kind.QUESTIONS in self._study.kinds:
            found.append(self._say("then.questions"))
        is_given = any(thing.kind not in NO_TREATMENT for thing in self._study.things)
        if self._design.observational_model == "CASE_CROSSOVER" and is_given:
            return found  # who is given one thing after another is not left as they are
        is_treated = self._about.kind == "disease" and not has_others and not self._is_of_vaccine
        return [*found, self._say("then.untouched" if is_treated else "then.untested")]

    @property
    def _is_of_vaccine(self) -> bool:
        """Whether the people may be those who are to be kept from the disease."""
        told = " ".join((self._facts.official_title or "", *self._facts.keywords))
        return Kind.VACCINE in self._study.kinds or _OF_VACCINE.search(told) is not None

    def _focus(self) -> list[Thing]:
        """Return what an observation looks at in everyday care."""
        found = [
            thing
            for thing in self._compared.tested
            if thing.kind not in NO_TREATMENT and thing.name and not SOUNDS_LIKE_DISEASE.search(thing.name)
        ]
        return [] if not found or found[0].kind in {Kind.OTHER, Kind.PROGRAMME} else found

    def _interventional(self, tight: int) -> list[str]:
        if not self._compared.tested:
            return self._unnamed(tight)
        if self._compared.how == "no_treatment":
            return [self._no_treatment(tight), self._say("then.untested")]
        first = self._first(tight)
        found = [first, *Chances(self._words, self.grammar, self._study, self._namer).sentences(tight)]
        has_room = tight < 1 and _count(" ".join(found)) <= _ROOM  # “who can join” says it as well
        if self._facts.healthy_volunteers and self._about.kind == "disease" and not self._is_of_one and has_room:
            found.append(self._say("then.healthy"))
        return found

    def _no_treatment(self, tight: int) -> str:
        values = {
            "treatment": self._namer.named(self._examined(), tight),
            "people": self._who(tight),
            "condition": self._topic(tight),
        }
        purpose = self._design.purpose
        if purpose in {"DIAGNOSTIC", "SCREENING"} and self._about.kind == "disease":
            # Who is to be examined for a disease is not said to have it.
            return self._say(f"first.no_treatment_{purpose.lower()}", **values | {"people": self._bare_people()})
        return self._say("first.no_treatment", **values)

    def _examined(self) -> Sequence[Thing]:
        """Return by what people are examined: what has a name, else samples, questions or tests."""
        tested = self._compared.tested
        found = [thing for thing in tested if thing.name]
        for kind in (Kind.SAMPLE, Kind.QUESTIONS, Kind.TEST):
            found = found or [thing for thing in tested if thing.kind is kind]
        return found

    @property
    def _is_of_one(self) -> bool:
        """Whether the first sentence names the disease as what is to be prevented or found, not as what people have."""
        is_of_one = self._about.kind == "disease" and bool(self._about.names) and not self._about.is_theirs
        return self._design.purpose in _ONE_CONDITION and is_of_one

    def _first(self, tight: int) -> str:
        tested, purpose = self._compared.tested, self._design.purpose or ""
        values = {
            "treatment": self._namer.treatment(tight),
            "people": self._who(tight),
            "condition": self._topic(tight),
        }
        if self._is_of_one:
            return self._of_one(purpose, values | {"people": self._bare_people()})
        if self._tells_base:
            said = self._beside_base(values, tight)
        elif self._study.compares:
            said = self._say("first.compares", **values | {"treatment": self._namer.named(tested, tight)})
        elif purpose in _OTHER_PURPOSES and not (purpose in _OF_CARE and self._about.kind == "healthy"):
            said = self._say(f"first.{purpose.lower()}", **values)
        else:
            said = self._say("first.treatment", **values)
        return self._with_topic(said)

    @property
    def _tells_base(self) -> bool:
        """Whether what everybody gets is a treatment; what has no name and no kind may be none (an allergen)."""
        base = self._compared.base
        return bool(base) and not (
            all(thing.kind is Kind.OTHER for thing in base) and not all(thing.name for thing in base)
        )

    def _beside_base(self, values: dict[str, str], tight: int) -> str:
        base = self._compared.base
        if not self._compared.base_tested:
            return self._say("first.adding", **values, base=self._namer.base(tight, added_to=True))
        alone = self._namer.named(base, tight, joined=True)
        added = self._namer.named(self._compared.tested, tight, how=self._namer.how, with_kind=False)
        return self._words.count("plain.first.alone", len(base), **values | {"treatment": alone, "added": added})

    def _of_one(self, purpose: str, values: dict[str, str]) -> str:
        tested = self._compared.tested
        if purpose == "DIAGNOSTIC" and all(thing.kind in {Kind.MEDICINE, Kind.VACCINE} for thing in tested):
            return self._say("first.finds", **values)
        is_plural = values["treatment"] == tested[-1].name and _MANY.fullmatch(tested[-1].name)
        several = (len(tested) > 1 and not self._compared.joined) or is_plural
        return self._words.count(f"plain.first.{purpose.lower()}", 2 if several else 1, **values)

    def _with_topic(self, said: str) -> str:
        topic = self._topic() if self._about.kind in {"topic", "healthy"} else ""
        if not topic or len(topic.split()) > _MOST_TOPIC_WORDS:
            return said
        return f"{said.rstrip('.')} {self._say('topic', condition=topic)}."


def _as_called(found: About, condition: str | None) -> About:
    """Return what a trial is about by the reader's name of it; one of healthy people may be about none."""
    if condition is None or (found.kind == "healthy" and not found.names):
        return found
    kind = found.kind if found.kind in {"disease", "healthy"} else "topic"
    return found._replace(names=(condition,), kind=kind, has_more=False, wider="")


def _way_of_observing(design: Design) -> str:
    if design.is_register:
        return "register"
    by_time = {"RETROSPECTIVE": "past", "CROSS_SECTIONAL": "once"}
    by_model = {"CASE_CONTROL": "groups", "FAMILY_BASED": "families", "CASE_CROSSOVER": "observes"}
    found = by_time.get(design.time_perspective or "") or by_model.get(design.observational_model or "")
    return found or ("follows" if design.time_perspective == "PROSPECTIVE" else "observes")
