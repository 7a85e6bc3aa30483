"""What stands in an intervention's name and says nothing of what it is: doses, forms, rhythms, arms, vague words."""

from __future__ import annotations

import re

__all__ = [
    "CODE",
    "DOSE",
    "FORM",
    "INN",
    "LASTING",
    "LEAD",
    "PERCENT",
    "SUFFIX",
    "TOO_VAGUE",
    "TRADE_MARK",
    "TYPE_PREFIX",
]

_I = re.IGNORECASE

TRADE_MARK = re.compile(r"([\w-]+)\s?(?:[®™]|\((?:R|TM)\))")
"""A word with its trade mark."""
TYPE_PREFIX = re.compile(
    r"^(?:drug|biological|device|procedure|other|behavioral|radiation|dietary supplement|diagnostic test|genetic"
    r"|combination product)\s*:\s*",
    _I,
)
_UNIT = (
    r"(?:milligrams?|micrograms?|international units?|grams?|mg|µg|μg|ug|mcg|g|kg|ml|l|iu|u|units?|mmol|nmol|mci|gy|cgy"
    r"|cfu|vp|vg|tcid50|sq-?(?:hdm|u|t)?|ir|au|bau|pnu|ppm|mm|cells?|pfu|µmol|%)"
)
DOSE = re.compile(
    rf"(?<![\w-])(?:~|<|>|≤|≥|up to |at )?\d[\d.,×x]*(?:\s?[-–/to]{{1,2}}\s?\d[\d.,]*)?\s?{_UNIT}"
    r"(?:\s?/\s?(?:kg|m2|m²|ml|day|dose|d|h|hr|week|actuation|body weight))*(?!\w)",
    _I,
)
PERCENT = re.compile(r"\b\d+(?:\.\d+)?\s*%")
FORM = re.compile(
    r"\b(?:oral(?:ly)?|per os|po|film-coated|coated|(?:extended|modified)[- ]release|tablets?|tabs?|capsules?|caplets?"
    r"|pills?|pre-?filled syringes?|autoinjectors?|pens?|syringes?|injections?|injectable"
    r"|infusions?|intravenous(?:ly)?|iv"
    r"|subcutaneous(?:ly)?|sc|intramuscular(?:ly)?|im|i\.v\.|s\.c\.|solutions?|suspensions?|powders?(?: for .*)?"
    r"|for (?:injections?|infusions?)|lyophilized|concentrate|granules?|mono-?therapy"
    r"|(?:doses?[- ](?:for )?|for )(?:dose[- ])?(?:escalation|expansion)"
    r"|(?:multiple|single) doses?"
    r"|(?:low|middle|medium|mid|high|higher|lower)[- ]doses?(?: group)?"
    r"|doses?(?: level)? ?[a-z0-9]?|regimens? ?[a-z0-9]?|once|twice|three times|daily|weekly|monthly"
    r"|every \w+ (?:weeks?|days?|months?)|q\d+w|qd|bid|tid|biw|q\.d\.|for \d+ \w+"
    r"|(?<![\w-])\d+ (?:weeks?|days?|months?|hours?|years?|times|puffs?|doses?)|active|experimental|investigational"
    r"|(?:study|test) (?:drug|product|medication|treatment|article)s?|treatment|treated|therapy|group|arm|cohort"
    r"|formulation ?[a-z0-9]?|administration|product|inj(?=$|[ .])|(?:us|eu|japan)[- ](?:licensed|approved|sourced))\b",
    _I,
)
LEAD = re.compile(
    r"^(?:(?:arm|cohort|group|part|phase|stage|period|dose level|treatment|regimen)s? ?(?:[0-9]+[a-z]?|[a-z]|[ivx]+)"
    r"\s*[:\-–.,)]\s*|single[- ]agent |combination (?:of |therapy (?:of |with )?|treatment (?:of |with )?)?|combined "
    r"|treatment (?:with|of|by) |administration of |(?:use|application) of "
    r"|(?:dose |cohort |safety )?(?:escalation|expansion|evaluation|assessment)(?: of [\w/ -]+)?:\s"
    r"|intervention:?\s|experimental:?\s"
    r"|(?:the|a|an) |(?:drug|biological):?\s|switch(?:ing)? to |(?:injection|infusion|intake|addition) of |receiv\w+ "
    r"|initiat\w+ of |prescription of |therapy with "
    r"|(?:the )?(?:patients?|participants?|subjects?) (?:(?:were|was|are|is|will be|being) )?"
    r"(?:treated with|given|receiving|(?:will )?receive|undergoing|(?:will )?undergo) )+",
    _I,
)
TOO_VAGUE = re.compile(
    r"(?:any .*|at .*|co-.*|mini-|.* at a of.*|test article|csu.*|first group.*|second group.*|bat|biologics?|drug"
    r"|medicine|treatment|therapy|intervention|exposure|exposed|other|control|cases?|study"
    r"|injection|infusion|oral|topical"
    r"|combination|experimental|severe asthma|patients?|group|healthy|(?:positive|active|test) controls?"
    r"|positive|test|dose|and|or|hybrid|formula|dietary|medical|surgical|(?:finding )?comparison"
    r"|(?:dietary|food|nutritional) supplements?"
    r"|(?:active|standard) comparators?"
    r"|allergens?|antibod(?:y|ies)"
    r"|monoclonal|medications?|device|comparator|active|standard|a|b|c|x)",
    _I,
)
CODE = re.compile(r"(?=.*\d)[A-Za-z]{1,6}[- ]?[A-Za-z]{0,3}[- ]?\d{2,}[-A-Za-z0-9/.]*")
LASTING = re.compile(r" (?:for|over|during) \d+ (?:days?|weeks?|months?|years?)$|(?<=\w) group$", _I)
"""How long something is done, or that a group does it: no part of what it is, whatever that is."""
INN = re.compile(
    r"[A-Za-z-]{3,}(?:mab|mig|bart|nib|cept|tide|stat|statin|parin|vir|ase|gene|cel|limus|lukast|ciclib|prost|kinra|olol"
    r"|azole"
    r"|oxin|platin|taxel|leucel|fusp alfa)(?:-\w{4})?(?: [a-z]{4,12})?",
    _I,
)
"""The shape of an international nonproprietary name."""
SUFFIX = re.compile(
    r"(?:mab|mig|bart|nib|cept|tide|stat|parin|vir|ase|gene|cel|limus|lukast|ciclib|prost|kinra|ol|ine|one|ate|ide|in|ium|xel"
    r"|platin|fen|pam|pril|sartan|azole|oxin|cycline|mycin|am|il|en|ose|an|id|acid|therap(?:y|ies)|tics?|oids?|amines?"
    r"|cells?|ergens?|metics?|trexed|tomy|milk|wheat|egg|peanut|gepant|[aei](?:r|s|l)ib|sertib|lac|kalim|glipron|trane)$"
)
"""How common names of substances and treatments end: they take no capital; another single word may be a brand."""
