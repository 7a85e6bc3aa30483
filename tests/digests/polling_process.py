"""A process that polls one slow source, to be killed.

``python -m tests.digests.polling_process URL SOURCE MOMENT PAGES`` says each page before it reads it. What a
source holds is told by its name and the number of its pages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.digests.introductions import ASTHMA, MS, study
from trialalerts.catalog.draft import ItemDraft
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.base import Batch, MemorySource, Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.polling.poll import poll_source

FIRST = {"registry": 1_000, "another": 5_000}
PAGES_SHARED = 1


def pages_of(name: str, pages: int) -> list[list[ItemDraft]]:
    """Return what a source holds: two trials a page, on two areas; the first page is of both sources."""
    first = FIRST[name]
    own = [[study(first + 2 * page + n, area=(MS, ASTHMA)[n]) for n in range(2)] for page in range(pages)]
    return [*[[study(2 * page + n + 1, area=(MS, ASTHMA)[n]) for n in range(2)] for page in range(PAGES_SHARED)], *own]


class SpokenSource(MemorySource):
    """A source that says each page before it gives it."""

    def __init__(self, pages: Sequence[Sequence[ItemDraft]]) -> None:
        super().__init__(pages)

    def batches(self, position: Position, desk: SourceContext) -> Iterator[Batch]:
        """Give the pages."""
        for batch in super().batches(position, desk):
            sys.stdout.write("page\n")
            sys.stdout.flush()
            yield batch


if __name__ == "__main__":
    url, name, moment, pages = sys.argv[1:]
    source = SourceSettings(name=name, kind="feed", url="https://example.org/feed")
    clock = FrozenClock(datetime.fromisoformat(moment))
    settings = Settings(sources=(source,))
    count = poll_source(open_database(url), settings, source, clock, source=SpokenSource(pages_of(name, int(pages))))
    sys.stdout.write("done\n" if count.complete else "not done\n")
