"""Names that say something else than their area, genes, and strangers are told from true synonyms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.areas.imports.refused_names import NameJudge, genes_named

JUDGE = NameJudge({"COL17A1", "NPC1", "FANCC"})

CONTRADICTIONS = [
    ("acute hepatitis", "Hepatitis, Chronic"),
    ("acute hepatitis", "hepatitis"),
    ("childhood ependymoma", "adult ependymoma"),
    ("juvenile arthritis", "Arthritis in adults"),
    ("infantile Refsum disease", "adult Refsum disease"),
    ("type 2 diabetes", "Diabetes Mellitus, Type 1"),
    ("diabetes type II", "type 1 diabetes"),
    ("glycogen storage disease type B", "glycogen storage disease type A"),
    ("secondary hyperparathyroidism", "Hyperparathyroidism, Primary"),
    ("primary hypertension", "hypertension"),
    ("benign meningioma", "malignant meningioma"),
    ("acquired haemophilia", "Hereditary hemophilia"),
    ("female infertility", "male infertility"),
    ("infertility in women", "infertility in men"),
    ("left heart failure", "right heart failure"),
    ("bilateral deafness", "unilateral deafness"),
    ("viral meningitis", "bacterial meningitis"),
    ("haemorrhagic stroke", "Ischemic stroke"),
    ("non-Hodgkin lymphoma", "Hodgkin lymphoma"),
    ("nonHodgkin lymphoma", "Hodgkin lymphoma"),
    ("hypothyroidism", "Hyperthyroidism"),
    ("lymphoid leukaemia", "myeloid leukemia"),
    ("autosomal recessive ataxia", "autosomal dominant ataxia"),
    ("open-angle glaucoma", "angle-closure glaucoma"),
    ("hereditary multiple exostoses 1", "hereditary multiple exostoses"),
    ("early-onset ataxia", "late-onset ataxia"),
]
SYNONYMS = [
    ("chronic active hepatitis", "Hepatitis, Chronic"),
    ("disseminated sclerosis", "Multiple Sclerosis"),
    ("Lou Gehrig's disease", "Amyotrophic Lateral Sclerosis"),
    ("diabetes mellitus type II", "Type 2 diabetes"),
    ("juvenile-onset diabetes", "Diabetes Mellitus, Type 1"),
    ("progressive myoclonus epilepsy type 7", "progressive myoclonus epilepsy 7"),
    ("non-toxic goiter", "nontoxic goiter"),
    ("limb-girdle muscular dystrophy type 1A", "myofibrillar myopathy 3"),
    ("congenital megacolon", "Hirschsprung Disease"),
    ("essential hypertension", "Hypertension, primary"),
    ("breast cancer", "Breast Neoplasms"),
    ("renal insufficiency", "Kidney failure"),
    ("asthma", "Asthma"),
]


@pytest.mark.parametrize(("synonym", "name"), CONTRADICTIONS, ids=[one for one, _ in CONTRADICTIONS])
def test_a_name_that_says_something_else_or_only_a_part_is_refused(synonym: str, name: str) -> None:
    assert JUDGE.contradicts(synonym, name)


@pytest.mark.parametrize(("synonym", "name"), SYNONYMS, ids=[one for one, _ in SYNONYMS])
def test_a_true_synonym_is_taken(synonym: str, name: str) -> None:
    assert not JUDGE.contradicts(synonym, name)


WORDS = ("acute", "chronic", "type", "1", "2", "II", "adult", "juvenile", "liver", "disease", "non", "hyper")


@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_no_name_contradicts_itself(words: list[str]) -> None:
    assert not JUDGE.contradicts(" ".join(words), " ".join(words))


GENES = [
    ("COL17A1", "epithelial recurrent erosion dystrophy"),
    ("HLA-B27", "ankylosing spondylitis"),
    ("HLA-DRB1", "rheumatoid arthritis"),
    ("BRCA2", "breast cancer"),
    ("BRCA1", "hereditary breast ovarian cancer syndrome"),
    ("BRCA", "breast cancer"),
    ("TP53", "Li-Fraumeni syndrome"),
    ("CFTR", "cystic fibrosis"),
    ("SLC35A2", "congenital disorder of glycosylation"),
    ("PSEN1", "Alzheimer's disease"),
    ("BRCA2 mutation", "breast cancer"),
    ("COL17A1 gene", "epidermolysis bullosa"),
]
NO_GENES = [
    ("NF1", "neurofibromatosis type 1"),
    ("NPC1", "Niemann-Pick disease type C1"),
    ("MEN2A", "multiple endocrine neoplasia type 2A"),
    ("SPG4", "hereditary spastic paraplegia 4"),
    ("DFNB99", "autosomal recessive nonsyndromic deafness 99"),
    ("T2DM", "type 2 diabetes mellitus"),
    ("GM2", "gangliosidosis GM2"),
    ("OCA7", "oculocutaneous albinism type VII"),
    ("DMD", "Duchenne muscular dystrophy"),
    ("PAH", "pulmonary arterial hypertension"),
    ("COPD", "chronic obstructive pulmonary disease"),
    ("MS", "multiple sclerosis"),
    ("asthma", "asthma"),
    ("COL17A1 deficiency", "epidermolysis bullosa"),
]


@pytest.mark.parametrize(("symbol", "name"), GENES, ids=[one for one, _ in GENES])
def test_a_gene_is_no_name_of_a_disease(symbol: str, name: str) -> None:
    assert JUDGE.is_gene(symbol, (name, symbol))


@pytest.mark.parametrize(("symbol", "name"), NO_GENES, ids=[one for one, _ in NO_GENES])
def test_a_short_form_of_the_disease_is_no_gene(symbol: str, name: str) -> None:
    assert not JUDGE.is_gene(symbol, (name, symbol))


def test_genes_are_read_from_definitions() -> None:
    text = (
        "A disease with basis in mutation in the NEB gene on chromosome 2q23, variation in TTN, or mutation in several "
        "genes including COL17A1, ITGB4 and LAMA3. Type IV genes and DNA stay out of it."
    )
    assert genes_named(text) == {"NEB", "TTN", "COL17A1", "ITGB4", "LAMA3"}


def test_strangers_share_no_telling_word() -> None:
    assert JUDGE.are_strangers(("vascular disease", "vascular tissue disease"), ("Aneurysm",))
    assert JUDGE.are_strangers(("acute disease of the ear",), ("Acute Disease",))
    assert not JUDGE.are_strangers(("kidney cancer",), ("Renal Cell Cancer", "Cancer of Kidney"))


@pytest.mark.parametrize("word", ["analgesia", "Anaesthesia", "tolerance"])
def test_what_is_done_or_wished_for_is_no_disease(word: str) -> None:
    assert JUDGE.is_no_disease(word)
    assert not JUDGE.is_no_disease(f"congenital {word}")
