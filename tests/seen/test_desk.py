"""An editor's way through the desk: a link by mail, the list, the preview, the approval, the hour, published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from tests.seen.looking import LOOKS, arriving, chromium, serious_faults, window
from tests.sources.editors.test_folder_life import polled
from tests.web.desk_stage import ANNA, ARTICLE, DeskWorld, link_in, open_desk
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

TITLE = "A tablet for multiple sclerosis"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    yield from chromium()


@pytest.fixture
def desk(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[DeskWorld]:
    with open_desk(sqlite_db, clock, tmp_path / "articles") as world:
        yield world


def sees(page: Page, heading: str) -> None:
    """Look at a page: its heading, what a screen reader makes of it, whether it fits its window."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def press(page: Page, name: str) -> None:
    with arriving(page):
        page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    with arriving(page):
        page.get_by_role("link", name=name, exact=True).click()


def come_in(page: Page, desk: DeskWorld) -> None:
    page.goto("/desk")
    sees(page, "Editors’ desk")
    page.get_by_label("Your e-mail address").fill(ANNA)
    press(page, "Send me a link")
    sees(page, "Look into your inbox")
    ((_, mail),) = desk.mails()
    page.goto(link_in(mail))
    sees(page, "Editors’ desk")
    press(page, "Open the desk")
    sees(page, "Articles")


def test_from_the_link_in_the_mail_to_the_published_article(browser: Browser, desk: DeskWorld) -> None:
    with window(browser, base_url=desk.server.url) as page:
        come_in(page, desk)
        follow(page, TITLE)
        sees(page, TITLE)
        expect(page.get_by_role("main")).to_contain_text("waits for approval")
        with arriving(page):
            page.get_by_role("link", name="German (mail)").click()
        expect(page.get_by_role("main")).to_contain_text("Eine Tablette bei Multipler Sklerose")
        page.go_back()
        press(page, "Approve this version")
        expect(page.get_by_role("status")).to_have_text("You approved this version.")
        page.goto("/desk")
        expect(page.get_by_role("heading", name="Published").locator("..")).to_contain_text(TITLE)
        (desk.folder / "second.md").write_text(ARTICLE.replace("A tablet", "An infusion"), "utf-8")
        page.reload()
        follow(page, "An infusion for multiple sclerosis")
        page.get_by_label("Day").fill("2026-03-03")
        page.get_by_label("Hour (Europe/Berlin)").fill("08:00")
        press(page, "Approve this version")
        sees(page, "An infusion for multiple sclerosis")
        expect(page.get_by_role("main")).to_contain_text(
            "scheduled waits for its time · 2026-03-03 08:00 (Europe/Berlin)"
        )
        assert titles(desk) == {TITLE}
        desk.clock.advance(timedelta(days=1))
        assert titles(desk) == {TITLE, "An infusion for multiple sclerosis"}


def titles(desk: DeskWorld) -> set[str]:
    """Poll, and return what readers may see."""
    polled(desk.db, desk.settings, desk.clock)
    with desk.db.read() as session:
        return set(session.exec(select(Item.title)))


def test_a_free_article_gets_another_hour_and_goes_at_once(browser: Browser, desk: DeskWorld) -> None:
    with window(browser, base_url=desk.server.url, scripts=False) as page:
        page.goto("/desk")
        page.get_by_label("Your e-mail address").fill(ANNA)
        press(page, "Send me a link")
        ((_, mail),) = desk.mails()
        page.goto(link_in(mail))
        press(page, "Open the desk")
        follow(page, TITLE)
        page.get_by_label("Day").fill("2026-03-03")
        press(page, "Approve this version")
        page.get_by_label("Hour (Europe/Berlin)").fill("09:30")
        press(page, "Set this hour")
        expect(page.get_by_role("status")).to_have_text("Its hour is set.")
        expect(page.get_by_role("main")).to_contain_text("2026-03-03 09:30")
        press(page, "Publish it now")
        expect(page.get_by_role("status")).to_have_text("It is free to go.")
        press(page, "Sign out")
        expect(page.get_by_role("button", name="Send me a link")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_fit_and_can_be_read_by_everybody(browser: Browser, desk: DeskWorld, width: int, scheme: str) -> None:
    (desk.folder / "typo.md").write_text(ARTICLE.replace("status: review", "status: revue"), "utf-8")
    (desk.folder / "odd.md").write_text(ARTICLE.replace("[Multiple sclerosis]", "[Qwxzvt]"), "utf-8")
    (desk.folder / "draft.md").write_text(ARTICLE.replace("status: review", "status: draft"), "utf-8")
    with window(browser, base_url=desk.server.url, width=width, scheme=scheme) as page:
        come_in(page, desk)
        for name, heading in (("tablet.md", TITLE), ("odd.md", TITLE), ("draft.md", TITLE), ("typo.md", "typo.md")):
            page.goto(f"/desk/articles/editors/{name}")
            sees(page, heading)
