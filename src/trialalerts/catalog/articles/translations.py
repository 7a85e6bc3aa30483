"""An article in the language of its reader."""

from __future__ import annotations

from trialalerts.catalog.facts import ArticleFacts, ArticleText
from trialalerts.catalog.tables import Item

__all__ = ["text_in"]


def text_in(language: str, item: Item, facts: ArticleFacts) -> ArticleText:
    """Return the article as its editors wrote it in a language (ISO 639-1), else as they wrote it first.

    The language is empty where nobody said in which it is.
    """
    for text in facts.translations:
        if _is(text.language, language) and not _is(facts.language or "", language):
            return text
    return ArticleText(
        language=facts.language or "",
        title=item.title,
        summary=item.summary,
        html=facts.html,
        url=item.url,
        corrected_on=facts.corrected_on,
        correction=facts.correction,
        retraction=facts.retraction,
    )


def _is(written: str, language: str) -> bool:
    return written.replace("_", "-").partition("-")[0].lower() == language
