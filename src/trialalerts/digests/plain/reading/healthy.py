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
_NEWBORN_DAYS, _BABY_DAYS = 31, 750


def in_whom(facts: TrialFacts, design: Design, about: About) -> About:
    """Return what a trial is about as its people stand to it: where no field says that they have it, it is a topic.

    Registers have no field for “healthy people alone”: the title or a criterion says it, and then no criterion asks for
    the disease. Who is taken at birth, healthy, cannot have what shows later.
    """
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


def _asks_for(conditions: tuple[str, ...], wanted: str) -> bool:
    """Tell whether a criterion names one of the conditions."""
    words = set(re.findall(r"[a-z]{4,}", " ".join(conditions).lower())) - _COMMON
    return any(word in wanted.lower() for word in words)


def _takes_newborn(facts: TrialFacts) -> bool:
    lowest, highest = facts.minimum_age_days or 0, facts.maximum_age_days
    return highest is not None and highest <= _BABY_DAYS and lowest < _NEWBORN_DAYS
