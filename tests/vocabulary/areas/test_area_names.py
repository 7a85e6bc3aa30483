"""Areas are found as people write them, ranked when searched, and asked back when misspelt."""

from __future__ import annotations

import pytest

from trialalerts.errors import UnknownArea
from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree
from trialalerts.vocabulary.tables import AreaOrigin

TREE = AreaTree(
    [
        AreaNode(id="D009103", name="Multiple sclerosis", synonyms=("disseminated sclerosis",), acronyms=("MS",)),
        AreaNode(id="D008946", name="Mitral valve stenosis", acronyms=("MVS", "VS")),
        AreaNode(id="D009464", name="Vestibular schwannoma", acronyms=("VS",)),
        AreaNode(id="D003924", name="Diabetes Mellitus, Type 2", synonyms=("sugar disease",), acronyms=("T2DM",)),
        AreaNode(id="D003920", name="Diabetes Mellitus"),
        AreaNode(id="D001932", name="Brain Neoplasms"),
        AreaNode(id="D015470", name="Leukemia, Myeloid, Acute", acronyms=("AML",)),
        AreaNode(id="D004938", name="Esophageal Neoplasms"),
        AreaNode(id="D006467", name="Hemophilia A"),
        AreaNode(id="D009422", name="Nervous system diseases", therapeutic=True),
        AreaNode(id="D010300", name="Parkinson Disease"),
        AreaNode(id="D000690", name="Amyotrophic lateral sclerosis", synonyms=("Lou Gehrig's disease",)),
        AreaNode(id="rare-diseases", name="Rare diseases", therapeutic=True),
        AreaNode(id="D000740", name="Anemia", origin=AreaOrigin.IMPORT),
        AreaNode(id="D000000", name="Mental stress", synonyms=("Anemia",), origin=AreaOrigin.TRIAL),
    ]
)

FOUND = [
    ("D009103", "D009103"),
    (" d009103 ", "D009103"),
    ("D000009103", "D009103"),
    ("RARE-DISEASES", "rare-diseases"),
    ("multiple sclerosis", "D009103"),
    ("MULTIPLE-SCLEROSES", "D009103"),
    ("Sclerosis, Multiple", "D009103"),
    ("sclerosis multiple", "D009103"),
    ("MS", "D009103"),
    ("ms", "D009103"),
    ("type 2 diabetes mellitus", "D003924"),
    ("Type II diabetes", "D003924"),
    ("diabetes type 2", "D003924"),
    ("t2dm", "D003924"),
    ("Diabetes", "D003920"),
    ("brain tumour", "D001932"),
    ("tumors of the brain", "D001932"),
    ("brain cancer", "D001932"),
    ("acute myeloid leukaemia", "D015470"),
    ("oesophageal cancer", "D004938"),
    ("Haemophilia A", "D006467"),
    ("diseases of the nervous system", "D009422"),
    ("Parkinson's", "D010300"),
    ("lou gehrig", "D000690"),
    ("multiple sclerosis (relapsing)", "D009103"),
    ("RRMS (multiple sclerosis)", "D009103"),
    ("anaemias", "D000740"),
]


@pytest.mark.parametrize(("text", "area_id"), FOUND, ids=[text for text, _ in FOUND])
def test_an_area_is_found_as_people_write_it(text: str, area_id: str) -> None:
    assert TREE.find(text).id == area_id


def test_a_misspelt_area_is_asked_back() -> None:
    with pytest.raises(UnknownArea, match=r"called “mutliple sclerosus”\. Did you mean “Multiple sclerosis”\?$"):
        TREE.find("mutliple sclerosus")


def test_an_acronym_of_several_areas_is_asked_back() -> None:
    with pytest.raises(UnknownArea) as caught:
        TREE.find("VS")
    assert caught.value.choices == ("Mitral valve stenosis", "Vestibular schwannoma")


@pytest.mark.parametrize("text", ["", "   ", "?", "qqqqqq"], ids=repr)
def test_nonsense_names_no_area_and_gets_a_remedy(text: str) -> None:
    with pytest.raises(UnknownArea, match="trialalerts areas search TEXT") as caught:
        TREE.find(text)
    assert caught.value.choices == ()


def test_no_more_than_three_choices_are_offered() -> None:
    tree = AreaTree([AreaNode(id=f"asthma-{kind}", name=f"{kind} asthma") for kind in ("mild", "new", "old", "dry")])
    with pytest.raises(UnknownArea) as caught:
        tree.find("asthma")
    assert len(caught.value.choices) == 3


def test_a_search_ranks_name_synonym_beginning_and_words_and_offers_nothing_that_is_merely_alike() -> None:
    tree = AreaTree(
        [
            AreaNode(id="1", name="Childhood asthma"),
            AreaNode(id="2", name="Asthma, aspirin-induced"),
            AreaNode(id="3", name="Wheezing", synonyms=("asthma",)),
            AreaNode(id="4", name="Asthma"),
            AreaNode(id="5", name="Asthmma"),
            AreaNode(id="6", name="Gout"),
        ]
    )
    hits = tree.search("asthma")
    assert [hit.node.id for hit in hits] == ["4", "3", "2", "1"]
    assert hits[1].matched == "asthma"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.node.id for hit in tree.search("asthma", limit=2)] == ["4", "3"]


def test_a_search_finds_a_half_typed_word_and_an_acronym() -> None:
    assert TREE.search("mult scl")[0].node.id == "D009103"
    assert TREE.search("AML")[0].node.id == "D015470"
    assert TREE.search("aml")[0].matched == "AML"


def test_a_search_finds_a_misspelt_name_without_the_word_that_people_leave_out() -> None:
    assert TREE.search("parkisons")[0].node.id == "D010300"
    assert TREE.search("lou gherig")[0].node.id == "D000690"


def test_a_search_for_nothing_finds_nothing() -> None:
    assert TREE.search("  ") == []
    assert TREE.search("zzzzzz") == []


def test_every_name_finds_an_area_that_bears_it() -> None:
    for node in TREE.nodes:
        assert TREE.find(node.name).id == node.id
        for synonym in node.synonyms:
            assert synonym in {TREE.find(synonym).name, *TREE.find(synonym).synonyms}
