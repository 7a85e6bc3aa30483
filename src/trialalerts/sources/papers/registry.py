"""A library of papers as a source: what is told, what is only noted about what was told before, what is left out.

A retraction, a correction or an expression of concern is a record of its own, published months later as a rule. It is
no news for itself: each sweep asks for the notices too, whatever they are about, and reads those papers anew that are
held, whichever source brought them. Of what is retracted only who was told of it hears.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any, ClassVar, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from trialalerts.catalog.changes.comparison import is_retracted
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_text
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.sources.context import SourceContext
from trialalerts.sources.papers.record import PaperRecord
from trialalerts.sources.reading.fields import UNNAMED, Fields
from trialalerts.sources.reading.languages import short_code
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.registry import Reading, Registry, RegistrySettings
from trialalerts.sources.sweeps.steps import Paging, RecordPage, SweepStep

__all__ = ["PaperRegistry", "PaperSettings"]

_TITLE_LIMIT, _SUMMARY_LIMIT = 300, 5_000
_Settings = TypeVar("_Settings", bound="PaperSettings")
_S = TypeVar("_S", bound=SweepStep)


class PaperSettings(RegistrySettings):
    """What is searched for: words in title and abstract, and a query in the library's own form that narrows them."""

    conditions: tuple[str, ...] = ()
    query: str = Field(default="", validate_default=True)
    page_size: int = Field(default=200, ge=1, le=1000)

    @field_validator("query")
    @classmethod
    def _asks_for_something(cls, query: str, info: ValidationInfo) -> str:
        if not any(words.strip() for words in (*info.data.get("conditions", "?"), query)):
            raise ValueError("a query, or words in conditions: there is too much of everything")
        return query


class PaperRegistry(Registry[_Settings, _S]):
    """What libraries of papers have in common.

    Attributes:
        number_field: where a record's own number stands.
        number_example: such a number, for messages.
    """

    number_field: ClassVar[str]
    number_example: ClassVar[str]

    def __init__(self, settings: _Settings, paging: Paging[_S]) -> None:
        super().__init__(settings, paging)
        self._areas: dict[str, str | None] = {}

    @abstractmethod
    def number(self, record: RecordView) -> str | None:
        """Return the number of a record; None where it has none."""

    @abstractmethod
    def paper(self, record: RecordView, number: str) -> PaperRecord:
        """Read a record that has a number."""

    @abstractmethod
    def by_number(self, pmids: Sequence[str], context: SourceContext) -> Iterable[Any]:
        """Ask for the records of these numbers in PubMed."""

    def filters(self, context: SourceContext) -> Sequence[Any]:
        """Return the words and the query."""
        del context
        return [self.settings.conditions, self.settings.query]

    def about(self, page: RecordPage, context: SourceContext) -> RecordPage:
        """Return, for a page of notices, the records of those papers that they are about and that are held."""
        papers = [(record, self._understood(record)) for record in page.records]
        links = [link for _, paper in papers if paper for link in paper.targets()]
        held = context.held({key for _, paper in papers if paper for key in paper.keys}.union(*(x.keys for x in links)))
        own = [record for record, paper in papers if paper is None or not held.isdisjoint(paper.keys)]
        pmids = {link.pmid: None for link in links if link.pmid and not held.isdisjoint(link.keys)}
        asked = self.by_number(tuple(pmids), context) if pmids else ()
        return replace(page, records=deque([*own, *asked]))

    def read(self, record: Any, position: str, context: SourceContext) -> Reading:
        """Read a paper; what is retracted is told only to correct what was told before, a notice of it never."""
        quiet = RecordView(record if isinstance(record, dict) else {}, Fields(position))
        number = self.number(quiet)
        if number is None:
            message = f"found no number, expected one such as {self.number_example}"
            return None, [FieldProblem(external_id=f"{UNNAMED}{position}", field=self.number_field, message=message)]
        view = RecordView(quiet.node, Fields(number))
        paper = self.paper(view, number)
        is_over = any(notice.kind == "retracted" for notice in paper.notices)
        if paper.is_notice or (is_over and not context.held(paper.keys)):
            return None, ()
        if not paper.title:
            return None, [FieldProblem(external_id=paper.number, field="title", message="the paper has no title")]
        if is_over and not is_retracted(paper.title):
            paper = replace(paper, title=f"Retracted: {paper.title}")
        return self._draft(paper, view, context), ()

    def _understood(self, record: Any) -> PaperRecord | None:
        """Return what a record says; None where it is to be read, and noted, like any other."""
        with suppress(Exception):  # a notice that nobody foresaw must not stop the others
            view = RecordView(record, Fields(""))
            if number := self.number(view):
                return self.paper(view, number)
        return None

    def _draft(self, paper: PaperRecord, view: RecordView, context: SourceContext) -> ItemDraft:
        summary, language = clean_text(paper.summary), short_code(paper.language)
        words = f"{summary}\n\n{clean_text(paper.text)}".strip()
        spoken = "en" if language == "en" else None  # of others, title and abstract are translations as a rule
        named = *registry_numbers(paper.numbers, are_ids=True), *registry_numbers((paper.title, words))
        facts = ArticleFacts(
            authors=tuple(dict.fromkeys(filter(None, paper.authors))),
            language=language,
            published_on=paper.published_on,
            journal=paper.journal,
            trials=tuple(dict.fromkeys(named)),
            notices=paper.notices,
        )
        floor = self._filed_under(paper.headings, context)
        return ItemDraft(
            registry=self.registry,
            external_id=paper.number,
            kind=ItemKind.ARTICLE,
            url=paper.url,
            title=paper.title[:_TITLE_LIMIT],
            summary=summary[:_SUMMARY_LIMIT],
            published_at=datetime.combine(paper.day, time(), UTC) if paper.day else None,
            facts=facts,
            source=self.settings.name,
            areas=context.categories.areas(floor, title=paper.title, text=words, language=spoken),
            topics=context.categories.topics((), title=paper.title, text=words),
            keys=paper.keys,
            problems=view.problems,
        )

    def _filed_under(self, headings: Iterable[Sequence[str]], context: SourceContext) -> list[str]:
        """Return the areas that the headings name, by id and by name: one may stand for a neighbour, too."""
        found = (self._area(name, context) for names in headings for name in names)
        return list(dict.fromkeys(area for area in found if area))

    def _area(self, name: str, context: SourceContext) -> str | None:
        if name not in self._areas:
            node = context.areas.filed_under(name) if name else None
            self._areas[name] = node.id if node else None
        return self._areas[name]
