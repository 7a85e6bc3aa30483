"""Who publishes an article, and where it can be read, as readers see it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from trialalerts.catalog.facts import ArticleText
from trialalerts.catalog.text import clean_text
from trialalerts.digests.cards.text import one_line, shortened
from trialalerts.settings import Settings
from trialalerts.subscribers.links import ARTICLE_PATH

__all__ = ["SUMMARY", "Publishing", "shown_text"]

SUMMARY = 280
"""Characters of a summary on a card."""
_OWN_TEXT = 1_500
"""Characters of an article that has no link: more is on its page."""
_WORTH_BEGINNING = 80
"""Of a paragraph that would be cut to fewer characters nothing is shown."""
_PARTS = re.compile(r"\n\s*\n|\n(?=\s*(?:- |\d+[.)] ))")


@dataclass(frozen=True, kw_only=True)
class Publishing:
    """What the configuration says of sources, in readers' words: its keys are the operator's and never shown.

    Attributes:
        titles: of sources, by their names in the configuration.
        sites: whence sources are read, by their names.
        service: the name of the service, whose own articles those without a link are.
        base_url: where our pages are; empty: nowhere.
    """

    titles: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    service: str = ""
    base_url: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Publishing:
        """Return what a configuration says."""
        titles = {source.name: source.title for source in settings.sources if source.title}
        sites = {source.name: _site(source.url) for source in settings.sources if source.kind == "feed"}
        service = settings.service
        return cls(titles=titles, sites=sites, service=service.name, base_url=service.base_url)

    def named(self, sources: Sequence[str], url: str) -> list[str]:
        """Return the titles of an article's sources, each once.

        One without a title goes by the site that the article links to; several, by the sites of their feeds.
        """
        linked = _site(url) or self.service
        sites = self.sites if len(sources) > 1 else {}
        named = (self.titles.get(source) or sites.get(source) or linked for source in sources)
        return list(dict.fromkeys(filter(None, named)))

    def trial_page(self, number: str) -> str:
        """Return the address of our own page of a trial; empty where there is none."""
        return f"{self.base_url}/trials/{quote(number, safe='')}" if self.base_url and number else ""

    def page(self, item_id: int | None) -> str:
        """Return the address of our own page of an article; empty where there is none."""
        return self.base_url + ARTICLE_PATH.format(number=item_id) if self.base_url and item_id else ""


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def shown_text(text: ArticleText) -> tuple[str, ...]:
    """Return what a card says of an article, by paragraphs: of one that stands nowhere else its text."""
    if text.url or not text.html:
        return tuple(filter(None, [shortened(text.summary, SUMMARY)]))
    paragraphs = _paragraphs(clean_text(text.html))
    if text.summary.removesuffix("…") not in " ".join(paragraphs):
        paragraphs.insert(0, one_line(text.summary))
    return _beginning(paragraphs)


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a clean text, each on one line; a line of a list is one of its own."""
    return [line for part in _PARTS.split(text) if (line := one_line(part))]


def _beginning(paragraphs: Sequence[str]) -> tuple[str, ...]:
    """Return the first paragraphs, at most so long together as a card may be."""
    found: list[str] = []
    left = _OWN_TEXT
    for paragraph in paragraphs:
        if len(paragraph) > left:
            rest = shortened(paragraph, left) if left >= _WORTH_BEGINNING else ""
            return (*found, rest) if rest else tuple(found)
        found.append(paragraph)
        left -= len(paragraph) + 1
    return tuple(found)
