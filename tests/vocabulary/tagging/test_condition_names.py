"""What the conditions of a trial name: exactly, in lists, by acronyms; and what they do not name."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialalerts.vocabulary.areas.curated_file import read_curated
from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree
from trialalerts.vocabulary.tagging.condition_names import ConditionNames
from trialalerts.vocabulary.tagging.tagger import Tagger

CURATED = Path(__file__).resolve().parents[3] / "config" / "disease_areas.toml"
STENOSIS = AreaNode(id="D003251", name="Constriction, Pathologic", synonyms=("Stenosis",), parents=("D020763",))
SCAR = AreaNode(id="D002921", name="Scars", synonyms=("Cicatrix", "Scar"))
REACTIONS = AreaNode(id="adverse-skin", name="Severe cutaneous adverse reactions", acronyms=("SCAR",))


@pytest.fixture(scope="module")
def names() -> ConditionNames:
    curated = [
        AreaNode(id=area.id, name=area.name, synonyms=area.synonyms, acronyms=area.acronyms, parents=area.parents)
        for area in read_curated(CURATED)
        if area.id not in {STENOSIS.id, SCAR.id}
    ]
    state = AreaNode(id="D020763", name="Pathological Conditions, Anatomical")
    return ConditionNames(Tagger(AreaTree([*curated, state, STENOSIS, SCAR, REACTIONS])))


ASTHMA, COPD, LUNG, NSCLC, AML = "D001249", "D029424", "D008175", "D002289", "D015470"
NAMED = [
    # as it stands, however it is spelt
    ("Acute Myeloid Leukemia", {AML}),
    ("ACUTE MYELOID LEUKAEMIA", {AML}),
    ("Leukemia, Myeloid, Acute", {AML}),
    ("Leukaemia, Acute Myeloid", {AML}),
    ("Severe Asthma", {"severe-asthma"}),
    ("Diabetes Mellitus, Type II", {"D003924"}),
    ("Type 1 diabetes", {"D003922"}),
    ("Pain, Postoperative", {"D010149"}),
    ("Cancer of the Lung", {LUNG}),
    ("Lung Non-Small Cell Carcinoma", {NSCLC}),
    ("Oesophageal Cancer", {"D004938"}),
    ("Herniated Lumbar Disk", {"D007405"}),
    # with words that only tell how far, how long, in whom
    ("Stage IV Breast Cancer AJCC v8", {"metastatic-breast-cancer"}),
    ("Stage IIIA Non-small Cell Lung Cancer", {NSCLC}),
    ("Asthma in Children", {ASTHMA}),
    ("Relapsed/Refractory Multiple Myeloma", {"D009101"}),
    ("Migraine - Chronic", {"D008881"}),
    # several at once
    ("Asthma; COPD", {ASTHMA, COPD}),
    ("Asthma and/or COPD", {ASTHMA, COPD}),
    ("Asthma, Chronic Obstructive Pulmonary Disease", {ASTHMA, COPD}),
    ("Breast and Ovarian Cancer", {"D001943", "D010051"}),
    ("Hepatitis B and C", {"D006509", "D006526"}),
    ("Crohn Disease|Ulcerative Colitis", {"D003424", "D003093"}),
    ("Asthma, Healthy", {ASTHMA}),
    ("Peanut-Induced Anaphylaxis", {"D000707"}),
    # acronyms
    ("NSCLC", {NSCLC}),
    ("Cancer of the Lung (NSCLC)", {LUNG, NSCLC}),
    ("T2DM", {"D003924"}),
    ("SCAR", {"D002921"}),
    ("AML", set()),
    ("Mass Spectrometry (MS)", set()),
    ("nsclc", set()),
    # what is no disease, or not there
    ("Healthy", set()),
    ("Healthy Volunteers", set()),
    ("Quality of Life", set()),
    ("Disease", set()),
    ("Adult Patients", set()),
    ("Body Weight", set()),
    ("Stage IV", set()),
    ("", set()),
    (" ; , / ( ) ", set()),
    ("No Asthma", set()),
    # part of a name that means something else
    ("Portal Vein Hypertension", set()),
    ("Pulmonary Cystic Fibrosis", {"D003550"}),
    ("Lumbar Canal Stenosis", set()),
    ("Stenosis", {"D003251"}),
]


@pytest.mark.parametrize(("condition", "areas"), NAMED, ids=[condition or "nothing" for condition, _ in NAMED])
def test_a_condition_names_these_areas(condition: str, areas: set[str], names: ConditionNames) -> None:
    assert names.named([condition]) == areas


def test_an_acronym_is_understood_where_the_record_spells_it_out(names: ConditionNames) -> None:
    assert names.named(["AML"], ["A Study in Acute Myeloid Leukaemia"]) == {AML}
    assert names.named(["AML", "Acute Myeloid Leukemia"]) == {AML}
    assert names.named(["AML"], ["Embolisation of Renal Angiomyolipoma (AML)"]) == set()


def test_a_record_lends_long_forms_and_nothing_else(names: ConditionNames) -> None:
    assert names.named(["NSCLC"], ["Asthma", "Acute Myeloid Leukaemia"]) == {NSCLC}


def test_a_condition_of_a_thousand_words_takes_no_time(names: ConditionNames) -> None:
    assert names.named(["in with of " * 5_000]) == set()
    assert names.named(["stage 4 " * 5_000 + "asthma"]) == {ASTHMA}
