"""The phrases of safety notices: all of them in each language, in words that are understood at the age of twelve."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from benchmarks.reading_grade import grade
from tests.test_reading_grade import HIGHEST, sentences
from trialalerts.sources.safety import phrases_of
from trialalerts.subscribers.choices import LANGUAGES


def flat(language: str) -> Mapping[str, str]:
    """Return the phrases of a language by their dotted keys."""
    return {f"{part}.{key}": said for part, found in phrases_of(language).items() for key, said in found.items()}


def placeholders(phrase: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", phrase))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_language_says_all_with_the_same_to_fill_in(language: str) -> None:
    english, said = flat("en"), flat(language)
    assert said.keys() == english.keys()
    assert {key: placeholders(text) for key, text in said.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_notice_names_the_authority_that_it_is_from(language: str) -> None:
    said = flat(language)
    for key in ("listed", "over", "undated"):
        assert "EMA" in said[f"text.ema_{key}"]
        assert "FDA" in said[f"text.fda_{key}"]
    assert "EMA" in said["text.ema_letter"]


def test_each_english_sentence_is_understood_at_the_age_of_twelve() -> None:
    said = [(key, sentence) for key, text in flat("en").items() for sentence in sentences(text)]
    assert len(said) > 10
    hard = {f"{key}: {text}": round(grade(text), 1) for key, text in said if grade(text) > HIGHEST}
    assert hard == {}
