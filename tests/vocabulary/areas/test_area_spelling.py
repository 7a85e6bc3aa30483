"""Two ways of writing one disease name fold to the same key; two diseases do not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.spelling import WordFolder, fold_word, name_key, name_orders, split_words

SAME = [
    ("tumour", "tumor"),
    ("Tumours", "tumor"),
    ("leukaemia", "leukemias"),
    ("oesophageal", "esophageal"),
    ("anaemia", "anemia"),
    ("haemophilia", "hemophilia"),
    ("paediatric", "pediatric"),
    ("diarrhoea", "diarrhea"),
    ("ischaemic", "ischemic"),
    ("behavioural", "behavioral"),
    ("generalised", "generalized"),
    ("paralysed", "paralyzed"),
    ("fibre", "fibers"),
    ("leucopenia", "leukopenia"),
    ("diseases", "disease"),
    ("viruses", "virus"),
    ("headaches", "headache"),
    ("abscesses", "abscess"),
    ("allergies", "allergy"),
    ("scleroses", "sclerosis"),
    ("metastases", "metastasis"),
    ("arthritides", "arthritis"),
    ("carcinomata", "carcinoma"),
    ("bones", "bone"),
    ("toes", "toe"),
    ("women", "woman"),
    ("Crohn's", "Crohn"),
    ("Crohn’s", "crohns"),
    ("Sjögren", "SJOGREN"),
    ("Ménière", "meniere"),
    ("II", "2"),
]
DIFFERENT = [("aids", "aid"), ("hives", "hive"), ("sarcoma", "sarcoid"), ("B", "C"), ("hypotension", "hypertension")]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[f"{one}-{other}" for one, other in SAME])
def test_spellings_of_one_word_have_one_key(one: str, other: str) -> None:
    assert fold_word(one) == fold_word(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[f"{one}-{other}" for one, other in DIFFERENT])
def test_two_words_stay_two(one: str, other: str) -> None:
    assert fold_word(one) != fold_word(other)


@given(st.from_regex(r"[a-z]{4,12}[bcdgklmnprt]", fullmatch=True))
def test_a_plural_s_makes_no_difference(word: str) -> None:
    assert fold_word(word) == fold_word(f"{word}s") == fold_word(f"{word}'s")


@given(st.text(max_size=40))
def test_decomposed_accents_make_no_difference(text: str) -> None:
    folder = WordFolder()
    composed = unicodedata.normalize("NFC", text)
    assert name_key(unicodedata.normalize("NFD", composed), folder) == name_key(composed, folder)


@given(st.text())
def test_any_text_can_be_split_and_folded(text: str) -> None:
    assert all(fold_word(word) for word in split_words(text))


def test_a_text_is_split_into_words_numbers_and_marks() -> None:
    assert split_words("Crohn's disease (CD), type-2: COVID-19.") == [
        *("Crohn's", "disease", "(", "CD", ")", ",", "type", "2", ":", "COVID", "19", "."),
    ]


def test_a_list_item_begins_a_new_phrase() -> None:
    assert split_words("lung\ncancer") == ["lung", "cancer"]
    assert split_words("lung\n- cancer") == ["lung", "\n", "cancer"]


def test_an_inverted_name_is_turned_round() -> None:
    assert list(name_orders("Leukemia, Myeloid, Acute")) == ["Leukemia, Myeloid, Acute", "Acute Myeloid Leukemia"]
    assert list(name_orders("Asthma")) == ["Asthma"]


def test_a_folder_forgets_when_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialalerts.vocabulary.spelling._MEMORY", 3)
    folder = WordFolder()
    assert [folder[word] for word in ("asthma", "gout", "acne", "Tumours", "gout")] == [
        *("asthma", "gout", "acne", "tumor", "gout"),
    ]
    assert len(folder) <= 3


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_split_as_any_other_text_is(text: str) -> None:
    assert [*split_words(text), "é"] == split_words(f"{text} é")
