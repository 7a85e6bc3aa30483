"""The ways of paging: what is asked next, when a sweep has ended, and when it would never end.

A way of paging is an object with the registry's numbers (records a page, the most it gives). It turns a step and the
page that answered it into the next step; steps are plain JSON, so that a sweep goes on where a poll was cut off.
A short read is never taken for an end: what a registry counted and did not give, a token that comes twice, more
records than it gives to anybody are :class:`BrokenSweep`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = [
    "BrokenSweep",
    "Cursor",
    "PageStep",
    "PagedWindowStep",
    "PagedWindows",
    "Pages",
    "Paging",
    "RecordPage",
    "Span",
    "SweepStep",
    "Token",
    "TokenStep",
    "WholeFile",
    "WindowStep",
    "Windows",
]  # fmt: skip

_PAGES_WITHOUT_TOTAL = 10_000
_PAGES_TO_SPARE = 20
_A_DAY = 86_400


class BrokenSweep(Exception):
    """A sweep that ends too early, or would never end; the text says what the registry gave."""


class Span(BaseModel):
    """What a sweep reads.

    Attributes:
        began: when it began (aware).
        since: it reads what was changed since this day; None: everything, as a baseline does.
        announce_from: in a baseline that is made anew: what was published since then is told all the same.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    began: datetime
    since: date | None = None
    announce_from: date | None = None


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    """An answer.

    Attributes:
        records: as they came; taken out one by one, for a raw record is ten times as large as what is kept of it.
        total: how many records there are in all; None where nobody said.
        next: the token or cursor of the next page; None: this was the last.
        newest: the latest day on which any of the records was changed, where the registry's order is loose.
    """

    records: deque[Any]
    total: int | None = None
    next: str | None = None
    newest: date | None = None
    given: int = field(default=-1)

    def __post_init__(self) -> None:
        """Count the records while they are all there."""
        if self.given < 0:
            object.__setattr__(self, "given", len(self.records))

    @classmethod
    def of(cls, records: Iterable[Any], **told: Any) -> Self:
        """Make a page of any records."""
        return cls(records=deque(records), **told)


class SweepStep(BaseModel):
    """Where in its sweep a question stands."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @property
    def place(self) -> Hashable:
        """What no two questions of one sweep have in common."""
        return self


_Step = TypeVar("_Step", bound=SweepStep)


class Paging(Protocol[_Step]):
    """A way of paging."""

    @property
    def step(self) -> type[_Step]:
        """The kind of its steps."""
        ...

    @property
    def reads_all(self) -> bool:
        """Whether each sweep gives all there is."""
        ...

    @property
    def expires(self) -> bool:
        """Whether a question in mid-sweep may be refused as out of date."""
        ...

    def first(self, span: Span) -> _Step:
        """Return the first step of a sweep."""
        ...

    def after(self, step: _Step, page: RecordPage, span: Span) -> _Step | None:
        """Return the step after a page; None at the end.

        Raises:
            BrokenSweep: the registry gave something that is no end and leads to none.
        """
        ...


class TokenStep(SweepStep):
    """The token that asks for a page of a part, and what was counted until then."""

    part: int = 0
    token: str | None = None
    pages: int = 0
    most_pages: int = _PAGES_WITHOUT_TOTAL
    total: int | None = None
    seen: int = 0

    @property
    def place(self) -> Hashable:
        """The token alone: the same one again would ask for the same page."""
        return self.part, self.token


@dataclass(frozen=True, kw_only=True)
class Token:
    """Each page names the next by a token, the last one none (ClinicalTrials.gov)."""

    size: int
    step: type[TokenStep] = TokenStep
    reads_all: bool = False
    expires: bool = True

    def first(self, span: Span) -> TokenStep:
        """Ask without a token."""
        del span
        return TokenStep()

    def after(self, step: TokenStep, page: RecordPage, span: Span) -> TokenStep | None:
        """Ask with the token of the page."""
        del span
        total, most = step.total, step.most_pages
        if step.pages == 0 and page.total is not None:
            total, most = page.total, 2 * math.ceil(page.total / self.size) + _PAGES_TO_SPARE
        seen, pages = step.seen + page.given, step.pages + 1
        if page.next is None:
            if total is not None and seen < total:
                raise BrokenSweep(f"gave {seen} of {total} records and no token for more")
            return None
        if pages > most:
            raise BrokenSweep(f"gave {pages} pages and no end")
        return TokenStep(token=page.next, pages=pages, most_pages=most, total=total, seen=seen)


@dataclass(frozen=True, kw_only=True)
class Cursor(Token):
    """Each page names a cursor; at the end it is the same as before, or missing (Europe PMC).

    Several questions are asked one after the other, as the ``parts`` of a sweep.
    """

    parts: int = 1

    def after(self, step: TokenStep, page: RecordPage, span: Span) -> TokenStep | None:
        """Ask with the cursor of the page; an unchanged one, or an empty page behind the count, ends it."""
        if page.next is not None and (page.next == step.token or (page.given == 0 and step.seen >= (step.total or 0))):
            page = RecordPage(records=page.records, total=page.total, given=page.given)
        following = super().after(step, page, span)
        if following is not None:
            return following.model_copy(update={"part": step.part})
        return TokenStep(part=step.part + 1) if step.part + 1 < self.parts else None


class PageStep(SweepStep):
    """The number of a page, and which part of the registry it is a page of."""

    part: int = 0
    page: int = 1
    seen: int = 0


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Pages have numbers, newest first, but not strictly; nobody gets more than ``cap`` records of a question (CTIS).

    So the registry is asked part by part (by status, by year), each of them smaller than the cap. After the baseline
    a part ends with a page of which every record is older than what is asked for.
    """

    size: int
    cap: int
    parts: int = 1
    step: type[PageStep] = PageStep
    reads_all: bool = False
    expires: bool = False

    def first(self, span: Span) -> PageStep:
        """Ask for page 1."""
        del span
        return PageStep()

    def after(self, step: PageStep, page: RecordPage, span: Span) -> PageStep | None:
        """Ask for the next page, the next part, or nothing more."""
        seen = step.seen + page.given
        if page.total is not None and page.total > self.cap and span.since is None:
            raise BrokenSweep(f"has {page.total} records for one question and gives {self.cap} at most")
        is_stale = span.since is not None and page.newest is not None and page.newest < span.since
        if not is_stale and (page.total is None or seen < page.total):
            if page.given and seen < self.cap:
                return PageStep(part=step.part, page=step.page + 1, seen=seen)
            if page.total is not None:
                raise BrokenSweep(f"gave {seen} of {page.total} records for one question and no more")
        return PageStep(part=step.part + 1) if step.part + 1 < self.parts else None


class WindowStep(SweepStep):
    """The span of one question: so many ``seconds`` from ``start`` on."""

    start: datetime
    seconds: int

    @property
    def end(self) -> datetime:
        """The end of the window, which is not part of it."""
        return self.start + timedelta(seconds=self.seconds)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Nothing is paged: one question a window of time, halved where it holds more than ``most`` records (ISRCTN).

    The answer tells how many there are. A window of ``shortest`` that still holds more breaks the sweep. The one after
    a window that held little is twice as wide: a search for one disease is through with decades in a few questions.
    """

    most: int
    origin: date
    begin_with: timedelta = timedelta(days=64)
    shortest: timedelta = timedelta(minutes=1)
    step: type[WindowStep] = WindowStep
    reads_all: bool = False
    expires: bool = False

    def first(self, span: Span) -> WindowStep:
        """Begin with the day since when, or with the registry's first day."""
        start = datetime.combine(span.since or self.origin, time(), UTC)
        return WindowStep(start=start, seconds=int(self.begin_with.total_seconds()))

    def after(self, step: WindowStep, page: RecordPage, span: Span) -> WindowStep | None:
        """Halve a window that holds too much; else go on behind it, in a wider one where there was little."""
        if page.total is None:  # what it gave may be all, or the first of many
            raise BrokenSweep("did not say how many records there are")
        if page.given < page.total:
            return self._halved(step, page, page.total)
        if step.end > span.began:
            return None
        roomy = page.given * 4 <= self.most
        return WindowStep(start=step.end, seconds=step.seconds * 2 if roomy else step.seconds)

    def _halved(self, step: WindowStep, page: RecordPage, total: int) -> WindowStep:
        shortest = max(1, int(self.shortest.total_seconds()))
        if step.seconds <= shortest:
            raise BrokenSweep(f"gave {page.given} of {total} records of {step.start:%Y-%m-%d %H:%M} and no more")
        if page.given < min(total, self.most):
            raise BrokenSweep(f"gave {page.given} records where {min(total, self.most)} were asked for")
        page.records.clear()  # they come again with the halves, and are read then
        return step.model_copy(update={"seconds": max(step.seconds // 2, shortest)})


class PagedWindowStep(WindowStep):
    """A page of a window of whole days: the records from ``offset`` on, for one of the questions of a sweep."""

    part: int = 0
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class PagedWindows:
    """Windows of whole days, each read page by page; one of more than ``cap`` records is halved (PubMed).

    Nobody gets more than ``cap`` records of a question. Pages are counted by what was asked for: of what a window
    lists, some may be gone by now, unless it ``gives_all`` that it counts. A baseline reads ``back`` so far. Several
    questions are asked one after the other, as the ``parts`` of a sweep.
    """

    size: int
    cap: int
    parts: int = 1
    back: timedelta = timedelta(days=30)
    widest: timedelta = timedelta(days=64)
    gives_all: bool = False
    step: type[PagedWindowStep] = PagedWindowStep
    reads_all: bool = False
    expires: bool = False

    def first(self, span: Span) -> PagedWindowStep:
        """Begin with the day since when."""
        return self._window(self._since(span), 0)

    def after(self, step: PagedWindowStep, page: RecordPage, span: Span) -> PagedWindowStep | None:
        """Halve a window that holds too much; else ask for its next page, the next window, or the next part."""
        if page.total is None:
            raise BrokenSweep("did not say how many records there are")
        if page.total > self.cap:
            days = step.seconds // _A_DAY
            if days <= 1:
                told = f"has {page.total} records of {step.start:%Y-%m-%d} and gives {self.cap} at most"
                raise BrokenSweep(f"{told}; ask for less")
            page.records.clear()  # they come again with the halves, and are read then
            return step.model_copy(update={"seconds": days // 2 * _A_DAY, "offset": 0})
        if self.gives_all and page.given < min(self.size, page.total - step.offset):
            raise BrokenSweep(f"gave {step.offset + page.given} of {page.total} records and no more")
        if step.offset + self.size < page.total:
            return step.model_copy(update={"offset": step.offset + self.size})
        if step.end <= span.began:
            return self._window(step.end, step.part)
        return self._window(self._since(span), step.part + 1) if step.part + 1 < self.parts else None

    def _window(self, start: datetime, part: int) -> PagedWindowStep:
        return PagedWindowStep(start=start, seconds=int(self.widest.total_seconds()), part=part)

    def _since(self, span: Span) -> datetime:
        far = (span.began - self.back).date()
        return datetime.combine(span.since or min(far, span.announce_from or far), time(), UTC)


@dataclass(frozen=True, kw_only=True)
class WholeFile:
    """Everything comes in one answer, each time."""

    step: type[SweepStep] = SweepStep
    reads_all: bool = True
    expires: bool = False

    def first(self, span: Span) -> SweepStep:
        """Ask for the file."""
        del span
        return SweepStep()

    def after(self, step: SweepStep, page: RecordPage, span: Span) -> None:
        """That was all."""
        del step, page, span
