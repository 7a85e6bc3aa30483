"""PubMed: papers by words or a query, with their MeSH headings, registry numbers and summaries in plain language.

E-utilities with history: a search is kept there, and its records are fetched page by page. Days are those on which
PubMed took a paper in (EDAT); notices are searched by the day of their last edit (MDAT), for NLM links many of them to
their papers weeks later. Built from NCBI's published form and others' records of it, never asked by us.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import Field, model_validator

from trialalerts.catalog.draft import FieldProblem
from trialalerts.errors import SourceError
from trialalerts.redaction import shown_url
from trialalerts.sources.base import SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.papers.medline import BOOK, PAPER, paper_of
from trialalerts.sources.papers.record import NOTICE_TYPES, PaperRecord
from trialalerts.sources.papers.registry import PaperRegistry, PaperSettings
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.xml import XmlRecords
from trialalerts.sources.sweeps.answers import json_answer
from trialalerts.sources.sweeps.registry import Reading
from trialalerts.sources.sweeps.steps import PagedWindows, PagedWindowStep, RecordPage, Span

__all__ = ["KIND", "PubMed", "PubMedSettings"]

_MOST = 9_999  # of a search, whatever is asked for; more is cut off without a word
_ERROR = re.compile(rb"<ERROR>(.{1,200}?)\s*(?:</ERROR>|$)", re.DOTALL)
_GONE = "PubMed lists it and does not give it: it was deleted, or became one with another; it was left out"
_DAY, _TWO_YEARS = timedelta(days=1), timedelta(days=730)


class PubMedSettings(PaperSettings):
    """The keys of all libraries; with NCBI's key ten requests a second are allowed, without it three."""

    url: str = Field("https://eutils.ncbi.nlm.nih.gov/entrez/eutils", pattern=r"^https?://[^/\s]+", repr=False)
    api_key: str = Field(default="", repr=False)

    @model_validator(mode="before")
    @classmethod
    def _as_fast_as_allowed(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"at_most": 10.0 if given.get("api_key") else 3.0} | given


@dataclass(frozen=True, kw_only=True)
class _Search:
    """A search that is kept at NCBI: of which step it is, what names it there, which papers it found."""

    step: PagedWindowStep
    history: Mapping[str, str]
    total: int
    pmids: Sequence[str]


class PubMed(PaperRegistry[PubMedSettings, PagedWindowStep]):
    """The search, by windows of days; first for papers, then for notices about papers that are held."""

    registry = "pubmed.ncbi.nlm.nih.gov"
    number_field, number_example = "MedlineCitation.PMID", "22663011"

    def __init__(self, settings: PubMedSettings) -> None:
        super().__init__(settings, PagedWindows(size=settings.page_size, cap=_MOST, parts=2))
        self._last: _Search | None = None

    def ask(self, step: PagedWindowStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of a window."""
        del span
        whole = step.model_copy(update={"offset": 0})
        if self._last is None or self._last.step != whole:
            self._last = self._search(whole, context)
        found, size = self._last, self.settings.page_size
        if found.total > _MOST or step.offset >= found.total:
            return RecordPage.of((), total=found.total)
        listed = found.pmids[step.offset : step.offset + size]
        part = {"retstart": str(step.offset), "retmax": str(size)}
        page = replace(self._fetch({**found.history, **part}, context), total=found.total)
        given = {self.number(RecordView(record, Fields(""))) for record in page.records}
        missing = [pmid for pmid in listed if pmid not in given]
        if len(missing) == len(listed):
            raise SourceError(f"{self._shown} gave none of {len(listed)} papers of a search; it will be tried again.")
        page = replace(page, records=deque([*page.records, *missing]))
        return page if step.part == 0 else self.about(page, context)

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read a set of articles; errors come in it with a good status."""
        if said := _ERROR.search(body[:4_000]):
            words = " ".join(said[1].decode("utf-8", "replace").split())
            raise SourceError(f"{url} answered with an error ({words}); it will be tried again.")
        document = XmlRecords(body, (PAPER, BOOK), url)
        if document.name not in {"PubmedArticleSet", PAPER}:
            found = "an HTML page" if document.name.lower() == "html" else f"<{document.name}>"
            raise SourceError(f"{url} answered with {found} instead of papers; it will be tried again.")
        return RecordPage.of(document)

    def by_number(self, pmids: Sequence[str], context: SourceContext) -> Iterable[Any]:
        """Ask for papers."""
        for start in range(0, len(pmids), self.settings.page_size):
            ids = ",".join(pmids[start : start + self.settings.page_size])
            yield from self._fetch({"id": ids}, context).records

    def read(self, record: Any, position: str, context: SourceContext) -> Reading:
        """Read a paper; a chapter of a book is none."""
        if isinstance(record, str):
            return None, [FieldProblem(external_id=record, field="record", message=_GONE)]
        if isinstance(record, dict) and "BookDocument" in record:
            return None, ()
        return super().read(record, position, context)

    def number(self, record: RecordView) -> str | None:
        """Return the number."""
        return record.first_line(("MedlineCitation.PMID", "BookDocument.PMID"))

    def paper(self, record: RecordView, number: str) -> PaperRecord:
        """Read a paper."""
        return paper_of(record, number)

    @property
    def _shown(self) -> str:
        return shown_url(self.settings.url)

    def _search(self, step: PagedWindowStep, context: SourceContext) -> _Search:
        """Search a window, and have what was found kept."""
        body = self._post("esearch", {
            "term": _of_notices(step) if step.part else self._of_papers(),
            "datetype": "mdat" if step.part else "edat",
            "mindate": f"{step.start:%Y/%m/%d}", "maxdate": f"{step.end - _DAY:%Y/%m/%d}",
            "usehistory": "y", "retmode": "json", "retmax": str(_MOST),
        }, context)  # fmt: skip
        answer = RecordView(json_answer(body, self._shown, "a search"), Fields(""))
        if said := answer.first_line(("esearchresult.ERROR", "error")):
            raise SourceError(f"{self._shown} answered with an error ({said[:200]}); it will be tried again.")
        found = answer.at("esearchresult")
        count, history = found.code("count") or "", [found.code(key) or "" for key in ("webenv", "querykey")]
        if not count.isdigit() or not all(history):
            raise SourceError(f"{self._shown} answered with a search of no count or name; it will be tried again.")
        total = int(count)
        if step.part and step.seconds <= _DAY.total_seconds():
            total = min(total, _MOST)  # when NLM edits all of a year, the newest notices of a day must do
        names = dict(zip(("WebEnv", "query_key"), history, strict=True))
        return _Search(step=step, history=names, total=total, pmids=found.lines("idlist"))

    def _of_papers(self) -> str:
        words = " OR ".join(_said(words) for words in self.settings.conditions if words.strip())
        return " AND ".join(f"({part})" for part in (words, self.settings.query.strip()) if part)

    def _fetch(self, asked: Mapping[str, str], context: SourceContext) -> RecordPage:
        return self.page(self._post("efetch", {**asked, "retmode": "xml"}, context), self._shown)

    def _post(self, what: str, asked: Mapping[str, str], context: SourceContext) -> bytes:
        """Ask as NCBI wants to be asked: the program named, and whom to write to."""
        email = context.contact if "@" in context.contact else ""
        said = {"db": "pubmed", "tool": "trialalerts", "email": email, "api_key": self.settings.api_key, **asked}
        url = f"{self.settings.url.rstrip('/')}/{what}.fcgi"
        return context.fetcher.post(url, form={name: value for name, value in said.items() if value}, accept=None).body


def _of_notices(step: PagedWindowStep) -> str:
    """Return what finds all that is retracted, and the notices that are not too old to be news when NLM edits them."""
    retracted, *notices = (f'"{words}"[pt]' for words in NOTICE_TYPES)
    return f"{retracted} OR (({' OR '.join(notices)}) AND {step.start - _TWO_YEARS:%Y/%m/%d}:{step.end:%Y/%m/%d}[edat])"


def _said(words: str) -> str:
    phrase = " ".join(words.replace('"', " ").split())
    return f'"{phrase}"[tiab] OR "{phrase}"[mh]'


KIND = SourceKind(
    what="PubMed: papers, with MeSH headings and the numbers of their trials", settings=PubMedSettings, open=PubMed
)
