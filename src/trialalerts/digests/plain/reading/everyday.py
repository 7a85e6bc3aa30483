"""Everyday words for conditions, and what registries list as conditions that are no diseases."""

from __future__ import annotations

import re

__all__ = ["GENERAL", "IN_FULL", "KNOWN_BY", "NO_DISEASE", "PLAIN", "SOUNDS_LIKE_DISEASE"]

_I = re.IGNORECASE

PLAIN: list[tuple[re.Pattern[str], str]] = [
    (re.compile(words, _I), plain)
    for words, plain in (
        (
            (
                r"\bcarcinoma, non-small-cell lung\b|\bnon[- ]small[- ]cell lung (?:carcinoma"
                r"|cancer)s?(?: metastatic)?|\bnsclc\b"
            ),
            "non-small cell lung cancer",
        ),
        (r"\bsmall[- ]cell lung carcinoma\b", "small cell lung cancer"),
        (
            (
                r"\bsars[- ]?cov[- ]?2(?: infection| acute respiratory disease)?\b"
                r"|\bcovid[- ]?19(?: pandemic)?\b|\bcovid\b"
                r"|\bcoronavirus (?:disease|infection)(?: 2019)?\b"
            ),
            "COVID-19",
        ),
        (r"\b(milk|peanut|egg|food|drug|nut|wheat|latex|venom|shellfish|fish) hypersensitivity\b", r"\1 allergy"),
        (r"\bhypersensitivity, immediate\b|\bimmediate hypersensitivity\b", "allergy of the immediate kind"),
        (r"\bhypersensitivity\b", "allergy"),
        (r"\brhinitis, allergic, (seasonal|perennial)\b", r"\1 allergic rhinitis"),
        (r"\bhypertension, pulmonary\b", "pulmonary hypertension"),
        (r"\bdermatitis, atopic\b|\batopic dermatitis(?: eczema)?\b|\beczema, atopic\b", "atopic eczema"),
        (r"\bchronic (?:idiopathic|spontaneous) urticaria\b", "chronic hives"),
        (r"\burticaria\b", "hives"),
        (r"\bmalignant (?:neoplasms?|(?:solid )?tumou?rs?)\b|\bmalignanc(?:y|ies)\b", "cancer"),
        (r"\bneoplasms?, (\w+)\b", r"\1 cancer"),
        (r"\bsolid (?:tumou?rs?|neoplasms?|cancers?|malignancies|carcinoma)\b", "solid tumours"),
        (r"\b(\w+) neoplasms?\b", r"\1 tumours"),
        (r"\btumou?rs?\b", "tumours"),
        (r"\bcarcinomas?\b|\bcancers\b", "cancer"),
        (r"\bhepatocellular cancer\b", "liver cell cancer"),
        (r"\brenal cell cancer\b", "kidney cancer (renal cell)"),
        (r"\bcolorectal\b", "bowel"),
        (r"\bmyocardial infarctions?\b", "heart attack"),
        (r"\bcerebrovascular accident\b", "stroke"),
        (r"\besophageal\b", "oesophageal"),
        (
            (
                r"\b(?:diabetes mellitus, type|diabetes type) ([12])\b"
                r"|\btype ([12]) diabetes(?: mellitus)?\b|\bt([12])dm?\b"
            ),
            r"type \1\2\3 diabetes",
        ),
        (r"\bdiabetes mellitus\b|^diabetic (?:children|infants|women|patients)$", "diabetes"),
        (r"\barterial hypertension\b", "high blood pressure"),
        (
            r"\bchronic obstructive pulmonary disease\b|\bcopd\b|\bpulmonary disease, chronic obstructive\b",
            "COPD (a lung disease)",
        ),
        (r"\brenal (?:insufficiency|failure)\b", "kidney failure"),
        (r"\big-?e-mediated\b", "IgE-mediated"),
        (r"\bcows?'? milk\b", "cow's milk"),
        (r"\bbronchial asthma\b|\basthma,? bronchiale?\b", "asthma"),
        (r"\bpruritus\b", "itching"),
        (r"\bnasal polyposis\b", "nasal polyps"),
        (r"\bpa?ediatric\b", "childhood"),
        (r"\bmetastas(?:as|is)es\b", "metastases"),
        (r"\begpa\b|\bchurg-strauss syndrome\b", "eosinophilic granulomatosis with polyangiitis"),
        (r"\bsepticemia\b", "blood poisoning"),
        (r"\bdyspnea\b", "shortness of breath"),
        (r"\bmultiple sclerosis, relapsing-remitting\b", "relapsing-remitting multiple sclerosis"),
        (r"\binfluenza,? human\b", "influenza"),
        (r"\blymphomas?, ([\w-]+)\b", r"\1 lymphoma"),
        (r"\bleukemia, ([\w, -]+)$", r"\1 leukaemia"),
        (r"\bleukemia\b", "leukaemia"),
        (r"\banemia\b", "anaemia"),
        (
            (
                r"\bdegenerat\w+ (?:intervertebral )?dis[ck]s?(?: disease)?\b"
                r"|\bintervertebral dis[ck]s?, degenerative\b|\bintervertebral dis[ck] degeneration\b"
            ),
            "worn spinal discs",
        ),
    )
]
"""Only words that mean the same: never hay fever for rhinitis."""

GENERAL: list[tuple[re.Pattern[str], re.Pattern[str]]] = [
    (re.compile(general, _I), re.compile(narrower, _I))
    for general, narrower in (
        (r"food allerg(?:y|ies)", r"\b(?:milk|eggs?|\w*nuts?|wheat|fish|shellfish|soya?|sesame)\b.* allerg"),
        (r"(?:lung|respiratory(?: tract)?) diseases?", r"asthma|copd|lung|bronch|pulmon|cystic fibrosis|pneumon"),
        (r"skin diseases?", r"eczema|dermat|psoriasis|hives|pemphig|acne"),
        (r"(?:cancer|tumours)", r"cancer|tumours|[a-z]{4}omas?\b|leukaemia"),
        (r"headache disorders?|headaches?", r"migraine|cluster headache|tension"),
    )
]
"""Names of whole groups of diseases, and how those of the group are called that say more."""

KNOWN_BY = {
    "5 fluorouracil": "fluorouracil",
    "5-fluorouracil": "fluorouracil",
    "acetylsalicylic acid": "aspirin",
    "antiangiogenic": "antiangiogenic medicines",
    "cholecalciferol": "vitamin D3",
    "cholecalciferol d3": "vitamin D3",
    "lysergic acid diethylamide": "LSD",
    "lysergide": "LSD",
    "recombinant human hyaluronidase": "hyaluronidase",
    "surgical procedure": "surgery",
    "vitamin d 3 cholecalciferol": "vitamin D3",
}
"""Treatments by their long names, and by which short name of just the same people know them."""

IN_FULL = {
    "OIT": "oral immunotherapy",
    "SCIT": "immunotherapy by injection",
    "SLIT": "sublingual immunotherapy",
}
"""Short forms within names of treatments that only those who work with them know."""

NO_DISEASE = re.compile(
    r"^(?:chronic |acute )?diseases?$|^older adults?$|^elderly$|^aged$|^frail\w*$|course$"
    r"|resection margins?|similarity|immunology$|^pa?ediatrics?$"
    r"|^childhood$|^children$|progression|prognosis|^inflammation$|emotions?$|microenvironment|probiotic|corticosteroid"
    r"|circadian|healthy|volunteer|\bhealth\b|pregnan(?!.*(?:diabetes|hypertension|disorder))|lactati|breastfe|surgery"
    r"|ana?esthesia|quality of life|vaccin|immuni[sz]ation|pharmacokinetic|bioequivalence"
    r"|transplant(?!.*(?:rejection|disease))|screening|\btest(?:ing|s)?\b|diagnos|prevention|nutrition(?!al defic)"
    r"|exercise|\bcare\b|safety|toleran(?!ce, (?:glucose|lactose))|immunotherap|desensiti[sz]"
    r"|antibod(?:y|ies)|biomarker"
    r"|\bige\b(?!-| ?mediated)|response|quality|education|adherence|compliance|diet\b|dietary|feeding"
    r"|\bmilk\b(?!.*(?:allerg|hypersens|intoler))|growth|development|physiolog|aging|sleep quality|knowledge|microbi"
    r"|exposure|phenotype|genotype|cytokine|polymorphism|treatment|therapy|immune (?:system|function|status)|expression"
    r"|mutation|level|inflammation markers|outcome|predict|management|intervention|effect|function|risk|burden"
    r"|satisfaction|self[- ]efficacy|circulating|immunoglobulin|receptor|gene\b|monitor|use\b"
    r"|drug\b(?!.*(?:allerg|hypersens|reaction|abuse))|allergen"
    r"|densit(?:y|ies)$|mortality|^surviv|^immunity$|^(?:pro|retro)spective$|^(?:single|double)[- ]blind"
    r"|^randomi[sz]ed$|^clinical(?: (?:trial|study))?$|^(?:trial|study)$|pathophysiology|^mechanism",
    _I,
)
SOUNDS_LIKE_DISEASE = re.compile(
    r"(?:itis|osis|omas?|a?emia|path(?:y|ies)|diseases?|syndromes?|cancer|tumours|allerg\w*|asthma|disorders?|diabetes"
    r"|infections?|pain|failure|deficiency|eczema|hives|migraine|headaches?|anaphylaxis|stroke|attack|injur\w+"
    r"|fractures?|polyps?|reactions?|intolerance|obesity|stenosis|hernia\w*|discs|COVID-19|HIV|lupus|psoriasis|atopy"
    r"|wheez\w+|depression|anxiety|autism|dementia|epilepsy|melanoma|itching|malaria|tuberculosis|influenza"
    r"|metastas[ie]s|anomal\w+|defects?|ulcers?|scoliosis|arthritis|sclerosis|sprue|sensiti[sz]ation)\b",
    _I,
)
