"""The condition that a trial is about, in everyday words where these mean exactly the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from trialalerts.catalog.facts import TrialFacts
from trialalerts.digests.plain.reading.everyday import GENERAL, NO_DISEASE, PLAIN, SOUNDS_LIKE_DISEASE
from trialalerts.digests.plain.reading.spelling import lowered, squashed

__all__ = ["About", "about", "as_spoken", "cleaned_condition"]

_LONGEST, _MOST_WORDS = 80, 9
_TWO_WORDS, _MESH_WORDS, _HARD_WORDS = 6, 6, 5
_INVERTED_WORDS, _OF_A_KIND, _MOST_NARROWER = 3, 2, 4
_HOW_FAR = re.compile(r"^(?:(?:locally|advanced|metastatic|refractory|recurrent|relapsed|solid|malignant|and|or) )+")
_HEALTHY = re.compile(r"healthy|volunteer|^health$", re.IGNORECASE)
_NO_TOPIC = re.compile(
    r"childhood|children|pa?ediatrics?|infants?|adults?|prognosis|progression|inflammation|health|safety|emotions?"
    r"|interventions?|.*\b(?:similarity|pharmacokinetics?|pharmacodynamics?|bioequivalence|bioavailability)\b.*"
    r"|(?:patho)?physiology|mechanisms?(?: of action)?|(?:self[- ])?efficacy|immunity|biomarkers?"
    r"|prospective|retrospective|(?:single|double)[- ]blind(?:ed)?|randomi[sz]ed|clinical"
    r"|(?:clinical )?(?:trials?|stud(?:y|ies))",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s*[(\[][^()\[\]]*[)\]]?")
_EITHER = re.compile(r"(?<=[a-z])/ ?(?=[A-Za-z][a-z]{3})")
_INVERTED = re.compile(r"([\w'’ -]+), ([\w -]+)")
_TYPED = re.compile(r"type|non|insulin", re.IGNORECASE)
_BOTH = re.compile(r"\b(?:and|or|a lung disease)\b")
_STAGE = re.compile(r"\bstage ([ivx]+)([a-c]?)\b", re.IGNORECASE)
_ANTIBODY = re.compile(r"\big-?([egam])(?![a-z])", re.IGNORECASE)
_CARE = re.compile(r" (?:treated|followed|admitted|undergoing|requiring|receiving)\b.*$")
_PEOPLE = re.compile(
    r"\b(?:(?:patients?|subjects?|participants?)(?: with)?|(?:children|adults?) with)\b", re.IGNORECASE
)
_TWICE = re.compile(r"\b(\w+)(?: \1\b)+")
_IN_WHOM = re.compile(
    r",? (?:in|of) (?:(?:young )?children|adults?|adolescents?|infants?|infancy|childhood|women|men|elderly)$"
    r"| in [\w' -]{1,40} (?:patients|children|infants|adults|women|men|people)$"
)
_WHOSE = re.compile(r"(?<=\w) (?:adult|childhood|female|male)$")
_POSSESSIVE = re.compile(r"\b(\w{3,}) s (?=(?:syndrome|disease|palsy)\b)")
_OF_WHOM = re.compile(r"^(?:adult|childhood|pediatric|infantile|other|known|suspected|diagnosis of|history of) (?=\w+)")
_WHO = re.compile(r"\b(?:diabetic )?(?:children|infants|women|patients)$")
_ASKED = re.compile(r"^(?:primary )?conditions?(?: or focus of study)?\s*:\s*", re.IGNORECASE)
"""What the registry's form asks for, written into the answer."""
_BEHIND = re.compile(r"^([\w' -]+) (primary|chronic|acute|recurrent|seasonal|perennial|persistent|refractory)$")
_COMMON = frozenset({"disease", "diseases", "syndrome", "disorders"})


class About(NamedTuple):
    """What a trial is about: up to two names, what they are, and whether the record names further conditions.

    ``is_theirs``: the title says that the people have it, so nothing can keep them from it any more.
    ``healthy``: of healthy people alone, with the name of the disease that it is to help against, where there is one.
    ``wider``: what the record calls the condition, where its title and keywords name a kind of it.
    """

    names: tuple[str, ...]
    kind: Literal["disease", "healthy", "topic", "none"]
    has_more: bool = False
    is_theirs: bool = False
    wider: str = ""


def about(facts: TrialFacts) -> About:
    """Return what a record says that its trial is about."""
    if facts.conditions and all(map(_HEALTHY.search, facts.conditions)):
        return About((), "healthy")
    named = _each_once(map(cleaned_condition, facts.conditions))
    mesh = [term.name for term in facts.mesh]
    good = _diseases(named, mesh) or _filed(mesh)
    if not good:
        topics = [name for name in named if not _NO_TOPIC.fullmatch(name)] or _keywords(facts.keywords)
        return About(tuple(topics[:1]), "topic" if topics else "none")
    good = _without_general(good)
    good.sort(key=lambda name: len(name.split()) > _HARD_WORDS)
    both = len(good) == 2 and len(" ".join(good).split()) <= _TWO_WORDS  # noqa: PLR2004 - A, B or both
    if both:
        return About(tuple(good), "disease")
    first, *others = good
    narrower = "" if others else _narrower(first, facts)
    return About((narrower or first,), "disease", not _holds_all(first, others), wider=first if narrower else "")


def _narrower(name: str, facts: TrialFacts) -> str:
    """Return the name of the title that says more than the only condition does; it must be a keyword, too."""
    title = (facts.official_title or "").lower()
    named = (cleaned_condition(each) for each in facts.keywords if each.lower() in title)
    return next((each for each in named if each.endswith(f" {name}") and len(each.split()) <= _MOST_NARROWER), "")


def _holds_all(name: str, others: Sequence[str]) -> bool:
    """Tell whether a condition is of a whole group of diseases to which all the others belong."""
    bare = _HOW_FAR.sub("", name)
    within = [narrower for general, narrower in GENERAL if general.fullmatch(bare)]
    return all(any(each.search(other) for each in within) for other in others)


def _keywords(keywords: Sequence[str]) -> list[str]:
    """Return those keywords that are of diseases, for a record whose conditions say nothing (“Pediatric”)."""
    good = _each_once(map(cleaned_condition, keywords))
    return [name for name in good if SOUNDS_LIKE_DISEASE.search(name) and not NO_DISEASE.search(name)]


def _each_once(names: Iterable[str]) -> list[str]:
    """Return the names that can be read; of two that one holds the other, the first."""
    found: list[tuple[set[str], str]] = []
    for name in names:
        words = set(re.findall(r"\w+", name.lower()))
        fits = name and len(name) <= _LONGEST and len(name.split()) <= _MOST_WORDS and not _HEALTHY.search(name)
        if fits and not any(words <= other or other <= words for other, _ in found):
            found.append((words, name))
    return [name for _, name in found]


def _diseases(names: Sequence[str], mesh: Sequence[str]) -> list[str]:
    """Return those names that are of diseases, the sure ones alone where there are some."""
    good = [name for name in names if not NO_DISEASE.search(name)]
    filed = _long_words(" ".join(mesh)) - _COMMON
    return [name for name in good if SOUNDS_LIKE_DISEASE.search(name) or _long_words(name) & filed] or good


def _without_general(names: list[str]) -> list[str]:
    """Return of two names the narrower one, where the other only says the same more generally."""
    if len(names) != 2:  # noqa: PLR2004 - of more than two only the first is named, and then the general one says more
        return names
    for general, narrower in GENERAL:
        wide = [name for name in names if general.fullmatch(name)]
        if len(wide) == 1 and any(narrower.search(name) for name in names if name not in wide):
            return [name for name in names if name not in wide]
    return names


def _filed(mesh: Sequence[str]) -> list[str]:
    """Return the first term under which the registry files the trial that is a disease."""
    terms = (name for name in map(cleaned_condition, mesh) if name and not NO_DISEASE.search(name))
    return next(([name] for name in terms if len(name.split()) <= _MESH_WORDS), [])


def _long_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


@lru_cache(maxsize=8_192)
def cleaned_condition(written: str) -> str:
    """Return a condition as people would say it; empty where nothing is left.

    >>> cleaned_condition("Carcinoma, Non-Small-Cell Lung")
    'non-small cell lung cancer'
    """
    name = squashed(_ASKED.sub("", written).split(";", maxsplit=1)[0].replace(",", ", "))
    if name.count(",") > 1 and not _TYPED.search(name):
        name = _turned_twice(name) or name.split(",")[0]
    name = _EITHER.sub(" or ", name)
    if "," not in name or "(" in name:
        name = squashed(_BRACKETED.sub(" ", name))
    name = re.sub(r"\s*-\s+", " – ", lowered(re.sub(r"\s*\|.*$", "", name)))
    for pattern, plain in PLAIN:
        name = pattern.sub(plain, name)
    return _in_order(name)


def _turned_twice(name: str) -> str | None:
    """Return as it is spoken what an index turned round twice (“Rhinitis, Allergic, Seasonal”); None for a list."""
    disease, *kinds = name.split(", ")
    is_turned = SOUNDS_LIKE_DISEASE.search(disease.lower()) and not any(
        len(kind.split()) > _OF_A_KIND or (SOUNDS_LIKE_DISEASE.search(kind.lower()) and not kind.endswith("ic"))
        for kind in kinds
    )
    return " ".join((*reversed(kinds), disease)) if is_turned else None


def as_spoken(name: str) -> str:
    """Return a name that an index turned round as it is spoken; others as they are.

    >>> as_spoken("Sleep Disorders, Intrinsic"), as_spoken("Hand, foot and mouth disease")
    ('Intrinsic Sleep Disorders', 'Hand, foot and mouth disease')
    """
    turned = _INVERTED.fullmatch(name)
    if turned and len(turned[2].split()) <= _INVERTED_WORDS and not _BOTH.search(turned[2]):
        return f"{turned[2]} {turned[1]}"
    return name


def _in_order(name: str) -> str:
    """Return a condition without whom it befalls, its words in the order in which they are spoken."""
    name = _BEHIND.sub(r"\2 \1", as_spoken(_POSSESSIVE.sub(r"\1's ", name)))
    name = _STAGE.sub(lambda found: f"stage {found[1].upper()}{found[2].upper()}", name)
    name = _ANTIBODY.sub(lambda found: f"Ig{found[1].upper()}", name)
    name = _PEOPLE.sub("", _IN_WHOM.sub("", _CARE.sub("", name)))
    name = _OF_WHOM.sub("", _IN_WHOM.sub("", _TWICE.sub(r"\1", name)))
    return squashed(_WHOSE.sub("", _WHO.sub("", name)))
