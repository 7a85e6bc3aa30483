"""The way of a subscriber from the first page to the last, with real mails over SMTP and a real browser.

It is gone with a pointer, with and without scripts, and by the keyboard alone: there, whatever is used is reached by
the tabulator from where the last thing was, and shows that it has the focus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pydantic import SecretStr
from sqlmodel import select

from tests.delivery.mailserver import Mailbox, running
from tests.digests.stage import store_trial
from tests.seen.looking import arriving, chromium, serious_faults, window
from tests.web.conftest import World, open_world, settings_of
from trialalerts.catalog.facts import Site
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.pipeline import Pipeline
from trialalerts.settings import MailSettings
from trialalerts.subscribers.tables import Subscriber, SubscriberState

ADDRESS = "pat@people.example"
LEEDS = Site(
    facility="Sample Hospital", city="Leeds", country="GB", latitude=53.8, longitude=-1.55, status="RECRUITING"
)
_MOST_STOPS, _MOST_CHOICES = 150, 6
DISEASE = "sclerosis"
"""What no subject, no link and no title may say."""


@dataclass(kw_only=True)
class Reader:
    """Somebody with a browser and a mailbox."""

    page: Page
    world: World
    pipeline: Pipeline
    mailbox: Mailbox
    scripts: bool
    keyboard: bool = False

    def mail(self) -> EmailMessage:
        """Let the service write and send, and return the one mail that came."""
        before = len(self.mailbox.received)
        self.pipeline.compose()
        self.pipeline.send()
        new = self.mailbox.received[before:]
        assert [to for _, to, _ in new] == [ADDRESS]
        message = message_from_bytes(new[0][2], policy=default)
        assert DISEASE not in str(message["Subject"]).lower()
        return message

    def open_link(self, message: EmailMessage, part: str) -> None:
        """Open the first link of a mail whose path begins with ``part``; both parts have it."""
        found = {kind: self._links(message, kind, part) for kind in ("plain", "html")}
        assert found["plain"], (part, _body(message, "plain"))
        assert found["html"], part
        self.page.goto(found["html"][0])

    def _links(self, message: EmailMessage, kind: str, part: str) -> list[str]:
        urls = re.findall(r"https://alerts\.example\.org(/[^\s\"<>)]*)", _body(message, kind))
        return [url for url in urls if url.startswith(part)]

    def press(self, name: str) -> None:
        """Press a button, and wait for the page that answers."""
        with arriving(self.page):
            self.enter(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str) -> None:
        """Follow a link to its page."""
        with arriving(self.page):
            self.enter(self.page.get_by_role("link", name=name))

    def write(self, label: str, text: str) -> None:
        """Write into a field."""
        field = self.page.get_by_label(label)
        if self.keyboard:
            self.reach(field)
            self.page.keyboard.type(text)
        else:
            field.fill(text)
        expect(field).to_have_value(text)

    def tick(self, label: str) -> None:
        """Tick a box."""
        box = self.page.get_by_label(label)
        if self.keyboard:
            self.reach(box)
            self.page.keyboard.press("Space")
        else:
            box.check()
        expect(box).to_be_checked()

    def pick(self, label: str, *, past: str) -> None:
        """Pick one of a few words side by side; the one that is picked so far is ``past``."""
        wanted = self.page.get_by_label(label, exact=True)
        if self.keyboard:  # one stop of the tabulator, then the arrows
            self.reach(self.page.get_by_label(past, exact=True))
            for _ in range(_MOST_CHOICES):
                if wanted.is_checked():
                    break
                self.page.keyboard.press("ArrowRight")
        else:
            wanted.check()
        expect(wanted).to_be_checked()

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        field = self.page.get_by_label(label)
        if self.keyboard:
            self.reach(field)
            self.page.keyboard.type(option)
        else:
            field.select_option(option)
        expect(field.locator("option:checked")).to_have_text(option)

    def enter(self, target: Locator) -> None:
        """Use a link or a button."""
        if self.keyboard:
            self.reach(target)
            self.page.keyboard.press("Enter")
        else:
            target.click()

    def reach(self, target: Locator) -> None:
        """Go to something with the tabulator; it shows that it has the focus."""
        for _ in range(_MOST_STOPS):
            self.page.keyboard.press("Tab")
            if target.evaluate("each => each === document.activeElement"):
                break
        expect(target).to_be_focused()
        outline = "each => getComputedStyle(each.closest('.seg') ?? each).outlineStyle"
        assert target.evaluate(outline) != "none"

    def sees(self, heading: str) -> None:
        """Look at the page: its heading, its title, and what a screen reader makes of it."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)
        assert DISEASE not in urlsplit(self.page.url).path.lower()
        if self.scripts:  # axe-core is one itself
            assert serious_faults(self.page) == []

    def stands(self, state: SubscriberState) -> None:
        """Look where the subscriber stands."""
        with self.world.db.read() as session:
            assert session.exec(select(Subscriber)).one().state is state


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    yield from chromium()


@pytest.fixture(params=["with scripts", "without scripts", "by the keyboard alone"])
def reader(
    request: pytest.FixtureRequest, browser: Browser, sqlite_db: Database, clock: FrozenClock
) -> Iterator[Reader]:
    """Somebody before a window on the service."""
    mailbox = Mailbox()
    with running(mailbox) as port:
        mail = MailSettings(url=SecretStr(f"smtp://127.0.0.1:{port}"), sender="Example Alerts <alerts@example.org>")
        for world in open_world(sqlite_db, clock, settings_of(mail=mail)):
            pipeline = Pipeline(world.settings, world.db, clock)
            scripts, keyboard = request.param != "without scripts", request.param == "by the keyboard alone"
            with window(browser, base_url=world.server.url, scripts=scripts) as page:
                yield Reader(
                    page=page, world=world, pipeline=pipeline, mailbox=mailbox, scripts=scripts, keyboard=keyboard
                )


def test_from_the_first_page_to_the_last(reader: Reader) -> None:
    first = _sign_up(reader)
    _change_and_follow(reader, first)
    _pause_and_go_on(reader, first)
    quiet = _read_what_is_kept(reader)
    _leave_come_back_and_go(reader, quiet)


def _sign_up(reader: Reader) -> EmailMessage:
    """Sign up, confirm, and return the first mail."""
    page, world = reader.page, reader.world
    page.goto("/")
    reader.write("Disease or condition", "multiple sclerosis")
    reader.write("Where, and how far", "Leeds, GB")
    reader.write("Your e-mail address", ADDRESS)
    reader.pick("Daily", past="Weekly")
    reader.tick("I agree that")
    reader.press("Continue")
    reader.sees("Is this right?")
    reader.press("Sign up")
    reader.sees("Now look into your inbox")
    with world.db.write() as session:
        store_trial(session, 1, world.clock.now(), areas=["D009103"], sites=(LEEDS,), status="RECRUITING")
    reader.open_link(reader.mail(), "/confirm/")
    reader.sees("One press, and we begin to watch")
    reader.press("Yes, send me these mails")
    reader.sees("All set")
    reader.stands(SubscriberState.ACTIVE)
    world.clock.advance(timedelta(days=1))

    first = reader.mail()
    assert "Sample Hospital" in _body(first, "plain")
    return first


def _change_and_follow(reader: Reader, first: EmailMessage) -> None:
    page = reader.page
    reader.open_link(first, "/preferences/")
    reader.sees("My settings")
    reader.follow("Change Multiple Sclerosis near Leeds")
    reader.sees("Change what you follow")
    reader.write("A name for it", "Anna")
    reader.press("Continue")
    reader.sees("Is this right?")
    reader.press("Save")
    expect(page.get_by_role("status")).to_have_text("Changed.")
    reader.pick("Weekly", past="Daily")
    reader.choose("When there is nothing new", "Tell me once a month")
    reader.press("Save")
    expect(page.get_by_role("status")).to_have_text("Saved.")

    reader.open_link(first, "/follow/")
    reader.sees("Fictional trial 1")
    reader.press("Follow this trial")
    reader.sees("You follow this trial now")


def _pause_and_go_on(reader: Reader, first: EmailMessage) -> None:
    page = reader.page
    reader.open_link(first, "/preferences/")
    expect(page.get_by_role("heading", name="Multiple Sclerosis near Leeds")).to_be_visible()
    reader.press("Pause")
    expect(page.get_by_text("Your mails are paused until")).to_be_visible()
    reader.stands(SubscriberState.PAUSED)
    reader.press("Send mails again")
    expect(page.get_by_role("status")).to_have_text("Your mails come again.")
    reader.stands(SubscriberState.ACTIVE)


def _read_what_is_kept(reader: Reader) -> EmailMessage:
    """Wait for the sign of life and return it; download by a fresh link what is kept."""
    page = reader.page
    reader.world.clock.advance(timedelta(days=40))
    quiet = reader.mail()
    assert "Nothing new" in quiet["Subject"]
    reader.open_link(quiet, "/preferences/")
    reader.follow("Download my data")
    reader.sees("First a fresh link")
    reader.press("Send me the link")
    reader.open_link(reader.mail(), "/preferences/")
    reader.sees("My settings")
    reader.follow("Download my data")
    reader.sees("Download my data")
    assert "NCT90000001" in page.locator("main").inner_text()
    with page.expect_download() as loading:
        reader.enter(page.get_by_role("link", name="Download it as a file"))
    held = json.loads(loading.value.path().read_text(encoding="utf-8"))
    assert held["subscriber"]["address"] == ADDRESS
    return quiet


def _leave_come_back_and_go(reader: Reader, quiet: EmailMessage) -> None:

    reader.open_link(quiet, "/unsubscribe/")
    reader.press("Stop all mails")
    reader.sees("Done. No more mails")
    reader.stands(SubscriberState.UNSUBSCRIBED)
    goodbye = reader.mail()
    reader.open_link(goodbye, "/undo/")
    reader.sees("Turn my mails on again?")
    reader.press("Turn my mails on again")
    reader.sees("Welcome back")
    reader.stands(SubscriberState.ACTIVE)

    reader.open_link(goodbye, "/preferences/")
    reader.sees("Erase everything?")
    reader.press("Yes, erase everything")
    reader.sees("Erased")
    with reader.world.db.read() as session:
        people = session.exec(select(Subscriber)).all()
        assert [each.address for each in people if ADDRESS in each.address] == []
