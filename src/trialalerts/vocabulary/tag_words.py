"""Owns the words that steer the tagging of text: those that name no disease, join two, or deny one."""

from __future__ import annotations

from trialalerts.vocabulary.spelling import Folder, name_key

__all__ = ["CUES", "FILLERS", "JOINS", "is_generic"]

_folder = Folder()


def _keys(*names: str) -> frozenset[tuple[str, ...]]:
    return frozenset(name_key(name, _folder) for name in names)


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


JOINS = _words("and or nor as well") | {","}
"""Between two diseases that share a word: "breast, ovarian and lung cancer"."""

CUES = _words(
    "no not non without never neither nor absence lack free negative rule ruled exclude excluded excluding except"
)
"""What denies the disease that follows."""

FILLERS = _words(
    "a an the of any prior previous past history evidence sign symptom diagnosis diagnosed known personal current "
    "currently active for from clinical clinically significant suspected documented concomitant underlying preexisting "
    "existing other than out having have has had"
)
"""What may stand between a cue and the disease: "no known history of asthma"."""

_GENERIC = _keys(
    "disease",
    "diseases and disorders",
    "syndrome",
    "disorder",
    "illness",
    "condition",
    "pain",
    "ache",
    "death",
    "sign",
    "symptom",
    "signs and symptoms",
    "complication",
    "postoperative complications",
    "infection",
    "inflammation",
    "injury",
    "wound",
    "wounds and injuries",
    "trauma",
    "lesion",
    "recurrence",
    "relapse",
    "remission",
    "toxicity",
    "side effect",
    "adverse effect",
    "emergency",
    "acute disease",
    "chronic disease",
    "chronic illness",
    "critical illness",
    "rare disease",
    "disease progression",
    "disease attributes",
    "disease susceptibility",
    "genetic predisposition",
    "genetic predisposition to disease",
    "pathologic processes",
    "pathological conditions",
    "pathological conditions, signs and symptoms",
    "stress",
    "body weight",
    "weight",
    "mass",
    "rupture",
    "necrosis",
    "atrophy",
    "hypertrophy",
    "hyperplasia",
    "dilatation",
    "constriction",
    "perforation",
    "obstruction",
    "deficiency",
    "abnormality",
    "anomaly",
    "defect",
    "deformity",
    "malformation",
    "disability",
    "impairment",
    "dysfunction",
    "intoxication",
    "poisoning",
    "overdose",
    "falls",
    "cavities",
    "piles",
    "crying",
    "fatigue syndrome",
    "survival",
    "carrier state",
    "exposure",
    "attack",
    "seizure disorder",
)


def is_generic(key: tuple[str, ...]) -> bool:
    """Return whether a folded name says nothing about which disease it is."""
    return key in _GENERIC or (len(key) == 1 and (key[0].isdigit() or len(key[0]) < 3))  # noqa: PLR2004
