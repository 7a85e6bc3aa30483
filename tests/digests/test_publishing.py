"""What readers see of an article's source: its title, never the configuration's key; and where it can be read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.digests.rendering_samples import article, entry
from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.digests.cards.card import ArticleCard
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.publishing import Publishing, shown_text
from trialalerts.settings import ServiceSettings, Settings, SourceSettings

SETTINGS = Settings(
    service=ServiceSettings(name="Example Alerts", base_url="https://alerts.example.org/trials"),
    sources=(
        SourceSettings(name="a-key", kind="feed", url="https://news.example.org/feed", title="Example Society News"),
        SourceSettings(name="another_key", kind="feed", url="https://www.example.net/feed"),
        SourceSettings(name="editors", kind="folder", path="articles"),
    ),
)


@pytest.mark.parametrize(
    ("sources", "url", "named"),
    [
        pytest.param(["a-key"], "https://news.example.org/1", ["Example Society News"], id="a title"),
        pytest.param(["another_key"], "https://www.example.net/1", ["example.net"], id="no title: the site"),
        pytest.param(["editors"], "", ["Example Alerts"], id="no title, no link: the service"),
        pytest.param(["removed"], "https://old.example.org/1", ["old.example.org"], id="a source that was taken out"),
        pytest.param(["a-key", "another_key"], "https://x.org/1", ["Example Society News", "example.net"], id="two"),
        pytest.param(["removed", "editors"], "https://x.org/1", ["x.org"], id="two of one name"),
    ],
)
def test_sources_go_by_their_titles(sources: list[str], url: str, named: list[str]) -> None:
    assert Publishing.of(SETTINGS).named(sources, url) == named


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_no_card_shows_a_key(language: str) -> None:
    for source in SETTINGS.sources:
        card = card_of(language, source=source.name, registry_name=source.name)
        assert source.name not in card.byline
        assert card.byline


def test_an_article_without_a_link_leads_to_our_own_page_and_its_text_stands_in_the_mail() -> None:
    html = "<p>The whole text of the article.</p><p>" + "It goes on. " * 60 + "</p>"
    card = card_of("en", url="", summary="A subtitle", told=ArticleFacts(html=html))
    assert card.url == "https://alerts.example.org/trials/articles/7"
    shown = " ".join(card.paragraphs)
    assert shown.startswith("A subtitle The whole text of the article. It goes on.")
    assert len(shown) > 700


def test_a_summary_that_begins_the_text_is_not_said_twice() -> None:
    told = ArticleFacts(html="<p>One sentence of it. And another one.</p>")
    item = article(told=told, url="", summary="One sentence of…")
    assert shown_text(text_in("en", item, told)) == ("One sentence of it. And another one.",)


def test_the_text_of_an_article_keeps_its_subtitle_paragraphs_and_lists_apart() -> None:
    html = "<p>It begins\nhere.</p><h2>What is tested</h2><ul><li>an infusion</li><li>a tablet</li></ul><p>Ask.</p>"
    told = ArticleFacts(html=html)
    card = card_of("en", told=told, url="", summary="A subtitle without a full stop")
    assert card.paragraphs == (
        "A subtitle without a full stop", "It begins here.", "What is tested", "- an infusion", "- a tablet", "Ask.",
    )  # fmt: skip


@pytest.mark.parametrize(("length", "shown"), [(700, 2), (1_470, 1), (3_000, 1)])
def test_of_a_long_text_whole_paragraphs_are_shown_and_never_a_scrap(length: int, shown: int) -> None:
    first = ("Words. " * (length // 7)).strip()
    told = ArticleFacts(html=f"<p>{first}</p><p>{'It goes on. ' * 60}</p>")
    paragraphs = shown_text(text_in("en", article(told=told, url="", summary=""), told))
    assert len(paragraphs) == shown
    assert sum(map(len, paragraphs)) <= 1_500
    assert all(each.endswith(".") for each in paragraphs)


def test_an_article_with_a_link_leads_there_and_shows_its_summary() -> None:
    told = ArticleFacts(html="<p>The whole text.</p>")
    card = card_of("en", told=told, url="https://news.example.org/7", summary="In short")
    assert (card.url, card.paragraphs) == ("https://news.example.org/7", ("In short",))


def card_of(language: str, **changes: Any) -> ArticleCard:
    item = article(7, **changes)
    maker = CardMaker(Wordings().of(language), date(2026, 3, 2), publishing=Publishing.of(SETTINGS))
    card = maker.card(entry(item), item)
    assert isinstance(card, ArticleCard)
    return card
