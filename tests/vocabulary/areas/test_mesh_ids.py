"""MeSH ids come out as NLM writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.areas.imports.mesh import normal_mesh_id
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id

SIX_DIGITS = st.integers(1, 66_387).map(lambda number: f"D{number:06}")
NINE_DIGITS = st.integers(66_388, 999_999_999).map(lambda number: f"D{number:09}")
SUPPLEMENTARY = st.one_of(
    st.integers(0, 999_999).map(lambda number: f"C{number:06}"),
    st.integers(0, 999_999_999).map(lambda number: f"C{number:09}"),
)


@given(SIX_DIGITS)
def test_padding_is_taken_off(id_: str) -> None:
    assert normal_mesh_id(f"D000{id_[1:]}") == normal_mesh_id(id_) == id_


@given(st.one_of(SIX_DIGITS, NINE_DIGITS, SUPPLEMENTARY))
def test_true_ids_stay(id_: str) -> None:
    assert normal_mesh_id(id_) == id_
    assert normal_mesh_id(f" {id_.lower()}\n") == id_
    assert is_mesh_id(id_)


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normal_mesh_id(normal_mesh_id(text)) == normal_mesh_id(text)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("D000006467", "D006467"),
        ("D000065632", "D065632"),
        ("D000067877", "D000067877"),
        ("D000086382", "D000086382"),
        ("C000657245", "C000657245"),
        ("C537734", "C537734"),
        ("rare-diseases", "rare-diseases"),
        ("D12", "D12"),
    ],
    ids=lambda value: value,
)
def test_ids_of_each_kind_are_told_apart(text: str, id_: str) -> None:
    assert normal_mesh_id(text) == id_


def test_the_trials_padded_ids_name_what_mesh_calls_so() -> None:
    assert not is_mesh_id("D000006467")
    assert not is_mesh_id("rare-diseases")
    assert not is_mesh_id("d006467")
