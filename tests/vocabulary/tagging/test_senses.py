"""Everyday words, persons, organisations and journals are no diseases; eponyms and acronyms alone are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.vocabulary.tagged_sentences import HALVES, is_right, sentences
from trialalerts.vocabulary.tagging.tagger import Tagger

_AT_MOST = 0.03


def _named(tagger: Tagger, title: str, text: str = "") -> list[str]:
    return [tagger.areas.name(tag.area_id) for tag in tagger.mentions(title=title, text=text)]


def test_of_the_sentences_written_by_hand_at_most_three_in_a_hundred_are_wrong(tagger: Tagger) -> None:
    all_of_them = sentences()
    wrong = [sentence.text for sentence in all_of_them if not is_right(sentence, tagger)]
    assert len(all_of_them) >= 300
    assert {sentence.half for sentence in all_of_them} == set(HALVES)
    assert 0.4 < sum(sentence.is_trap for sentence in all_of_them) / len(all_of_them) < 0.6
    assert len(wrong) <= _AT_MOST * len(all_of_them), wrong


CASES = {
    "acute hepatitis": ["Hepatitis A"],
    "analgesia": [],
    "consciousness": ["Unconsciousness", "Fainting"],
    "gene": [],
    "scar": [],
    "respiratory": [],
    "fracture": [],
    "disc": ["Herniated disc"],
    "pulposus": ["Herniated disc"],
    "sickle": ["Sickle cell disease"],
    "longqt": ["Long QT syndrome"],
    "icu": [],
    "society": [],
}


@pytest.mark.parametrize("id_", CASES)
def test_the_shared_texts_are_about_what_they_say(tagger: Tagger, shared_cases: Path, id_: str) -> None:
    lines = (shared_cases / "tagging" / "texts.jsonl").read_text("utf-8").splitlines()
    text = next(line for line in map(json.loads, lines) if line["id"] == id_)
    tags = tagger.tag(title=text["title"], text=text["text"])
    assert {tag.area_id for tag in tags} == {tagger.areas.find(area).id for area in CASES[id_]}


def test_compounds_with_a_disease_word_name_none(tagger: Tagger, shared_cases: Path) -> None:
    lines = (shared_cases / "tag-false-friends" / "titles.txt").read_text("utf-8").splitlines()
    titles = [line.partition(" | ")[0] for line in lines if line]
    assert {title: found for title in titles if (found := _named(tagger, title))} == {}
    assert titles


def test_eponyms_and_acronyms_alone_name_their_disease(tagger: Tagger, shared_cases: Path) -> None:
    lines = (shared_cases / "tag-eponym-without-noun" / "titles.txt").read_text("utf-8").splitlines()
    for title, _, area in (line.partition(" | ") for line in lines if line):
        assert tagger.areas.find(area).id in {tag.area_id for tag in tagger.tag(title=title, text="")}, title


NO_DISEASE = [
    "Depression of the ST segment under exercise",
    "Spreading depression and the synapse",
    "Fracture toughness of dental zirconia",
    "Hydraulic fracture of shale",
    "The Canis lupus genome",
    "A four-stroke engine for the generator",
    "Stroke work and stroke index under dobutamine",
    "Shock wave lithotripsy",
    "An inappropriate shock by the defibrillator",
    "Heat shock proteins in yeast",
    "The Tropic of Cancer by bicycle",
    "Nurses of the intensive care unit",
    "A critic reads The Anxiety of Influence",
    "Burns KE, Adhikari NK: a reply",
    "Reply to Parkinson and colleagues",
    "Professor Ménière remembered",
    "The Huntington Library opens",
    "J. Crohn",
    "European Journal of Cancer, volume 51",
    "The Brain Tumour Charity opens an office",
    "Lupus Foundation of America elects a chair",
    "Wilson's theorem",
    "An anaemia of ideas",
    "BRCA1 and its promoter",
    "SCAR (severe cutaneous adverse reaction) network",
    "MS Excel for nurses",
]


@pytest.mark.parametrize("title", NO_DISEASE)
def test_a_disease_word_in_other_company_names_no_disease(tagger: Tagger, title: str) -> None:
    assert _named(tagger, title) == []


DISEASES = [
    ("Depression after a stroke", ["Depression", "Stroke"]),
    ("Two strokes in one year", ["Stroke"]),
    ("A fracture of the hip", ["Hip fracture"]),
    ("Burns with smoke inhalation", ["Burns"]),
    ("Lupus in Canada", ["Lupus"]),
    ("Septic shock", ["Septic shock"]),
    ("Cancer in the family", ["Cancer"]),
    ("Wilson's: copper and the liver", ["Wilson's disease"]),
    ("Parkinson's and the research of Dr Grey", ["Parkinson's disease"]),
    ("parkinsons and sleep", ["Parkinson's disease"]),
    ("Sjogren or Sjögren: dry eyes", ["Sjögren's syndrome", "Dry eye"]),
    ("Lambert-Eaton: amifampridine", ["Lambert-Eaton syndrome"]),
    ("PSC patients wait for a drug", ["Primary sclerosing cholangitis"]),
    ("Treatment of RA", ["Rheumatoid arthritis"]),
    ("BRCA1 carriers and ovarian surgery", ["Hereditary breast and ovarian cancer"]),
    ("Type 2 diabetic nephropathy", ["Diabetic nephropathy"]),
]


@pytest.mark.parametrize(("title", "areas"), DISEASES, ids=[title for title, _ in DISEASES])
def test_the_same_words_name_their_disease_elsewhere(tagger: Tagger, title: str, areas: list[str]) -> None:
    assert {tagger.areas.find(area).id for area in areas} <= {tag.area_id for tag in tagger.tag(title=title, text="")}


def test_an_acronym_in_a_title_that_the_text_explains_otherwise_is_no_disease(tagger: Tagger) -> None:
    assert tagger.tag(title="RCC of patients", text="The regional car club (RCC) met.") == []
