"""What a study's words say of taking part from home or from all over a country.

ClinicalTrials.gov has no field for it, and the words that come near it mostly mean something else: a virtual
reality, a remote ischaemia, a “nationwide” count of patients, a questionnaire online between visits. So only
phrases count that say it of the study as a whole, in its titles or its summary; what is missed is found by its
sites as ever. Every hit in the real records was read when the rules were made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trialalerts.catalog.facts import Reach

__all__ = ["said_reach"]

_STUDY = r"(?:stud(?:y|ies)|trials?|surveys?)"
_WHOLLY = r"(?:fully|entirely|completely|exclusively|solely|wholly|100 ?%)"
_AFAR = (
    r"(?:remote(?:ly)?(?! (?:from|isch))|virtual(?:ly)?(?! reality)|online|decentrali[sz]ed|(?:web|internet)[ -]based"
    r"|(?:at|from) home|by (?:mail|post))\b"
)
_MANNER = (
    r"(?:randomi[sz]ed|controlled|clinical|observational|interventional|pilot|prospective|open|label|research|cohort|"
    r"pragmatic|feasibility|longitudinal|double|single|blind(?:ed)?|placebo|arm|phase|\d)"
)
_HOME = r"from (?:(?:the comfort of )?(?:your|their|his or her) (?:own )?)?homes?\b"
_NEEDED = r"(?:(?: (?:are|is|will be))? (?:required|needed|necessary)\b| ?[.;)])"
_COUNTRY = (
    r"(?:the )?(?:country|nation|united states|u\.?s\.?a?\b|united kingdom|u\.?k\b|great britain|england|scotland|"
    r"wales|ireland|canada|australia|new zealand|germany|france|spain|italy|netherlands|belgium|switzerland|austria|"
    r"sweden|norway|denmark|finland|poland|portugal|israel|japan|india|brazil|mexico|south africa)"
)

_HINTS = (
    "remote", "virtual", "online", "decentrali", "siteless", "site-less", "web", "internet", "visit", " home",
    "anywhere in",
)  # fmt: skip
"""Most records say none of this and are done with; looking for it costs a tenth of looking for the phrases."""
_REMOTE = re.compile(
    rf"\b{_WHOLLY}[ -]{_AFAR}[ ,-]+(?:{_MANNER}[ ,-]+){{0,5}}{_STUDY}\b"
    rf"|\b(?:{_STUDY}|participation|taking part) (?:is|are|was|will be|can be) (?:being )?"
    rf"(?:(?:conducted|carried out|run|performed|done|completed) )?{_WHOLLY} {_AFAR}"
    rf"|\bsite-?less[ ,-]+(?:{_MANNER}[ ,-]+){{0,5}}{_STUDY}\b"
    r"|\b(?:no|without(?: any)?|not (?:require|involve|need) any) (?:in[ -]person|on-?site|clinic|hospital|study site|"
    rf"face[ -]to[ -]face) (?:study )?visits?{_NEEDED}"
    rf"|\b(?:take part|taking part|participate|participation)(?: in (?:the|this) (?:study|trial|research))?"
    rf"(?: {_WHOLLY})? {_HOME}",
)
_SURVEY = re.compile(r"\b(?:online|(?:internet|web)(?:[ -]based)?)[ -]+(?:[\w-]+ ){0,2}?surveys?\b")
_OF_EXPERTS = re.compile(
    r"\b(?:physicians?|doctors?|clinicians?|nurses?|pharmacists?|professionals?|providers?|experts?)\b"
)
_NATIONWIDE = re.compile(
    r"\b(?:enrol\w*|recruit\w*|participa\w+|take part|join|liv(?:e|es|ing)|resid(?:e|es|ing))\b[^.;:]{0,40}? "
    rf"anywhere in {_COUNTRY}"
)
_DENIED = re.compile(r"\b(?:not|never|partially|partly|hybrid|semi|non|neither|nor|almost|nearly)\W+(?:\w+\W+){0,2}$")


def said_reach(*, titles: Sequence[str], text: str) -> Reach | None:
    """Return how far a study reaches by its own words: ``remote`` before ``nationwide``; None where it says nothing."""
    told = ". ".join((*titles, text)).lower()
    if not any(hint in told for hint in _HINTS):
        return None
    words = " ".join(told.split())
    if _says(_REMOTE, words) or any(_is_survey(title.lower()) for title in titles):
        return "remote"
    return "nationwide" if _says(_NATIONWIDE, words) else None


def _says(pattern: re.Pattern[str], words: str) -> bool:
    found = pattern.finditer(words)
    return any(not _DENIED.search(words[max(0, hit.start() - 40) : hit.start()]) for hit in found)


def _is_survey(title: str) -> bool:
    """Tell whether a title names a survey on the internet; one of doctors is for doctors."""
    return bool(_SURVEY.search(title)) and not _OF_EXPERTS.search(title)
