"""A made-up registry that gives a list by POST, and whole records one by one; with the server that behaves so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from tests.sources.registry_server import Fault, Handler, RegistryServer
from trialalerts.redaction import shown_url
from trialalerts.sources.context import SourceContext
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.answers import json_answer, json_page
from trialalerts.sources.sweeps.drafting import ReadingContext, TrialRecord
from trialalerts.sources.sweeps.registry import Listed, RegistrySettings
from trialalerts.sources.sweeps.steps import Pages, PageStep, RecordPage, Span
from trialalerts.sources.sweeps.trials import TrialRegistry

__all__ = ["ListedRegistry", "ListedServer"]

_SIZE = 2


class ListedRegistry(TrialRegistry[RegistrySettings, PageStep]):
    """Two parts, two records a page."""

    registry = "listed.example.org"
    has_details = True
    number_path, number_form, number_example, title_path = "id", re.compile(r"LR\d+"), "LR1", "title"

    def __init__(self, settings: RegistrySettings) -> None:
        super().__init__(settings, Pages(size=_SIZE, cap=8, parts=2))

    def ask(self, step: PageStep, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page of the list."""
        del span
        question = {"part": step.part, "page": step.page}
        answer = context.fetcher.post(f"{self.settings.url}/search", json=question)
        page = json_page(answer.body, shown_url(answer.url), records="data", total="paging.total")
        days = [date.fromisoformat(record["changed"]) for record in page.records]
        return RecordPage.of(page.records, total=page.total, newest=max(days, default=None))

    def listed(self, record: Any) -> Listed | None:
        """Return the entry of the list."""
        return Listed(external_id=record["id"], version=record["changed"])

    def details(self, entry: Listed, context: SourceContext) -> Any | None:
        """Ask for a whole record."""
        answer = context.fetcher.find(f"{self.settings.url}/record/{entry.external_id}")
        return answer and json_answer(answer.body, shown_url(answer.url), "a record")

    def trial(self, record: RecordView, number: str, context: ReadingContext) -> TrialRecord:
        """Read a trial."""
        del context
        facts = {"numbers": (number,), "conditions": record.lines("conditions"), "status": record.line("status")}
        return TrialRecord(
            number=number, url=f"https://listed.example.org/{number}", title=record.line("title"), facts=facts
        )


@dataclass(kw_only=True)
class ListedServer:
    """What the server holds: ``parts`` of entries (id and day of change), ``records`` by id."""

    server: RegistryServer
    parts: Sequence[list[tuple[str, str]]] = field(default_factory=lambda: ([], []))
    missing: set[str] = field(default_factory=set)
    title: str = "Asthma trial"

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=10_000))

    @property
    def asked_for(self) -> list[str]:
        """The ids of the records that were asked for."""
        paths = (request.path for request in self.server.requests)
        return [path.rpartition("/")[2] for path in paths if path.startswith("/record/")]

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        if request.path == "/search":
            if request.method != "POST":
                handler.answer(403, b"POST only", {"Content-Type": "text/plain"})
                return
            asked = orjson.loads(request.body)
            part = sorted(self.parts[asked["part"]], key=lambda entry: entry[1], reverse=True)
            page = part[(asked["page"] - 1) * _SIZE : asked["page"] * _SIZE]
            found = [{"id": number, "changed": day} for number, day in page]
            handler.answer(200, orjson.dumps({"paging": {"total": len(part)}, "data": found}))
            return
        number = request.path.rpartition("/")[2]
        if number in self.missing:
            handler.answer(404, b"Not found", {"Content-Type": "text/plain"})
            return
        record = {"id": number, "title": f"{self.title} {number}", "conditions": ["Asthma"], "status": "RECRUITING"}
        handler.answer(200, orjson.dumps(record))
