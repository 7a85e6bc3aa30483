"""A day is written as its reader writes it: in mails and on pages alike."""

from __future__ import annotations

from datetime import date

import pytest
from starlette.requests import Request

from trialalerts.digests.cards.wording import Wordings
from trialalerts.settings import Settings
from trialalerts.vocabulary.days import known_tag, reader_locale, written_day, written_day_of_year
from trialalerts.web.templates import PageTemplates

LATE, FIRST, ELEVENTH = date(2026, 12, 28), date(2026, 3, 1), date(2026, 3, 11)
READERS = [
    ("en", "Europe/London", LATE, "28 December 2026", "28 December"),
    ("en", "UTC", LATE, "28 December 2026", "28 December"),
    ("en", "America/Toronto", LATE, "28 December 2026", "28 December"),
    ("en", "America/New_York", LATE, "December 28, 2026", "December 28"),
    ("en", "US/Pacific", LATE, "December 28, 2026", "December 28"),
    ("en", "Pacific/Honolulu", LATE, "December 28, 2026", "December 28"),
    ("en", "no/such zone", LATE, "28 December 2026", "28 December"),
    ("en-GB", "America/New_York", LATE, "28 December 2026", "28 December"),
    ("en-US", "Europe/Berlin", LATE, "December 28, 2026", "December 28"),
    ("de", "America/New_York", LATE, "28. Dezember 2026", "28. Dezember"),
    ("de-AT", "Europe/Vienna", date(2026, 1, 1), "1. Jänner 2026", "1. Jänner"),
    ("fr", "Europe/Paris", FIRST, "1er mars 2026", "1er mars"),
    ("fr-CH", "Europe/Zurich", FIRST, "1er mars 2026", "1er mars"),
    ("fr", "Europe/Paris", ELEVENTH, "11 mars 2026", "11 mars"),
    ("es", "Europe/Madrid", FIRST, "1 de marzo de 2026", "1 de marzo"),
]
"""Locale and zone of a reader, a day, how it is written in full and without the year."""


@pytest.mark.parametrize(("locale", "zone", "day", "full", "short"), READERS)
def test_a_day_is_written_as_its_reader_writes_it(locale: str, zone: str, day: date, full: str, short: str) -> None:
    reader = reader_locale(locale, zone)
    assert (written_day(day, reader), written_day_of_year(day, reader)) == (full, short)


@pytest.mark.parametrize(("locale", "zone", "day", "full", "short"), READERS)
def test_mails_and_pages_write_it_alike(locale: str, zone: str, day: date, full: str, short: str) -> None:
    reader, pages = reader_locale(locale, zone), PageTemplates(Settings())
    words = Wordings().of(reader)
    assert (words.day(day), words.short_day(day)) == (full, short)
    assert pages.day(day, pages.language(asking(""), reader)) == full
    assert Wordings().of(pages.language(asking(""), reader).locale).day(day) == full  # public pages of trials


def asking(accepted: str, query: str = "") -> Request:
    """Return the request of a browser with this Accept-Language."""
    headers = [(b"accept-language", accepted.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accepted", "query", "wanted", "written"),
    [
        ("en-GB,en;q=0.9", "", None, "28 December 2026"),
        ("en-US,en;q=0.9", "", None, "December 28, 2026"),
        ("EN-us", "", None, "December 28, 2026"),
        ("en", "", None, "28 December 2026"),
        ("", "", None, "28 December 2026"),
        ("en-XX", "", None, "28 December 2026"),
        ("de-CH,en-US;q=0.5", "", None, "28. Dezember 2026"),
        ("de-CH,en-US;q=0.5", "lang=en", None, "December 28, 2026"),
        ("fr", "lang=en", None, "28 December 2026"),
        ("en-US", "", "en", "28 December 2026"),
        ("en-GB", "", "en-US", "December 28, 2026"),
        ("en-US", "", "es", "28 de diciembre de 2026"),
        ("en-US", "lang=en", "de", "December 28, 2026"),
    ],
)
def test_a_page_goes_by_the_subscriber_and_then_by_the_browser(
    accepted: str, query: str, wanted: str | None, written: str
) -> None:
    pages = PageTemplates(Settings())
    assert pages.day(LATE, pages.language(asking(accepted, query), wanted)) == written


def test_a_language_of_the_operators_that_nobody_knows_writes_days_as_the_world_does() -> None:
    assert known_tag("xx") is None
    assert written_day(LATE, "xx") == "28 December 2026"


@pytest.mark.parametrize(
    ("typed", "tag"), [("EN-us", "en-US"), ("de_AT", "de-AT"), ("en-u-ca-buddhist", "en"), ("fr-XX", "fr"), ("", None)]
)
def test_a_tag_has_one_spelling(typed: str, tag: str | None) -> None:
    assert known_tag(typed) == tag
