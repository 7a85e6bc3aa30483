"""The cleaning of what registries call an intervention, until a person can read it.

Nothing is made up: what cannot be named is told by its kind alone (“a medicine”).
"""

from __future__ import annotations

import re
from functools import lru_cache

from trialalerts.catalog.facts import Intervention
from trialalerts.digests.plain.reading.everyday import IN_FULL, KNOWN_BY
from trialalerts.digests.plain.reading.kinds import MARKS, Kind, kind_of
from trialalerts.digests.plain.reading.litter import (
    CODE,
    DOSE,
    FORM,
    INN,
    LASTING,
    LEAD,
    PERCENT,
    SUFFIX,
    TOO_VAGUE,
    TRADE_MARK,
    TYPE_PREFIX,
)
from trialalerts.digests.plain.reading.spelling import lowered, squashed

__all__ = ["Named", "named"]

Named = tuple[tuple[str, ...], Kind]
"""The names of what one intervention is, none where only its kind can be told."""

_LONGEST, _MOST_WORDS, _SHORTEST = 48, 5, 3
_MOST_PARTS, _WORDS_OF_A_PART = 4, 3
_BRACKETED = re.compile(r"\s*[(\[][^()\[\]]*[)\]]?")
_INSIDE = re.compile(r"[(\[]([^()\[\]]{3,40})[)\]]")
_PARTS = re.compile(
    r"\s*(?:\+|;|\bplus\b|\b(?:combined|in combination|combination|together) with\b|\bfollowed by\b"
    r"| with or without | with (?=[a-z-]+(?:mab|nib|platin|taxel)\b)|/(?=\s*[A-Z][a-z]{5}))\s*"
    r"|,\s+(?:and\s+)?|\s+and\s+(?=[\w-]+$)",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(
    r"(?<=\w) (?:(?:is|are) (?:an?|the)|at an? (?:\w+ )?dose of|for (?:the )?treatment of"
    r"|(?:composed|made|consisting) of|(?<=test )using) .*$",
    re.IGNORECASE,
)
_TWICE = re.compile(r"\b(.+?) (?:or|and|then|followed by) \1$", re.IGNORECASE)
_SALT = re.compile(
    r"(?<=[a-z]{5})(?<!ferrous)(?<!calcium)(?<!sodium)(?<!magnesium)(?<!potassium) "
    r"(?:hydrochloride|hydrobromide|mesylate|tosylate|besylate|succinate|maleate|fumarate|tartrate)$",
    re.IGNORECASE,
)
_BRAND = re.compile(r"\b([A-Z]\w{3,})\s?[®™]?\s?\(\s?([A-Za-z]{6,})\s?\)")
"""A word with the name in brackets that it stands for: “Exemplix (examplumab)”."""
_BIOSIMILAR = re.compile(r"\b(\w{5,}mab)-[a-z]{4}\b")
_ENDS = re.compile(r"^(?:of|and|or|with|in|to|by|for|as)\b|\b(?:of|and|or|with|in|to|by|for|as|at|per|on|from|the)$")
_SIGNS = re.compile(r"[{}<>=|_]|\bn ?=")
_DOING = re.compile(r"[a-z]{4}(?:ation|therapy|ing)$")
"""How words for what is done end (“Stimulation”): no device is called so."""
_SHORT = [(re.compile(rf"\b{short}\b"), long) for short, long in IN_FULL.items()]
_GREEK = str.maketrans({"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta"})
_TAKEN = frozenset({Kind.MEDICINE, Kind.VACCINE, Kind.SUPPLEMENT, Kind.OTHER, Kind.CELLS})
_FILED = frozenset({Kind.MEDICINE, Kind.VACCINE, Kind.SUPPLEMENT})
_AIMED_AT = r"(?:target\w*|anti|against|express\w*|specific|directed|to)\b.*\b"


@lru_cache(maxsize=8_192)
def named(intervention: Intervention, mesh: tuple[str, ...] = ()) -> Named:
    """Return the names of what an intervention is, and its kind.

    Args:
        intervention: as the registry has it.
        mesh: the terms by which the registry files all interventions of the trial.
    """
    brands = frozenset(word.lower() for word in TRADE_MARK.findall(intervention.name))
    raw = TYPE_PREFIX.sub("", squashed(intervention.name))
    kind = kind_of(raw, intervention.type)
    if kind in MARKS or kind in {Kind.SAMPLE, Kind.QUESTIONS}:
        return (), kind
    reader = _Reader(raw, kind, intervention.others, mesh, brands=brands)
    found: dict[str, str] = {}
    for name in reader.names():
        found.setdefault(name.lower(), name)
    return tuple(found.values()), kind


class _Reader:
    """One intervention while it is cleaned."""

    def __init__(
        self, raw: str, kind: Kind, others: tuple[str, ...], mesh: tuple[str, ...], *, brands: frozenset[str]
    ) -> None:
        code, _, substance = map(squashed, raw.partition("/"))
        raw = substance if CODE.fullmatch(code) and INN.fullmatch(substance) else raw
        raw = self._raw = _BRAND.sub(lambda found: found[2] if _is_brand_of(*found.groups()) else found[0], raw)
        self._kind = kind
        self._others = others
        self._mesh = mesh
        self._brands = brands
        self._is_list = False
        self._inside = [squashed(each) for each in _INSIDE.findall(raw)]

    def names(self) -> list[str]:
        """Return the names of all parts that have one."""
        bare = squashed(_BRACKETED.sub(" ", self._raw)) or next(iter(self._inside), "")
        cleaned = [part for part in map(self._without_litter, _parts(LEAD.sub("", _EXPLAINED.sub("", bare)))) if part]
        self._is_list = len(cleaned) > 1
        return [name for part in cleaned if (name := self._name(part))]

    def _without_litter(self, part: str) -> str:
        bare = squashed(DOSE.sub(" ", LASTING.sub("", squashed(LEAD.sub("", part)))))
        if self._kind in _TAKEN:
            bare = squashed(_ENDS.sub("", squashed(FORM.sub(" ", bare)))) or bare
        bare = squashed(LEAD.sub("", squashed(PERCENT.sub("", bare))))
        return bare.translate(_GREEK)

    def _name(self, part: str) -> str | None:
        if _is_no_name(part):
            return self._stand_in()
        for short, in_full in _SHORT:
            part = short.sub(in_full, part)
        part = _SALT.sub("", _BIOSIMILAR.sub(r"\1", _TWICE.sub(r"\1", self._real(part))))
        return KNOWN_BY.get(part.lower()) or (part if self._keeps_capitals(part) else self._lowered(part))

    def _lowered(self, part: str) -> str:
        """Return words in small letters but those that are a brand."""
        words = (word if word.lower() in self._brands else lowered(word) for word in part.split(" "))
        return " ".join(words)

    def _stand_in(self) -> str | None:
        """Return a name that stands elsewhere: a term of the registry's that is in the words, another name."""
        term = next((each for each in self._mesh if self._is_filed_as(each)), None)
        if term is None:
            bare = (squashed(DOSE.sub("", _BRACKETED.sub("", each))) for each in self._others)
            term = next((each for each in bare if len(each) > _SHORTEST and INN.fullmatch(each)), None)
        return lowered(term) if term else None

    def _is_filed_as(self, term: str) -> bool:
        """Tell whether a MeSH term stands in the name, and not as what the thing is aimed at."""
        word = re.escape(term)
        return (
            self._kind in _FILED
            and len(term.split()) <= _WORDS_OF_A_PART
            and re.search(rf"\b{word}\b", self._raw, re.IGNORECASE) is not None
            and re.search(rf"{_AIMED_AT}{word}", self._raw, re.IGNORECASE) is None
        )

    def _real(self, part: str) -> str:
        """Return a sponsor's code as the name that stands beside it, where that is an international one.

        In a list of several that is the one right behind it.
        """
        if not CODE.fullmatch(part):
            return part
        known = (*self._inside, *map(squashed, self._others))
        if self._is_list:
            known = tuple(map(squashed, re.findall(rf"{re.escape(part)}\s*[(\[]([^()\[\]]{{3,40}})[)\]]", self._raw)))
        return next((each for each in known if INN.fullmatch(each)), part)

    def _keeps_capitals(self, part: str) -> bool:
        if self._kind is Kind.DEVICE or CODE.fullmatch(part):
            return not _DOING.search(part)
        return " " not in part and (part.lower() in self._brands or not SUFFIX.search(part.lower()))


def _is_brand_of(brand: str, substance: str) -> bool:
    return INN.fullmatch(substance) is not None and INN.fullmatch(brand) is None


def _parts(name: str) -> list[str]:
    """Return what a name combines, each short; the name whole where it is no such list."""
    parts = [part for part in map(squashed, _PARTS.split(name)) if part]
    short = all(len(part.split()) <= _WORDS_OF_A_PART and len(part) >= _SHORTEST for part in parts)
    return parts if 1 < len(parts) <= _MOST_PARTS and short else [name]


def _is_no_name(part: str) -> bool:
    return (
        not _SHORTEST <= len(part) <= _LONGEST
        or len(part.split()) > _MOST_WORDS
        or part.isdigit()
        or TOO_VAGUE.fullmatch(part) is not None
        or _SIGNS.search(part) is not None
    )
