"""The length of cards on a telephone: real records, in four languages, in letters as wide as those of telephones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser

from tests.seen.looking import chromium, window
from tests.seen.real_cards import CARDS_A_MAIL, RealRecord, card_lines, mail_of_real, open_records

EVERY = 16
"""Of 316 records that take people so many are passed over for one that is looked at."""
USUAL, MOST = {"en": 11, "de": 12, "fr": 12, "es": 12}, 13
"""Lines of the card in the middle, and of the longest: long names are cut, never left out."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def records(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RealRecord, ...]:
    file = shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz"
    return open_records(file, tmp_path_factory.mktemp("countries"))[::EVERY]


@pytest.mark.parametrize("language", USUAL)
def test_a_card_is_short_on_a_telephone(browser: Browser, records: tuple[RealRecord, ...], language: str) -> None:
    lines: list[int] = []
    with window(browser, width=375) as page:
        for at in range(0, len(records), CARDS_A_MAIL):
            page.set_content(mail_of_real(records[at : at + CARDS_A_MAIL], language).html or "")
            lines += card_lines(page)
    assert len(lines) == len(records)
    assert median(lines) <= USUAL[language]
    assert max(lines) <= MOST
