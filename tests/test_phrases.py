"""The words that readers see: the phrases that were mended do not come back, and each language keeps its signs."""

from __future__ import annotations

import re
from functools import cache

import pytest

from trialalerts.digests.cards.wording import read_strings
from trialalerts.files import shipped

MENDED = {
    "en": ["(for for", "1 trials", "Your first mail is on its way", "news a week: 0", "never keeps it from you"],
    "de": [
        "von Neuem sofort hören", "haben sie höchstens einmal am Tag bestellt", "Krankheit oder Erkrankung",
        "an Ihrem Morgen", "Ist es so gemeint?", "Was es bringen würde", "noch keine Aufnahme",
        "Bitte sehen Sie in Ihr Postfach", "Ihre Mails sind eingeschaltet", "offenes Zentrum", "Scheinmittel",
        "nur für Ihre Augen", "bitte auf Englisch", "nehmen jetzt auf", "nehmen jetzt Menschen auf",
        "nimmt nun Menschen auf",
        "Sie warten auf Ihrer Seite", "Nach allem suchen zu",
        "hält sie nie von Ihnen fern", "sehen Sie die Punkte", "Ansehen, was", "geht nicht",
    ],
    "fr": [
        "ce que je suis", "aucun suivi", "Rien de coché", "ne vous en prive jamais", "Une distance à vous", "Aussitôt",
        "Vous l’avez demandé une fois par jour", "courriel", "Plus d’e-mails", "dans ce pays ou cette région", "(e)",
        "rien ne vient", "combien de nouvelles cela apporte", "Vos nouvelles des études", "{people} dans le temps",
    ],
    "es": [
        "Lo que traería", "sin voluntarios sanos", "Lo pidió una vez al día", "Ya busca participantes",
        "no se fíe de él",
        "mirar por usted", "o ambas",
        "no dice nunca se lo oculta", "No más correos", "cuántas novedades trae", "lo que recluta",
    ],
}  # fmt: skip
"""By language, what was written once and is said otherwise now."""

CATALOGS = [(folder, code) for folder in ("email", "web", "safety") for code in MENDED]
NAMES = [f"{folder} {code}" for folder, code in CATALOGS]


@cache
def catalog(folder: str, code: str) -> dict[str, str]:
    """Return the strings of a catalog by their keys."""
    return read_strings(shipped(f"templates/{folder}") / f"strings.{code}.toml")


def having(folder: str, code: str, pattern: str) -> dict[str, str]:
    """Return the strings in which a pattern stands, markup and links left out."""
    plain = {
        key: re.sub(r"<[^>]*>|https?:\S+", "", said).replace("\u2011", "-")
        for key, said in catalog(folder, code).items()
    }
    return {key: said for key, said in plain.items() if re.search(pattern, said)}


@pytest.mark.parametrize(("folder", "code"), CATALOGS, ids=NAMES)
def test_no_phrase_that_was_mended_comes_back(folder: str, code: str) -> None:
    assert having(folder, code, "|".join(re.escape(phrase) for phrase in MENDED[code])) == {}


@pytest.mark.parametrize(("folder", "code"), CATALOGS, ids=NAMES)
def test_nothing_is_shouted(folder: str, code: str) -> None:
    assert having(folder, code, r"[!¡]") == {}


@pytest.mark.parametrize("folder", ["email", "web", "safety"])
def test_french_has_its_own_quotes_apostrophes_and_spaces(folder: str) -> None:
    assert having(folder, "fr", "[“”„\"]|\\w'\\w") == {}
    found = having(folder, "fr", r"(?<=[^\s\u00a0\u202f])[;?]|(?<= )[;:?»]|« ")
    assert found.keys() <= {"filters.excluded_hint"}  # tells what to type


@pytest.mark.parametrize("folder", ["email", "web", "safety"])
def test_spanish_has_its_own_quotes(folder: str) -> None:
    assert having(folder, "es", "[“”„]") == {}


@pytest.mark.parametrize("folder", ["email", "web", "safety"])
def test_spanish_calls_a_study_one_thing(folder: str) -> None:
    assert having(folder, "es", r"(?i)(?<!unidad de )\bensayos?\b") == {}


def test_no_mail_in_french_is_parted_at_its_hyphen() -> None:
    parted = {key: said for key, said in catalog("email", "fr").items() if re.search(r"[Ee]-mail", said)}
    assert parted == {}
