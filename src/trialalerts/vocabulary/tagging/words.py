"""The words that steer the tagging of text: those that name no disease, join two, or deny one."""

from __future__ import annotations

from typing import NamedTuple

from trialalerts.vocabulary.spelling import WordFolder, name_key

__all__ = [
    "ASIDE_AFTER",
    "ASIDE_BEFORE",
    "DENIALS",
    "EXAMPLE_AFTER",
    "EXAMPLE_BEFORE",
    "FAINT",
    "HAVERS",
    "HAVING",
    "JOINS",
    "NEAR_FILLERS",
    "NO_DISEASES",
    "OUTCOME_BEFORE",
    "PAST_BEFORE",
    "SUBJECT_AFTER",
    "SUBJECT_BEFORE",
    "TREATMENTS",
    "WEAK",
    "Denials",
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


class Denials(NamedTuple):
    """How a language denies a disease: the cue before it, what may stand between, and the same behind it.

    ``negation`` behind it denies it only with one of ``not_seen`` later: "asthma was not seen". ``anew`` ends a denial
    within a list: "without diabetes and with asthma".
    """

    cues: frozenset[str]
    fillers: frozenset[str]
    joins: frozenset[str]
    cues_after: frozenset[str]
    negation: frozenset[str]
    not_seen: frozenset[str]
    fillers_after: frozenset[str]
    anew: frozenset[str]


DENIALS = {
    "en": Denials(CUES, FILLERS, JOINS, CUES_AFTER, _words("not"), NOT_SEEN, FILLERS_AFTER, _words("with")),
    "de": Denials(
        cues=_words(
            "ohne kein keine keinen keinem keiner keines keinerlei nicht weder niemals nie frei ausgenommen "
            "ausgeschlossen ausschluss fehlen fehlend fehlende anti"
        ),
        fillers=_words(
            "an unter von vom bei mit für auf der die das den dem des ein eine einen einem einer eines am im zu "
            "bekannt bekannte bekannten bekannter bekanntem früher frühere früheren früherer vorherige vorherigen "
            "bestehende bestehenden bestehender aktive aktiven aktiver vorgeschichte anamnese hinweis hinweise "
            "zeichen anzeichen symptome diagnose verdacht diagnostizierte diagnostizierten erkrankt erkrankte "
            "leidet leiden litt hat haben hatte hatten gehabt je jemals patient patienten patientin patientinnen "
            "person personen mensch menschen erwachsene erwachsenen kind kinder kindern frauen männer alle allen "
            "wer sie er es ich wir man"
        ),
        joins=_words("und oder noch sowie auch bzw beziehungsweise") | {","},
        cues_after=_words("ausgeschlossen ausschlusskriterium negativ"),
        negation=_words("nicht"),
        not_seen=_words(
            "teilnehmen mitmachen zugelassen nachgewiesen gefunden festgestellt beobachtet vorliegen vorliegt "
            "aufgenommen eingeschlossen aufgetreten"
        ),
        fillers_after=_words(
            "ist sind war waren wurde wurden wird werden worden darf dürfen kann können konnte sein patient "
            "patienten patientinnen person personen menschen an der die das studie dieser auch alle in"
        ),
        anew=_words("mit"),
    ),
    "fr": Denials(
        cues=_words(
            "sans aucun aucune pas non ni jamais hors sauf exclu exclus exclue exclues exclure excluant exclusion "
            "absence exempt exempte exempts indemne indemnes anti"
        ),
        fillers=_words(
            "de d du des la le les l un une à au aux en par antécédent antécédents connu connue connus signe "
            "signes symptôme symptômes diagnostic diagnostiqué diagnostiquée actif active atteint atteinte "
            "atteints atteintes souffrant souffre souffrent souffrir soit soient est sont être été a ont ayant "
            "avoir eu avec personne personnes patient patients patiente patientes adulte adultes enfant enfants "
            "femmes hommes qui n ne toute tout"
        ),
        joins=_words("et ou ni ainsi que") | {","},
        cues_after=_words("exclu exclus exclue exclues absent absente écarté écartée négatif"),
        negation=_words("pas"),
        not_seen=_words(
            "participer participent admis admises inclus incluses accepté acceptés acceptées observé observée "
            "retrouvé détecté constaté"
        ),
        fillers_after=_words(
            "n ne est sont était étaient a ont été être peut peuvent pourront sera seront personne personnes "
            "patient patients patientes à la le les cette étude aussi également"
        ),
        anew=_words("avec"),
    ),
    "es": Denials(
        cues=_words(
            "sin no ningún ninguno ninguna ni nunca jamás tampoco excepto salvo excluido excluidos excluir "
            "excluye exclusión ausencia libre libres carece carecen anti"
        ),
        fillers=_words(
            "de del la el los las un una unos unas a al en con por para antecedente antecedentes previo previos "
            "previa conocido conocida signo signos síntoma síntomas diagnóstico diagnosticado diagnosticada "
            "diagnosticados activo activa padece padecen padecer padezca padezcan padecido tiene tienen tener "
            "tenga tengan tenido sufre sufren sufrir sufra sufran sufrido haya hayan ha han enfermo enferma "
            "enfermos persona personas paciente pacientes adulto adultos niño niños niña niñas mujeres hombres "
            "que quien quienes historia"
        ),
        joins=_words("y e o u ni así como") | {","},
        cues_after=_words("excluido excluida excluidos excluidas descartado descartada negativo ausente"),
        negation=_words("no"),
        not_seen=_words(
            "participar participan admite admiten incluye incluyen incluido incluidos incluidas aceptan observó "
            "detectó encontró apuntarse"
        ),
        fillers_after=_words(
            "se está están fue fueron es son ha han sido ser puede pueden podrán será serán quedan queda persona "
            "personas paciente pacientes en el la los este estudio también"
        ),
        anew=_words("con"),
    ),
}
"""By the language of the text."""

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
