"""The page of an article: public, safe, and a way to follow what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.conftest import World
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.database import Database

TEXT = "<p>People with MS told us <b>how they sleep</b>.</p><script>alert(1)</script>"


def store(db: Database, **changes: Any) -> int:
    values: dict[str, Any] = {
        "registry_name": "editors",
        "source": "editors",
        "external_id": "sleep.md",
        "kind": ItemKind.ARTICLE,
        "url": "",
        "title": "Sleep & MS",
        "summary": "A subtitle",
        "published_at": datetime(2026, 2, 20, tzinfo=UTC),
        "facts": ArticleFacts(html=TEXT, authors=("A. Writer",), language="en").model_dump(mode="json"),
        "facts_hash": "x",
        "areas": {
            "direct": [{"id": "D001249", "in_title": False}, {"id": "D009103", "in_title": True}, {"id": "gone"}],
            "ancestors": [],
        },
        "first_seen_at": datetime(2026, 2, 20, tzinfo=UTC),
        "last_seen_at": datetime(2026, 2, 20, tzinfo=UTC),
    }
    values["areas"]["direct"][2]["in_title"] = False
    with db.write() as session:
        item = Item(**(values | changes))
        session.add(item)
        session.flush()
        return item.id or 0


def test_an_article_of_our_own_can_be_read_and_what_it_is_about_followed(each_world: World) -> None:
    page = each_world.client.get(f"/articles/{store(each_world.db)}")
    assert page.status_code == 200
    for shown in (
        "Sleep &amp; MS",
        "A subtitle",
        "<b>how they sleep</b>",
        "Example Alerts · A. Writer · 20 February 2026",
    ):
        assert shown in page.text
    assert "<script" not in page.text
    assert "editors" not in page.text
    first, second = page.text.index("area=Multiple%20Sclerosis"), page.text.index("area=Asthma")
    assert first < second
    form = each_world.client.get("/subscribe?lang=en&area=Multiple%20Sclerosis")
    assert 'value="Multiple Sclerosis"' in form.text


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_the_page_speaks_the_readers_language(world: World, language: str) -> None:
    number = store(world.db, url="https://news.example.org/1")
    texts = {asked: world.client.get(f"/articles/{number}?lang={asked}").text for asked in ("en", language)}
    assert "Get news about Asthma" in texts["en"]
    assert "Get news about" not in texts[language]
    assert 'href="https://news.example.org/1"' in texts[language]


@pytest.mark.parametrize("path", ["/articles/999", "/articles/x", "/articles/-1", "/articles/99999999999999999999999"])
def test_what_is_no_article_is_not_found(world: World, path: str) -> None:
    assert world.client.get(path).status_code == 404


def test_a_trial_has_no_page_of_an_article(world: World) -> None:
    number = store(world.db, kind=ItemKind.TRIAL, facts={})
    assert world.client.get(f"/articles/{number}").status_code == 404
