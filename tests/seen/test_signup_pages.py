"""The sign-up as people see it: what the script adds, under the page's own policy, and the way to "All set"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlmodel import select

from tests.seen.looking import chromium, serious_faults, window
from tests.web.conftest import World, hide_small_towns, open_world, path_of, settings_of
from tests.web.test_trial_page import NOW, store_trial
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.tables import Area, AreaOrigin

WAYS = (("en", "asthma", True), ("de", "lupus", False), ("fr", "asthma", True), ("es", "lupus", False))
"""The languages; a disease whose name all know, and whether a study of it is open near Leeds."""
LOOKS = ((375, "light"), (1024, "dark"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    hide_small_towns(monkeypatch)
    NOW[:] = [clock.now()]
    with sqlite_db.write() as session:
        store_trial(session)
    yield from open_world(sqlite_db, clock, settings_of())


@contextmanager
def _signing_up(browser: Browser, world: World, timezone: str = "America/Chicago") -> Iterator[Page]:
    """The form in a window that keeps the page's policy; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    with window(browser, base_url=world.server.url, strict=True, timezone=timezone) as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"{request.failure} {request.url}"))
        page.goto("/?lang=en")
        yield page
    # A form that comes back is a line of the console too; and whoever goes on to another page leaves requests behind.
    assert [each for each in complaints if "422" not in each and "ERR_ABORTED" not in each] == []


def _area(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Disease or condition")


def _posted(page: Page, press: str = "Enter") -> dict[str, str]:
    """Return what the form posts when a key is pressed."""
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.keyboard.press(press)
    page.wait_for_load_state()
    return {name: values[-1] for name, values in parse_qs(sent.value.post_data or "").items()}


def test_a_suggestion_is_found_and_taken_with_the_keyboard_alone(browser: Browser, world: World) -> None:
    with _signing_up(browser, world) as page:
        where = page.get_by_role("combobox", name="Where, and how far")
        expect(where).to_have_attribute("aria-expanded", "false")
        where.focus()
        page.keyboard.type("spring")
        expect(where).to_have_attribute("aria-expanded", "true")
        options = page.locator("[role=option]")
        expect(options).to_have_text(["Springfield, Illinois, United States", "Springfield, Missouri, United States"])
        assert where.get_attribute("aria-controls") == page.get_by_role("listbox").get_attribute("id")
        assert where.get_attribute("aria-activedescendant") is None

        for key, at in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowDown", None), ("ArrowUp", 1), ("ArrowUp", 0)):
            page.keyboard.press(key)
            pointed = None if at is None else options.nth(at).get_attribute("id")
            assert where.get_attribute("aria-activedescendant") == pointed
            chosen = [each.get_attribute("aria-selected") == "true" for each in options.all()]
            assert chosen == [number == at for number in range(2)]
        expect(where).to_be_focused()

        page.keyboard.press("Escape")
        expect(where).to_have_attribute("aria-expanded", "false")
        expect(where).to_have_value("spring")
        assert where.get_attribute("aria-activedescendant") is None
        page.keyboard.press("ArrowDown")
        expect(where).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(where).to_have_value("Springfield, Missouri, United States")
        expect(where).to_have_attribute("aria-expanded", "false")
        assert page.get_by_role("heading", level=1).inner_text() != "Is this right?"


def test_an_english_name_below_a_german_suggestion_is_read_aloud_as_english(browser: Browser, world: World) -> None:
    with world.db.write() as session:
        session.add(Area(id="D900001", name="Running Chest", names={"de": ["Laufbrust"]},
                         synonyms=["Jogger's Chest"], origin=AreaOrigin.CURATED))  # fmt: skip
    with _signing_up(browser, world) as page:
        page.goto("/?lang=de")
        page.locator("#area").fill("jogger")
        option = page.locator("[role=option]")
        expect(option).to_contain_text("Laufbrust")
        expect(option.locator("small")).to_have_text("auch: Jogger's Chest")
        expect(option.locator("small [lang=en]")).to_have_text("Jogger's Chest")


def test_what_was_taken_is_what_is_posted_with_the_time_zone_of_the_device(browser: Browser, world: World) -> None:
    with _signing_up(browser, world) as page:
        expect(page.locator("#zone")).to_have_text("Chicago")
        _area(page).focus()
        page.keyboard.type("asthma, multipel sclerosis")
        expect(page.locator("[role=option]")).to_have_text("Multiple Sclerosis")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(_area(page)).to_have_value("asthma, Multiple Sclerosis")
        page.get_by_role("combobox", name="Where, and how far").fill("Leeds, GB")
        page.get_by_label("I agree that").check()
        page.get_by_role("textbox", name="Your e-mail address").fill("ada@example.org")
        page.keyboard.press("Escape")
        posted = _posted(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    assert posted["area"] == "asthma, Multiple Sclerosis"
    assert (posted["region"], posted["timezone"]) == ("Leeds, GB", "America/Chicago")


def test_a_suggestion_is_taken_with_a_finger_too(browser: Browser, world: World) -> None:
    with _signing_up(browser, world) as page:
        _area(page).focus()
        page.keyboard.type("lup")
        page.locator("[role=option]").click()
        expect(_area(page)).to_have_value("Lupus Erythematosus, Systemic")
        expect(_area(page)).to_be_focused()


def test_a_time_zone_of_ones_own_stays_when_the_form_comes_back(browser: Browser, world: World) -> None:
    with _signing_up(browser, world) as page:
        page.locator("summary", has_text="Chicago").click()
        page.get_by_label("Your time zone").fill("Asia/Tokyo")
        assert _posted(page)["timezone"] == "Asia/Tokyo"
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.locator("#timezone")).to_have_value("Asia/Tokyo")
        expect(page.locator("#zone")).to_have_text("Tokyo")


@pytest.mark.parametrize("device", ["UTC", "Etc/Unknown"])
def test_a_device_that_keeps_its_zone_to_itself_changes_nothing(browser: Browser, world: World, device: str) -> None:
    plain = world.settings.service.timezone
    with _signing_up(browser, world, timezone="UTC") as page:
        if device != "UTC":
            page.add_init_script(
                "Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: undefined })",
            )
            page.reload()
        expect(_area(page)).to_be_visible()
        expect(page.locator("#timezone")).to_have_value(plain)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ada@gmial.com", "ada@gmail.com"),
        ("ada@hotmal.com", "ada@hotmail.com"),
        ("ada@gmx.dee", "ada@gmx.de"),
        ("Ada.B+news@OUTLOOK.CMO", "Ada.B+news@outlook.com"),
    ],
)
def test_a_slip_in_the_address_is_asked_about_and_mended_by_a_press(
    browser: Browser, world: World, typed: str, meant: str
) -> None:
    with _signing_up(browser, world) as page:
        address = page.get_by_role("textbox", name="Your e-mail address")
        address.fill(typed)
        asked = page.get_by_role("status")
        expect(asked).to_have_text(f"Did you mean {meant}?")
        expect(address).to_have_value(typed)  # asked, never mended
        page.keyboard.press("Tab")
        expect(asked.get_by_role("button")).to_be_focused()
        page.keyboard.press("Enter")
        expect(address).to_have_value(meant)
        expect(address).to_be_focused()
        expect(asked).to_be_hidden()
        assert _posted(page)["address"] == meant


def test_an_address_that_may_well_be_right_is_not_asked_about(browser: Browser, world: World) -> None:
    with _signing_up(browser, world) as page:
        address = page.get_by_role("textbox", name="Your e-mail address")
        address.fill("ada@gmial.com")
        expect(page.get_by_role("status")).to_be_visible()
        for right in ("ada@gmx.com", "ada@example.org", "ada@"):
            address.fill(right)
            expect(page.get_by_role("status")).to_be_hidden()
            address.fill("ada@gmial.com")
            expect(page.get_by_role("status")).to_be_visible()


@pytest.mark.parametrize(("width", "text"), [(320, 100), (187, 100), (375, 200)])
def test_the_form_fits_narrow_windows_and_large_text(browser: Browser, world: World, width: int, text: int) -> None:
    """187 pixels are a telephone of 375 that shows everything twice as large; 200 % is its text alone, doubled."""
    with window(browser, base_url=world.server.url, width=width) as page:
        page.goto("/?lang=de")
        page.add_style_tag(content=f"html {{ font-size: {text}% }}")
        page.locator("summary").evaluate_all("all => all.forEach(each => each.parentElement.open = true)")
        page.get_by_role("combobox", name="Krankheit").press_sequentially("lup")
        expect(page.locator("[role=option]").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("lang", "area", "is_open"), WAYS)
def test_no_page_on_the_way_to_all_set_has_a_serious_fault(
    browser: Browser, world: World, lang: str, area: str, is_open: bool
) -> None:
    with window(browser, base_url=world.server.url) as page:
        page.goto(f"/?lang={lang}")
        _look(page, "the sign-up")
        page.locator("#address").press("Enter")
        page.locator(".summary").wait_for()
        _look(page, "errors")
        page.locator("#area").fill(area)
        page.locator("#region").fill("Leeds, GB")
        page.locator("#address").fill("ada@example.org")
        page.locator("#consent").check()
        page.locator("#address").press("Enter")
        page.locator("button[value=save]:not(.trap)").wait_for()
        _look(page, "the review")
        page.locator("button[value=save]:not(.trap)").click()
        page.locator(".big").wait_for()
        _look(page, "sent")
        page.goto(path_of(_to_confirm(world)))
        _look(page, "to confirm")
        page.locator("main form button").click()
        page.locator("main a.quiet").first.wait_for()
        assert page.locator("main a.quiet").count() == (1 if is_open else 2)  # "Look farther" where there is none
        _look(page, "all set")
        assert world.again(_person(world)).confirmed_at is not None


def _look(page: Page, what: str) -> None:
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 812})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert serious_faults(page) == [], f"{what}, {width}, {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{what}, {width}"


def _person(world: World) -> Subscriber:
    with world.db.read() as session:
        return session.exec(select(Subscriber)).one()


def _to_confirm(world: World) -> str:
    (mail,) = world.mails()
    return world.links.confirm(_person(world), mail.data["preference_ids"])
