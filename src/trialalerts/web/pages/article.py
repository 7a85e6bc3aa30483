"""The page of an article: its text, where it came from, and a way to hear more of what it is about."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.text import sanitised_html
from trialalerts.digests.publishing import Publishing
from trialalerts.web.languages import Language
from trialalerts.web.preference_text import name_said
from trialalerts.web.site import WebSite
from trialalerts.web.trials.papers import warnings_of
from trialalerts.web.wire.freshness import cacheable

__all__ = ["ArticlePage"]

_LARGEST_ID = 1 << 62
_MOST_AREAS = 5
_MOST_TOPICS = 3


class ArticlePage:
    """The page ``/articles/{number}``: public, the same for everybody, without anything about its reader."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._publishing = Publishing.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show an article; what is no article, or gone, is not found."""
        number = request.path_params["number"]
        if number > _LARGEST_ID:
            raise HTTPException(404)
        with self._site.db.read() as session:
            item = session.get(Item, number)
        if item is None or item.kind is not ItemKind.ARTICLE:
            raise HTTPException(404)
        return cacheable(request, self._page(request, item, ArticleFacts.model_validate(item.facts)))

    def _page(self, request: Request, item: Item, facts: ArticleFacts) -> Response:
        language = self._site.pages.language(request)
        text = text_in(language.code, item, facts)
        published = facts.published_on or (item.published_at.date() if item.published_at else None)
        publishers = self._publishing.named(facts.sources or (item.source,), item.url)
        return self._site.pages.page(
            "article.html",
            language,
            here=f"{self._site.pages.prefix}/articles/{item.id}",
            article=text,
            sources=[facts.journal] if facts.journal else publishers,
            authors=facts.authors,
            published=published,
            written_in=text.language,
            body=sanitised_html(text.html),
            warnings=warnings_of(item, facts, self._site.wordings.of(language.locale)),
            corrected=text.corrected_on,
            retracted=facts.retracted_on,
            address=self._publishing.page(item.id),
            areas=self._areas(item, language),
            chosen_topics=self._topics(item, language),
        )

    def _areas(self, item: Item, language: Language) -> list[tuple[str, tuple[str, ...]]]:
        """Return the names of the areas that the article is about, those of its title first; and what is English."""
        tree = self._site.vocabulary.tree()
        direct = sorted(item.areas.get("direct", ()), key=lambda area: not area["in_title"])
        known = [area["id"] for area in direct if area["id"] in tree][:_MOST_AREAS]
        return [name_said(tree.names(each), language) for each in known]

    def _topics(self, item: Item, language: Language) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return id and name of the topics that the article is about, and what of the name is English.

        Those that stand above another one are left out.
        """
        topics = self._site.vocabulary.topics()
        known = [topic for topic in item.topics if topic in topics]
        above = {parent for topic in known for parent in topics.with_those_above([topic]) if parent != topic}
        lowest = [topic for topic in known if topic not in above][:_MOST_TOPICS]
        return [(topic, *name_said(topics.names(topic), language)) for topic in lowest]
