"""The public pages as people see them: accessible, within their windows, and the sheet on one page of paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser

from tests.seen.looking import LOOKS, arriving, chromium, html_faults, serious_faults, window
from tests.web.conftest import World, open_world, settings_of
from tests.web.test_article import store
from tests.web.test_trial_page import LEEDS, NOW, NUMBER, SPRINGFIELD, store_trial
from trialalerts.catalog.facts import ArticleFacts, Contact, PartialDate
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

PATHS = {
    "trial": f"/trials/{NUMBER}",
    "sheet": f"/trials/{NUMBER}/sheet",
    "area": "/areas/D001249",
    "archive": "/articles",
    "withdrawn article": "/articles/7001",
}
LONG = "\n".join(
    f"- a criterion, number {number}, of the length that registers like, with a number such as FEV1 between 50 and "
    "80 percent of what is predicted, and a remark in brackets (see the protocol) that goes on for a while"
    for number in range(30)
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    NOW[:] = [clock.now()]
    with sqlite_db.write() as session:
        store_trial(
            session,
            sites=(LEEDS, SPRINGFIELD) * 12,
            criteria=f"Inclusion Criteria:\n{LONG}\nExclusion Criteria:\n{LONG}",
            official_title="A Randomised, Double-blind, Placebo-controlled Study of Brevalumab in Severe Asthma " * 3,
            contacts=(Contact(name="Study Office", phone="+44 113 496 0155", email="office@airevalley.example"),),
            phases=("PHASE3",), enrolment=300, sponsor="Example Biotech", first_posted=date(2026, 1, 11),
            start=PartialDate(value="2026-03", precision="month", kind="actual"),
        )  # fmt: skip
    texts = {"corrected_on": date(2026, 2, 26), "correction": "It is 12, not 21.", "retraction": "About another place."}
    facts = ArticleFacts(html="<h2>Who</h2><ul><li>Adults</li></ul>", retracted_on=date(2026, 2, 27), **texts)
    store(sqlite_db, id=7001, facts=facts.model_dump(mode="json"))
    yield from open_world(sqlite_db, clock, settings_of())


@pytest.mark.parametrize("what", PATHS)
def test_a_public_page_has_no_serious_fault_in_any_look(browser: Browser, world: World, what: str) -> None:
    for width, scheme in LOOKS:
        with window(browser, base_url=world.server.url, width=width, scheme=scheme) as page:
            page.goto(PATHS[what])
            assert serious_faults(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert html_faults(world.client.get(PATHS[what]).text) == []


@pytest.mark.parametrize("lang", ["en", "de", "fr", "es"])
def test_the_sheet_of_a_long_record_is_one_page_of_paper(browser: Browser, world: World, lang: str) -> None:
    with window(browser, base_url=world.server.url, width=1024) as page:
        page.goto(f"{PATHS['sheet']}?lang={lang}")
        printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1
    assert printed.startswith(b"%PDF")


def test_a_place_is_typed_and_the_nearest_site_is_shown_without_scripts(browser: Browser, world: World) -> None:
    with window(browser, base_url=world.server.url, scripts=False) as page:
        page.goto(PATHS["trial"])
        page.get_by_label("Your town or postcode").fill("Leeds, GB")
        with arriving(page):
            page.get_by_role("button", name="Look").click()
        assert page.get_by_role("heading", name="Nearest to Leeds").is_visible()
        assert "Leeds" not in page.url
