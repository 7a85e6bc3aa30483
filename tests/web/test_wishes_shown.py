"""How the settings show what somebody follows, and where “All set” and an area's page lead to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from sqlmodel import select

from tests.catalog.samples import trial
from tests.web import test_article
from tests.web.conftest import World, path_of
from tests.web.test_trial_page import LEEDS, NOW, store_trial
from trialalerts.catalog.draft import AreaTag
from trialalerts.catalog.facts import Site
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import take_numbers
from trialalerts.subscribers.follows.trials import follow_trial
from trialalerts.subscribers.tables import Subscriber

YORK = Site(facility="Example Infirmary", city="York", country="GB", latitude=53.96, longitude=-1.08)
PARIS = Site(facility="Hôpital Exemple", city="Paris", country="FR", latitude=48.86, longitude=2.35)


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def open_trials(world: World, *sites: Site, area: str = "D009103") -> None:
    drafts = [
        replace(trial(f"NCT{number:08}", sites=(site,)), areas=[AreaTag(id=area, in_title=True)])
        for number, site in enumerate(sites)
    ]
    with world.db.write() as session:
        store_items(session, drafts, baseline=False, now=world.clock.now() - timedelta(days=1))


def _cards(world: World, person: Subscriber) -> list[tuple[str, str]]:
    page = world.client.get(path_of(world.links.preferences(person))).text
    found = re.findall(r"<h3>(.*?)</h3>\s*<p class=\"soft small\">(.*?)</p>", page)
    return [(unescape(re.sub("<[^>]+>", "", heading)), unescape(details)) for heading, details in found]


def _also(world: World, person: Subscriber, **typed: str) -> None:
    answer = world.client.post(path_of(world.links.preferences(person)), data={"action": "add", "step": "save"} | typed)
    assert answer.status_code == 303, answer.text


def test_a_wish_is_a_card_with_disease_and_place_and_what_is_open_now(each_world: World) -> None:
    world, person = each_world, each_world.follower()
    open_trials(world, LEEDS, YORK, PARIS)
    assert _cards(world, person) == [("Multiple Sclerosis near Leeds", "within 80 km · 2 open now")]


@pytest.mark.parametrize(
    ("typed", "card"),
    [
        ({"area": "asthma"}, ("Asthma", "Anywhere · nothing open now")),
        ({"area": "asthma", "region": "United Kingdom"}, ("Asthma in the United Kingdom", "nothing open now")),
        ({"area": "asthma", "region": "England, GB"}, ("Asthma in England", "nothing open now")),
        (
            {"area": "asthma", "region": "Leeds, GB", "travel": "anywhere", "kinds": "trial"},
            ("Asthma near Leeds", "any distance · Only trials · nothing open now"),
        ),
        (
            {"area": "lupus", "region": "Springfield, Missouri, US", "label": "for Anna", "born": "2019"},
            (
                "Lupus Erythematosus, Systemic near Springfield",
                "Springfield, Missouri, United States · within 50 km · for Anna, 6 · nothing open now",
            ),
        ),
        (
            {"area": "lupus", "region": "Leeds, GB", "born": "2019"},
            ("Lupus Erythematosus, Systemic near Leeds", "within 50 km · born 2019 · nothing open now"),
        ),
    ],
)
def test_a_card_says_all_that_is_asked_for(world: World, typed: dict[str, str], card: tuple[str, str]) -> None:
    person = world.follower()
    _also(world, person, **typed)
    assert _cards(world, person)[1] == card


@pytest.mark.parametrize(
    ("code", "heading", "details"),
    [
        ("de", "Multiple Sclerosis bei Leeds", "2 jetzt offen"),
        ("fr", "Multiple Sclerosis près de Leeds", "2 ouvertes actuellement"),
        ("es", "Multiple Sclerosis cerca de Leeds", "2 abiertos ahora"),
    ],
)
def test_a_card_speaks_the_readers_language(world: World, code: str, heading: str, details: str) -> None:
    open_trials(world, LEEDS, YORK)
    ((said, below),) = _cards(world, world.follower(locale=code))
    assert said == heading
    assert below.endswith(details)


def test_a_trial_that_is_followed_is_named_by_what_it_tests(each_world: World) -> None:
    world, person = each_world, each_world.follower()
    with world.db.write() as session:
        item = store_trial(session, title="A Fictional Study of Brevalumab")
        follow_trial(session, person, item.id or 0, confirmed=True, how="link", now=world.clock.now())
    heading, details = _cards(world, person)[1]
    assert "NCT90000001" not in heading
    assert details == "NCT90000001 · Every change of this trial, up to its results"


def test_while_a_source_is_read_for_the_first_time_nothing_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_trials(world, LEEDS)
    person = world.follower()
    monkeypatch.setattr("trialalerts.web.estimates.watched_since", lambda *_: (None, False))
    assert _cards(world, person) == [("Multiple Sclerosis near Leeds", "within 80 km")]


# ---- where "All set" leads


def _confirmed(world: World, **typed: str) -> str:
    world.client.post("/subscribe", data=world.form(**typed))
    with world.db.read() as session:
        person = session.exec(select(Subscriber)).one()
    return world.client.post(world.confirm_path(person), data={}).text


def _led_to(world: World, page: str) -> str:
    action, near = re.findall(
        r'<form method="post" action="(/areas/[^"]+)"><input type="hidden" name="near" value="([^"]+)">', page
    )[0]
    return world.client.post(unescape(action), data={"near": unescape(near)}).text


def test_all_set_leads_to_the_trials_that_are_open_now(world: World) -> None:
    open_trials(world, LEEDS, YORK)
    page = _confirmed(world)
    assert "See what is open now" in page
    trials = _led_to(world, page)
    assert "Multiple Sclerosis near Leeds" in trials
    assert trials.index("NCT00000000") < trials.index("NCT00000001")


def test_where_nothing_is_open_near_all_set_leads_to_what_is_farther_away(world: World) -> None:
    open_trials(world, PARIS)
    page = _confirmed(world)
    assert "Nothing is open near you today" in page
    assert "See where one is open" in page
    assert "NCT00000000" in _led_to(world, page)


def test_who_follows_a_country_is_led_to_its_page(world: World) -> None:
    open_trials(world, LEEDS)
    page = _confirmed(world, region="United Kingdom", radius="")
    assert 'href="/areas/D009103?lang=en&amp;country=GB"' in page


def test_who_follows_any_disease_has_no_page_to_be_led_to(world: World) -> None:
    assert "/areas/" not in _confirmed(world, area="any disease")


# ---- an area's page


def test_an_address_on_an_areas_page_fills_the_sign_up_with_area_and_place(world: World) -> None:
    page = world.client.post("/areas/D001249", data={"near": "Leeds, GB"}).text
    form = page.partition('<form class="box" method="post" action="/subscribe')[2].partition("</form>")[0]
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    assert 'name="address" type="email"' in form
    sign_up = world.client.post("/subscribe", data=fields | {"address": "ada@example.org"})
    assert sign_up.status_code == 200
    for said in ('value="Asthma"', 'value="Leeds, England, GB"', 'value="ada@example.org"'):
        assert said in sign_up.text
    assert 'class="error"' not in sign_up.text
    assert 'name="consent" type="checkbox" value="en" required>' in sign_up.text
    assert world.mails() == []


def test_an_areas_page_lists_the_articles_of_the_area_and_no_others(each_world: World) -> None:
    world = each_world
    on = {"direct": [{"id": "D001249", "in_title": True}], "ancestors": []}
    off = {"direct": [{"id": "D009103", "in_title": True}], "ancestors": []}
    here = test_article.store(world.db, areas=on, title="Read here")
    facts = {"language": "de"}
    test_article.store(
        world.db, areas=on, external_id="2", title="Dort lesen", url="https://news.example.org/2", facts=facts
    )
    test_article.store(world.db, areas=off, external_id="3", title="About something else")
    gone = test_article.store(world.db, areas=on, external_id="4", title="Withdrawn")
    with world.db.write() as session:
        (seq,) = take_numbers(session, "change", 1)
        session.add(Change(seq=seq, item_id=gone, kind=ChangeKind.RETRACTED, after={}, at=world.clock.now()))
    page = world.client.get("/areas/D001249").text.partition("<h2>To read</h2>")[2]
    assert f'<a href="/articles/{here}" lang="en" hreflang="en">Read here</a>' in page
    assert '<a href="https://news.example.org/2" lang="de" hreflang="de">Dort lesen</a>' in page
    assert "20 February 2026 · Example Alerts" in page
    assert "About something else" not in page
    assert "Withdrawn" not in page


def test_without_articles_an_areas_page_has_nothing_to_read(world: World) -> None:
    assert "To read" not in world.client.get("/areas/D001249").text
