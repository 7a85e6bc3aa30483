"""The words that steer the tagging of text: those that name no disease, join two, or deny one."""

from __future__ import annotations

from trialalerts.vocabulary.spelling import WordFolder, name_key

__all__ = [
    "ASIDE_AFTER",
    "ASIDE_BEFORE",
    "CUES",
    "CUES_AFTER",
    "EXAMPLE_AFTER",
    "EXAMPLE_BEFORE",
    "FAINT",
    "FILLERS",
    "FILLERS_AFTER",
    "HAVERS",
    "HAVING",
    "JOINS",
    "NEAR_FILLERS",
    "NOT_SEEN",
    "NO_DISEASES",
    "OUTCOME_BEFORE",
    "PAST_BEFORE",
    "SUBJECT_AFTER",
    "SUBJECT_BEFORE",
    "TREATMENTS",
    "WEAK",
    "is_generic",
]

_folder = WordFolder()


def _keys(*names: str) -> frozenset[tuple[str, ...]]:
    return frozenset(name_key(name, _folder) for name in names)


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


JOINS = _words("and or nor as well plus") | {","}
"""Between two diseases that share a word: "breast, ovarian and lung cancer"."""

HAVING = _words("with has have had")
HAVERS = _words(
    "live living diagnosed people person patient adult child woman man someone anyone everyone those who i we she he "
    "they"
)
"""Before an acronym, "people with MS" and "she has MS" tell that it is a disease."""

CUES = _words(
    "no none nobody not non without never neither nor absence lack free negative rule ruled exclude excluded "
    "excluding exclusion except anti"
)
"""What denies the disease that follows."""

FILLERS = _words(
    "a an the of any prior previous past history evidence sign symptom diagnosis diagnosed known personal current "
    "currently active for from clinical clinically significant suspected documented concomitant underlying "
    "preexisting existing other than out having have has had with in patient people person participant adult child "
    "one them criterion criteria"
) | {":"}
"""What may stand between a cue and the disease: "no known history of asthma"."""

CUES_AFTER = _words("excluded absent unlikely denied ineligible negative")
"""What denies the disease before it: "asthma was excluded"."""

NOT_SEEN = _words("observed detected found present seen identified noted reported included eligible allowed developed")
"""What denies it after "not": "asthma was not seen"; "ruled out" does so too."""

FILLERS_AFTER = _words(
    "is was were are be been being has have had patient participant subject people person individual case will should "
    "must also all always who which that test to the any study drug product ingredient component its"
) | {")"}
"""What may stand between a disease and what denies it: "people with asthma were excluded"."""

SUBJECT_BEFORE = _words(
    "patient people person adult child woman man subject individual participant case survivor sufferer volunteer "
    "treat treated treating treatment therapy manage management managing diagnosed diagnosing diagnosis prevent "
    "preventing prevention cure suffering living affected onset pathogenesis prognosis model progression trial study "
    "screening relapsed refractory advanced newly inoperable resectable unresectable metastatic"
)
"""Who has it, what is done about it: "patients with X", "treatment of X"."""

SUBJECT_AFTER = _words(
    "patient trial study treatment therapy cohort survivor sufferer model progression diagnosis management prevention "
    "screening care"
)
OUTCOME_BEFORE = _words(
    "risk rate incidence odds likelihood probability frequency mortality complication adverse event"
)
"""What may come of it: "the risk of stroke" in a paper on diabetes."""

EXAMPLE_BEFORE = _words(
    "comorbid comorbidity including include like eg unlike similar versus rather instead coexisting except mimicking "
    "made"
)
EXAMPLE_AFTER = _words("related associated induced free like cell line gene")
"""What makes a disease an example, a companion or a cause: "comorbidities such as X", "X-related"."""

PAST_BEFORE = _words("family history previous previously")
ASIDE_BEFORE = _words("originally licensed")
ASIDE_AFTER = _words("drug medicine medication pill tablet society association institute foundation charity")
"""What makes a disease a memory or the attribute of something else: "a history of X"; "an X medicine"."""

NEAR_FILLERS = FILLERS - PAST_BEFORE | _words(
    "with in against to who are is was this these those our his her their severe mild moderate chronic acute early "
    "late new such stage type grade and or at by on suspected primary secondary recurrent high low"
)
"""What may stand between a disease and the words that tell its part."""

_GENERIC = _keys(
    "disease",
    "diseases and disorders",
    "syndrome",
    "disorder",
    "illness",
    "condition",
    "ache",
    "death",
    "sign",
    "symptom",
    "signs and symptoms",
    "complication",
    "postoperative complications",
    "trauma",
    "lesion",
    "relapse",
    "remission",
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
    "dilatation",
    "constriction",
    "perforation",
    "obstruction",
    "deficiency",
    "abnormality",
    "anomaly",
    "defect",
    "deformity",
    "disability",
    "impairment",
    "dysfunction",
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


FAINT = _words(
    "atrophy hypertrophy hyperplasia rupture malformation poisoning overdose overdosage intoxication toxicity febrile "
    "thrombotic thromboembolic teratogenic teratogenicity weakness rigidity paresis agitated confused disorientation "
    "salivation anxious convulsive icteric hyperactive lethargic unconscious paralyzed spastic neurotoxic nephrotoxic "
    "hepatotoxic cardiotoxic arrhythmogenic proarrhythmic carcinogenesis tumorigenesis myelosuppressive choreic "
    "psychopathology neuropathology myelosuppression"
)
"""Single words that are annotated as a disease where they stand, and never what people have: named, and no more."""

TREATMENTS = _keys(
    "dialysis", "haemodialysis", "hemodialysis", "peritoneal dialysis", "renal replacement therapy", "intensive care",
    "critical care", "oncology", "neurology", "nephrology", "hepatology", "dermatology", "haematology", "immunology",
    "rheumatology", "urology", "obstetrics", "gynaecology", "orthopaedics", "dentistry", "IVF",
    "in vitro fertilisation", "fertility treatment",
    "joint replacement", "hip replacement", "knee replacement", "metabolism", "parasites"
)  # fmt: skip
"""Treatments and specialities that people follow as areas, and that no annotator takes for a disease."""

WEAK = _keys(
    "pain", "infection", "inflammation", "necrosis", "recurrence", "wound", "wounds and injuries", "injury", "toxicity"
)  # fmt: skip
"""Names that tell little where a text also names something else."""


def is_generic(key: tuple[str, ...]) -> bool:
    """Return whether a folded name says nothing about which disease it is."""
    return key in _GENERIC or (len(key) == 1 and (key[0].isdigit() or len(key[0]) < 3))  # noqa: PLR2004 - letters


NO_DISEASES = _keys(
    "tumor necrosis factor",
    "tumor necrosis factor alpha",
    "tumor suppressor",
    "tumor marker",
    "tumor treating fields",
    "growing pains of",
    "wound healing assay",
    "injury severity score",
    "abbreviated injury scale",
    "respiratory depression",
    "ventilatory depression",
    "tumor lysis",
    "stroke volume",
    "heart rate",
    "ganglion",
    "sphenopalatine ganglion",
    "stellate ganglion",
    "st segment depression",
    "st depression",
    "shock wave",
    "shock waves",
    "common cold agglutinin",
    "cancer institute",
    "cancer society",
    "cancer center",
    "cancer research uk",
    "american cancer society",
    "national cancer institute",
    "cancer antigen",
    "anxiety and depression scale",
    "anxiety scale",
    "depression scale",
    "depression inventory",
    "depression rating scale",
    "beck depression inventory",
    "pain scale",
    "pain score",
    "visual analogue scale for pain",
)
"""Words that look like a disease and are none."""
