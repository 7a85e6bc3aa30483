"""Articles for programs: the list as the archive has it, and one with what was put right or taken back."""

from __future__ import annotations

from datetime import datetime

from trialalerts.catalog.tables import Item
from trialalerts.digests.publishing import Publishing
from trialalerts.web.api.answers import ArticleDetail, ArticlePageAnswer, Correction, ListedArticle, NamedThing
from trialalerts.web.api.parameters import (
    ArticleQuestion,
    ArticlesQuestion,
    checked_id,
    checked_moment,
    read_cursor,
    write_cursor,
)
from trialalerts.web.api.problems import ApiProblem
from trialalerts.web.languages import Language
from trialalerts.web.pages.archive import latest_articles
from trialalerts.web.pages.article import article_of, article_view
from trialalerts.web.site import WebSite
from trialalerts.web.trials.papers import Paper, listed_paper

__all__ = ["list_articles", "one_article"]

_QUESTION = "articles"
_MOST_DIGITS = 18


def list_articles(site: WebSite, language: Language, asked: ArticlesQuestion) -> ArticlePageAnswer:
    """Return a page of the articles."""
    before = read_cursor(asked.cursor, _QUESTION, _position) if asked.cursor else None
    words, publishing = site.wordings.of(language.locale), Publishing.of(site.settings)
    with site.db.read() as session:
        found = latest_articles(session, 0, asked.limit + 1, before=before)
        some = found[: asked.limit]
        listed = [listed_paper(each, words, publishing, site.settings.service.base_url) for each in some]
    more = len(found) > asked.limit
    return ArticlePageAnswer(
        articles=[_listed(item, paper) for item, paper in zip(some, listed, strict=True)],
        next=_cursor(some[-1]) if more else None,
    )


def one_article(site: WebSite, language: Language, asked: ArticleQuestion, number: str) -> ArticleDetail:
    """Return an article by its number here."""
    del asked
    is_number = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
    with site.db.read() as session:
        item = article_of(session, int(number)) if is_number else None
    if item is None:
        raise ApiProblem(404, "unknown-article", "There is no article of this number; see /api/v1/articles")
    view = article_view(site, Publishing.of(site.settings), item, language)
    text = view.text
    corrected = text.corrected_on if view.retracted is None else None
    return ArticleDetail(
        id=item.id or 0,
        title=text.title,
        language=text.language,
        summary=text.summary,
        html=view.body,
        sources=view.sources,
        authors=list(view.authors),
        published=view.published,
        warnings=list(view.warnings),
        corrected=None if corrected is None else Correction(day=corrected, text=text.correction or ""),
        retracted=None if view.retracted is None else Correction(day=view.retracted, text=text.retraction or ""),
        areas=[NamedThing(id=id_, name=name) for id_, name, _ in view.areas],
        topics=[NamedThing(id=id_, name=name) for id_, name, _ in view.topics],
        url=view.address,
        original_url=text.url or None,
    )


def _listed(item: Item, paper: Paper) -> ListedArticle:
    return ListedArticle(
        title=paper.title,
        url=paper.url,
        id=item.id or 0,
        language=paper.language,
        day=paper.day,
        source=paper.sources,
        warnings=list(paper.warnings),
    )


def _cursor(item: Item) -> str | None:
    return write_cursor(_QUESTION, item.published_at.isoformat(), item.id) if item.published_at else None


def _position(published: str, item_id: int) -> tuple[datetime, int]:
    return checked_moment(published), checked_id(item_id)
