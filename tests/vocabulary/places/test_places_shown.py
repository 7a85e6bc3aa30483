"""A region is told as people in the reader's country call it."""

from __future__ import annotations

import pytest

from trialalerts.vocabulary.places.shown import country_shown, region_shown, subdivision_shown

TOLD = [
    ("Leeds, England, GB", "place", "GB", "GB-ENG", "en", "Leeds, England, United Kingdom"),
    ("Leeds, England, GB", "place", "GB", "GB-ENG", "fr", "Leeds, England, Royaume-Uni"),
    ("United Kingdom", "country", "GB", None, "de-AT", "Vereinigtes Königreich"),
    ("Bavaria, DE", "subdivision", "DE", "DE-BY", "de", "Bayern, Deutschland"),
    ("Bavaria, DE", "subdivision", "DE", "DE-BY", "fr", "Bavière, Allemagne"),
    ("California, US", "subdivision", "US", "US-CA", "es", "California, Estados Unidos"),
    ("Munich, Bavaria, DE", "place", "DE", "DE-BY", "de", "München, Bayern, Deutschland"),
    ("10115 Berlin, DE", "place", "DE", None, "en", "10115 Berlin, Germany"),
    ("somewhere of an own file", "place", "DE", None, "de", "somewhere of an own file"),
    ("anywhere", "anywhere", None, None, "de", "anywhere"),
]


@pytest.mark.parametrize(("label", "kind", "country", "part", "language", "told"), TOLD, ids=[row[-1] for row in TOLD])
def test_a_region_is_told_in_the_readers_language(
    label: str, kind: str, country: str | None, part: str | None, language: str, told: str
) -> None:
    assert region_shown(label, kind, country, part, language) == told


def test_what_nobody_translated_is_told_as_it_is_stored() -> None:
    assert subdivision_shown("GB-ENG", "fr") is None
    assert subdivision_shown("XX-YY", "de") is None
    assert country_shown("ZZZ", "de") is None
    assert country_shown("DE", "xx") == "Germany"
