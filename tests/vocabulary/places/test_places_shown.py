"""A region is told as people in the reader's country call it."""

from __future__ import annotations

from pathlib import Path

import pycountry
import pytest

from trialalerts.vocabulary.places import shown
from trialalerts.vocabulary.places.shown import country_shown, region_shown, subdivision_shown

TOLD = [
    ("Leeds, England, GB", "place", "GB", "GB-ENG", "en", "Leeds, England, United Kingdom"),
    ("Leeds, England, GB", "place", "GB", "GB-ENG", "fr", "Leeds, Angleterre, Royaume-Uni"),
    ("United Kingdom", "country", "GB", None, "de-AT", "Vereinigtes Königreich"),
    ("Bavaria, DE", "subdivision", "DE", "DE-BY", "de", "Bayern, Deutschland"),
    ("Bavaria, DE", "subdivision", "DE", "DE-BY", "fr", "Bavière, Allemagne"),
    ("California, US", "subdivision", "US", "US-CA", "es", "California, Estados Unidos"),
    ("Munich, Bavaria, DE", "place", "DE", "DE-BY", "de", "München, Bayern, Deutschland"),
    ("Brittany, FR", "subdivision", "FR", "FR-BRE", "de", "Bretagne, Frankreich"),
    ("Brittany, FR", "subdivision", "FR", "FR-BRE", "es", "Bretaña, Francia"),
    ("Bern, CH", "subdivision", "CH", "CH-BE", "es", "Berna, Suiza"),
    ("Murcia, ES", "subdivision", "ES", "ES-MC", "fr", "Murcie, Espagne"),
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
    assert subdivision_shown("GB-ENG", "en") is None
    assert subdivision_shown("US-OH", "fr") is None
    assert subdivision_shown("XX-YY", "de") is None
    assert country_shown("ZZZ", "de") is None
    assert country_shown("DE", "xx") == "Germany"


def test_the_names_written_by_hand_are_of_subdivisions_that_iso_has_each_once() -> None:
    lines = Path(shown.__file__).with_name("shown.txt").read_text(encoding="utf-8").splitlines()
    codes = [line.split(" | ")[0] for line in lines if line and not line.startswith("#")]
    assert [code for code in codes if pycountry.subdivisions.get(code=code) is None] == []  # type: ignore[no-untyped-call]  # has no types
    assert len(codes) == len(set(codes))
