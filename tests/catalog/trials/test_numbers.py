"""Tests of finding registry numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.catalog.rows import registry_numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("NCT01234567", "NCT01234567"),
        ("nct01234567", "NCT01234567"),
        ("see NCT01234567.", "NCT01234567"),
        ("EudraCT 2005-004274-24", "2005-004274-24"),
        ("EudraCTnr: 2005-005175-16", "2005-005175-16"),
        ("2010-019224-31-DE", "2010-019224-31"),
        ("2024-510663-34-00", "2024-510663-34"),
        ("EU CT 2024-510663-34", "2024-510663-34"),
        ("ISRCTN12345678", "ISRCTN12345678"),
        ("ISRCTN 12345678", "ISRCTN12345678"),
        ("DRKS00012345", "DRKS00012345"),
        ("ACTRN12615000123456", "ACTRN12615000123456"),
        ("JPRN-UMIN000012345", "UMIN000012345"),
        ("UMIN000012345", "UMIN000012345"),
        ("jRCT1031200123", "JRCT1031200123"),
        ("jRCTs031200123", "JRCTS031200123"),
        ("JPRN-JapicCTI-123456", "JAPICCTI-123456"),
        ("ChiCTR2000029953", "CHICTR2000029953"),
        ("ChiCTR-TRC-08000012", "CHICTR-TRC-08000012"),
        ("CTRI/2020/04/024773", "CTRI/2020/04/024773"),
        ("NTR1234", "NTR1234"),
        ("IRCT20080901001165N46", "IRCT20080901001165N46"),
        ("KCT0001234", "KCT0001234"),
        ("PACTR202001234567890", "PACTR202001234567890"),
        ("RBR-7w5zq8", "RBR-7W5ZQ8"),
        ("TCTR20200402001", "TCTR20200402001"),
        ("U1111-1234-5678", "U1111-1234-5678"),
    ],
)
def test_a_number_is_found_and_has_one_spelling(text: str, number: str) -> None:
    assert registry_numbers([text]) == (number,)


@pytest.mark.parametrize(
    "text",
    ["NCT0123456", "NCT012345678", "XNCT01234567", "ISRCTN1234567", "2005-04274-24", "12-510663-34", "RBR-", ""],
)
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert registry_numbers([text]) == ()


def test_each_number_is_given_once_in_its_order() -> None:
    assert registry_numbers(["ISRCTN12345678 and NCT01234567", "nct01234567", "EU CT 2024-510663-34-01"]) == (
        "ISRCTN12345678",
        "NCT01234567",
        "2024-510663-34",
    )


@given(st.lists(st.text()))
def test_any_texts_can_be_searched(texts: list[str]) -> None:
    assert registry_numbers(texts) == registry_numbers(registry_numbers(texts))
