"""Telephone numbers of registries: what can be dialled is a link, what cannot is text."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.catalog.phones import dialled


@pytest.mark.parametrize(
    ("written", "country", "tel", "text", "extension"),
    [
        pytest.param("020 7946 0958", "GB", "+442079460958", "+44 20 7946 0958", "", id="of its country"),
        pytest.param("+44 (0)20 7946 0958", "FR", "+442079460958", "+44 20 7946 0958", "", id="a trunk nought"),
        pytest.param("0044 20 7946 0958", "FR", "+442079460958", "+44 20 7946 0958", "", id="00 for +"),
        pytest.param("(312) 555-0142", "US", "+13125550142", "+1 312-555-0142", "", id="of the USA"),
        pytest.param("312-555-0142", "GB", None, "312-555-0142", "", id="of the USA, written elsewhere"),
        pytest.param("312-555-0142", None, None, "312-555-0142", "", id="of no country"),
        pytest.param("3125550142 x4521", "US", "+13125550142", "+1 312-555-0142", "4521", id="an extension"),
        pytest.param("+1 312 555 0142 ext. 7", None, "+13125550142", "+1 312-555-0142", "7", id="an extension, with +"),
        pytest.param("030/901820", "DE", "+4930901820", "+49 30 901820", "", id="a German slash"),
        pytest.param("+33 1 42 34 56 78 or 01 42 34 56 79", "FR", "+33142345678", "+33 1 42 34 56 78", "", id="two"),
        pytest.param("312-555-0142; 312-555-0143", "US", "+13125550142", "+1 312-555-0142", "", id="two, parted by ;"),
        pytest.param("312-555-0142 (M-F 9-5)", "US", "+13125550142", "+1 312-555-0142", "", id="hours"),
        pytest.param("Tel.: 02 1234 5678", "IT", "+390212345678", "+39 02 1234 5678", "", id="a nought that stays"),
        pytest.param("555-0100", "US", None, "555-0100", "", id="too short"),
        pytest.param("ring the desk", "US", None, "ring the desk", "", id="words"),
        pytest.param("Fax: 020 7946 0958", "GB", None, "", "", id="a fax"),
        pytest.param(None, "GB", None, "", "", id="nothing"),
    ],
)
def test_a_number_is_dialled_by_the_country_of_its_site(
    written: str | None, country: str | None, tel: str | None, text: str, extension: str
) -> None:
    found = dialled(written, country)
    assert (found.tel, found.text, found.extension, found.note) == (tel, text, extension, None)


@pytest.mark.parametrize(
    ("written", "country", "tel", "note"),
    [
        ("1-877-555-0145", "US", "+18775550145", None),
        ("+1 877 555 0145", "CA", "+18775550145", None),
        ("+1 877 555 0145", "GB", None, "usa"),
        ("877-555-0145", "DE", None, "usa"),
        ("1-800-555-0199", None, None, "usa"),
        ("0800 1234567", "DE", "+498001234567", None),
    ],
)
def test_a_free_number_of_north_america_is_a_link_only_there(
    written: str, country: str | None, tel: str | None, note: str | None
) -> None:
    found = dialled(written, country)
    assert (found.tel, found.note) == (tel, note)


@given(st.text(max_size=60), st.sampled_from(["US", "GB", "DE", None, "XX", ""]))
def test_whatever_is_written_gives_a_text_and_never_a_half_link(written: str, country: str | None) -> None:
    found = dialled(written, country)
    assert found.tel is None or (found.tel[0] == "+" and found.tel[1:].isdigit() and found.text)


def test_of_real_sites_four_in_five_numbers_can_be_dialled(shared_data: Path) -> None:
    numbers = [number for line in _studies(shared_data) for number in _numbers(line)]
    links = sum(dialled(phone, country).tel is not None for phone, country in numbers)
    assert len(numbers) > 900
    assert links / len(numbers) > 0.8


_CODES = {"United States": "US", "China": "CN", "France": "FR", "Germany": "DE", "Italy": "IT", "Canada": "CA",
          "Spain": "ES", "United Kingdom": "GB", "Japan": "JP", "Australia": "AU"}  # fmt: skip


def _studies(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz", "rt", encoding="utf-8") as lines:
        return list(lines)


def _numbers(line: str) -> list[tuple[str, str]]:
    places = json.loads(line)["study"]["protocolSection"].get("contactsLocationsModule", {}).get("locations", [])
    return [
        (contact["phone"], _CODES[place["country"]])
        for place in places
        if place.get("country") in _CODES
        for contact in place.get("contacts", [])
        if contact.get("phone")
    ]
