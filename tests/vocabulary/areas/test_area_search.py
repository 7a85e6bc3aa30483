"""The search is held to what people type: among the curated areas, and with MeSH beside them."""

from __future__ import annotations

import pytest

from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.errors import UnknownArea
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree, load_areas, store_curated
from trialalerts.vocabulary.tables import AreaOrigin

TYPED = [
    ("MS", "Multiple sclerosis"),
    ("ms", "Multiple sclerosis"),
    ("multiple scleroses", "Multiple sclerosis"),
    ("mutliple sclerosis", "Multiple sclerosis"),
    ("RRMS", "Relapsing-remitting multiple sclerosis"),
    ("Lou Gehrig", "Amyotrophic lateral sclerosis (ALS)"),
    ("lou gehrigs disease", "Amyotrophic lateral sclerosis (ALS)"),
    ("ALS", "Amyotrophic lateral sclerosis (ALS)"),
    ("MND", "Motor neurone disease"),
    ("sugar disease", "Diabetes"),
    ("diabets", "Diabetes"),
    ("type 2 diabetes", "Type 2 diabetes"),
    ("diabetes mellitus type 2", "Type 2 diabetes"),
    ("brain tumour", "Brain tumour"),
    ("brain tumor", "Brain tumour"),
    ("heart attack", "Heart attack"),
    ("lung cancer", "Lung cancer"),
    ("tumor of the breast", "Breast cancer"),
    ("breast tumour", "Breast cancer"),
    ("prostrate cancer", "Prostate cancer"),
    ("colon cancer", "Colon cancer"),
    ("leukemia", "Leukaemia"),
    ("astma", "Asthma"),
    ("parkinsons", "Parkinson's disease"),
    ("parkisons", "Parkinson's disease"),
    ("alzheimers", "Alzheimer's disease"),
    ("Alzhiemers", "Alzheimer's disease"),
    ("altzheimer", "Alzheimer's disease"),
    ("crohns", "Crohn's disease"),
    ("COPD", "Chronic obstructive pulmonary disease (COPD)"),
    ("fibromialgia", "Fibromyalgia"),
    ("migrane", "Migraine"),
    ("schizophrenic", "Schizophrenia"),
    ("psoriases", "Psoriasis"),
    ("epilepsie", "Epilepsy"),
    ("high blood presure", "High blood pressure"),
    ("CFS", "ME/CFS (chronic fatigue syndrome)"),
]


WITH_MESH = [
    ("breast cancer", "Breast cancer"),
    ("deafness", "Hearing loss"),
    ("aspergers", "Autism"),
    ("essential hypertension", "High blood pressure"),
    ("cytokine storm", "Cytokine release syndrome"),
    ("osteoperosis", "Osteoporosis"),
    ("shingels", "Shingles"),
    ("cirosis", "Liver cirrhosis"),
    ("depresion", "Depression"),
    ("fibro mialgia", "Fibromyalgia"),
    ("brestcancer", "Breast cancer"),
    ("opiod addiction", "Opioid addiction"),
    ("melanom", "Melanoma"),
    ("hep c", "Hepatitis C"),
    ("gout", "Gout"),
    ("NMIBC", "Bladder cancer"),
    ("abetalipoproteinaemia", "Abetalipoproteinemia"),
    ("bassen kornzweig", "Abetalipoproteinemia"),
    ("whipples disease", "Whipple Disease"),
    ("xerophthalmia", "Xerophthalmia"),
]
"""What is found once MeSH is there: the curated areas first, and what only MeSH has."""


@pytest.mark.parametrize(("typed", "meant"), TYPED, ids=[typed for typed, _ in TYPED])
def test_what_people_type_finds_what_they_mean_first(curated_areas: AreaTree, typed: str, meant: str) -> None:
    assert curated_areas.search(typed)[0].node.name == meant


@pytest.mark.parametrize(("typed", "meant"), TYPED + WITH_MESH, ids=[typed for typed, _ in TYPED + WITH_MESH])
def test_four_times_as_many_names_hide_nothing(shipped_areas: AreaTree, typed: str, meant: str) -> None:
    assert shipped_areas.search(typed)[0].node.name == meant


def test_every_curated_name_finds_its_area_beside_mesh(shipped_areas: AreaTree, curated_areas: AreaTree) -> None:
    for node in curated_areas.nodes:
        assert shipped_areas.find(node.name).id == curated_areas.find(node.name).id
        for word in (*node.synonyms, *node.acronyms):
            assert shipped_areas.find(word).id == curated_areas.find(word).id, word


ABSURD = [
    ("cancer du sein", "uterus"),
    ("house disease", "Horse"),
    ("gout", "Goat"),
    ("dog bite", "Overbite"),
    ("hay fever", "Lassa"),
    ("down syndrome", "aldosteronism"),
    ("pig flu", "Swine"),
    ("migrane", "Glossitis"),
]


@pytest.mark.parametrize(("typed", "absurd"), ABSURD, ids=[typed for typed, _ in ABSURD])
def test_nothing_absurd_is_offered(shipped_areas: AreaTree, typed: str, absurd: str) -> None:
    assert not [hit.node.name for hit in shipped_areas.search(typed, limit=3) if absurd in hit.node.name]


@pytest.mark.parametrize("typed", ["syndrome", "disease", "diseases", "death", "acute disease", "qqqqqq"])
def test_what_names_no_disease_gets_no_suggestions(shipped_areas: AreaTree, typed: str) -> None:
    with pytest.raises(UnknownArea) as caught:
        shipped_areas.find(typed)
    assert caught.value.choices == ()


UNMATCHABLE = [
    AreaNode(id="D001249", name="Asthma", synonyms=("wheezing",)),
    AreaNode(id="DOID:1", name="wheezing", origin=AreaOrigin.IMPORT),
    AreaNode(id="DOID:2", name="syndrome", synonyms=("disease",), origin=AreaOrigin.IMPORT),
    AreaNode(id="DOID:3", name="Asthma", synonyms=("night asthma",), origin=AreaOrigin.IMPORT),
    AreaNode(id="D000820", name="Animal Diseases", origin=AreaOrigin.IMPORT),
    AreaNode(id="D004283", name="Dog Diseases", parents=("D000820",), origin=AreaOrigin.IMPORT),
    AreaNode(id="D013577", name="Syndrome", origin=AreaOrigin.TRIAL),
]


@pytest.mark.parametrize("area_id", [node.id for node in UNMATCHABLE[1:]])
def test_what_nothing_can_match_is_not_offered_but_found_by_its_id(area_id: str) -> None:
    tree = AreaTree(UNMATCHABLE)
    assert tree.find(area_id).id == area_id
    name = tree.get(area_id).name
    assert area_id not in {hit.node.id for hit in tree.search(name, limit=100)}


def test_a_heading_of_mesh_that_is_not_offered_is_found_as_it_is_spelt() -> None:
    tree = AreaTree(UNMATCHABLE)
    assert tree.find("Syndrome").id == "D013577"
    assert tree.find("Dog Diseases").id == "D004283"
    for typed in ("syndrome", "dog disease"):
        with pytest.raises(UnknownArea):
            tree.find(typed)


def test_what_a_library_files_under_is_found_by_id_or_name_and_never_by_likeness() -> None:
    tree = AreaTree([*UNMATCHABLE, AreaNode(id="D009103", name="Multiple sclerosis", acronyms=("MS",))])
    found = {heading: tree.filed_under(heading) for heading in (
        "D009103", "Multiple Sclerosis", "Syndrome", "Dog Diseases", "multiple sclerosi", "astma", "Humans", "",
    )}  # fmt: skip
    assert {heading: node and node.id for heading, node in found.items()} == {
        "D009103": "D009103", "Multiple Sclerosis": "D009103", "Syndrome": "D013577", "Dog Diseases": "D004283",
        "multiple sclerosi": None, "astma": None, "Humans": None, "": None,
    }  # fmt: skip


def test_of_two_that_are_called_the_same_the_curated_one_stands_for_both() -> None:
    assert AreaTree(UNMATCHABLE).find("night asthma").id == "D001249"


def test_an_imported_area_that_a_record_can_give_is_offered() -> None:
    deafness = AreaNode(id="D003638", name="Deafness", origin=AreaOrigin.IMPORT)
    tree = AreaTree([AreaNode(id="D034381", name="Hearing loss", synonyms=("deafness",)), deafness])
    assert tree.find("deafness").id == "D034381"
    assert [hit.node.id for hit in tree.search("deafness")] == ["D034381", "D003638"]


@pytest.fixture(scope="module")
def curated_areas(tmp_path_factory: pytest.TempPathFactory) -> AreaTree:
    """The areas of the file that is shipped."""
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('areas') / 'areas.db'}") as database:
        upgrade_schema(database)
        with database.write() as session:
            store_curated(session, shipped("config/disease_areas.toml"))
        with database.read() as session:
            return load_areas(session)
