"""Europe PMC: papers and preprints by words or a query, each once.

By cursor and the day on which a paper was taken in; the first sweep reads a month back and tells nothing. Built from
the API's published form, never asked by us: the search by ``TITLE:``, ``ABSTRACT:``, ``FIRST_IDATE:``, ``UPDATE_DATE:``
is not verified, nor the long form's abstracts, headings, authors, corrections, nor how preprints that were taken back
are filed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from trialalerts.catalog.articles.keys import article_keys
from trialalerts.settings.values import Rate
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.papers.record import NOTICE_TYPES, WITHDRAWN_TYPES, PaperLink, PaperRecord, appeared, title_of
from trialalerts.sources.papers.registry import PaperRegistry, PaperSettings
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.answers import JsonKeys
from trialalerts.sources.sweeps.steps import Cursor, RecordPage, Span, TokenStep

__all__ = ["KIND", "EuropePmc", "EuropePmcSettings"]

_MONTH, _IN_AN_ADDRESS = timedelta(days=30), 100
*_RARE, _ERRATUM = (f'PUB_TYPE:"{words}"' for words in (*WITHDRAWN_TYPES, *NOTICE_TYPES))


class EuropePmcSettings(PaperSettings):
    """The keys of all libraries, and the address."""

    url: str = Field("https://www.ebi.ac.uk/europepmc/webservices/rest", pattern=r"^https?://[^/\s]+", repr=False)
    at_most: Rate | None = 3.0


class EuropePmc(PaperRegistry[EuropePmcSettings, TokenStep]):
    """The search, by the day on which a paper was taken in; then the notices of the same days."""

    registry = "europepmc.org"
    answers = JsonKeys(records="resultList.result", next_key="nextCursorMark", total="hitCount")
    number_field, number_example = "id", "22663011 of MED"

    def __init__(self, settings: EuropePmcSettings) -> None:
        super().__init__(settings, Cursor(size=settings.page_size, parts=2))

    def ask(self, step: TokenStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of what was taken in since the last sweep, or in the last month."""
        today = span.began.date()
        since = span.since or min(today - _MONTH, span.announce_from or today)
        days = f"[{since} TO {today + timedelta(days=1)}]"  # it may be tomorrow there
        if step.part == 0:
            words = " OR ".join(_said(words) for words in self.settings.conditions if words.strip())
            parts = [f"({part})" for part in (words, self.settings.query.strip()) if part]
            return self._search(" AND ".join((*parts, f"FIRST_IDATE:{days}")), step.token, context)
        # Corrections are many: of them only those that are new.
        query = f"(({' OR '.join(_RARE)}) AND UPDATE_DATE:{days}) OR ({_ERRATUM} AND FIRST_IDATE:{days})"
        return self.about(self._search(query, step.token, context), context)

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read an answer; the first cursor of all, where it comes back, is the last."""
        page = super().page(body, url)
        return replace(page, next=None) if page.next == "*" else page

    def by_number(self, pmids: Sequence[str], context: SourceContext) -> Iterable[Any]:
        """Ask for papers of PubMed."""
        at_once = min(self.settings.page_size, _IN_AN_ADDRESS)
        for start in range(0, len(pmids), at_once):
            named = " OR ".join(f"EXT_ID:{pmid}" for pmid in pmids[start : start + at_once])
            yield from self._search(f"({named}) AND SRC:MED", None, context).records

    def number(self, record: RecordView) -> str | None:
        """Return the number with its archive; all versions of a preprint have one."""
        id_, archive = record.code("id"), (record.line("source") or "").upper()
        dois = article_keys(identifiers=[record.line("doi") or ""]) if archive == "PPR" else ()
        return next(iter(dois), f"{archive}:{id_}") if id_ and archive else None

    def paper(self, record: RecordView, number: str) -> PaperRecord:
        """Read a paper."""
        id_, archive = record.code("id"), (record.line("source") or "").upper()
        pmid = record.code("pmid") or (id_ if archive == "MED" else "")
        stated = record.day("firstPublicationDate")
        day = appeared(stated, record.partial_day("pubYear"), record.day("firstIndexDate"))
        return PaperRecord(
            number=number,
            url=f"https://europepmc.org/article/{archive}/{id_}",
            title=title_of(record.line("title")),
            summary=record.text("abstractText") or "",
            identifiers=[record.line("doi") or "", f"pmid:{pmid}"],
            authors=_authors(record),
            journal=record.first_line(("journalInfo.journal.title", "journalTitle")),
            language=record.line("language"),
            types=(*record.lines("pubTypeList.pubType"), *(record.line("pubType") or "").split(";")),
            links=tuple(_links(record)),
            headings=_headings(record),
            day=day,
            published_on=day if stated else None,
        )

    def _search(self, query: str, mark: str | None, context: SourceContext) -> RecordPage:
        params = {
            "query": query, "format": "json", "resultType": "core",
            "pageSize": str(self.settings.page_size), "cursorMark": mark or "*",
        }  # fmt: skip
        return self.get("search", context, params=params)


def _said(words: str) -> str:
    phrase = " ".join(words.replace('"', " ").replace("\\", " ").split())
    return f'TITLE:"{phrase}" OR ABSTRACT:"{phrase}"'


def _links(paper: RecordView) -> Iterator[PaperLink]:
    for each in paper.each("commentCorrectionList.commentCorrection"):
        is_paper = (each.line("source") or "MED").upper() == "MED"
        pmid = each.code("id") if is_paper else None
        yield PaperLink(type=each.line("type") or "", pmid=pmid, said=each.line("reference"))


def _headings(paper: RecordView) -> Sequence[Sequence[str]]:
    """Return the MeSH headings, major ones first."""
    headings = paper.each("meshHeadingList.meshHeading")
    headings.sort(key=lambda heading: heading.line("majorTopic_YN") != "Y")
    return [(heading.line("descriptorName") or "",) for heading in headings]


def _authors(paper: RecordView) -> Iterable[str]:
    """Return the names as they are cited, people and groups."""
    listed = [each.first_line(("fullName", "collectiveName")) for each in paper.each("authorList.author")]
    return filter(None, listed or (paper.line("authorString") or "").removesuffix(".").split(", "))


KIND = SourceKind(what="Europe PMC: papers of PubMed and preprints", settings=EuropePmcSettings, open=EuropePmc)
