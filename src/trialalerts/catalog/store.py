"""Storing of what was read: items, their records, and the changes worth telling.

A page of a registry is stored with a handful of statements, so it speaks SQLAlchemy Core: through the
ORM the same page takes several times as long.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError
from sqlmodel import Session

from trialalerts.catalog.articles.storing import ArticleBatch
from trialalerts.catalog.changes.announcing import Announcer
from trialalerts.catalog.changes.flapping import hold_flapping
from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.changes.publishing import Happened, publish
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.rows import PreparedItem, prepare_item
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.trials.storing import TrialBatch
from trialalerts.logs import Logger

__all__ = ["StoreCount", "store_items"]

_USUAL = Freshness()

log = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCount:
    """What became of a batch. ``unchanged`` added nothing; ``refused`` could not be stored at all.

    ``old`` are those of the new items that are new to us only (see :mod:`~trialalerts.catalog.changes.freshness`). Of
    articles, ``told_anew`` are told as new, ``recognised`` stood in the same source before, under whatever id.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    changes: int = 0
    refused: tuple[FieldProblem, ...] = ()
    old: int = field(default=0, compare=False)
    told_anew: int = field(default=0, compare=False)
    recognised: int = field(default=0, compare=False)


def store_items(
    session: Session,
    drafts: Sequence[ItemDraft],
    *,
    baseline: bool,
    now: datetime,
    freshness: Freshness = _USUAL,
    announced: Container[tuple[str, str]] = (),
    baseline_of: str | None = None,
) -> StoreCount:
    """Store drafts and note what happened to their items.

    A draft given twice counts once, as given last. A draft that cannot be stored is left out and reported
    in the count; it harms no other.

    Args:
        session: a writing session; the numbers of the changes are taken last, so call this last.
        drafts: what was read, at most some thousands; of articles all that stand in their source now, for whether
            one is gone from its place tells whether another took it.
        baseline: whether to note no change at all: the first sweep of a source is no news.
        now: the moment of reading.
        freshness: how long after its own date an item that is new to us is news.
        announced: the registry and id of those drafts of a baseline whose changes are noted all the same.
        baseline_of: the source whose baseline it is: its trials are kept back until it ends
            (see :mod:`~trialalerts.catalog.changes.baselines`).
    """
    entries, refused = _read(drafts)
    connection = session.connection()
    announcer = Announcer(now=now, freshness=freshness, baseline=baseline, announced=announced, baseline_of=baseline_of)
    batches: list[TrialBatch | _ArticleBatch] = [
        (TrialBatch if kind is ItemKind.TRIAL else _ArticleBatch)(connection, registry, group, now)
        for (registry, kind), group in _by_registry(entries)
    ]
    happened = [each for batch in batches for each in batch.happened(announcer)]
    told = hold_flapping(connection, happened, now)
    publish(session, told, now)
    return StoreCount(
        new=sum(batch.new for batch in batches),
        updated=sum(batch.updated for batch in batches),
        unchanged=sum(batch.unchanged for batch in batches),
        changes=len(told),
        refused=tuple(refused),
        old=announcer.old,
        told_anew=announcer.articles,
        recognised=sum(batch.recognised for batch in batches if isinstance(batch, _ArticleBatch)),
    )


def _read(drafts: Sequence[ItemDraft]) -> tuple[dict[tuple[str, str], PreparedItem], list[FieldProblem]]:
    entries: dict[tuple[str, str], PreparedItem] = {}
    refused: list[FieldProblem] = []
    for draft in drafts:
        try:
            entry = prepare_item(draft)
        except ValueError as error:
            message = "its facts are of a wrong kind" if isinstance(error, ValidationError) else str(error)
            refused.append(FieldProblem(external_id=draft.external_id, field="record", message=message))
            log.warning("item.refused", registry=draft.registry, external_id=draft.external_id[:80], reason=message)
        else:
            entries[entry.draft.registry, entry.external_id] = entry
    return entries, refused


def _by_registry(
    entries: Mapping[tuple[str, str], PreparedItem],
) -> list[tuple[tuple[str, ItemKind], list[PreparedItem]]]:
    """Group by registry, in the order given; records in the order of their ids, so that two writers never deadlock."""
    groups: dict[tuple[str, ItemKind], list[PreparedItem]] = {
        (registry, entry.draft.kind): [] for (registry, _), entry in entries.items()
    }
    for (registry, _), entry in sorted(entries.items(), key=lambda named: named[0]):
        groups[registry, entry.draft.kind].append(entry)
    return list(groups.items())


class _ArticleBatch(ArticleBatch):
    """The articles of one source while they are stored."""

    def happened(self, announcer: Announcer) -> list[Happened]:
        """Store them; return what happened to those that are told."""
        inserted, differences, gains = self.store()
        changed = [Happened(item_id, each) for item_id, entry, each in differences if announcer.is_told(entry)]
        gained = [Happened(item_id, each) for item_id, entry, each, at in gains if announcer.is_fresh(entry, at)]
        return [*announcer.first(inserted), *gained, *changed]
