"""What people call their disease, in four languages, is found by the search and stands first in the suggestions."""

from __future__ import annotations

import pytest

from trialalerts.vocabulary.areas.tree import AreaTree

WORDS = {
    "en": [
        ("haemophilia", "haemophilia"), ("hemophilia", "haemophilia"), ("haemophiliac", "haemophilia"),
        ("brittle bones", "D010013"), ("brittle bone", "D010013"), ("weak bones", "D010024"),
        ("sugar disease", "D003920"), ("water on the brain", "D006849"), ("lockjaw", "D013742"),
        ("chicken pox", "D002644"), ("stomach ulcer", "D010437"), ("winter blues", "D016574"),
        ("hole in the heart", "D006330"), ("butterfly children", "D004820"), ("gluten intolerance", "D002446"),
    ],
    "de": [
        ("Bluterkrankheit", "haemophilia"), ("Hämophilie", "haemophilia"), ("Bluter", "haemophilia"),
        ("Glasknochen", "D010013"), ("brüchige Knochen", "D010013"), ("Knochenschwund", "D010024"),
        ("Raucherbein", "D058729"), ("Schaufensterkrankheit", "D058729"), ("Wundstarrkrampf", "D013742"),
        ("Fallsucht", "D004827"), ("Schüttellähmung", "D010300"), ("Nesselsucht", "D014581"),
    ],
    "fr": [
        ("hémophilie", "haemophilia"), ("os de verre", "D010013"), ("os fragiles", "D010013"),
        ("sucre dans le sang", "D003920"), ("ulcère de l'estomac", "D010437"), ("haut mal", "D004827"),
        ("palpitations", "D001145"), ("maladie bleue", "D013771"), ("thyroïde", "D013959"),
        ("tension artérielle élevée", "D006973"), ("dépression hivernale", "D016574"), ("jambes lourdes", "D014689"),
    ],
    "es": [
        ("hemofilia", "haemophilia"), ("huesos de cristal", "D010013"), ("huesos frágiles", "D010013"),
        ("azúcar alta", "D003920"), ("acidez", "D006356"), ("palpitaciones", "D001145"), ("tiroides", "D013959"),
        ("piernas cansadas", "D014689"), ("depresión invernal", "D016574"), ("culebrilla", "D006562"),
        ("almorranas", "D006484"), ("derrame cerebral", "D020521"),
    ],
}  # fmt: skip
TYPED = [(code, word, area) for code, words in WORDS.items() for word, area in words]


@pytest.mark.parametrize(("language", "word", "area"), TYPED, ids=[f"{code} {word}" for code, word, _ in TYPED])
def test_a_lay_word_finds_its_disease(shipped_areas: AreaTree, language: str, word: str, area: str) -> None:
    assert shipped_areas.find(word, language).id == area
    assert shipped_areas.search(word, language=language)[0].node.id == area


@pytest.mark.parametrize(
    ("language", "word"), [("en", "haemophilia"), ("de", "Hämophilie"), ("fr", "hémophilie"), ("es", "hemofilia")]
)
def test_haemophilia_stands_above_both_of_its_kinds(shipped_areas: AreaTree, language: str, word: str) -> None:
    found = [hit.node.id for hit in shipped_areas.search(word, language=language)]
    assert found[0] == "haemophilia"
    assert {"D006467", "D002836"} <= set(found)
    assert {"D006467", "D002836"} <= shipped_areas.with_below("haemophilia")


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "brittle bones"), ("de", "brüchige Knochen"), ("fr", "os fragiles"), ("es", "huesos frágiles")],
)
def test_brittle_bones_offer_osteoporosis_too(shipped_areas: AreaTree, language: str, word: str) -> None:
    assert [hit.node.id for hit in shipped_areas.search(word, language=language)][:2] == ["D010013", "D010024"]


HALF_TYPED = [
    ("en", "multiple sclrosi", "D009103"),
    ("en", "multiple sclro", "D009103"),
    ("en", "multiple scleor", "D009103"),
    ("en", "parkinson diseas", "D010300"),
    ("en", "rheumatoid artrit", "D001172"),
    ("de", "multiple skleors", "D009103"),
    ("fr", "sclérose en plauq", "D009103"),
    ("es", "esclerosis mutlip", "D009103"),
]


@pytest.mark.parametrize(("language", "typed", "area"), HALF_TYPED, ids=[typed for _, typed, _ in HALF_TYPED])
def test_a_second_word_half_typed_with_a_slip_is_understood(
    shipped_areas: AreaTree, language: str, typed: str, area: str
) -> None:
    assert shipped_areas.search(typed, language=language)[0].node.id == area


@pytest.mark.parametrize("typed", ["multiple xqzrt", "breast mesoth", "lung asthmat", "brain tremr"])
def test_what_is_near_nothing_offers_nothing_frightening(shipped_areas: AreaTree, typed: str) -> None:
    found = shipped_areas.search(typed)
    cancer = {"D009369"}
    assert not any(cancer & shipped_areas.ancestors(hit.node.id) for hit in found)
