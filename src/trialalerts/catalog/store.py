"""Storing of what was read: items, their records, and the changes worth telling.

A page of a registry is stored with a handful of statements, so it speaks SQLAlchemy Core: through the
ORM the same page takes several times as long.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select, update
from sqlmodel import Session, col

from trialalerts.catalog.articles.storing import ArticleBatch
from trialalerts.catalog.changes.baselines import keep_back
from trialalerts.catalog.changes.comparison import Difference, compare_trials
from trialalerts.catalog.changes.flapping import hold_flapping
from trialalerts.catalog.changes.freshness import Freshness, has_ended
from trialalerts.catalog.changes.gains import further_condition
from trialalerts.catalog.changes.publishing import Happened, publish
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.records import SAID, insert_records, touch_records, update_records
from trialalerts.catalog.rows import PreparedItem, prepare_item
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.identity import StoredTrial, find_by_number, find_stored, note_numbers
from trialalerts.catalog.trials.status import is_recruiting
from trialalerts.database.bulk import in_chunks, insert_into

__all__ = ["StoreCount", "store_items"]

_USUAL = Freshness()

log = structlog.get_logger()


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
    announcer = _Announcer(
        now=now, freshness=freshness, baseline=baseline, announced=announced, baseline_of=baseline_of
    )
    batches: list[_TrialBatch | _ArticleBatch] = [
        (_TrialBatch if kind is ItemKind.TRIAL else _ArticleBatch)(connection, registry, group, now)
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


class _Announcer:
    """Tells what is told of the records of a call: of those that are stored for the first time, and of the others."""

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
        for item_id, entry in inserted:
            if not self.is_told(entry):
                continue
            self.old += self._freshness.is_old(entry.draft, self._now)
            if news := self._freshness.news(entry.draft, self._now):
                self.articles += entry.draft.kind is ItemKind.ARTICLE
                yield Happened(item_id, news)

    def keep_back(self, connection: Connection, inserted: Iterable[tuple[int, PreparedItem]]) -> None:
        """Keep trials back that a source's baseline brought and that may be open when it ends."""
        if self._baseline_of is not None:
            quiet = [id_ for id_, entry in inserted if not self.is_told(entry) and not has_ended(entry.draft)]
            keep_back(connection, quiet, self._baseline_of)


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

    def happened(self, announcer: _Announcer) -> list[Happened]:
        """Store them; return what happened to those that are told."""
        inserted, differences, gains = self.store()
        changed = [Happened(item_id, each) for item_id, entry, each in differences if announcer.is_told(entry)]
        gained = [Happened(item_id, each) for item_id, entry, each, at in gains if announcer.is_fresh(entry, at)]
        return [*announcer.first(inserted), *gained, *changed]


class _TrialBatch:
    """The trials of one registry while they are stored.

    The item of a trial says what the record says that made it; of another registry's record it takes the numbers.
    """

    def __init__(self, connection: Connection, registry: str, entries: Sequence[PreparedItem], now: datetime) -> None:
        self._connection = connection
        self._registry = registry
        self._entries = entries
        self._now = now
        self.new = self.updated = self.unchanged = 0

    def happened(self, announcer: _Announcer) -> list[Happened]:
        """Insert, update and touch; return what happened to those that are told."""
        stored = find_stored(self._connection, self._registry, [entry.external_id for entry in self._entries])
        unknown = [entry for entry in self._entries if entry.external_id not in stored]
        if unknown:
            claimed = {item.item_id for item in stored.values()}
            stored |= find_by_number(self._connection, self._registry, unknown, claimed)
        inserted = self._insert([entry for entry in unknown if entry.external_id not in stored], stored)
        changed = [
            (stored[entry.external_id].item_id, entry)
            for entry in self._entries
            if entry.external_id in stored and _is_newer(stored[entry.external_id], entry)
        ]
        happened = [
            *announcer.first(inserted),
            *self._compare([pair for pair in changed if announcer.is_told(pair[1])]),
        ]
        announcer.keep_back(self._connection, inserted)
        self._update(changed)
        # A trial that is over when its source is first read is told to nobody: it gets an outline when it changes.
        told = [each for each in inserted if announcer.is_told(each[1]) or is_recruiting(_status(each[1]))]
        write_outlines(self._connection, [_described(*each) for each in (*told, *changed)])
        self._write_records(inserted, stored)
        self._touch(item.item_id for item in stored.values())
        merged = [(stored[entry.external_id].item_id, entry) for entry in unknown if entry.external_id in stored]
        note_numbers(self._connection, self._registry, [*inserted, *changed, *merged])
        self.new, self.updated = len(inserted), len(changed)
        self.unchanged = len(self._entries) - self.new - self.updated
        return happened

    def _insert(
        self, entries: Sequence[PreparedItem], stored: dict[str, StoredTrial]
    ) -> list[tuple[int, PreparedItem]]:
        """Insert items; one that another process inserted just now joins those that are stored."""
        if not entries:
            return []
        seen = {"first_seen_at": self._now, "last_seen_at": self._now}
        statement = (
            insert_into(self._connection, Item).on_conflict_do_nothing().returning(col(Item.external_id), col(Item.id))
        )
        ids: dict[str, int] = {}
        for chunk in in_chunks(entries):
            rows = self._connection.execute(statement, [entry.row() | seen for entry in chunk]).all()
            ids.update((external_id, cast("int", item_id)) for external_id, item_id in rows)
        if len(ids) < len(entries):
            missed = [entry.external_id for entry in entries if entry.external_id not in ids]
            stored |= find_stored(self._connection, self._registry, missed)
        return [(ids[entry.external_id], entry) for entry in entries if entry.external_id in ids]

    def _compare(self, changed: Sequence[tuple[int, PreparedItem]]) -> Iterator[Happened]:
        """Compare changed items with what is stored; only their facts are read.

        The rows stay locked, so that of two processes that read the same change one tells it: the other
        then finds it stored.
        """
        entries = dict(changed)
        columns = Item.id, Item.kind, Item.facts_hash, Item.facts, Item.areas, Item.topics
        for chunk in in_chunks(entries):
            query = select(*map(col, columns)).where(col(Item.id).in_(chunk)).order_by(col(Item.id)).with_for_update()
            for row in self._connection.execute(query):
                entry = entries[row.id]
                if row.kind == entry.draft.kind and row.facts_hash != entry.facts_hash:
                    found = _differences(row.facts, entry.draft)
                    further = further_condition(row._asdict(), entry.draft, found)
                    for difference in (*found, *further):
                        yield Happened(row.id, difference)

    def _update(self, changed: Sequence[tuple[int, PreparedItem]]) -> None:
        if changed:
            rows = [entry.row() | {"item_id": item_id} for item_id, entry in sorted(changed, key=lambda pair: pair[0])]
            values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "item_id"}
            self._connection.execute(update(Item).where(col(Item.id) == bindparam("item_id")).values(values), rows)

    def _write_records(self, inserted: Iterable[tuple[int, PreparedItem]], stored: Mapping[str, StoredTrial]) -> None:
        known = [(stored[entry.external_id], entry) for entry in self._entries if entry.external_id in stored]
        joined = [(item.item_id, entry, _said(item, entry)) for item, entry in known if item.record_id is None]
        insert_records(self._connection, [*((id_, entry, {}) for id_, entry in inserted), *joined], self._now)
        held = [(item.record_id, item, entry) for item, entry in known if item.record_id is not None]
        update_records(
            self._connection,
            [(id_, entry, _said(item, entry)) for id_, item, entry in held if _says_more(item, entry)],
        )
        touch_records(self._connection, [id_ for id_, _, _ in held], self._now)

    def _touch(self, item_ids: Iterable[int]) -> None:
        for chunk in in_chunks(sorted(item_ids)):
            self._connection.execute(update(Item).where(col(Item.id).in_(chunk)).values(last_seen_at=self._now))


def _says_more(item: StoredTrial, entry: PreparedItem) -> bool:
    """Tell whether the record is to be written anew: its facts, or what is kept beside them, are others."""
    kept, said = (item.version, item.turns_on), (entry.draft.version, entry.draft.turns_on)
    return item.facts_hash != entry.facts_hash or kept != said


def _status(entry: PreparedItem) -> str | None:
    return entry.draft.facts.status if isinstance(entry.draft.facts, TrialFacts) else None


def _described(item_id: int, entry: PreparedItem) -> Described:
    draft, status = entry.draft, _status(entry)
    facts = draft.facts if isinstance(draft.facts, TrialFacts) else None
    areas = {"direct": draft.areas, "ancestors": draft.ancestors}
    return Described(item_id, draft.kind, status, is_recruiting(status), facts, areas, draft.topics)


def _said(stored: StoredTrial, entry: PreparedItem) -> dict[str, Any]:
    """Return what a record says, where its item does not say the same."""
    row = {} if stored.is_own else entry.row()
    return {name: row[name] for name in SAID if name in row}


def _is_newer(stored: StoredTrial, entry: PreparedItem) -> bool:
    """Tell whether an item is to be written anew; the facts of another registry's record stay."""
    return stored.is_own and stored.facts_hash != entry.facts_hash


def _differences(facts: dict[str, Any], draft: ItemDraft) -> list[Difference]:
    if not isinstance(draft.facts, TrialFacts):
        return []
    try:
        before = TrialFacts.model_validate(facts)
    except ValidationError:
        return []  # stored by another version of this program: there is nothing to compare with
    return compare_trials(before, draft.facts)
