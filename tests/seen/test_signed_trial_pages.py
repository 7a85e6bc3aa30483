"""A trial's pages behind a link of a mail, as readers see them: accessible, within their windows, without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.seen.looking import LOOKS, chromium, html_faults, serious_faults, window
from tests.web.conftest import World, open_world, path_of, settings_of
from tests.web.test_trial_page import NOW, NUMBER, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

LANGUAGES = ("en", "de", "fr", "es")


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
    for width, scheme in LOOKS:
        with window(browser, base_url=world.server.url, width=width, scheme=scheme, scripts=True) as page:

            def fine() -> None:
                assert serious_faults(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width  # noqa: B023

            page.goto(f"{follow}?do=silence")
            fine()
            page.locator("main form button").click()
            fine()
            page.goto(follow)
            fine()
            expect(page.locator("button", has=page.locator("xpath=ancestor::form/input[@value='hear']"))).to_have_count(
                1
            )
            page.goto(settings)
            fine()
            page.locator("button[value=hear]").click()
            expect(page.get_by_role("status")).to_be_visible()
            expect(page.get_by_text(NUMBER)).to_have_count(0)
    for path in (f"{follow}?do=silence", follow):
        assert html_faults(world.client.get(path).text) == []
