"""What a language does to names and conditions before they stand in its sentences; this one is English.

The sentences stand in ``strings.*.toml`` under ``plain``; here is only what no catalog can say: articles that shrink,
endings that follow a gender, quotation marks. The base class writes English; a language changes what it has otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from trialalerts.digests.plain.languages.common_conditions import common_condition
from trialalerts.digests.plain.languages.common_names import common_name
from trialalerts.digests.plain.languages.stages import stage_said
from trialalerts.digests.plain.languages.substances import substance
from trialalerts.digests.plain.languages.vocabulary import condition_name
from trialalerts.digests.plain.reading.spelling import lowered

__all__ = ["FOREIGN_ENDS", "FOREIGN_STARTS", "Grammar", "Joiner", "is_phrase"]

Joiner = Literal["and", "or"]

FOREIGN_STARTS, FOREIGN_ENDS = "\ue100", "\ue101"
"""Stand around words of another language until the line is cut into pieces; no name can hold them."""

_SALT = re.compile(
    r"[\w-]+ (?:cilexetil|mofetil|alfa|beta|gamma|propionate|bromide|hydrochloride|sodium|acetate|tartrate|pranobex"
    r"|govitecan|vedotin|deruxtecan|duocarmazine|tetraxetan|citrate|phosphate|sul(?:f|ph)ate|maleate|fumarate|succinate"
    r"|mesylate|tosylate|furoate|autoleucel|orelvucel|chloride|calcium|potassium|magnesium|tirelin|pegol|medoxomil"
    r"|axetil|etexilate)"
)
_CODES = re.compile(r"[A-Z0-9][\w.-]*(?: [A-Z0-9][\w.-]*)?")
_INN = re.compile(r"(?:mab|mig|bart|nib|cept|tide|platin|taxel|tecan)\b")
_COUNTED = re.compile(
    r"(?:^|[ -])(?:device|system|vaccine|test|challenge|kit|app|patch|implant|stimulator|questionnaire|tool|score|scale"
    r"|programm?e?|inhaler|pump|mask|lamp|catheter|cage|stent|probe)$",
    re.IGNORECASE,
)
"""How names end of things that can be counted: English wants an article before them."""
_WORD_OF_ENGLISH = re.compile(r"(?:therap(?:y|ies)|(?:iz|is)ation)$")


_BRITISH = [
    (re.compile(american), british)
    for american, british in (
        (r"\bgastroesophag", "gastro-oesophag"),
        (r"\besophag", "oesophag"),
        (r"\bedema", "oedema"),
        (r"(?<=[b-df-z])emi(?=as?\b)|(?<=isch)emi(?=c\b)|(?<=glyc)emi(?=c\b)", "aemi"),
        (r"\bhem(?=ato|orrh|ophil|oglob|oly)", "haem"),
        (r"\bdiarrhea", "diarrhoea"),
        (r"\bgynecolog", "gynaecolog"),
        (r"\b(allergic|adverse|drug) reaction$", r"\1 reactions"),
    )
]
"""The spelling of the rest of our English; a registry's own words are mostly American."""


def _british(name: str) -> str:
    for american, british in _BRITISH:
        name = american.sub(british, name)
    return name


def is_phrase(name: str) -> bool:
    """Tell whether a name is words of English, and no name of a medicine, a brand or a code."""
    return " " in name and not (_SALT.fullmatch(name) or _CODES.fullmatch(name) or _INN.search(name))


def _foreign(text: str) -> str:
    """Return words marked as being of another language."""
    return f"{FOREIGN_STARTS}{text}{FOREIGN_ENDS}"


class Grammar:
    """The grammar of English."""

    both, more = "or both", "or other conditions"
    ands: tuple[str, str] = ("and", "or")
    together = " together"
    quotes = ("", "")
    longest = 35
    """So many words a line may have."""

    code = "en"

    def name(self, name: str, *, is_word: bool = False) -> str:
        """Return the name of an intervention; one that ``is_word`` of English is no medicine, brand or code."""
        del is_word
        return name

    def beside(self, name: str) -> str:
        """Return the name of what everybody gets, as it stands behind “in addition to”."""
        return name

    def with_article(self, name: str) -> str:
        """Return a name that no word for its kind stands before: “the sham device”, but “surgery”."""
        return f"the {name}" if _COUNTED.search(name) else name

    def condition(self, name: str, *, is_own: bool) -> str:
        """Return a condition; the reader's own name of it is of this language, another one is the registry's."""
        return lowered(name) if is_own else _british(name)

    def knows(self, name: str) -> bool:
        """Tell whether a condition of the registry's has a name in this language."""
        return self.code == "en" or self._registrys_condition(name) != self.quoted(name)

    def joined(self, parts: Sequence[str], how: Joiner) -> str:
        """Return ``A, B and C``."""
        word = self.ands[how == "or"]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"

    def healthy(self, people: str, *, feminine: bool) -> str:
        """Return healthy people."""
        del feminine
        return f"healthy {people}"

    def having(self, people: str, conditions: Sequence[str], *, more: bool, both: bool, feminine: bool) -> str:
        """Return people with one condition (and further ones that are not named), or with one of two.

        Args:
            people: in this language.
            conditions: one or two.
            more: whether there are further ones.
            both: whether somebody may well have both.
            feminine: whether ``people`` is of the feminine gender.
        """
        del feminine
        return f"{people} with {self._either(conditions, more=more, both=both)}"

    def _either(self, conditions: Sequence[str], *, more: bool, both: bool) -> str:
        if len(conditions) > 1:
            return f"{', '.join(conditions)} {self.both}" if both else self.joined(conditions, "or")
        return f"{conditions[0]} {self.more}" if more else conditions[0]

    def _own_name(self, name: str, *, is_word: bool) -> str:
        """Return a name as another language has it: its own word, the name as it is, or English in quotation marks."""
        own = common_name(name, self.code) or substance(name, self.code)
        if own is not None:
            return own
        is_english = is_word and not _INN.search(name)
        return self.quoted(name) if is_english or is_phrase(name) or _WORD_OF_ENGLISH.search(name) else name

    def _registrys_condition(self, name: str) -> str:
        """Return a condition of the registry's: in this language where it is a common one, else in quotation marks."""
        is_acronym = not any(map(str.islower, name))
        known = self._known(name)
        if known is None and (staged := stage_said(name, self.code)):
            known = self._known(staged[0]) and f"{self._known(staged[0])} {staged[1]}"
        return known or (name if is_acronym else self.quoted(name))

    def _known(self, name: str) -> str | None:
        return common_condition(name, self.code) or condition_name(name, self.code)

    def quoted(self, name: str) -> str:
        """Return words of English in the quotation marks of this language."""
        start, end = self.quotes
        return f"{start}{_foreign(name)}{end}"
