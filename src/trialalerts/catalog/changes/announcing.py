"""What is told of the records of one call: of those that are stored for the first time, and of the others."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from trialalerts.catalog.changes.baselines import keep_back
from trialalerts.catalog.changes.freshness import Freshness, has_ended
from trialalerts.catalog.changes.publishing import Happened
from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import ItemKind

__all__ = ["Announcer"]


class Announcer:
    """Tells what is told of the records of a call.

    ``old`` counts the new items that are new to us only, ``articles`` those that are told as new.
    """

    def __init__(
        self,
        *,
        now: datetime,
        freshness: Freshness,
        baseline: bool,
        announced: Container[tuple[str, str]],
        baseline_of: str | None,
    ) -> None:
        self.old = self.articles = 0
        self._now = now
        self._freshness = freshness
        self._baseline = baseline
        self._announced = announced
        self._baseline_of = baseline_of

    def is_told(self, entry: PreparedItem) -> bool:
        """Tell whether changes of the record are noted at all."""
        return not self._baseline or (entry.draft.registry, entry.draft.external_id) in self._announced

    def is_fresh(self, entry: PreparedItem, appeared: datetime) -> bool:
        """Tell whether an article that appeared then is told as new to those whom the record lets follow it."""
        return self.is_told(entry) and not self._freshness.is_past(appeared, self._now)

    def first(self, inserted: Iterable[tuple[int, PreparedItem]]) -> Iterator[Happened]:
        """Give what is told of new items."""
        yield from self.told_first((item_id, entry) for item_id, entry in inserted if self.is_told(entry))

    def told_first(self, inserted: Iterable[tuple[int, PreparedItem]]) -> Iterator[Happened]:
        """Give what is told of new items of which changes are noted."""
        for item_id, entry in inserted:
            self.old += self._freshness.is_old(entry.draft, self._now)
            if news := self._freshness.news(entry.draft, self._now):
                self.articles += entry.draft.kind is ItemKind.ARTICLE
                yield Happened(item_id, news)

    def keep_back(self, connection: Connection, inserted: Iterable[tuple[int, PreparedItem]]) -> None:
        """Keep trials back that a source's baseline brought and that may be open when it ends."""
        if self._baseline_of is not None:
            quiet = [id_ for id_, entry in inserted if not self.is_told(entry) and not has_ended(entry.draft)]
            keep_back(connection, quiet, self._baseline_of)
