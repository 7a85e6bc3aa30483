"""A registry as a source: sweeps, pages, details, and what becomes of each record.

A registry's own file says how it is asked and how a record is read; everything between is here. It walks one way:
question → page → (details of what has changed) → drafts → batch.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import ConfigDict

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.trials.status import STATUSES
from trialalerts.errors import SourceError, did_you_mean, nearest
from trialalerts.net.client import HttpRefused
from trialalerts.redaction import shown_url
from trialalerts.settings import SourceSettings
from trialalerts.settings.values import Duration
from trialalerts.sources.base import Batch, Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.stumbles import unreadable
from trialalerts.sources.sweeps.answers import JsonKeys, json_page
from trialalerts.sources.sweeps.marks import begun_sweep, marks_after
from trialalerts.sources.sweeps.prefetcher import Prefetcher
from trialalerts.sources.sweeps.steps import BrokenSweep, Paging, RecordPage, Span, SweepStep

__all__ = ["Listed", "Reading", "Registry", "RegistrySettings", "WordedSettings"]

_BAD_REQUEST = 400
_MOST_IN_BATCH = 1_000
_S = TypeVar("_S", bound=SweepStep)

Reading = tuple[ItemDraft | None, Sequence[FieldProblem]]
"""What became of a record: a draft (its problems in it), or none and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An entry of a registry's list, for one that gives the whole record only when asked for it.

    ``version`` changes whenever the record does, as far as the list tells; ``record`` is what the list says.
    """

    external_id: str
    version: str
    record: Any = None


class RegistrySettings(SourceSettings):
    """The keys that all registries have: how far a sweep reaches back, and which statuses the first one fetches."""

    model_config = ConfigDict(extra="forbid")

    overlap: Duration = timedelta(days=2)
    statuses: tuple[str, ...] = ()


class WordedSettings(RegistrySettings):
    """The keys of a registry that is asked for everything, or for what names one of some conditions."""

    conditions: tuple[str, ...] = ()


_Settings = TypeVar("_Settings", bound=RegistrySettings)


class Registry(ABC, Generic[_Settings, _S]):
    """What all registries have in common.

    The filter by status is for the first baseline only. Later sweeps ask for everything that was updated: a trial
    that closes would otherwise fall out of the filter unseen. What is of no interest by its status, and not stored,
    is then left out here.

    Attributes:
        registry: the name under which its records are stored, for good: its host.
        reading: goes up when more is read of a record than before: what is stored is then read once more.
        has_details: whether whole records are asked for one by one.
        answers: where in its answers what stands, if they are JSON.
        paging: how it is paged.
    """

    registry: str
    reading: ClassVar[int] = 1
    has_details: ClassVar[bool] = False
    answers: ClassVar[JsonKeys | None] = None

    def __init__(self, settings: _Settings, paging: Paging[_S]) -> None:
        self.paging = paging
        self.settings = settings
        self.statuses = frozenset(status.strip().upper().replace(" ", "_") for status in settings.statuses)

    @abstractmethod
    def ask(self, step: _S, span: Span, context: SourceContext) -> RecordPage:
        """Ask for a page.

        Raises:
            SourceError: there is none.
        """

    def page(self, body: bytes, url: str) -> RecordPage:
        """Read an answer; ``url`` says whose it is, for messages.

        Raises:
            SourceError: it is none.
        """
        if self.answers is None:
            raise SourceError(f"{url}: the kind {self.settings.kind} reads no samples.")
        return json_page(body, url, **self.answers)

    @abstractmethod
    def read(self, record: Any, position: str, context: SourceContext) -> Reading:
        """Read one record; ``position`` names it where it has no number of its own."""

    def filters(self, context: SourceContext) -> Any:
        """Return what the configuration asks for, as JSON: another one makes a new baseline."""
        del context
        return self.settings.conditions if isinstance(self.settings, WordedSettings) else None

    def get(self, path: str, context: SourceContext, **how: Any) -> RecordPage:
        """Get a page from below the configured address; ``how`` is the fetcher's."""
        answer = context.fetcher.get(self.address(path), **how)
        return self.page(answer.body, shown_url(answer.url))

    def post(self, path: str, question: Any, context: SourceContext, **how: Any) -> RecordPage:
        """Get a page by posting a question as JSON; ``how`` is the fetcher's."""
        answer = context.fetcher.post(self.address(path), json=question, **how)
        return self.page(answer.body, shown_url(answer.url))

    def first_statuses(self, span: Span) -> Collection[str]:
        """Return the statuses that are fetched, where a sweep is the first baseline; empty: all of them."""
        return self.statuses if span.since is None and span.announce_from is None else ()

    def address(self, path: str) -> str:
        """Return an address below the configured one."""
        return f"{self.settings.url.rstrip('/')}/{path}"

    def listed(self, record: Any) -> Listed | None:
        """Return what a list says of a record whose details are asked for; None: it is the whole record."""
        del record
        return None

    def is_news(self, entry: Listed, known: str) -> bool:
        """Tell whether details are asked for anew; ``known`` is the version that was read last."""
        return entry.version != known

    def details(self, entry: Listed, context: SourceContext) -> Any | None:
        """Ask for a whole record; None where the registry lists it and has it not."""
        raise NotImplementedError

    def sample(self, body: bytes, name: str, context: SourceContext) -> Batch:
        """Read an answer from a file; a list whose details would be asked for is read as it is."""
        page = self.page(body, name)
        read = [self._read_one(each, f"record {n}", None, context) for n, each in enumerate(page.records, 1)]
        return Batch(
            drafts=[draft for draft, _ in read if draft is not None],
            problems=[problem for _, problems in read for problem in problems],
            cursor={},
            sweep_began=context.clock.now(),
            ends_sweep=True,
        )

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give what was updated since the last complete sweep, or all there is in the baseline."""
        self._check_statuses()
        filters = self.filters(context)
        stamp = orjson.dumps([filters, sorted(self.statuses), self.reading])
        stored = hashlib.sha256(stamp).hexdigest()[:16]

        def ask(question: tuple[_S, Span]) -> RecordPage:
            return self.ask(*question, context)

        with Prefetcher(ask, context.fetcher.interrupt) as pages:
            yield from self._swept(position.cursor, stored, context, pages)

    def _swept(
        self,
        cursor: Mapping[str, Any],
        filters: str,
        context: SourceContext,
        pages: Prefetcher[tuple[_S, Span], RecordPage],
    ) -> Iterator[Batch]:
        kept = {"filters": filters, **{name: cursor[name] for name in ("high_water", "before") if cursor.get(name)}}
        overlap = self.settings.overlap
        span, step = begun_sweep(cursor, filters, self.paging, overlap=overlap, now=context.clock.now())
        asked, restarted, number = {step.place}, False, 0
        while True:
            try:
                page = pages.get((step, span))
            except HttpRefused as refused:
                # A token is good for one day's data: when it has expired, the sweep begins again.
                first = self.paging.first(span)
                if refused.status != _BAD_REQUEST or not self.paging.expires or step == first or restarted:
                    raise
                restarted, step, asked = True, first, {first.place}
                continue
            next_step, wrong = self._next_step(step, page, span, asked)
            number += 1
            here = {**kept, "sweep": span.model_dump(mode="json") | step.model_dump(mode="json")}
            if next_step is None and not wrong:
                done = {"filters": filters, **marks_after(cursor, span.began.date())}
                yield from self._parts(page, span, context, here, done, ends=True, number=number)
                return
            # Not on the first page: a sweep may be left after it.
            if next_step is not None and number > 1 and not self.has_details:
                pages.prepare((next_step, span))
            resume = next_step or self.paging.first(span)
            state = span.model_dump(mode="json") | resume.model_dump(mode="json")
            behind = {**kept, "sweep": state}
            yield from self._parts(page, span, context, here, behind, ends=False, number=number)
            if next_step is None:
                raise SourceError(f"{shown_url(self.settings.url)} {wrong}; the sweep will begin again.")
            asked.add(next_step.place)
            step = next_step

    def _next_step(self, step: _S, page: RecordPage, span: Span, asked: set[Any]) -> tuple[_S | None, str | None]:
        """Return the next step; or none, and why the sweep is broken, where it is."""
        try:
            next_step = self.paging.after(step, page, span)
        except BrokenSweep as error:
            return None, str(error)
        if next_step is not None and next_step.place in asked:
            return None, "gave the same page token twice"
        return next_step, None

    def _parts(
        self,
        page: RecordPage,
        span: Span,
        context: SourceContext,
        here: Mapping[str, Any],
        behind: Mapping[str, Any],
        *,
        ends: bool,
        number: int,
    ) -> Iterator[Batch]:
        """Give a page in batches of a bearable size; only the last is stored with the cursor behind the page."""
        first = 1
        while len(page.records) > _MOST_IN_BATCH:
            part = RecordPage.of(page.records.popleft() for _ in range(_MOST_IN_BATCH))
            yield self._batch(part, span, context, here, ends=False, number=number, first=first)
            first += _MOST_IN_BATCH
        yield self._batch(page, span, context, behind, ends=ends, number=number, first=first)

    def _batch(
        self,
        page: RecordPage,
        span: Span,
        context: SourceContext,
        cursor: Mapping[str, Any],
        *,
        ends: bool,
        number: int,
        first: int,
    ) -> Batch:
        drafts: list[ItemDraft] = []
        problems: list[FieldProblem] = []
        for draft, unread in self._read(page, number, first, context):
            problems += unread
            if draft is not None:
                drafts.append(draft)
        wanted = self._wanted(drafts, context)
        announce = span.announce_from
        return Batch(
            drafts=wanted,
            problems=problems,
            skipped=len(drafts) - len(wanted),
            cursor=cursor,
            sweep_began=span.began,
            ends_sweep=ends,
            whole=span.since is None or self.paging.reads_all,
            baseline=span.since is None,
            announce_from=datetime.combine(announce, time(), UTC) if announce else None,
        )

    def _read(self, page: RecordPage, number: int, first: int, context: SourceContext) -> Iterator[Reading]:
        known: dict[str, str] | None = None
        for place in range(first, first + len(page.records)):
            record = page.records.popleft()
            entry = self.listed(record)
            if entry is not None:
                if known is None:
                    entries = (entry, *filter(None, map(self.listed, page.records)))
                    known = context.versions(self.registry, [each.external_id for each in entries])
                before = known.get(entry.external_id)
                if before is not None and not self.is_news(entry, before):
                    continue
                known[entry.external_id] = entry.version
                record = self.details(entry, context)
                if record is None:
                    yield None, [_missing(entry)]
                    continue
            yield self._read_one(record, f"page {number}, record {place}", entry, context)

    def _read_one(self, record: Any, position: str, entry: Listed | None, context: SourceContext) -> Reading:
        try:
            draft, problems = self.read(record, position, context)
        except Exception as error:  # noqa: BLE001 - a record that nobody foresaw must not stop the others
            return None, [unreadable(entry.external_id if entry else position, error)]
        if draft is not None and entry is not None:
            draft = replace(draft, version=entry.version)
        return draft, problems

    def _wanted(self, drafts: list[ItemDraft], context: SourceContext) -> list[ItemDraft]:
        """Leave out what has a status of no interest and is not stored."""
        if not self.statuses:
            return drafts
        strange = {draft.external_id for draft in drafts if self._is_strange(draft)}
        numbers = {number for d in drafts if d.external_id in strange for number in (d.external_id, *d.aliases)}
        known = context.known(self.registry, numbers)
        return [d for d in drafts if d.external_id not in strange or known & {d.external_id, *d.aliases}]

    def _is_strange(self, draft: ItemDraft) -> bool:
        status = draft.facts.status if isinstance(draft.facts, TrialFacts) else None
        return status is not None and status not in self.statuses

    def _check_statuses(self) -> None:
        for status in sorted(self.statuses - STATUSES):
            near = nearest(status, sorted(STATUSES))
            raise SourceError(f"Source {self.settings.name}: there is no status {status}.{did_you_mean(near)}")


def _missing(entry: Listed) -> FieldProblem:
    message = "the registry lists it, but has no page of it (404)"
    return FieldProblem(external_id=entry.external_id, field="record", message=message)
