"""A slip of the pen finds what was meant, or nothing: never a rarer or more frightening disease."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.spelling import WordFolder, name_key
from trialalerts.vocabulary.tables import AreaOrigin

LANGUAGES = ("en", "de", "fr", "es")
LETTERS = "abcdefghijklmnopqrstuvwxyz"

SLIPS = [
    ("en", "brest cancer", "D001943"),
    ("en", "breast cancr", "D001943"),
    ("en", "brestcancer", "D001943"),
    ("en", "pancriatic cancer", "D010190"),
    ("en", "haemophillia", None),
    ("en", "cirosis", "D008103"),
    ("de", "Brustkreps", "D001943"),
    ("de", "Schlagamfall", "D020521"),
    ("de", "Multible Sklerose", "D009103"),
    ("de", "Rheumatoide Artritis", "D001172"),
    ("de", "Migrähne", "D008881"),
    ("fr", "cancer du seins", "D001943"),
    ("fr", "scelrose en plaques", "D009103"),
    ("fr", "astme", "D001249"),
    ("fr", "alzeimer", "D000544"),
    ("es", "cancer de mamma", "D001943"),
    ("es", "esclerosis multipel", "D009103"),
    ("es", "diabetis", "D003920"),
]


@pytest.mark.parametrize(("language", "typed", "meant"), SLIPS, ids=[f"{code} {typed}" for code, typed, _ in SLIPS])
def test_a_slip_finds_what_was_meant(shipped_areas: AreaTree, language: str, typed: str, meant: str | None) -> None:
    if meant is not None:
        assert shipped_areas.search(typed, language=language)[0].node.id == meant


FRIGHTENING = [
    ("en", "cancer du sein", "uter"),
    ("en", "brest cancer", "mesothel"),
    ("en", "breat cancer", "mesothel"),
    ("en", "Krebs", "Epidermolysis"),
    ("de", "Kerbs", "Epidermolysis"),
    ("de", "Hämatom", "cancer"),
    ("de", "Lipom", "ymphom"),
    ("de", "Myom", "yelo"),
    ("en", "melasma", "elanoma"),
    ("fr", "grippe", "cancer"),
    ("en", "lung", "mesothel"),
]


@pytest.mark.parametrize(("language", "typed", "frightening"), FRIGHTENING, ids=[f"{t} {f}" for _, t, f in FRIGHTENING])
def test_nothing_more_frightening_is_offered_for_a_word(
    shipped_areas: AreaTree, language: str, typed: str, frightening: str
) -> None:
    offered = [hit.node.name for hit in shipped_areas.search(typed, language=language, limit=3)]
    assert not [name for name in offered if frightening in name]


def slips(word: str, chance: random.Random) -> Iterator[str]:
    """One letter left out, doubled, taken for another, two exchanged: each at a place by chance."""
    places = [place for place, letter in enumerate(word) if letter.isalpha() and place > 0]
    place = chance.choice(places)
    yield word[:place] + word[place + 1 :]
    yield word[:place] + word[place] + word[place:]
    yield word[:place] + chance.choice(LETTERS) + word[place + 1 :]
    place = chance.choice([place for place in places if place + 1 < len(word)] or places)
    yield word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]


def completes(typed: str, name: str) -> bool:
    """Tell whether what was typed is no slip but the beginning of a name, or of words of it."""
    folder = WordFolder()
    words = name_key(name, folder)
    return all(any(word.startswith(each) for word in words) for each in name_key(typed, folder))


def measured(areas: AreaTree, language: str, every: int = 1) -> tuple[int, int, list[tuple[str, str, str]]]:
    """Return how many slips found what was meant, how many nothing, and those that found something else."""
    chance = random.Random(13)
    right, nothing, wrong = 0, 0, []
    curated = [node for node in areas.nodes if node.origin is AreaOrigin.CURATED]
    for node in curated[::every]:
        name = node.shown.within(language)
        for typed in slips(name, chance):
            hits = areas.search(typed, language=language, limit=1)
            nothing += not hits
            right += bool(hits) and hits[0].node.id == node.id
            if hits and hits[0].node.id != node.id and not completes(typed, hits[0].matched):
                wrong.append((typed, name, hits[0].matched))
    return right, nothing, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_slip_in_a_curated_name_offers_that_one_first_or_none(shipped_areas: AreaTree, language: str) -> None:
    """Every ninth name with four slips; a slip that makes another name, or begins one, is that."""
    right, nothing, wrong = measured(shipped_areas, language, every=9)
    assert wrong == []
    assert right > 5 * nothing


@settings(deadline=None, max_examples=30)
@given(typed=st.text(alphabet=LETTERS + " ", max_size=30))
def test_whatever_is_typed_is_looked_up(shipped_areas: AreaTree, typed: str) -> None:
    assert len(shipped_areas.search(typed, limit=3, language="de")) <= 3
