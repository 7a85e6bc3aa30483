"""Addresses: what is valid, when two are the same, and slips of the finger."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.addresses import address_key, checked_address, typo_hint

addresses = st.one_of(
    st.emails(),
    st.builds(
        "{}@{}.{}".format,
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
        st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=20),
        st.sampled_from(["org", "example", "de", "みんな"]),
    ),
)


def is_valid(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  mona@example.org\n", "mona@example.org"),
        ("Mona.Lisa@EXAMPLE.org", "Mona.Lisa@example.org"),
        ("mona@Bücher.example", "mona@bücher.example"),
        ("mo\u0308na@example.org", "m\u00f6na@example.org"),
        ("mona+trials@example.org", "mona+trials@example.org"),
    ],
)
def test_an_address_is_stored_without_blanks_and_its_domain_in_lower_case(typed: str, stored: str) -> None:
    assert checked_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "mona",
        "@example.org",
        "mona@",
        "mona@localhost",
        "a b@example.org",
        "Mona <mona@example.org>",
        "a@b@example.org",
        "mona@example..org",
        "mona@example.org\r\nBcc: x@example.org",
        "mona@[127.0.0.1]",
        "mona\0@example.org",
    ],
)
def test_what_is_no_address_is_named_as_it_was_typed(typed: str) -> None:
    with pytest.raises(InvalidInput, match="is not an e-mail address") as caught:
        checked_address(typed)
    assert typed.strip() in str(caught.value)


@given(addresses.filter(is_valid))
def test_checking_and_keying_twice_change_nothing_more(address: str) -> None:
    checked = checked_address(address)
    assert checked_address(checked) == checked
    assert address_key(address_key(checked)) == address_key(checked)


@given(addresses.filter(is_valid))
def test_upper_and_lower_case_have_one_key(address: str) -> None:
    checked = checked_address(address)
    assert address_key(checked) == address_key(address)
    other = "".join(sign.swapcase() if sign.isascii() else sign for sign in checked)
    assert address_key(other) == address_key(checked)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mona@Example.org", "mona@example.ORG"),
        ("mona@bücher.example", "mona@xn--bcher-kva.example"),
        ("mo\u0308na@example.org", "M\u00d6NA@example.org"),
    ],
)
def test_two_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mona@gmial.com", "mona@gmail.com"),
        ("mona@gmail.con", "mona@gmail.com"),
        ("mona@hotmial.com", "mona@hotmail.com"),
        ("mona@gmx.dee", "mona@gmx.de"),
        ("mona@mail.com", None),
        ("mona@gmx.at", None),
        ("mona@GMAIL.com", None),
        ("mona@example.org", None),
        ("mona@bücher.example", None),
    ],
)
def test_a_slip_in_a_common_domain_gives_a_hint(typed: str, meant: str | None) -> None:
    assert typo_hint(typed) == meant
