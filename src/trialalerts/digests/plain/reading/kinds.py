"""The kinds of thing a study tests, told by the words of its name first and by the registry's type second."""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["MARKS", "NO_TREATMENT", "Kind", "kind_of"]


class Kind(StrEnum):
    """What an intervention is. Placebo, sham, usual care and nothing are what it is held beside."""

    MEDICINE = "medicine"
    VACCINE = "vaccine"
    CELLS = "cells"
    DEVICE = "device"
    OPERATION = "operation"
    PROCEDURE = "procedure"
    RADIATION = "radiation"
    PROGRAMME = "programme"
    SUPPLEMENT = "supplement"
    FOOD = "food"
    TEST = "test"
    SAMPLE = "sample"
    QUESTIONS = "questions"
    PLACEBO = "placebo"
    SHAM = "sham"
    USUAL = "usual"
    NOTHING = "nothing"
    OTHER = "other"


MARKS = frozenset({Kind.PLACEBO, Kind.SHAM, Kind.USUAL, Kind.NOTHING})
NO_TREATMENT = frozenset({Kind.TEST, Kind.SAMPLE, Kind.QUESTIONS})

_BY_TYPE = {
    "DRUG": Kind.MEDICINE,
    "BIOLOGICAL": Kind.MEDICINE,
    "DEVICE": Kind.DEVICE,
    "PROCEDURE": Kind.PROCEDURE,
    "RADIATION": Kind.RADIATION,
    "BEHAVIORAL": Kind.PROGRAMME,
    "DIETARY_SUPPLEMENT": Kind.SUPPLEMENT,
    "DIAGNOSTIC_TEST": Kind.TEST,
    "GENETIC": Kind.TEST,
}
_MEDICINES = frozenset({"DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT", "DIETARY_SUPPLEMENT"})
_MAY_BE_NO_MEDICINE = re.compile(
    r"sampl|biops|questionn|prick|patch test|challenge|provocation|vaccin|placebo|saline|vehicle|standard|\bcar[- ]?t\b"
    r"|stem cell|\bno\b|none|soc\b|choice|usual care|current"
    r"|dummy|specimen|blood|sham|cells?\b|observation|formula|milk"
    r"|diet\b|swab|\bpunct|collection of|microbiota|consumption|ingestion|\bfoods?\b|cheese|spaghetti|rescue"
)
"""Of what a registry types as a drug, only a name with such a word is looked at any closer."""

_WORDS: list[tuple[Kind, re.Pattern[str]]] = [
    (kind, re.compile(words))
    for kind, words in (
        (
            Kind.NOTHING,
            (
                r"^(no|non|without|w/o) ?-?((specific|drug|study|therapeutic|treatment) )?"
                r"(intervention|treatment|therapy|study drug|drug|applicable)"
                r"|^(n/?a|none|observation(al)?|control( group)?|watchful waiting|no|natural history|case"
                r"|non-?interventional.*|no .*administered.*)$"
            ),
        ),
        (
            Kind.PLACEBO,
            (
                r"placebo|\bdummy\b|\bvehicle\b|matching (tablet|capsule)|negative control|^sodium chloride\b"
                r"|^(0\.9% |normal |physiological |sterile |isotonic |serum physiologic\w* |buffered )*"
                r"(saline|nacl|water for injection)( solution| \(?0\.9%\)?)?( injection)?$"
            ),
        ),
        (Kind.SHAM, r"\bsham\b|simulated (treatment|acupuncture)|inactive (device|stimul)"),
        (
            Kind.USUAL,
            (
                r"^(current (standard |medical )?(treatment|therapy|medication|care)"
                r"|investigator'?s? choice|physician'?s? choice|(local )?standard( of)?[- ]?"
                r"(care|therapy|treatment|medical)"
                r"|usual care|soc\b|best supportive care|routine (care|treatment)|conventional (treatment|therapy|care)"
                r"|treatment as usual|background therapy|rescue (medication|medicine|treatment|therap)|standard$)"
            ),
        ),
        (Kind.QUESTIONS, r"questionnaire|survey|interview|quality of life (assess|scale)|\bdiary\b"),
        (
            Kind.SAMPLE,
            (
                r"(blood|urine|stool|fa?ecal|tissue|saliva|sputum|serum|plasma|biospecimen|nasal|skin|bone marrow|"
                r"sample|tear)s? ?"
                r"(sampl|draw|collect|test|swab|specimen|analys|withdrawal)|\bbiops(y|ies)\b|venipuncture|\bpunction"
                r"|bone marrow aspirat|\bblood taking\b|(lumbar|skin) puncture|\bswabs?\b"
                r"|collection of|sampling|^samples?$|\bbiospecimens?\b|biobank"
            ),
        ),
        (
            Kind.TEST,
            (
                r"\b(prick|patch|provocation|challenge|skin|function|allergy|genetic|diagnostic"
                r"|laborator\w+|ige)\b.*\btest"
                r"|\btests?$|\btests? (using|with|by|for|of|in)\b"
                r"|\btesting\b|\bscan\b|\bmri\b|\bimaging\b|ultraso|spirometry|\bpet\b"
                r"|tomography|\bct\b|endoscopy"
                r"|oximetr|examination|assessment|measurement|food challenge|challenge$|^dbpcfc"
                r"|\bassay\b|sequencing|elisa"
                r"|investigations?$|monitoring|immunocap|\banalysis\b|evaluation|determination|dosage$|phenotyp|genotyp"
                r"|detection|echocardio|\becg\b|elastogra|\bblood count\b|\bige\b$|profil(e|ing)|\bfeno\b|actigraph"
                r"|(in|ex)spiratory flow|peak flow|pupillometr|polysomnogra|heart.?rate variab"
                r"|provocation$|\b(nasal|exhaled) nitric oxide$|\bbiomarkers?\b"
            ),
        ),
        (Kind.VACCINE, r"vaccin"),
        (
            Kind.CELLS,
            (
                r"\bcar[- ]?t\b|\bcells?\b.*(therapy|infusion|transplant)|stem cell|\btil\b|lymphocyte infusion"
                r"|infiltrating (cells|lymphocytes)"
            ),
        ),
        (Kind.PROCEDURE, r"microbiota (transplant|transfer)|fa?ecal transplant"),
        (
            Kind.OPERATION,
            (
                r"surgery|surgical|ectomy|fusion\b.*(lumbar|cervical|interbody|spine)"
                r"|interbody fusion|discectomy|operation"
                r"|implantation|arthroplasty|resection|transplantation"
            ),
        ),
        (Kind.RADIATION, r"radiotherap|radiation|irradiation|\bsbrt\b|proton"),
        (
            Kind.PROGRAMME,
            (
                r"education|exercise|training|counsel|coaching|program|\byoga\b|mindfulness"
                r"|rehabilitation|physiotherapy"
                r"|physical therapy|cognitive|psycholog|\bapp\b|telemedicine|self-management"
            ),
        ),
        (
            Kind.FOOD,
            (
                r"\bdiet\b|formula\b|\bmilk\b|feeding|\bpeanut (flour|protein|butter)|\bfoods?\b|breast"
                r"|\b(consumption|ingestion|cheese|spaghetti|pasta|bread|yogh?urt|juice|cereals?|biscuits?|muffins?)\b"
            ),
        ),
    )
]
_NAMED_A_TEST = re.compile(r"test|challenge|provocation|prick")
_TREATS = re.compile(
    r"\b(focus+ed|therapeutic|high[- ]intensity|low[- ]intensity)\b.*ultraso"
    r"|ultraso\w*[- ](therapy|treatment|ablation|thalamotomy|neuromodulation|stimulation)"
    r"|[- ]guided\b.*(block|injection|ablation|surgery|radiotherapy|treatment|therapy|ultraso)"
)
"""Treatments whose names have the word of a test in them: sound that heals, what is only guided by a picture."""
_NO_RAYS = re.compile(r"\bla[sz]ers?\b|\blights?\b|ultraviolet|\buv[ab]?\b|photo|magnet|ultraso|heat|electr")
"""What registries type as radiation and nobody would fear as such."""


def kind_of(name: str, type_: str) -> Kind:
    """Return what an intervention is.

    Args:
        name: as the registry has it, on one line.
        type_: the registry's type in capitals.
    """
    words = name.lower()
    if type_ in _MEDICINES and not _MAY_BE_NO_MEDICINE.search(words):
        return _BY_TYPE.get(type_, Kind.OTHER)
    if type_ == "RADIATION" and _NO_RAYS.search(words):
        return Kind.PROCEDURE
    for kind, pattern in _WORDS:
        if pattern.search(words) and not _is_no(kind, words, type_):
            return kind
    return _BY_TYPE.get(type_, Kind.OTHER)


def _is_no(kind: Kind, words: str, type_: str) -> bool:
    """Tell whether the words mislead: a drug with “imaging” in its name, an operation that takes tissue."""
    if kind is Kind.TEST:
        if type_ != "DIAGNOSTIC_TEST" and _TREATS.search(words):
            return True
        return type_ in {"DRUG", "BIOLOGICAL"} and not _NAMED_A_TEST.search(words)
    return kind is Kind.SAMPLE and type_ == "PROCEDURE" and "surg" in words
