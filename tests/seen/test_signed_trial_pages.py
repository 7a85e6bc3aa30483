"""A trial's pages behind a link of a mail, as readers see them: accessible, within their windows, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.seen.looking import LOOKS, arriving, chromium, html_faults, serious_faults, window
from tests.web.conftest import World, open_world, path_of, settings_of
from tests.web.handoff_process import SETTINGS
from tests.web.test_trial_page import NOW, NUMBER, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

LANGUAGES = ("en", "de", "fr", "es")
NARROW_AND_WIDE = {lang: (LOOKS[number % 2], LOOKS[3 - number % 2]) for number, lang in enumerate(LANGUAGES)}
"""Each language at each width, in light and in dark: what fits depends on its words; what is faint, on none."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    NOW[:] = [clock.now()]
    with sqlite_db.write() as session:
        store_trial(session)
    yield from open_world(sqlite_db, clock, settings_of())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_trial_is_silenced_and_told_again_by_buttons_alone(browser: Browser, world: World, lang: str) -> None:
    ada = world.follower(locale=lang)
    follow, settings = path_of(world.links.follow(ada, 1)), path_of(world.links.preferences(ada))
    for width, scheme in NARROW_AND_WIDE[lang]:
        with window(browser, base_url=world.server.url, width=width, scheme=scheme, scripts=True) as page:

            def fine() -> None:
                assert serious_faults(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width  # noqa: B023

            page.goto(f"{follow}?do=silence")
            fine()
            with arriving(page):
                page.locator("main form button").click()
            fine()
            page.goto(follow)
            fine()
            expect(page.locator("button", has=page.locator("xpath=ancestor::form/input[@value='hear']"))).to_have_count(
                1
            )
            page.goto(settings)
            fine()
            with arriving(page):
                page.locator("main button[value=hear]").click()
            expect(page.get_by_role("status")).to_be_visible()
            expect(page.get_by_text(NUMBER)).to_have_count(0)
    for path in (f"{follow}?do=silence", follow):
        assert html_faults(world.client.get(path).text) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_nurse_is_asked_by_a_form_that_shows_the_mail_first(
    browser: Browser, sqlite_db: Database, clock: FrozenClock, lang: str
) -> None:
    NOW[:] = [clock.now()]
    with sqlite_db.write() as session:
        store_trial(session)
    for world in open_world(sqlite_db, clock, SETTINGS):
        ada = world.follower(locale=lang)
        follow = path_of(world.links.follow(ada, 1))
        for number, (width, scheme) in enumerate(NARROW_AND_WIDE[lang]):
            with window(browser, base_url=world.server.url, width=width, scheme=scheme) as page:

                def fine() -> None:
                    assert serious_faults(page) == []
                    assert page.evaluate("document.documentElement.scrollWidth") <= width  # noqa: B023

                page.goto(follow)
                fine()
                with arriving(page):
                    page.locator("a[href*='/ask/']").click()
                fine()
                page.locator("textarea").fill(f"A question, number {number}: " + "x" * 90)
                with arriving(page):
                    page.locator("main button[value=look]").click()
                fine()
                expect(page.locator("pre")).to_contain_text(f"number {number}")
                with arriving(page):
                    page.locator("main button[value=change]").click()
                expect(page.locator("textarea")).to_have_value(re.compile(f"number {number}"))
                with arriving(page):
                    page.locator("main button[value=look]").click()
                with arriving(page):
                    page.locator("main button[value=send]").click()
                expect(page.get_by_text("ada@example.org")).to_be_visible()
                fine()
        assert len(world.mails()) == 2
