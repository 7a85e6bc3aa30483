"""Mails as a browser shows them: in the standard's form, readable by everybody, never wider than a telephone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.seen.looking import LOOKS, chromium, html_faults, serious_faults, window
from tests.seen.mails import MAILS

_MOST_OF_MANY = 5_000
"""Pixels that a mail of 124 trials may take on a telephone."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    yield from chromium()


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_in_the_form_of_the_standard(name: str) -> None:
    assert html_faults(MAILS[name]().html or "") == []


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_can_be_read_by_everybody_and_fits(browser: Browser, name: str) -> None:
    html = MAILS[name]().html or ""
    for width, scheme in LOOKS:
        with window(browser, width=width, scheme=scheme) as page:
            page.set_content(html)
            assert serious_faults(page) == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, scheme)


def test_a_mail_of_many_trials_is_short(browser: Browser) -> None:
    html = MAILS["one of many trials"]().html or ""
    assert len(html.encode()) <= 60_000
    with window(browser) as page:
        page.set_content(html)
        assert page.evaluate("document.documentElement.scrollHeight") <= _MOST_OF_MANY
