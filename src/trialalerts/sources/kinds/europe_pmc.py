"""Europe PMC: papers and preprints by words or a query, each once.

By cursor and the day on which a paper was taken in; the first sweep reads a month back and tells nothing. Built from
the API's published form, never asked by us: the search by ``TITLE:``, ``ABSTRACT:``, ``FIRST_IDATE:`` is not verified,
nor the long form's abstracts, headings, authors, corrections. That a known paper was retracted later is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.changes.comparison import is_retracted
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_text
from trialalerts.errors import UnknownArea
from trialalerts.redaction import shown_url
from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.fields import UNNAMED, Fields
from trialalerts.sources.reading.languages import short_code
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.answers import json_page
from trialalerts.sources.sweeps.registry import Reading, Registry, RegistrySettings
from trialalerts.sources.sweeps.steps import Cursor, RecordPage, Span, TokenStep

__all__ = ["KIND", "EuropePmc", "EuropePmcSettings"]

_Keys = tuple[str, ...]
_NO_ID = "found no id with a source, expected one such as 22663011 of MED"
_MONTH, _TITLE_LIMIT, _SUMMARY_LIMIT = timedelta(days=30), 300, 5_000
_RETRACTED, _NOTICE = {"retracted publication", "retraction in"}, {"retraction of publication", "retraction of"}


class EuropePmcSettings(RegistrySettings):
    """What is searched for: words in title and abstract, and a query in Europe PMC's own form that narrows them."""

    url: str = Field("https://www.ebi.ac.uk/europepmc/webservices/rest", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 3.0
    conditions: tuple[str, ...] = ()
    query: str = Field(default="", validate_default=True)
    page_size: int = Field(default=200, ge=1, le=1000)

    @field_validator("query")
    @classmethod
    def _asks_for_something(cls, query: str, info: ValidationInfo) -> str:
        if not any(words.strip() for words in (*info.data.get("conditions", "?"), query)):
            raise ValueError("a query, or words in conditions: there is too much of everything")
        return query


class EuropePmc(Registry[EuropePmcSettings, TokenStep]):
    """The search, by the day on which a paper was taken in."""

    registry = "europepmc.org"

    def __init__(self, settings: EuropePmcSettings) -> None:
        super().__init__(settings, Cursor(size=settings.page_size))
        self._areas: dict[str, str | None] = {}

    def filters(self, context: SourceContext) -> Sequence[Any]:
        """Return the words and the query."""
        del context
        return [self.settings.conditions, self.settings.query]

    def ask(self, step: TokenStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of what was taken in since the last sweep, or in the last month."""
        today = span.began.date()
        since = span.since or min(today - _MONTH, span.announce_from or today)
        words = " OR ".join(_said(words) for words in self.settings.conditions if words.strip())
        parts = [f"({part})" for part in (words, self.settings.query.strip()) if part]
        days = f"FIRST_IDATE:[{since} TO {today + timedelta(days=1)}]"  # it may be tomorrow there
        params = {
            "query": " AND ".join((*parts, days)), "format": "json", "resultType": "core",
            "pageSize": str(self.settings.page_size), "cursorMark": step.token or "*",
        }  # fmt: skip
        answer = context.fetcher.get(f"{self.settings.url.rstrip('/')}/search", params=params)
        return self.page(answer.body, shown_url(answer.url))

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read an answer; the first cursor of all, where it comes back, is the last."""
        page = json_page(body, url, records="resultList.result", next_key="nextCursorMark", total="hitCount")
        return replace(page, next=None) if page.next == "*" else page

    def read(self, record: Any, position: str, context: SourceContext) -> Reading:
        """Read a paper; what is retracted is told only to correct what was told before, a notice of it never."""
        quiet = RecordView(record if isinstance(record, dict) else {}, Fields(position))
        id_, archive = quiet.code("id"), (quiet.line("source") or "").upper()
        if not id_ or not archive:
            return None, [FieldProblem(external_id=f"{UNNAMED}{position}", field="id", message=_NO_ID)]
        url = f"https://europepmc.org/article/{archive}/{id_}"
        pmid = quiet.code("pmid") or (id_ if archive == "MED" else "")
        keys = article_keys(links=[url], identifiers=[quiet.line("doi") or "", f"pmid:{pmid}"])
        dois = [key for key in keys if key.startswith("doi:") and archive == "PPR"]
        number = dois[0] if dois else f"{archive}:{id_}"  # all versions of a preprint have one
        paper = RecordView(quiet.node, Fields(number))
        kinds, title = set(_kinds(paper)), _title(paper)
        is_over = is_retracted(title) or not kinds.isdisjoint(_RETRACTED)
        if kinds & _NOTICE or (is_over and not context.known(self.registry, [number])):
            return None, ()
        if not title:
            return None, [FieldProblem(external_id=number, field="title", message="the paper has no title")]
        told = f"Retracted: {title}" if is_over and not is_retracted(title) else title
        return self._draft(paper, url, told, keys, context), ()

    def _draft(self, paper: RecordView, url: str, title: str, keys: _Keys, context: SourceContext) -> ItemDraft:
        summary, floor = clean_text(paper.text("abstractText") or ""), self._headings(paper, context)
        language, appeared = short_code(paper.line("language")), _appeared(paper)
        on = appeared if paper.line("firstPublicationDate") else None
        spoken = "en" if language == "en" else None  # of others, title and abstract are translations as a rule
        return ItemDraft(
            registry=self.registry,
            external_id=paper.fields.external_id,
            kind=ItemKind.ARTICLE,
            url=url,
            title=title[:_TITLE_LIMIT],
            summary=summary[:_SUMMARY_LIMIT],
            published_at=datetime.combine(appeared, time(), UTC) if appeared else None,
            facts=ArticleFacts(authors=_authors(paper), language=language, published_on=on),
            source=self.settings.name,
            areas=context.categories.areas(floor, title=title, text=summary, language=spoken),
            topics=context.categories.topics((), title=title, text=summary),
            keys=keys,
            problems=paper.problems,
        )

    def _headings(self, paper: RecordView, context: SourceContext) -> list[str]:
        """Return the areas that the MeSH headings name, those of major ones first."""
        headings = paper.each("meshHeadingList.meshHeading")
        headings.sort(key=lambda heading: heading.line("majorTopic_YN") != "Y")
        for name in (names := [heading.line("descriptorName") or "" for heading in headings]):
            if name not in self._areas:
                self._areas[name] = None
                with suppress(UnknownArea):
                    self._areas[name] = context.areas.find(name).id
        return list(dict.fromkeys(area for name in names if (area := self._areas[name])))


def _said(words: str) -> str:
    phrase = " ".join(words.replace('"', " ").replace("\\", " ").split())
    return f'TITLE:"{phrase}" OR ABSTRACT:"{phrase}"'


def _kinds(paper: RecordView) -> Iterator[str]:
    """Give what kinds of publication it is, and how it hangs together with others, in small letters."""
    yield from (kind.lower() for kind in paper.lines("pubTypeList.pubType"))
    yield from (kind.strip().lower() for kind in (paper.line("pubType") or "").split(";"))
    yield from ((each.line("type") or "").lower() for each in paper.each("commentCorrectionList.commentCorrection"))


def _title(paper: RecordView) -> str:
    """Return the title without its full stop, and without the brackets of a translated one."""
    title = (paper.line("title") or "").removesuffix(".")
    return title[1:-1].removesuffix(".") if title.startswith("[") and title.endswith("]") else title


def _appeared(paper: RecordView) -> date | None:
    """Return the day it appeared: never an issue's day to come, nor today for what is of an earlier year."""
    stated, year = paper.day("firstPublicationDate"), paper.partial_day("pubYear")
    stated = stated or (date(int(year.value[:4]), 12, 31) if year else None)
    return min(filter(None, (stated, paper.day("firstIndexDate"))), default=None)


def _authors(paper: RecordView) -> tuple[str, ...]:
    """Return the names as they are cited, people and groups."""
    listed = [each.first_line(("fullName", "collectiveName")) for each in paper.each("authorList.author")]
    found = listed or (paper.line("authorString") or "").removesuffix(".").split(", ")
    return tuple(dict.fromkeys(filter(None, found)))


KIND = SourceKind(what="Europe PMC: papers of PubMed and preprints", settings=EuropePmcSettings, open=EuropePmc)
