"""The papers that name a trial, and what one has to know before believing one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from trialalerts.catalog.articles.keys import is_preprint
from trialalerts.catalog.articles.naming import articles_naming
from trialalerts.catalog.articles.translations import text_in
from trialalerts.catalog.changes.comparison import is_retracted
from trialalerts.catalog.facts import ArticleFacts, ArticleNotice
from trialalerts.catalog.tables import Item, ItemNumber
from trialalerts.digests.cards.changes import notices_said
from trialalerts.digests.cards.text import one_line, web_address
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.publishing import Publishing
from trialalerts.subscribers.links import ARTICLE_PATH

__all__ = ["MOST_PAPERS", "Paper", "listed_paper", "listed_papers", "warnings_of"]

MOST_PAPERS = 10
_TITLE = 300


@dataclass(frozen=True, kw_only=True)
class Paper:
    """An article in a list: where it is read, in which language it is (empty: unknown), whose and of when it is.

    ``warnings`` say that it is a preprint, and what its journal said of it later.
    """

    title: str
    url: str
    language: str
    day: date | None
    sources: str
    warnings: tuple[str, ...] = ()


def listed_papers(
    session: Session, trial: Item, words: Wording, publishing: Publishing, prefix: str
) -> tuple[Paper, ...]:
    """Return the newest papers that name a trial by a number that is its own, one more than are to be shown."""
    own = select(ItemNumber.number).where(
        col(ItemNumber.item_id) == trial.id, col(ItemNumber.registry_name).is_not(None)
    )
    numbers = {trial.external_id, *session.exec(own)}
    found = articles_naming(session, numbers, MOST_PAPERS + 1)
    return tuple(listed_paper(item, words, publishing, prefix) for item in found)


def listed_paper(item: Item, words: Wording, publishing: Publishing, prefix: str) -> Paper:
    """Return an article as a list shows it; one whose text stands here is read here."""
    facts = ArticleFacts.model_validate(item.facts)
    own = f"{prefix}{ARTICLE_PATH.format(number=item.id)}"
    text = text_in(words.language, item, facts)
    return Paper(
        title=one_line(text.title, _TITLE),
        url=own if text.html else web_address(text.url) or own,
        language=text.language,
        day=facts.published_on or (item.published_at.date() if item.published_at else None),
        sources=facts.journal or ", ".join(publishing.named(facts.sources or (item.source,), item.url)),
        warnings=((words.say("change.taken_back"),) if facts.retracted_on else ()) + warnings_of(item, facts, words),
    )


def warnings_of(item: Item, facts: ArticleFacts, words: Wording) -> tuple[str, ...]:
    """Return what somebody should know who reads an article: the gravest first."""
    notices: Sequence[ArticleNotice] = facts.notices
    if is_retracted(item.title):
        notices = (*notices, ArticleNotice(kind="retracted"))
    said = [note.text for note in notices_said(words, notices, ())]
    if is_preprint([item.url, item.external_id]) and not facts.journal:
        said.append(words.say("change.preprint"))
    return tuple(said)
