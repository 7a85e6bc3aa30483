"""Texts in German, French and Spanish are tagged by the words of their language; English ones by none of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.tagging.tagger import Tagger
from trialalerts.vocabulary.text_language import text_language

SAID = [
    ("Neue Hoffnung für Brustkrebspatientinnen", "Die Studie ist für Frauen mit Metastasen.", "D001943"),
    ("Nach einem Schlaganfall wieder sprechen lernen", "", "D020521"),
    ("Multiple Sklerose: was die neue Therapie kann", "Sie ist für Menschen mit Schüben.", "D009103"),
    ("Leben mit Migräne", "Was bei Attacken hilft und wie man sie verhindert.", "D008881"),
    ("Sclérose en plaques : un nouveau traitement", "Les patients sont suivis par le centre.", "D009103"),
    ("Une étude sur le cancer du sein", "Elle est ouverte aux femmes de plus de 18 ans.", "D001943"),
    ("Vivre avec la maladie d’Alzheimer", "", "D000544"),
    ("Un nuevo estudio sobre el cáncer de mama", "Es para las mujeres con metástasis.", "D001943"),
    ("La esclerosis múltiple y el embarazo", "Lo que se sabe de los medicamentos.", "D009103"),
]

ENGLISH = [
    "Krebs cycle flux in cultured cells",
    "SIDA and the funding of research in Africa",
    "Cyclists gripe about the gale",
    "A colon in the title: mal practice and the angina of waiting",
    "The Tics of the clock, falls and the rage of the gods",
]


@pytest.fixture(scope="module")
def english(shipped_areas: AreaTree) -> Tagger:
    """A tagger of the same areas without their names in other languages."""
    return Tagger(AreaTree(replace(node, names=()) for node in shipped_areas.nodes))


@pytest.mark.parametrize(("title", "text", "area"), SAID, ids=[title for title, _, _ in SAID])
def test_a_text_is_about_what_it_says_in_its_language(tagger: Tagger, title: str, text: str, area: str) -> None:
    assert area in [tag.area_id for tag in tagger.tag(title=title, text=text)]


def test_what_the_feed_declares_decides_where_the_words_do_not(tagger: Tagger) -> None:
    assert [tag.area_id for tag in tagger.tag(title="Brustkrebs: Vorsorge", text="", language="de-AT")] == ["D001943"]
    assert text_language("Brustkrebs: Vorsorge", "", "en-US") == "en"
    assert text_language("Die Studie ist für Frauen", "", "en-US") == "de"


def test_the_names_of_the_cases_alone_are_tagged(tagger: Tagger, shared_cases: Path) -> None:
    names = (shared_cases / "area-names-of-the-other-languages" / "names.txt").read_text("utf-8").split("\n")
    meant = ["D001943", "D020521", "D009103", "D009103", "D001943", "D009103", "D001943"]
    assert [[tag.area_id for tag in tagger.tag(title=name, text="")] for name in names if name] == [[m] for m in meant]


@pytest.mark.parametrize("title", ENGLISH)
def test_a_word_of_another_language_tags_no_english_text(tagger: Tagger, english: Tagger, title: str) -> None:
    assert tagger.mentions(title=title, text="") == english.mentions(title=title, text="")


BENT = [
    "Brustkrebspatientinnen",
    "Asthmatherapie",
    "Diabetesforschung",
    "Parkinsonkranke",
    "Depressionen",
    "Schlaganfalls",
]


@pytest.mark.parametrize("word", BENT)
def test_german_compounds_and_endings_are_read(tagger: Tagger, word: str) -> None:
    assert tagger.mentions(title=f"Die neue Studie ist für {word} und ihre Ärzte", text="")


def test_a_verb_in_small_letters_is_no_noun(tagger: Tagger) -> None:
    assert tagger.mentions(title="Wie sich der Durst stillen lässt und was die Arbeit ist", text="") == []


def test_a_few_english_words_make_no_dictionary_of_another_language(
    shipped_areas: AreaTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is made in half a second, which every command that polls would pay for the first title of five words."""
    fresh = Tagger(shipped_areas)

    def made(*_: object) -> Tagger:
        raise AssertionError

    monkeypatch.setattr(Tagger, "_reading", made)
    for title in ("Walking in the morning", "Sleep Diary App", "RIVER-2", "Metformin", "Long COVID clinics"):
        fresh.mentions(title=title, text="")


def test_a_name_alone_is_looked_up_as_the_whole_dictionary_of_its_language_would(
    tagger: Tagger, shipped_areas: AreaTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for node in shipped_areas.nodes for _, said in node.names for name in said][::40]
    written = [each for name in names for each in (name, name.lower(), f"{name}!", f"{name}therapie", f"Neue {name}")]
    quick = [tagger.mentions(title=title, text="") for title in written]
    monkeypatch.setattr(Tagger, "_is_name", lambda *_: True)
    assert [tagger.mentions(title=title, text="") for title in written] == quick
