"""The way of a subscriber in a real browser: Chromium, with scripts switched off, as no page needs any."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from sqlmodel import select

from tests.conftest import missing
from tests.web.conftest import World, path_of
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState

LOOK = "the page before saving"
INSTALL = "Chromium is not installed: apt-get install chromium"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing(INSTALL)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _pages(browser: Browser, world: World, **options: object) -> Iterator[Page]:
    context = browser.new_context(
        base_url=world.server.url,
        locale="en-GB",
        java_script_enabled=False,
        **options,  # type: ignore[arg-type]  # by name
    )
    yield context.new_page()
    assert context.cookies() == []
    context.close()


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    """A fresh window on the service."""
    yield from _pages(browser, world)


def _person(world: World) -> Subscriber:
    with world.db.read() as session:
        return session.exec(select(Subscriber)).one()


def test_from_the_sign_up_to_the_confirmation(page: Page, world: World) -> None:
    page.goto("/subscribe?area=Asthma")
    expect(page.get_by_label("Disease or condition")).to_have_value("Asthma")
    page.get_by_label("Disease or condition").fill("multipel sclerosis")
    page.get_by_label("Where, and how far").fill("Springfield")
    page.get_by_text("mails at 8 in the morning").click()
    page.get_by_label("Or a distance of your own").fill("50")
    page.get_by_role("textbox", name="Your e-mail address").fill("ada@example.org")
    page.get_by_label("Daily").check()
    page.get_by_label("Your time zone").fill("Chicago")
    page.get_by_role("button", name="Continue").click()

    # Two slips and a forgotten tick: each is told at its field.
    expect(page.get_by_role("alert")).to_contain_text("There are several places of this name.")
    where = page.get_by_label("Where, and how far")
    expect(where).to_have_attribute("aria-invalid", "true")
    expect(where).to_have_accessible_description("There are several places of this name.")
    page.get_by_label("Springfield, Illinois, United States").check()
    page.get_by_label("Multiple Sclerosis").check()
    page.get_by_label("I agree that").check()
    page.get_by_role("button", name="Continue").click()

    # What was understood, and what it would bring, before anything is stored.
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    expect(page.get_by_role("main")).to_contain_text(
        "near Springfield, Illinois, United States, within 80 km (50 miles)"
    )
    expect(page.get_by_role("main")).to_contain_text("Nothing takes people for this today.")
    page.get_by_role("button", name="Change what you follow").click()
    expect(page.get_by_label("Disease or condition")).to_have_value("Multiple Sclerosis")
    expect(page.get_by_label("Or a distance of your own")).to_have_value("50")
    expect(page.get_by_label("I agree that")).to_be_checked()
    page.get_by_role("button", name="Continue").click()
    assert world.mails() == []
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Now look into your inbox")

    person = _person(world)
    assert (person.state, person.frequency) == (SubscriberState.PENDING, Frequency.DAILY)
    (mail,) = world.mails()
    page.goto(path_of(world.links.confirm(person, mail.data["preference_ids"])))
    expect(page.get_by_role("main")).to_contain_text(
        "near Springfield, Illinois, United States, within 80 km (50 miles)"
    )
    page.get_by_role("button", name="Yes, send me these mails").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All set. Nothing is open near you today")
    assert _person(world).state is SubscriberState.ACTIVE


def test_from_ones_own_page_to_the_last_mail(page: Page, world: World) -> None:
    person = world.follower()
    page.goto(path_of(world.links.preferences(person)))
    page.get_by_label("Daily").check()
    expect(page.get_by_label("Day of the week")).not_to_be_visible()
    page.get_by_label("Weekly").check()
    page.get_by_label("Time of day").select_option("19")
    expect(page.get_by_label("Day of the month")).not_to_be_visible()
    page.get_by_label("Day of the week").select_option("Thursday")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_text("Follow something else").click()
    page.get_by_label("Disease or condition").fill("lupus")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Added.")
    page.get_by_role("link", name="Change Lupus Erythematosus, Systemic").click()
    page.get_by_label("Where, and how far").fill("Leeds, GB")
    page.get_by_label("How far", exact=True).select_option("within 62 miles")
    page.get_by_text("Only certain trials or news").click()
    page.get_by_label("Trials for").select_option("Women and girls")
    page.get_by_role("group", name="Phases").get_by_label("Phase 3").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Changed.")
    expect(page.get_by_role("main")).to_contain_text("Women and girls · Phase 3")
    page.get_by_role("button", name="Stop Multiple Sclerosis").click()
    expect(page.get_by_role("status")).to_have_text("Removed.")
    person = _person(world)
    assert (person.frequency, person.hour, person.weekday) == (Frequency.WEEKLY, 19, 3)
    (lupus,) = world.preferences(person)
    assert (lupus.area_id, lupus.radius_km, lupus.sex, lupus.phases) == ("D008180", 100, "female", ["PHASE3"])

    page.goto(path_of(world.links.unsubscribe(person)))
    page.get_by_role("button", name="Stop all mails").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Done. No more mails")
    assert _person(world).state is SubscriberState.UNSUBSCRIBED


def test_erasing_in_two_steps(page: Page, world: World) -> None:
    person = world.follower()
    page.goto(path_of(world.links.fresh(person)))
    page.get_by_role("button", name="Erase all about me").click()
    page.get_by_role("link", name="No, go back").click()
    page.get_by_role("button", name="Erase all about me").click()
    page.get_by_role("button", name="Yes, erase everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Erased")
    assert _person(world).state is SubscriberState.ERASED


def test_the_form_can_be_filled_with_the_keyboard_alone(page: Page, world: World) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.get_by_label("Disease or condition").focus()
    # … the distance, for whom, the age; the address; how often, the closed block
    for keys in ("MS", "Leeds, GB", "", "", "", "ada@example.org", "", ""):
        page.keyboard.type(keys)
        page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the consent
    page.keyboard.press("Tab")  # the link to the privacy text
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    page.get_by_role("button", name="Sign up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now look into your inbox")
    assert len(world.mails()) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_the_pages_fit_their_window_and_load_without_a_complaint(
    browser: Browser, world: World, scheme: str, width: int
) -> None:
    person = world.follower()
    own = path_of(world.links.preferences(person))
    paths = [
        "/",
        "/privacy",
        "/nowhere",
        world.confirm_path(person),
        own,
        f"{own}?edit={world.preferences(person)[0].id}",
        path_of(world.links.unsubscribe(person)),
        LOOK,
    ]
    context = browser.new_context(
        base_url=world.server.url,
        locale="de-DE",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 700},
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.extend(_failure(request)))
    for path in paths:
        if path == LOOK:  # the page before saving has no path of its own
            page.goto(f"{own}?edit={world.preferences(person)[0].id}", wait_until="networkidle")
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
        else:
            page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none", "no styles"
        faint = page.evaluate(CONTRASTS)
        assert faint == [], path
    context.close()
    assert [complaint for complaint in complaints if "404" not in complaint] == []


def _failure(request: Request) -> list[str]:
    """What failed and why; nothing where the browser itself gave a request up, as it does with the old page's icon
    when the next page is opened before it has come."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.failure} {request.url}"]


CONTRASTS = """() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, header *, footer *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (element.closest("option, datalist, .trap")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
"""Finds text whose contrast with what lies behind it is below WCAG's 4.5."""
