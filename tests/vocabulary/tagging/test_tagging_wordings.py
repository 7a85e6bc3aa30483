"""More wordings are read than areas are called by, and an abstract is listed as annotators of mentions do it."""

from __future__ import annotations

import pytest

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.tagging.dictionary import read_wordings
from trialalerts.vocabulary.tagging.tagger import Tagger

PADDING = " ".join(["Then we walked on and counted the trees along the river."] * 8)


def _listed(tagger: Tagger, title: str, text: str) -> set[str]:
    mentions = tagger.mentions(title=title, text=text)
    return {tag.area_id for tag in tagger.listed(mentions, words=len(f"{title} {text}".split()))}


WORDINGS = [
    ("nephrotoxicity", "D007674"),
    ("renal damage", "D007674"),
    ("acute renal failure", "D058186"),
    ("hepatotoxicity", "D056486"),
    ("cardiac toxicity", "D066126"),
    ("memory impairment", "D008569"),
    ("loss of vision", "D001766"),
    ("elevated blood pressure", "D006973"),
    ("hypotensive", "D007022"),
    ("convulsions", "D012640"),
    ("QT prolongation", "D008133"),
    ("extrapyramidal symptoms", "D001480"),
    ("mental retardation", "D008607"),
    ("an autosomal recessive disorder", "D030342"),
    ("tumours", "D009369"),
    ("an overdose", "D062787"),
    ("atrophy", "D001284"),
    ("drug toxicity", "D064420"),
]


@pytest.mark.parametrize(("words", "id_"), WORDINGS, ids=[words for words, _ in WORDINGS])
def test_an_abstract_names_what_its_wording_means(tagger: Tagger, words: str, id_: str) -> None:
    assert id_ in _listed(tagger, "", f"{PADDING} We saw {words} in rats. {PADDING}")


def test_an_abstract_names_what_it_denies_a_sentence_does_not(tagger: Tagger) -> None:
    assert "D012640" in _listed(tagger, "", f"{PADDING} No seizures were seen.")
    assert _listed(tagger, "", "No seizures were seen.") == set()


def test_an_abstract_lists_no_treatment_and_no_condition_that_is_no_disease(tagger: Tagger) -> None:
    assert _listed(tagger, "", f"{PADDING} After dialysis, and in pregnancy, rats swam. {PADDING}") == set()


def test_a_common_word_is_named_but_nothing_is_about_it(tagger: Tagger) -> None:
    for words in ("Rupture with the past", "Toxicity at work", "An overdose of kindness"):
        assert tagger.tag(title=words, text="") == []
        assert tagger.named(title=words, text="") == []


def test_a_mood_is_listed_as_its_disorder_too(tagger: Tagger) -> None:
    assert {"D003863", "D003866"} <= _listed(tagger, "Depression in the young", "")


def test_every_wording_belongs_to_an_area_that_ships(shipped_areas: AreaTree) -> None:
    missing = {area_id for area_id, _ in read_wordings() if area_id not in shipped_areas}
    assert missing == set()
