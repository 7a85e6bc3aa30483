"""Whether a trial's people have the disease that it is about: some take healthy people alone."""

from __future__ import annotations

import re

from trialalerts.catalog.facts import Design, TrialFacts
from trialalerts.digests.plain.reading.conditions import About

__all__ = ["in_whom"]

_HEALTHY = (
    r"healthy (?:[\w-]+,? ){0,4}?(?:volunteers?|subjects?|participants?|adults?|infants?|newborns?|bab(?:y|ies)"
    r"|neonates?|children|adolescents?|people|persons?|individuals?|males?|females?|men|women)\b"
)
_TITLE = re.compile(rf"\b{_HEALTHY}(?!.*\b(?:with|or|versus)\b)", re.IGNORECASE)
_CRITERION = re.compile(rf"^\W*(?:\d+[.)]\W*)?{_HEALTHY}", re.IGNORECASE | re.MULTILINE)
_OF_THE_ILL = re.compile(
    r"\bpatients?\b|\b(?:subjects|participants|adults|children|people|volunteers) with\b", re.IGNORECASE
)
_EXCLUDED = re.compile(r"exclusion criteri", re.IGNORECASE)
_COMMON = frozenset({"acute", "chronic", "disease", "diseases", "disorder", "disorders", "syndrome"})
_BEFORE_THEY_FALL_ILL = frozenset({"PREVENTION", "DIAGNOSTIC", "SCREENING"})
_PEOPLE = r"(?:patients?|subjects?|participants?|children|adults?|adolescents?|infants?|people|women|men|individuals)"
_THEIRS = re.compile(
    rf"\b(?:{_PEOPLE} (?:with|having|suffering from|who have|(?:newly )?diagnosed with|affected by)"
    rf"|in (?=[^,.;:]*\b{_PEOPLE}\b)) ?([^,.;:]+)|\b(\w{{4,}}tics)\b",
    re.IGNORECASE,
)
"""What a title says that the people have: “children with asthma”, “in asthmatic children”."""
_NOT_YET = re.compile(
    r"risk|prevent|predispos|without|free of|naive|healthy|history|suscept|relatives|exposed", re.IGNORECASE
)
_STEM = 6
_NEWBORN_DAYS, _BABY_DAYS = 31, 750


def in_whom(facts: TrialFacts, design: Design, about: About) -> About:
    """Return what a trial is about as its people stand to it: where no field says that they have it, it is a topic.

    Registers have no field for “healthy people alone”: the title or a criterion says it, and then no criterion asks for
    the disease. Who is taken at birth, healthy, cannot have what shows later.
    """
    if design.purpose == "PREVENTION" and about.kind == "disease" and _is_theirs(facts, about):
        return about._replace(is_theirs=True)
    may_be_healthy = bool(facts.healthy_volunteers) and facts.study_type == "INTERVENTIONAL"
    if not may_be_healthy or about.kind != "disease" or design.purpose in _BEFORE_THEY_FALL_ILL:
        return about
    if _takes_healthy_alone(facts):
        return about._replace(kind="healthy")
    return about._replace(kind="topic") if _takes_newborn(facts) else about


def _takes_healthy_alone(facts: TrialFacts) -> bool:
    title, wanted = facts.official_title or "", _EXCLUDED.split(facts.criteria)[0]
    says_so = _TITLE.search(title) or _CRITERION.search(wanted)
    return says_so is not None and not _OF_THE_ILL.search(title) and not _asks_for(facts.conditions, wanted)


def _is_theirs(facts: TrialFacts, about: About) -> bool:
    """Tell whether the title says that the people have what the trial is about; one stem of each long word tells it."""
    stems = {word[:_STEM] for word in _long_words(about.names)}
    said = (found[1] or found[2] for found in _THEIRS.finditer(facts.official_title or ""))
    return any(stem in each.lower() for each in said if not _NOT_YET.search(each) for stem in stems)


def _asks_for(conditions: tuple[str, ...], wanted: str) -> bool:
    """Tell whether a criterion names one of the conditions."""
    return any(word in wanted.lower() for word in _long_words(conditions))


def _long_words(names: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", " ".join(names).lower())) - _COMMON


def _takes_newborn(facts: TrialFacts) -> bool:
    lowest, highest = facts.minimum_age_days or 0, facts.maximum_age_days
    return highest is not None and highest <= _BABY_DAYS and lowest < _NEWBORN_DAYS
