"""The page of an area and its feeds: what is open, what is new, read back by others' programs and by our own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import feedparser
import pytest

from tests.web.conftest import World
from tests.web.test_trial_page import LEEDS, NOW, SPRINGFIELD, store_trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, ChangeKind, ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.database import take_numbers
from trialalerts.sources.feeds.json_feed import read_json_feed
from trialalerts.sources.feeds.xml_feed import read_xml_feed


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def furnish(world: World) -> None:
    """Store an open trial in Leeds, one in Springfield, one that is over; the first has two changes."""
    with world.db.write() as session:
        first = store_trial(session, "NCT90000001", sites=(LEEDS,), title="The one in Leeds")
        american = SPRINGFIELD.model_copy(update={"status": "RECRUITING"})
        store_trial(session, "NCT90000002", sites=(american,), title="The one in Springfield")
        store_trial(session, "NCT90000003", status="COMPLETED", title="The one that is over")
        for days, kind, after in (
            (9, ChangeKind.REGISTERED, {"baseline": "test"}),
            (5, ChangeKind.OPENED, {}),
            (2, ChangeKind.CONTACT_CHANGED, {"central": True}),
            (1, ChangeKind.RESULTS_POSTED, {}),
        ):
            (seq,) = take_numbers(session, "change", 1)
            at = world.clock.now() - timedelta(days=days)
            session.add(Change(seq=seq, item_id=first.id or 0, kind=kind, after=after, at=at))


@pytest.mark.parametrize("name", ["D001249", "Asthma", "asthma", "ASTHMA"])
def test_an_area_is_found_by_its_id_or_name(each_world: World, name: str) -> None:
    furnish(each_world)
    answer = each_world.client.get(f"/areas/{name}")
    assert answer.status_code == 200
    assert "2 trials take people now" in answer.text
    assert "The one in Leeds" in answer.text
    assert "The one in Springfield" in answer.text
    assert "The one that is over" not in answer.text
    assert answer.headers["Cache-Control"].startswith("public")
    assert "X-Robots-Tag" not in answer.headers


def test_a_country_leaves_out_what_is_elsewhere(each_world: World) -> None:
    furnish(each_world)
    page = each_world.client.get("/areas/D001249?country=gb").text
    assert "Asthma in the United Kingdom" in page
    assert "1 trial takes people now" in page
    assert "The one in Springfield" not in page


@pytest.mark.parametrize(("asked", "heading", "query"), [
    ("country=gb", "Asthma in the United Kingdom", "country=GB"),
    ("region=United%20Kingdom", "Asthma in the United Kingdom", "country=GB"),
    ("region=GB-ENG", "Asthma in England", "region=GB-ENG"),
    ("region=england,%20gb", "Asthma in England", "region=GB-ENG"),
    ("region=Scandinavia", "Asthma in Scandinavia", "region=Scandinavia"),
])  # fmt: skip
def test_a_page_of_a_region_leads_to_its_own_feeds(each_world: World, asked: str, heading: str, query: str) -> None:
    furnish(each_world)
    page = each_world.client.get(f"/areas/D001249?{asked}&lang=en").text
    assert heading in page
    nowhere = "Scandinavia" in asked
    assert ("The one in Leeds" in page) is not nowhere
    assert "The one in Springfield" not in page
    for kind in ("atom", "json"):
        path = f"/areas/D001249/feed.{kind}?{query}&lang=en"
        assert page.count(f'href="{path.replace("&", "&amp;")}"') == 2
        feed = each_world.client.get(path)
        assert feed.status_code == 200, feed.text
        found = feedparser.parse(feed.content) if kind == "atom" else None
        links = {each.rel: each.href for each in found.feed.links} if found else {"self": feed.json()["feed_url"]}
        assert links["self"] == f"https://alerts.example.org{path}"
        entries = found.entries if found else feed.json()["items"]
        assert (
            {each["title"].partition(":")[0] for each in entries} == set()
            if nowhere
            else {"Results are out", "Now open"}
        )
        assert heading in (found.feed.title if found else feed.json()["title"])


@pytest.mark.parametrize(
    "region", ["Leeds", "Yorkshire", "LS1 4AP", "Nowhere-upon-Sea", "anywhere", "x" * 900, "<script>"]
)
def test_a_page_of_no_region_is_not_found(world: World, region: str) -> None:
    furnish(world)
    for path in ("/areas/D001249", "/areas/D001249/feed.atom", "/areas/D001249/feed.json"):
        assert world.client.get(path, params={"region": region}).status_code == 404


def test_a_typed_place_shows_the_nearest_first_and_is_not_kept(each_world: World) -> None:
    furnish(each_world)
    before = each_world.dump()
    answer = each_world.client.post("/areas/D001249", data={"near": "Leeds, GB"})
    assert "Asthma near Leeds" in answer.text
    assert "The one in Leeds" in answer.text
    assert "The one in Springfield" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert each_world.dump() == before


@pytest.mark.parametrize("name", ["nonsense", "x" * 900, "one-trial", "any", "<script>"])
def test_what_is_no_area_is_not_found(world: World, name: str) -> None:
    assert world.client.get(f"/areas/{name}").status_code == 404
    assert world.client.get(f"/areas/{name}/feed.atom").status_code == 404


def test_both_feeds_tell_the_news_and_no_contact_and_no_baseline(each_world: World) -> None:
    furnish(each_world)
    atom = feedparser.parse(each_world.client.get("/areas/D001249/feed.atom").content)
    assert not atom.bozo
    assert [entry.title.partition(":")[0] for entry in atom.entries] == ["Results are out", "Now open"]
    assert {entry.link for entry in atom.entries} == {"https://alerts.example.org/trials/NCT90000001"}
    told = json.loads(each_world.client.get("/areas/D001249/feed.json").content)
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["id"] for item in told["items"]] == [entry.id for entry in atom.entries]


def test_an_article_is_told_in_the_readers_language_and_leads_to_its_page(world: World) -> None:
    german = ArticleText(language="de", title="Schlaf bei Asthma", summary="Was hilft", html="<p>Worte.</p>")
    draft = ItemDraft(
        registry="editors", external_id="sleep.md", kind=ItemKind.ARTICLE, url="", title="Sleep with asthma",
        summary="What helps", source="editors", areas=[{"id": "D001249", "in_title": True}],
        facts=ArticleFacts(html="<p>Words.</p>", language="en", translations=(german,)), published_at=world.clock.now(),
    )  # fmt: skip
    with world.db.write() as session:
        store_items(session, [draft], baseline=False, now=world.clock.now())
    for language, title in (("en", "Sleep with asthma"), ("de", "Schlaf bei Asthma"), ("fr", "Sleep with asthma")):
        (entry,) = feedparser.parse(world.client.get(f"/areas/D001249/feed.atom?lang={language}").content).entries
        assert entry.title == title
        page = world.client.get(entry.link.removeprefix("https://alerts.example.org"), params={"lang": language})
        assert f'<h1 itemprop="headline">{title}</h1>' in page.text
        listed = world.client.get(f"/areas/D001249?lang={language}").text
        assert title in listed
        assert "/trials/sleep.md" not in listed
    taken_back = replace(
        draft, facts=draft.facts.model_copy(update={"retracted_on": date(2026, 3, 1), "retraction": "Oh."})
    )
    with world.db.write() as session:
        store_items(session, [taken_back], baseline=False, now=world.clock.now())
    world.clock.advance(timedelta(minutes=1))  # so long all who ask are given what was made for the first of them
    titles = [entry.title for entry in feedparser.parse(world.client.get("/areas/D001249/feed.atom").content).entries]
    assert titles == ["Taken back by us: please do not rely on it: Sleep with asthma", "Sleep with asthma"]
    shown = world.client.get(page.url.path).text
    assert "Taken back on 1 March 2026: please do not rely on it." in shown
    assert "Oh." in shown
    assert "Sleep with asthma" not in world.client.get("/areas/D001249").text


def test_our_own_source_reads_what_we_write(world: World) -> None:
    furnish(world)
    url = "https://alerts.example.org/areas/D001249/feed"
    atom, told = (world.client.get(f"/areas/D001249/feed.{kind}") for kind in ("atom", "json"))
    found = [*read_xml_feed(atom.content, url, atom.headers).entries], [*read_json_feed(told.content, url).entries]
    assert [len(each) for each in found] == [2, 2]


def test_a_feed_that_did_not_change_is_not_sent_again(world: World) -> None:
    furnish(world)
    first = world.client.get("/areas/D001249/feed.atom")
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'W/{first.headers["ETag"]}, "other"'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = world.client.get("/areas/D001249/feed.atom", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    for headers in ({"If-None-Match": '"other"'}, {"If-Modified-Since": "nonsense"}):
        assert world.client.get("/areas/D001249/feed.atom", headers=headers).status_code == 200


def test_an_area_without_trials_says_so(world: World) -> None:
    page = world.client.get("/areas/D003920").text
    assert "No trial takes people now." in page
    assert "Nothing has changed lately." in page
    assert not feedparser.parse(world.client.get("/areas/D003920/feed.atom").content).bozo


def test_search_engines_may_look_at_public_pages_and_at_nothing_signed(world: World) -> None:
    told = world.client.get("/robots.txt").text.splitlines()
    assert told[0] == "User-agent: *"
    for path in ("/confirm/", "/preferences/", "/unsubscribe/", "/digests/", "/follow/"):
        assert f"Disallow: {path}" in told
    assert not any("trials" in line or "areas" in line for line in told)
