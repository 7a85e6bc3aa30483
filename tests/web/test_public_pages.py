"""Public pages and feeds: the archive of articles, what search engines find, what caches may keep."""

from __future__ import annotations

import re
from datetime import timedelta

import feedparser
import pytest
from defusedxml.ElementTree import fromstring

from tests.web.conftest import World
from tests.web.test_area_page import furnish
from tests.web.test_article import store
from tests.web.test_trial_page import NOW
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, ChangeKind, ItemKind
from trialalerts.clock import FrozenClock

BASE = "https://alerts.example.org"


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def write(world: World, number: int) -> None:
    """Let editors publish so many articles, a day between them; the last one has a German translation."""
    german = ArticleText(language="de", title="Die letzte", html="<p>Worte.</p>")
    drafts = [
        ItemDraft(
            registry="editors", external_id=f"{each}.md", kind=ItemKind.ARTICLE, url="", title=f"Article {each}",
            source="editors", published_at=world.clock.now() - timedelta(days=number - each),
            facts=ArticleFacts(html=f"<p>Words {each}.</p>", translations=(german,) if each == number else ()),
            areas=[{"id": "D001249", "in_title": True}],
        )
        for each in range(1, number + 1)
    ]  # fmt: skip
    with world.db.write() as session:
        store_items(session, drafts, baseline=False, now=world.clock.now())


def test_the_archive_has_all_articles_the_latest_first(world: World) -> None:
    assert "There is no article yet." in world.client.get("/articles").text
    write(world, 35)
    first, second = (world.client.get(f"/articles?page={page}").text for page in (1, 2))
    assert re.findall(r">Article (\d+)<", first) == [str(number) for number in range(35, 5, -1)]
    assert re.findall(r">Article (\d+)<", second) == ["5", "4", "3", "2", "1"]
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert "Die letzte" in world.client.get("/articles?lang=de").text
    for wrong in ("0", "-1", "201", "x", "9" * 90, "１"):
        assert world.client.get("/articles", params={"page": wrong}).status_code == 404


def test_the_feeds_of_the_archive_lead_to_the_pages(each_world: World) -> None:
    write(each_world, 2)
    atom = feedparser.parse(each_world.client.get("/articles/feed.atom?lang=de").content)
    assert not atom.bozo
    assert [entry.title for entry in atom.entries] == ["Die letzte", "Article 1"]
    told = each_world.client.get("/articles/feed.json").json()
    assert [item["id"] for item in told["items"]] == [entry.id for entry in atom.entries]
    for item in told["items"]:
        assert each_world.client.get(item["url"].removeprefix(BASE)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "language", "summary"),
    [
        (ChangeKind.CORRECTED, "en", "What was put right: “It is 12, not 21.”"),
        (ChangeKind.CORRECTED, "de", "Was berichtigt wurde: „Es sind 12.“"),
        (ChangeKind.RETRACTED, "en", "Reason given: “It is 12, not 21.”"),
    ],
)
def test_a_feed_says_what_was_put_right_or_why_an_article_was_taken_back(
    world: World, kind: ChangeKind, language: str, summary: str
) -> None:
    write(world, 1)
    said = {"ours": True, "on": "2026-03-02", "sentence": "It is 12, not 21.", "sentences": {"de": "Es sind 12."}}
    with world.db.write() as session:
        session.add(Change(seq=9_000, item_id=1, kind=kind, before={}, after=said, at=world.clock.now()))
    entries = feedparser.parse(world.client.get(f"/articles/feed.atom?lang={language}").content).entries
    assert summary in {entry.summary for entry in entries}


def test_every_page_of_the_maps_is_there_and_may_be_found(each_world: World) -> None:
    furnish(each_world)
    write(each_world, 2)

    def named(path: str) -> list[str]:
        answer = each_world.client.get(path)
        assert answer.headers["content-type"] == "application/xml"
        return [each.text or "" for each in fromstring(answer.text).iter() if each.tag.endswith("loc")]

    maps = named("/sitemap.xml")
    assert f"Sitemap: {BASE}/sitemap.xml" in each_world.client.get("/robots.txt").text.splitlines()
    pages = [page.removeprefix(BASE) for each in maps for page in named(each.removeprefix(BASE))]
    assert {"/", "/articles", "/areas/D001249", "/trials/NCT90000001"} <= {*pages}
    assert "/trials/NCT90000003" not in pages, "it is over"
    assert sum(page.startswith("/articles/") for page in pages) == 2
    for page in pages:
        answer = each_world.client.get(page)
        assert answer.status_code == 200
        assert "x-robots-tag" not in answer.headers
    assert each_world.client.get("/sitemaps/items-0.xml").status_code == 404


def test_what_did_not_change_is_not_sent_again(world: World) -> None:
    furnish(world)
    write(world, 1)
    paths = ("/articles", "/articles/feed.atom", "/areas/D001249", "/trials/NCT90000001", "/sitemap.xml")
    article = re.search(r"/articles/\d+", world.client.get("/articles").text)
    for path in (*paths, article[0] if article else ""):
        first = world.client.get(path)
        assert first.headers["cache-control"] == "public, max-age=600"
        again = world.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert world.client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200
    assert world.client.get("/articles/99999").headers["cache-control"] == "no-store"


def test_pages_say_what_they_are_to_search_engines_and_to_whoever_shows_a_link(world: World) -> None:
    furnish(world)
    number = store(world.db)
    article = world.client.get(f"/articles/{number}").text
    for said in (
        f'<link rel="canonical" href="{BASE}/articles/{number}">',
        '<meta property="og:title" content="Sleep &amp; MS">',
        '<meta name="description" content="A subtitle">',
        'itemtype="https://schema.org/NewsArticle"',
        '<meta itemprop="datePublished" content="2026-02-20">',
    ):
        assert said in article
    trial = world.client.get("/trials/NCT90000001").text
    for said in (
        'itemtype="https://schema.org/MedicalTrial"',
        '<meta itemprop="identifier" content="NCT90000001">',
        '<meta itemprop="status" content="https://schema.org/Recruiting">',
    ):
        assert said in trial
    area = world.client.get("/areas/D001249?country=gb").text
    assert f'<link rel="canonical" href="{BASE}/areas/D001249?country=GB">' in area
    assert f'hreflang="de" href="{BASE}/areas/D001249?country=GB&amp;lang=de"' in area
