"""The pages in a language that is written from right to left: a made-up one, of Arabic letters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.seen.looking import arriving, chromium, html_faults, serious_faults, window
from tests.web import test_article
from tests.web.conftest import World, open_world, path_of, settings_of
from tests.web.test_trial_page import LEEDS, NOW, NUMBER, SPRINGFIELD, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.files import shipped
from trialalerts.settings import TemplateSettings
from trialalerts.web.languages import read_languages

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
PHYSICAL = re.compile(
    r"(?<![\w-])(?:left|right)\s*:|(?:margin|padding|border)-(?:left|right)|-(?:left|right)-radius"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)


def _mirrored(text: str) -> str:
    """Return a text with each letter of its words as an Arabic one; what is filled in stays."""
    parts = re.split(r"(\{[^}]*\})", text)
    return "".join(
        part
        if part.startswith("{")
        else re.sub("[A-Za-z]", lambda letter: LETTERS[ord(letter[0]) % len(LETTERS)], part)
        for part in parts
    )


def _strings() -> str:
    """Return a file of strings in that language."""
    english = read_languages([shipped("templates/web")]).get("en")
    assert english is not None
    texts = {"language.name": "لغة"} | {k: _mirrored(v) for k, v in english.texts.items() if k != "language.name"}
    return _toml(texts)


def _toml(texts: Mapping[str, str]) -> str:
    tables: dict[str, dict[str, str]] = {}
    for key, text in texts.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, {})[name] = text
    return "\n".join(
        f"[{table}]\n"
        + "\n".join(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in own.items())
        + "\n"
        for table, own in sorted(tables.items())
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[World]:
    NOW[:] = [clock.now()]
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "strings.ar.toml").write_text(_strings(), encoding="utf-8")
    with sqlite_db.write() as session:
        store_trial(session, sites=(LEEDS, SPRINGFIELD) * 4)
    test_article.store(sqlite_db)
    yield from open_world(sqlite_db, clock, settings_of(templates=TemplateSettings(folder=str(tmp_path))))


def _paths(world: World) -> list[str]:
    person = world.follower()
    own, fresh = path_of(world.links.preferences(person)), path_of(world.links.fresh(person))
    wish = world.preferences(person)[0].id
    new = world.confirm_path(world.follower("new@example.org", confirmed=False))
    leaving = path_of(world.links.unsubscribe(person))
    signed = [
        own,
        f"{own}?edit={wish}",
        f"{own}?rest={wish}",
        f"{fresh}?see=address",
        f"{fresh}?do=erase",
        new,
        leaving,
    ]
    kept = [f"{fresh}?see={what}" for what in ("data", "mails", "consents")]
    public = ["/", "/link", "/privacy", "/nowhere", f"/trials/{NUMBER}", f"/trials/{NUMBER}/sheet", "/areas/D001249"]
    return [f"{path}{'&' if '?' in path else '?'}lang=ar" for path in (*signed, *kept, *public, "/articles/2")]


def _check(page: Page, what: str) -> None:
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl", what
    assert page.locator("html").get_attribute("lang") == "ar", what
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, what
    sideways = page.evaluate("scrollTo(-999, 0), scrollX")
    assert sideways == 0, what
    heading = page.locator("h1").first.bounding_box()
    brand = page.locator(".brand").bounding_box()
    assert heading is not None
    assert brand is not None
    assert brand["x"] + brand["width"] > 340, what
    assert heading["x"] + heading["width"] > 330, what


def test_every_page_is_written_from_right_to_left_and_scrolls_down_only(browser: Browser, world: World) -> None:
    with window(browser, base_url=world.server.url) as page:
        for path in _paths(world):
            page.goto(path)
            _check(page, path)
            assert html_faults(page.content()) == [], path


def test_the_steps_of_a_sign_up_are_written_from_right_to_left(browser: Browser, world: World) -> None:
    with window(browser, base_url=world.server.url) as page:
        page.goto("/?lang=ar")
        page.locator("#area").fill("multipel sclerosis")
        page.locator("#address").fill("ada@gmial.com")
        with arriving(page):
            page.locator("main form button[type=submit]").click()
        _check(page, "errors")
        assert serious_faults(page) == []
        page.locator("input[name=area_choice]").first.check()
        page.locator("#consent").check()
        with arriving(page):
            page.locator("main form button[type=submit]").click()
        _check(page, "review")
        assert serious_faults(page) == []
        with arriving(page):
            page.locator("#review button[value=save]").last.click()
        _check(page, "sent")


def test_the_style_sheet_and_the_templates_know_no_left_and_right() -> None:
    folder = shipped("templates/web")
    found = {
        file.name: PHYSICAL.findall(file.read_text(encoding="utf-8"))
        for file in (folder / "style.css", *folder.glob("*.html"))
    }
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "rule", ["left: 0", "a { margin-left: 1px }", "text-align: right", "border-top-left-radius: 0"]
)
def test_a_rule_that_knows_left_or_right_would_be_found(rule: str) -> None:
    assert PHYSICAL.search(rule)
    assert not PHYSICAL.search("inset-inline-start: 0; margin-inline-end: 1px; text-align: end; max-height: 1px")
