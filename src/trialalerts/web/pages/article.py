"""The page of an article: its text, where it came from, and a way to hear more of what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.text import sanitised_html
from trialalerts.digests.publishing import Publishing
from trialalerts.web.languages import Language
from trialalerts.web.preference_text import name_said
from trialalerts.web.site import WebSite
from trialalerts.web.trials.papers import warnings_of
from trialalerts.web.wire.freshness import cacheable

__all__ = ["ArticlePage", "ArticleView", "article_of", "article_view"]

_LARGEST_ID = 1 << 62
_MOST_AREAS = 5
_MOST_TOPICS = 3


@dataclass(frozen=True, kw_only=True)
class ArticleView:
    """An article as its page tells it, in the language of ``text`` (empty: nobody said which); ``body`` is safe HTML.

    ``areas`` are ids and names of what it is about, those of its title first, and what of a name is English; ``topics``
    are the same of topics. ``address`` is that of its page; empty where the service has none.
    """

    text: ArticleText
    body: str
    sources: list[str]
    authors: tuple[str, ...]
    published: date | None
    warnings: tuple[str, ...]
    retracted: date | None
    address: str
    areas: list[tuple[str, str, tuple[str, ...]]]
    topics: list[tuple[str, str, tuple[str, ...]]]


def article_of(session: Session, number: int) -> Item | None:
    """Return the article of a number; None where there is none."""
    item = session.get(Item, number) if 0 <= number <= _LARGEST_ID else None
    return item if item is not None and item.kind is ItemKind.ARTICLE else None


def article_view(site: WebSite, publishing: Publishing, item: Item, language: Language) -> ArticleView:
    """Return what is told of an article.

    Raises:
        ValueError: its facts are broken.
    """
    facts = ArticleFacts.model_validate(item.facts)
    text = text_in(language.code, item, facts)
    return ArticleView(
        text=text,
        body=sanitised_html(text.html),
        sources=[facts.journal] if facts.journal else publishing.named(facts.sources or (item.source,), item.url),
        authors=facts.authors,
        published=facts.published_on or (item.published_at.date() if item.published_at else None),
        warnings=warnings_of(item, facts, site.wordings.of(language.locale)),
        retracted=facts.retracted_on,
        address=publishing.page(item.id),
        areas=_areas(site, item, language),
        topics=_topics(site, item, language),
    )


class ArticlePage:
    """The page ``/articles/{number}``: public, the same for everybody, without anything about its reader."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._publishing = Publishing.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show an article; what is no article, or gone, is not found."""
        with self._site.db.read() as session:
            item = article_of(session, request.path_params["number"])
        if item is None:
            raise HTTPException(404)
        language = self._site.pages.language(request)
        view = article_view(self._site, self._publishing, item, language)
        page = self._site.pages.page(
            "article.html",
            language,
            here=f"{self._site.pages.prefix}/articles/{item.id}",
            article=view.text,
            sources=view.sources,
            authors=view.authors,
            published=view.published,
            written_in=view.text.language,
            body=view.body,
            warnings=view.warnings,
            corrected=view.text.corrected_on,
            retracted=view.retracted,
            address=view.address,
            areas=[(name, foreign) for _, name, foreign in view.areas],
            chosen_topics=view.topics,
        )
        return cacheable(request, page)


def _areas(site: WebSite, item: Item, language: Language) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the areas that the article is about, those of its title first."""
    tree = site.vocabulary.tree()
    direct = sorted(item.areas.get("direct", ()), key=lambda area: not area["in_title"])
    known = [area["id"] for area in direct if area["id"] in tree][:_MOST_AREAS]
    return [(each, *name_said(tree.names(each), language)) for each in known]


def _topics(site: WebSite, item: Item, language: Language) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the topics that the article is about; those that stand above another one are left out."""
    topics = site.vocabulary.topics()
    known = [topic for topic in item.topics if topic in topics]
    above = {parent for topic in known for parent in topics.with_those_above([topic]) if parent != topic}
    lowest = [topic for topic in known if topic not in above][:_MOST_TOPICS]
    return [(topic, *name_said(topics.names(topic), language)) for topic in lowest]
