"""A supplementary term that a registry found by an acronym alone is not believed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree
from trialalerts.vocabulary.tagging.term_trust import trusted_ancestors, trusted_record, trusted_terms, with_named

ASTHMA = ("D001249", "Asthma")
TERMS = [
    (("C562694", "Epilepsy, Idiopathic Generalized"), ["Asthma", "IgE"], False),
    (("C565324", "Parkinson Disease 4, Autosomal Dominant Lewy Body"), ["Melanoma"], False),
    (("C563326", "Diabetes Mellitus, Insulin-Dependent, 12"), ["Melanoma", "CTLA4"], False),
    (("C563326", "Diabetes Mellitus, Insulin-Dependent, 12"), ["Insulin-dependent diabetes"], True),
    (("C557674", "SeSAME syndrome"), ["Food allergy", "Sesame"], False),
    (("C557674", "SeSAME syndrome"), ["SeSAME Syndrome"], True),
    (("C562730", "Adenocarcinoma Of Esophagus"), ["Oesophageal adenocarcinoma"], True),
    (("C537409", "Bruton type agammaglobulinemia"), ["X-linked Agammaglobulinaemia"], True),
    (("C531698", "Intestinal helminthiasis"), ["Intestinal Helminthiases"], True),
    (("D004829", "Epilepsy, Generalized"), ["Asthma"], True),
    (("C999999", "Syndrome, type 4"), ["Asthma"], True),
    (("D009362", "Neoplasm Metastasis"), ["Macular edema secondary to retinal vein occlusion"], False),
    (("D009362", "Neoplasm Metastasis"), ["Secondary tumours of the liver"], True),
]


@pytest.mark.parametrize(
    ("term", "texts", "trusted"), TERMS, ids=[f"{term[1]} in {texts[0]}" for term, texts, _ in TERMS]
)
def test_a_supplementary_term_is_trusted_where_the_record_says_it(
    term: tuple[str, str], texts: list[str], trusted: bool
) -> None:
    assert trusted_terms([ASTHMA, term], texts) == ([ASTHMA, term] if trusted else [ASTHMA])


def test_of_the_ancestors_those_above_the_remaining_terms_stay() -> None:
    tree = AreaTree(
        [
            AreaNode(id="D012140", name="Respiratory Tract Diseases"),
            AreaNode(id="D001249", name="Asthma", parents=("D012140",)),
            AreaNode(id="D001927", name="Brain Diseases"),
        ]
    )
    ancestors = ["D012140", "D001927", "D009422"]
    assert trusted_ancestors(ancestors, ["D001249"], tree) == {"D012140"}
    assert trusted_ancestors(ancestors, ["C000001"], tree) == frozenset()


def test_ancestors_of_no_term_at_all_are_not_believed() -> None:
    assert trusted_record([], [{"id": "D009369", "name": "Neoplasms"}], ["Herniated disc"], AreaTree([])) == ([], [])


IDS = tuple("abcdefgh")
TREES = st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8).map(
    lambda above: AreaTree(
        AreaNode(id=id_, name=id_, parents=tuple(IDS[parent] for parent in parents if parent < place))
        for place, (id_, parents) in enumerate(zip(IDS, above, strict=True))
    )
)
SOME_IDS = st.lists(st.sampled_from((*IDS, "unknown")), unique=True)


@given(areas=TREES, terms=SOME_IDS, named=SOME_IDS, ancestors=SOME_IDS)
def test_a_record_is_about_its_terms_and_what_is_named_beside_and_below_them(
    areas: AreaTree, terms: list[str], named: list[str], ancestors: list[str]
) -> None:
    found = with_named(terms, named, ancestors, areas)
    added = set(found[len(terms) :])
    above = set(ancestors).union(*map(areas.ancestors, found))
    assert found[: len(terms)] == terms
    assert len(found) == len(set(found))
    assert added <= set(named)
    assert added.isdisjoint(above)  # nothing added stands above a result
    assert set(named) <= {*found, *above}  # whoever follows what is named is told
    assert found == with_named(terms, sorted(named, reverse=True), ancestors, areas)
    assert found == with_named(found, named, ancestors, areas)


def test_on_real_records_no_allergy_stays_an_epilepsy(shared_data: Path) -> None:
    dropped: set[str] = set()
    kept: set[str] = set()
    with gzip.open(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz") as lines:
        for line in lines:
            study = json.loads(line)["study"]
            meshes = study.get("derivedSection", {}).get("conditionBrowseModule", {}).get("meshes", [])
            terms = [(mesh["id"], mesh["term"]) for mesh in meshes]
            protocol = study["protocolSection"]
            module = protocol.get("conditionsModule", {})
            title = protocol["identificationModule"].get("briefTitle", "")
            texts = [*module.get("conditions", ()), *module.get("keywords", ()), title]
            trusted = trusted_terms(terms, texts)
            kept.update(id_ for id_, _ in trusted)
            dropped.update(id_ for id_, _ in set(terms) - set(trusted))
    assert {"C562694", "C565324", "C537340", "C566121"} <= dropped
    assert {"C531698", "C535650", "C000715748"} <= kept
    assert all(id_.startswith("C") for id_ in dropped)
