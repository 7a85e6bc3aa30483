"""Text is tagged with the areas it speaks of, and with no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree
from trialalerts.vocabulary.tagging.tagger import Tagger

TREE = AreaTree(
    [
        AreaNode(id="neoplasms", name="Neoplasms", synonyms=("cancer", "tumors")),
        AreaNode(id="breast", name="Breast Neoplasms"),
        AreaNode(id="ovary", name="Ovarian Neoplasms"),
        AreaNode(id="lung", name="Lung Neoplasms"),
        AreaNode(id="nsclc", name="Carcinoma, Non-Small-Cell Lung", acronyms=("NSCLC",)),
        AreaNode(id="lung-disease", name="Lung Diseases"),
        AreaNode(id="copd", name="Pulmonary Disease, Chronic Obstructive", acronyms=("COPD",)),
        AreaNode(id="ms", name="Multiple Sclerosis", acronyms=("MS",)),
        AreaNode(id="marfan", name="Marfan Syndrome", acronyms=("MS",)),
        AreaNode(id="all", name="Precursor Cell Lymphoblastic Leukemia", acronyms=("ALL",)),
        AreaNode(id="als", name="Amyotrophic Lateral Sclerosis", acronyms=("ALS",)),
        AreaNode(id="aids", name="AIDS", synonyms=("acquired immunodeficiency syndrome",)),
        AreaNode(id="hiv", name="HIV"),
        AreaNode(id="covid", name="COVID-19"),
        AreaNode(id="diabetes", name="Diabetes Mellitus"),
        AreaNode(id="type1", name="Diabetes Mellitus, Type 1"),
        AreaNode(id="type2", name="Diabetes Mellitus, Type 2"),
        AreaNode(id="asthma", name="Asthma"),
        AreaNode(id="hepatitis-b", name="Hepatitis B"),
        AreaNode(id="hepatitis-c", name="Hepatitis C"),
        AreaNode(id="air-embolism", name="Embolism, Air"),
        AreaNode(id="brain-embolism", name="Cerebral Embolism"),
        AreaNode(id="hodgkin", name="Hodgkin Disease", synonyms=("Hodgkin Lymphoma",)),
        AreaNode(id="vhl", name="von Hippel-Lindau Disease"),
        AreaNode(id="nhl", name="Lymphoma, Non-Hodgkin"),
        AreaNode(id="leukemia", name="Leukemia"),
        AreaNode(id="crohn", name="Crohn Disease"),
        AreaNode(id="generic", name="Disease", synonyms=("Syndrome", "Pain")),
        AreaNode(id="depression", name="Depressive Disorder", synonyms=("depression",)),
    ]
)
TAGGER = Tagger(TREE)


def _areas(text: str, *, title: str = "") -> list[str]:
    return [tag.area_id for tag in TAGGER.tag(title=title, text=text)]


TEXTS = [
    ("A tablet for multiple sclerosis.", ["ms"]),
    ("Advanced non-small cell lung carcinoma", ["nsclc"]),
    ("Living with leukaemias", ["leukemia"]),
    ("Crohn’s disease at home", ["crohn"]),
    ("Tumours of several kinds", ["neoplasms"]),
    ("type II diabetes mellitus", ["type2"]),
    ("Diabetes Mellitus, Type 2", ["type2"]),
    ("adults with type 2 diabetes", ["type2"]),
    ("breast cancer or diabetes", ["breast", "diabetes"]),
    ("Breast and ovarian cancer", ["breast", "ovary"]),
    ("breast, ovarian, and lung tumors", ["breast", "ovary", "lung"]),
    ("hepatitis B and C", ["hepatitis-b", "hepatitis-c"]),
    ("hepatitis B, or asthma", ["hepatitis-b", "asthma"]),
    ("type 1 or 2 diabetes", ["type1", "type2"]),
    ("type I and II diabetes", ["type1", "type2"]),
    ("diabetes type 1 or 2", ["type1", "type2"]),
    ("cancer of the breast", ["breast"]),
    ("cancers of the lung and breast", ["lung", "breast"]),
    ("breast carcinoma", ["breast"]),
    ("malignant breast tumour", ["breast"]),
    ("asthmatic adults", ["asthma"]),
    ("type 2 diabetics", ["type2"]),
    ("depressive impairment", ["depression"]),
    ("pulmonary neoplasms", ["lung"]),
    ("tumour necrosis factor", []),
    ("a cerebral air embolism", ["brain-embolism", "air-embolism"]),
    ("lung cancer and disease", ["lung"]),
    ("non-Hodgkin lymphoma", ["nhl"]),
    ("This syndrome is a painful disease.", []),
    ("a study of the lung. Cancer is rare.", ["neoplasms"]),
    ("the lung\n- cancer of any kind", ["neoplasms"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "areas"), TEXTS, ids=[text for text, _ in TEXTS])
def test_the_longest_name_at_each_place_is_tagged(text: str, areas: list[str]) -> None:
    assert _areas(text) == areas


DENIED = [
    ("adults without diabetes", []),
    ("no history of asthma", []),
    ("No known prior diagnosis of breast cancer", []),
    ("absence of hepatitis B or C", []),
    ("without asthma, diabetes or lung cancer", []),
    ("without breast or ovarian cancer", []),
    ("a non-diabetes asthma cohort", ["asthma"]),
    ("asthma without diabetes", ["asthma"]),
    ("without diabetes. Asthma is common", ["asthma"]),
    ("no difference between asthma and health", ["asthma"]),
    ("not diabetes but diabetes after all", ["diabetes"]),
    ("asthma was excluded", []),
    ("patients with asthma or diabetes were excluded", []),
    ("asthma and diabetes had been ruled out", []),
    ("asthma was not seen", []),
    ("adults with asthma. Diabetes was ruled out", ["asthma"]),
    ("asthma was seen", ["asthma"]),
    ("an anti-cancer agent", []),
    ("None had asthma", []),
    ("No patients with asthma took part", []),
    ("linked with asthma, but not with diabetes", ["asthma"]),
]


@pytest.mark.parametrize(("text", "areas"), DENIED, ids=[text for text, _ in DENIED])
def test_what_is_denied_is_not_tagged(text: str, areas: list[str]) -> None:
    assert _areas(text) == areas


ACRONYMS = [
    ("multiple sclerosis (MS): MS at work", ["ms"]),
    ("Marfan syndrome (MS)", ["marfan"]),
    ("MS without its long form", []),
    ("patients with ALS", ["als"]),
    ("Living with ALS: a diary", ["als"]),
    ("measured with ALS", []),
    ("people with MS, which means two things", []),
    ("copd in lower case", []),
    ("COPD", ["copd"]),
    ("NSCLC, stage IV", ["nsclc"]),
    ("It aids recovery", []),
    ("people with AIDS", ["aids"]),
    ("living with HIV", ["hiv"]),
    ("Covid19 and COVID-19", ["covid"]),
    ("ALL patients", []),
    ("HOW ALL PEOPLE WITH COPD LIVE", []),
    ("mass spectrometry (MS) in multiple sclerosis: MS of samples", ["ms"]),
    ("MS (multiple sclerosis)", ["ms"]),
    ("hereditary breast cancer (HBC). HBC runs in families", ["breast"]),
    ("von Hippel-Lindau (VHL) disease; VHL in families", ["vhl"]),
    ("non-Hodgkin lymphoma (NHL); NHL without diabetes", ["nhl"]),
]


@pytest.mark.parametrize(("text", "areas"), ACRONYMS, ids=[text for text, _ in ACRONYMS])
def test_an_acronym_counts_when_it_cannot_be_mistaken(text: str, areas: list[str]) -> None:
    assert _areas(text) == areas


def test_an_acronym_in_the_title_is_explained_by_the_text() -> None:
    (tag,) = TAGGER.tag(title="News on MS", text="Multiple sclerosis is studied.")
    assert (tag.area_id, tag.in_title, tag.found) == ("ms", True, "MS")


def test_the_title_comes_first_then_the_count_then_the_place() -> None:
    text = "Diabetes, asthma, lung cancer, asthma and depression."
    tags = TAGGER.mentions(title="On depression", text=text)
    assert [tag.area_id for tag in tags] == ["depression", "asthma", "diabetes", "lung"]


def test_a_tag_shows_the_words_that_were_found() -> None:
    tags = TAGGER.tag(title="", text="Diabetes  Mellitus, type II; breast and ovarian cancers")
    assert [tag.found for tag in tags] == ["Diabetes Mellitus, type II", "breast cancers", "ovarian cancers"]
    assert not any(tag.in_title for tag in tags)


@given(st.text(), st.text())
def test_any_text_can_be_tagged(title: str, text: str) -> None:
    tags = TAGGER.tag(title=title, text=text)
    assert len({tag.area_id for tag in tags}) == len(tags)
    assert all(tag.area_id in TREE for tag in tags)


SINGLES = ["asthma", "leukemia", "multiple sclerosis", "Crohn's disease", "depressive disorders"]


@given(
    st.lists(st.sampled_from(SINGLES), min_size=1, unique=True), st.sampled_from([". ", "; ", " while ", " (also) "])
)
def test_names_side_by_side_are_all_found_in_their_order(names: list[str], between: str) -> None:
    found = [tag.found for tag in TAGGER.tag(title="", text=between.join(names))]
    assert [words.lower() for words in found] == [name.lower() for name in names]


@given(st.lists(st.sampled_from(SINGLES), min_size=1, unique=True))
def test_a_denied_list_is_denied_to_its_end(names: list[str]) -> None:
    assert _areas(f"people without {', '.join(names)}") == []


def test_every_name_of_the_vocabulary_is_tagged_as_its_area() -> None:
    for node in TREE.nodes:
        if node.id != "generic":
            assert _areas(node.name) == [node.id]


def _about(title: str, text: str = "") -> list[str]:
    return [tag.area_id for tag in TAGGER.tag(title=title, text=text)]


PADDING = " ".join(["Then we walked on and counted the trees along the river."] * 20)
ASIDES = [
    ("A cancer medicine is used in this multiple sclerosis trial", ["ms"]),
    ("A breast cancer drug for asthma", ["asthma"]),
    ("Asthma in people with a history of leukaemia", ["asthma"]),
    ("The Leukaemia Society funds asthma research", ["asthma"]),
    ("A new diabetes medicine", ["diabetes"]),
    ("Asthma or diabetes", ["asthma", "diabetes"]),
]


@pytest.mark.parametrize(("title", "areas"), ASIDES, ids=[title for title, _ in ASIDES])
def test_a_word_in_passing_is_not_what_a_text_is_about(title: str, areas: list[str]) -> None:
    assert _about(title) == areas


def test_a_long_text_is_about_what_its_title_names_not_about_each_disease_in_it() -> None:
    text = f"Asthma was treated. {PADDING} Some had diabetes. {PADDING} Asthma got better."
    assert _about("Living with asthma", text) == ["asthma"]
    mentions = TAGGER.mentions(title="Living with asthma", text=text)
    assert [tag.area_id for tag in mentions] == ["asthma", "diabetes"]
    assert not mentions[1].passing


def test_a_short_summary_is_about_what_its_title_names() -> None:
    text = "The tablet, first made for diabetes, was tested in 60 people. They walked along the river in spring, "
    text += "rested under the trees for an hour, and walked back home the same day. Some had leukaemia."
    assert _about("New hope in multiple sclerosis", text) == ["ms"]


def test_without_a_title_what_is_named_often_is_what_a_text_is_about() -> None:
    text = f"We look at trees. {PADDING} Diabetes. {PADDING} Asthma, and asthma, and patients with asthma. {PADDING}"
    assert _about("", text) == ["asthma"]


def test_every_condition_of_a_short_list_counts() -> None:
    assert _about("", "Asthma. Lung cancer. Hepatitis B. Depression") == ["asthma", "lung", "hepatitis-b", "depression"]


def test_every_condition_of_a_long_list_is_named() -> None:
    keywords = ". ".join(["examplumab", "placebo", "gait", "river", "trees"] * 40)
    tags = TAGGER.named(title="A lung cancer drug", text=f"Asthma. {keywords}. Depression. No diabetes")
    assert [tag.area_id for tag in tags] == ["asthma", "depression"]


def test_a_score_has_a_reason() -> None:
    (asthma, cancer) = TAGGER.mentions(title="A breast cancer drug for asthma", text="Patients with asthma took it.")
    assert 0 < cancer.score < asthma.score <= 1
    assert (asthma.passing, cancer.passing) == (False, True)
    assert asthma.reason == "in the title, as what people have or are treated for, 2 times"
    assert cancer.reason == "in the title, only in passing"


def test_what_is_denied_is_mentioned_with_no_score() -> None:
    (denied,) = TAGGER.mentions(title="", text="adults without diabetes")
    assert (denied.area_id, denied.score, denied.reason, denied.passing) == ("diabetes", 0.0, "denied", True)


def test_an_area_that_mesh_lacks_speaks_of_the_one_above_it() -> None:
    tree = AreaTree(
        [
            AreaNode(id="D001249", name="Asthma"),
            AreaNode(id="severe-asthma", name="Severe asthma", parents=("D001249",)),
        ]
    )
    tagger = Tagger(tree)
    assert [tag.area_id for tag in tagger.tag(title="Severe asthma", text="")] == ["severe-asthma"]
    assert [tag.area_id for tag in tagger.mentions(title="Severe asthma", text="")] == ["severe-asthma", "D001249"]


def test_a_broad_area_weighs_less_than_a_narrow_one_beside_it() -> None:
    tree = AreaTree(
        [
            AreaNode(id="D009369", name="Cancer"),
            AreaNode(id="D001943", name="Breast cancer", parents=("D009369",)),
        ]
    )
    (narrow, broad) = Tagger(tree).mentions(title="", text="cancer and breast cancer")
    assert (narrow.area_id, broad.area_id) == ("D001943", "D009369")
    assert broad.reason.endswith("a narrower area is named")


def test_a_tagger_that_forgets_its_words_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    title, text = "COPD and type 2 diabetes", "Cancers of the breast and ovary, multiple sclerosis (MS), then MS again."
    expected = Tagger(TREE).mentions(title=title, text=text)
    monkeypatch.setattr("trialalerts.vocabulary.tagging.dictionary._MEMORY", 2)
    tagger = Tagger(TREE)
    assert [tagger.mentions(title=title, text=text) for _ in range(2)] == [expected] * 2
