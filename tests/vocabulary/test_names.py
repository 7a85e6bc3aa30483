"""Proves how names become keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.names import folded


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("München", "munchen"),
        ("MÜNCHEN", "munchen"),
        ("  Baden-Württemberg ", "baden wurttemberg"),
        ("Łódź", "lodz"),
        ("İzmir", "izmir"),
        ("Diyarbakır", "diyarbakir"),
        ("Straße", "strasse"),
        ("Århus", "arhus"),
        ("Malmø", "malmo"),
        ("Xi’an", "xian"),
        ("Xi'an", "xian"),
        ("Côte d’Ivoire", "cote divoire"),
        ("Korea, Republic of", "korea republic of"),
        ("Bosnia & Herzegovina", "bosnia and herzegovina"),
        ("U.K.", "uk"),
        ("U. K.", "u k"),
        ("Washington, D.C.", "washington dc"),
        ("St. Louis", "st louis"),
        ("Saint Louis", "st louis"),
        ("Sankt Gallen", "st gallen"),
        ("Sault Sainte Marie", "sault ste marie"),
        ("Fort Worth", "ft worth"),
        ("Mount Pleasant", "mt pleasant"),
        ("Saint", "saint"),
        ("Αθήνα", "αθηνα"),
        ("МОСКВА", "москва"),
        ("東京", "東京"),
        ("가산", "가산"),
        ("दिल्ली", "दिल्ली"),
        ("ＴＯＫＹＯ", "tokyo"),
        ("Mu\u0308nchen", "munchen"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_a_name_becomes_a_key(text: str, key: str) -> None:
    assert folded(text) == key


@given(st.text())
def test_folding_a_key_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_a_key_has_single_blanks_and_no_capitals(text: str) -> None:
    key = folded(text)
    assert key == " ".join(key.split())
    assert key == key.lower()


@given(st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0xFF, exclude_characters="µ")))
def test_western_names_become_plain_letters(text: str) -> None:
    assert folded(text).isascii()


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_capitals_make_no_difference(text: str) -> None:
    assert folded(text.lower()) == folded(text)
