"""The seam between polling and the kinds of sources: a source gives batches, polling stores them.

A source never writes to the database. It says with each batch where it stands once the batch is
stored; polling saves both in one transaction, so that a poll can be cut off anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.settings import SourceSettings
from trialalerts.sources.context import SourceContext

__all__ = ["Batch", "MemorySource", "Position", "SampleReader", "Source", "SourceKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a source stands: what it said with the last batch that was stored.

    It is empty before the first.
    """

    cursor: Mapping[str, Any] = field(default_factory=dict)
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored in one transaction.

    Attributes:
        drafts: the items that were read.
        cursor: where the source stands once they are stored; plain JSON.
        sweep_began: when the sweep that this batch belongs to began (aware).
        ends_sweep: whether the source has now given all it had to give.
        whole: whether the sweep gives everything the source holds, so that what it does not report is no problem.
        baseline: whether the sweep announces nothing, whatever was read before; the first one never does.
        problems: of records that gave no draft; those of a draft are in the draft.
        skipped: how many records were left out on purpose (of no interest here).
        strange: the categories that were not understood, each with what may have been meant; None where none were read.
        moved: whether its address is another than before: a new baseline, unless it holds what is known.
        announce_from: in a baseline that was made anew: items published since then are announced all the same.
        moved_to: the address to which the source's own leads for good; None where it does not.
        etag: for the next conditional request.
        last_modified: for the next conditional request.
    """

    drafts: Sequence[ItemDraft]
    cursor: Mapping[str, Any]
    sweep_began: datetime
    ends_sweep: bool
    whole: bool = False
    baseline: bool = False
    moved: bool = False
    problems: Sequence[FieldProblem] = ()
    skipped: int = 0
    strange: Mapping[str, str] | None = None
    announce_from: datetime | None = None
    moved_to: str | None = None
    etag: str | None = None
    last_modified: str | None = None


class Source(Protocol):
    """A registry, a feed, a folder: whatever gives items."""

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Read on from ``position``; the last batch ends the sweep.

        Raises:
            SourceError: it cannot be read; what was given before stays.
            Interrupted: the program was told to stop.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A kind of source, as its module offers it under the name ``KIND``.

    Attributes:
        what: what it reads, in one line for the operator.
        settings: its keys in the configuration.
        open: makes a source of them; nothing is asked yet.
    """

    what: str
    settings: type[SourceSettings]
    open: Callable[[Any], Source]


@runtime_checkable
class SampleReader(Protocol):
    """A source that reads an answer of its kind from a file, to show what it makes of it."""

    def sample(self, body: bytes, name: str, context: SourceContext) -> Batch:
        """Read it; ``name`` is the file's, for messages.

        Raises:
            SourceError: it is no such answer.
        """
        ...


class MemorySource:
    """A source that gives what it was given: for tests, and to try a digest without a network.

    ``pages`` are the drafts of each batch. ``broken`` maps the number of a page to what is raised in its place.
    """

    def __init__(self, pages: Sequence[Sequence[ItemDraft]], *, broken: Mapping[int, Exception] | None = None) -> None:
        self.pages = pages
        self.broken = dict(broken or {})

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give the pages from the one where the last poll stopped."""
        began = context.clock.now()
        for number in range(int(position.cursor.get("page", 0)), max(len(self.pages), 1)):
            if number in self.broken:
                raise self.broken[number]
            last = number + 1 >= len(self.pages)
            yield Batch(
                drafts=self.pages[number] if self.pages else (),
                cursor={} if last else {"page": number + 1},
                sweep_began=began,
                ends_sweep=last,
                whole=True,
            )
