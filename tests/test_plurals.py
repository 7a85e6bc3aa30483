"""Counted things in the operator's English."""

from __future__ import annotations

import pytest

from trialalerts.plurals import counted


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 mails"), (1, "1 mail"), (2, "2 mails"), (5, "5 mails"), (1000, "1,000 mails")]
)
def test_one_is_one_and_all_else_is_several(number: int, shown: str) -> None:
    assert counted(number, "mail") == shown


def test_a_plural_of_its_own_is_taken() -> None:
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")
