"""What a registry says to everybody: above the plain line, in the reader's language only, and marked as its words."""

from __future__ import annotations

from html import unescape

import pytest

from tests.digests.rendering_samples import facts, mail, trial
from trialalerts.catalog.facts import LayText

SUMMARIES = {
    "en": "We look at whether a walk a day eases tiredness. People walk for twelve weeks.",
    "de": "Wir sehen nach, ob ein Spaziergang am Tag gegen Müdigkeit hilft. Man geht zwölf Wochen lang.",
    "fr": "Nous regardons si une marche par jour aide contre la fatigue. On marche douze semaines.",
    "es": "Miramos si un paseo al día alivia el cansancio. Se camina doce semanas.",
}
LAY = tuple(
    LayText(language=language, title=f"Title for everybody, {language}", summary=summary)
    for language, summary in SUMMARIES.items()
)
MARKED = {
    "en": "The register’s own words, in English: “We look at whether a walk a day eases tiredness.”",
    "de": "Im Wortlaut des Registers, auf Deutsch: „Wir sehen nach, ob ein Spaziergang am Tag gegen Müdigkeit hilft.“",
    "fr": "Texte original du registre, en français : « Nous regardons si une marche par jour aide contre la fatigue. »",
    "es": "Texto original del registro, en español: «Miramos si un paseo al día alivia el cansancio.»",
}


def plain(text: str) -> str:
    return " ".join(text.replace("\u202f", " ").replace("\xa0", " ").split())


@pytest.mark.parametrize("language", SUMMARIES)
def test_it_stands_above_the_plain_line_and_one_sentence_is_quoted_as_the_registrys_words(language: str) -> None:
    message = mail([trial(1, told=facts(lay=LAY))], locale=language)
    html = unescape(message.html or "")
    for part in (message.text, html):
        said = plain(part)
        assert said.index(f"Title for everybody, {language}") < said.index("Examplomab for people")
        for other in SUMMARIES.keys() - {language}:
            assert f"everybody, {other}" not in said
    assert MARKED[language] in plain(message.text)
    assert f'<span dir="auto" lang="{language}">' in html
    assert SUMMARIES[language].split(". ")[1] not in plain(html)


def test_a_language_with_a_country_is_that_language() -> None:
    lay = (LayText(language="de-AT", title="Für alle"),)
    assert "Für alle" in mail([trial(1, told=facts(lay=lay))], locale="de").text


@pytest.mark.parametrize(
    "lay", [(), (LayText(language="it", title="Per tutti", summary="Uno. Due."),)], ids=["none", "it"]
)
def test_where_there_is_none_in_the_readers_language_the_card_is_as_ever(lay: tuple[LayText, ...]) -> None:
    assert mail([trial(1, told=facts(lay=lay))], locale="en").text == mail([trial(1)], locale="en").text


def test_a_long_one_is_cut_at_a_word() -> None:
    lay = (LayText(language="en", title="word " * 100, summary="another " * 100),)
    lines = mail([trial(1, told=facts(lay=lay))]).text.splitlines()
    assert sum("word" in line for line in lines) <= 3
    assert sum("another" in line for line in lines) <= 4


def test_what_a_registry_wrote_is_text_and_no_markup() -> None:
    lay = (LayText(language="en", title="<b>Bold</b>", summary="<script>x</script> & more."),)
    html = mail([trial(1, told=facts(lay=lay))]).html or ""
    assert "<script>" not in html
    assert "&lt;b&gt;Bold&lt;/b&gt;" in html
