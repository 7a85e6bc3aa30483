"""Tests of finding registry numbers."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.catalog.trials.numbers import issuer_of, registry_numbers


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
        ("NCT 04280705", "NCT04280705"),
        ("NCT-04280705", "NCT04280705"),
        ("CTIS2022-501142-30-00", "2022-501142-30"),
        ("EU CT number: 2022-501142-30-00", "2022-501142-30"),
        ("EUCTR2020-001113-21-GB", "2020-001113-21"),
        ("EUCTR2020-001113-21-Outside-EU/EEA", "2020-001113-21"),
        ("EUCTR2020-001113-21-3rd", "2020-001113-21"),
        ("EudraCT number: 2020-001113-21", "2020-001113-21"),
        ("ACTRN12615000123456p", "ACTRN12615000123456"),
        ("DRKS 00012345", "DRKS00012345"),
        ("JPRN-C000000123", "C000000123"),
        ("ITMCTR2020000001", "ITMCTR2020000001"),
        ("NL-OMON12345", "NL-OMON12345"),
        ("SLCTR/2020/001", "SLCTR/2020/001"),
        ("PER-123-20", "PER-123-20"),
        ("LBCTR2020123456", "LBCTR2020123456"),
        ("(IRCT138812153499N1)", "IRCT138812153499N1"),
        ("EudraCT 2020\u2010001113\u201021", "2020-001113-21"),
        ("2022\u2011501142\u201130\u201100", "2022-501142-30"),
        ("NCT\u201304280705", "NCT04280705"),
        ("ChiCTR-2000029953", "CHICTR2000029953"),
        ("UMIN 000012345", "UMIN000012345"),
        ("jRCT-1031200123", "JRCT1031200123"),
        ("JapicCTI123456", "JAPICCTI-123456"),
        ("JPRN-JMA-IIA00123", "JMA-IIA00123"),
        ("NCT\u00a004280705", "NCT04280705"),
        ("ISRCTN\u00ad12345678", "ISRCTN12345678"),
    ],
)
def test_a_number_is_found_and_has_one_spelling(text: str, number: str) -> None:
    assert registry_numbers([text]) == (number,)


@pytest.mark.parametrize(
    "text",
    [
        "NCT0123456", "NCT012345678", "XNCT01234567", "ISRCTN1234567", "2005-04274-24", "12-510663-34", "RBR-", "",
        "2022-A01479-34", "NL12345.789.34", "NCT042807050", "1012 NL 1234 AB", "NL1234", "R01-CA123456", "U01 1111",
        "2020-123456-12", "+44 2020-001113", "C000000123", "RBRIDGES", "1234-012345-67", "9022-501142-30",
    ],
)  # fmt: skip
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


_WORDS = st.text("abcdefghijklmnopqrstuvwxyz,.;:()", min_size=1, max_size=8)
_NO_NUMBERS = st.one_of(
    _WORDS,
    st.from_regex(r"[1-9]\d{3} [A-Z]{2}", fullmatch=True),  # a Dutch postcode
    st.from_regex(r"(NL|D|CH|F)[- ]\d{4,5}", fullmatch=True),
    st.from_regex(r"[A-Z]{1,2}\d{1,2} \d[A-Z]{2}", fullmatch=True),  # a British one
    st.from_regex(r"[RUKP]\d{2} ?[A-Z]{2}\d{6}(-\d{2}[AS]\d)?", fullmatch=True),  # grants: NIH, EU, NHMRC, others
    st.from_regex(r"(H2020|FP7|NIHR|HTA|MR|GNT|ERC)[-/ ]?\d{5,8}", fullmatch=True),
    st.from_regex(r"\d{2}/\d{3}/\d{2}", fullmatch=True),
    st.from_regex(r"\+\d{2} \d{2,4} \d{6,8}", fullmatch=True),
    st.from_regex(r"(19|20)\d{2}[-\u2013](19|20)\d{2}", fullmatch=True),
    st.from_regex(r"10\.\d{4}/[a-z]{2}\d{4,9}", fullmatch=True),
)
_SPELLINGS = {
    "NCT04280705": ("NCT04280705", "nct 04280705", "NCT-04280705", "NCT\u201104280705"),
    "ISRCTN12345678": ("ISRCTN12345678", "ISRCTN 12345678"),
    "2020-001113-21": ("EudraCT 2020-001113-21", "2020\u2010001113\u201021", "EUCTR2020-001113-21-GB"),
    "2022-501142-30": ("EU CT 2022-501142-30-00", "CTIS2022-501142-30"),
    "DRKS00012345": ("DRKS00012345", "DRKS 00012345"),
    "ACTRN12615000123456": ("ACTRN12615000123456", "ACTRN12615000123456p"),
    "CHICTR2000029953": ("ChiCTR2000029953",),
    "CTRI/2020/04/024773": ("CTRI/2020/04/024773",),
}
_AROUND = st.sampled_from(
    [" {} ", "({})", "[{}]", "{},", "{}.", "number:{};", "\u201c{}\u201d", "https://x.example/{}/"]
)


@given(st.lists(_NO_NUMBERS, max_size=12))
def test_postcodes_grants_and_the_like_are_no_numbers(words: list[str]) -> None:
    assert registry_numbers([" ".join(words)]) == ()


@given(
    named=st.lists(st.sampled_from(sorted(_SPELLINGS)), unique=True, max_size=4), data=st.data(),
    words=st.lists(_NO_NUMBERS, min_size=5, max_size=5),
)  # fmt: skip
def test_an_article_names_just_the_trials_whose_numbers_stand_in_it(
    named: list[str], data: st.DataObject, words: list[str]
) -> None:
    spelt = [data.draw(_AROUND).format(data.draw(st.sampled_from(_SPELLINGS[number]))) for number in named]
    text = " ".join(part for pair in zip(words, [*spelt, "", "", "", "", ""], strict=False) for part in pair)
    assert registry_numbers([text]) == tuple(named)


@pytest.mark.parametrize(
    ("numbers", "issuer"),
    [
        (("CHICTR-TRC-08000012", "CHICTR-IPR-15006123", "CHICTR2000029953"), "CHICTR"),
        (("RBR-7W5ZQ8", "RBR-XK2QP9"), "RBR"),
        (("JRCT1031200123", "JRCTS031200123"), "JRCT"),
        (("UMIN000012345", "C000000123"), "UMIN"),
        (("NL-OMON12345",), "NL-OMON"),
        (("JMA-IIA00123",), "JMA-IIA"),
    ],
)
def test_all_numbers_of_a_registry_have_one_issuer(numbers: tuple[str, ...], issuer: str) -> None:
    assert {issuer_of(number) for number in numbers} == {issuer}


@pytest.mark.parametrize(("text", "number"), [
    ("NL1234", "NL1234"), ("NTR 1234", "NTR1234"),
    ("NL 12345", "NL12345"), ("RBR7w5zq8", "RBR-7W5ZQ8"), ("C000000123", "C000000123"),
])  # fmt: skip
def test_what_could_be_a_postcode_is_a_number_where_a_field_is_meant_for_it(text: str, number: str) -> None:
    assert registry_numbers([text], are_ids=True) == (number,)
    assert registry_numbers([f"{text}.789.34", f"at {text}, in"], are_ids=True) == ()


def test_every_id_of_the_exports_of_whos_portal_is_read(shared_data: Path) -> None:
    ids = exported_ids(shared_data / "registries")
    assert len(ids) == 1505
    assert [each for each in ids if len(registry_numbers([each], are_ids=True)) != 1] == []


def exported_ids(folder: Path) -> list[str]:
    with gzip.open(folder / "who_ictrp_COVID19-927-trials_7Apr2020.csv.gz", "rt", encoding="utf-8-sig") as lines:
        found = [row["TrialID"] for row in csv.DictReader(lines)]
    body = gzip.decompress((folder / "who_ictrp_ICTRP-Results_18Mar2020.xml.gz").read_bytes()).decode()
    return [*found, *re.findall("<TrialID>(.*?)</TrialID>", body)]
