"""Storing trials: a record that no other is linked with goes straight into its item; the others are joined first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlmodel import col

from trialalerts.catalog.changes.announcing import Announcer
from trialalerts.catalog.changes.comparison import compare_trials
from trialalerts.catalog.changes.gains import further_condition
from trialalerts.catalog.changes.publishing import Happened
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.joining.joiner import Joiner, described, is_outdated
from trialalerts.catalog.joining.versions import linked_entries, read_facts
from trialalerts.catalog.outline_rows import write_outlines
from trialalerts.catalog.records import change_items, insert_items, insert_records, touch_records, update_records
from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import Item
from trialalerts.catalog.trials.identity import StoredTrial, find_former, find_stored, note_numbers
from trialalerts.catalog.trials.status import is_recruiting
from trialalerts.database.bulk import in_chunks
from trialalerts.database.engine import one_writer_at_a_time

__all__ = ["TrialBatch"]


@dataclass(frozen=True, slots=True)
class _Known:
    """An entry whose record is stored, and what its item says so far."""

    entry: PreparedItem
    record: StoredTrial
    item: Row[Any]


class TrialBatch:
    """The trials of one registry while they are stored.

    A version of a record that is older, by the registry's own date, than the one that is stored changes nothing.
    """

    def __init__(self, connection: Connection, registry: str, entries: Sequence[PreparedItem], now: datetime) -> None:
        self._connection = connection
        self._registry = registry
        self._entries = entries
        self._now = now
        self.new = self.updated = self.unchanged = 0

    def happened(self, announcer: Announcer) -> list[Happened]:
        """Insert, join, update and touch; return what happened to those that are told."""
        stored = self._stored()
        unknown = [entry for entry in self._entries if entry.external_id not in stored]
        other = [entry for entry in self._entries if _is_other(entry, stored.get(entry.external_id))]
        if (unknown or other) and one_writer_at_a_time(self._connection):
            stored = self._stored()  # anew: another writer may have come first
            unknown = [entry for entry in self._entries if entry.external_id not in stored]
            other = [entry for entry in self._entries if _is_other(entry, stored.get(entry.external_id))]
        linked = linked_entries(self._connection, [*unknown, *other], stored)
        alone = [entry for entry in other if entry.external_id not in linked]
        inserted = self._insert([entry for entry in unknown if entry.external_id not in linked])
        changed = [each for each in self._known(alone, stored) if not self._is_outdated(each)]
        happened = [
            *announcer.first(inserted),
            *self._compare([each for each in changed if announcer.is_told(each.entry)]),
        ]
        announcer.keep_back(self._connection, inserted)
        change_items(self._connection, [(each.item.id, each.entry.row()) for each in changed])
        # A trial that is over when its source is first read is told to nobody: it gets an outline when it changes.
        told = [each for each in inserted if announcer.is_told(each[1]) or is_recruiting(_status(each[1]))]
        pairs = [(each.record.item_id, each.entry) for each in changed]
        write_outlines(self._connection, [described(*each) for each in (*told, *pairs)])
        insert_records(self._connection, [(id_, entry, {}) for id_, entry in inserted], self._now)
        outdated = {entry.external_id for entry in alone} - {each.entry.external_id for each in changed}
        self._update_records(stored, linked.keys() | outdated)
        note_numbers(self._connection, [*inserted, *pairs])
        joining = Joiner(self._connection, self._now, announcer)
        happened += joining.store(list(linked.values()), stored)
        self._touch(stored.values())
        self.new, self.updated = len(inserted) + joining.new, len(changed) + joining.updated
        self.unchanged = len(self._entries) - self.new - self.updated
        return happened

    def _stored(self) -> dict[str, StoredTrial]:
        """Return the records that the entries are, by the ids of the entries."""
        stored = find_stored(self._connection, self._registry, [entry.external_id for entry in self._entries])
        unknown = [entry for entry in self._entries if entry.external_id not in stored]
        return stored | find_former(self._connection, self._registry, unknown, stored)

    def _insert(self, entries: Sequence[PreparedItem]) -> list[tuple[int, PreparedItem]]:
        return list(zip(insert_items(self._connection, entries, self._now), entries, strict=True))

    def _known(self, entries: Iterable[PreparedItem], stored: Mapping[str, StoredTrial]) -> list[_Known]:
        """Return entries with their items, of which only what is compared is read.

        The rows stay locked, so that of two processes that read the same change one tells it: the other
        then finds it stored.
        """
        by_item = {stored[entry.external_id].item_id: entry for entry in entries}
        columns = Item.id, Item.facts, Item.areas, Item.topics
        known = []
        for chunk in in_chunks(sorted(by_item)):
            query = select(*map(col, columns)).where(col(Item.id).in_(chunk)).order_by(col(Item.id)).with_for_update()
            for row in self._connection.execute(query):
                entry = by_item[row.id].after(row.facts)
                known.append(_Known(entry, stored[entry.external_id], row))
        return known

    def _is_outdated(self, known: _Known) -> bool:
        return is_outdated(known.entry, known.item.facts.get("last_update_posted"), self._now)

    def _compare(self, changed: Sequence[_Known]) -> Iterator[Happened]:
        """Compare changed items with what is stored."""
        for each in changed:
            before = read_facts(each.item.facts)
            draft = each.entry.draft
            found = compare_trials(before, draft.facts) if before and isinstance(draft.facts, TrialFacts) else []
            further = further_condition(each.item._asdict(), draft, found)
            for difference in (*found, *further):
                yield Happened(each.item.id, difference)

    def _update_records(self, stored: Mapping[str, StoredTrial], left_out: Iterable[str]) -> None:
        """Write records that say something else, or of which their list does; those that are joined are no concern."""
        skipped = set(left_out)
        known = [(stored[each.external_id], each) for each in self._entries if each.external_id in stored]
        update_records(
            self._connection,
            [
                (record.record_id, entry, {})
                for record, entry in known
                if entry.external_id not in skipped and _says_more(entry, record)
            ],
        )

    def _touch(self, records: Iterable[StoredTrial]) -> None:
        seen = list(records)
        touch_records(self._connection, [each.record_id for each in seen], self._now)
        for chunk in in_chunks(sorted({each.item_id for each in seen})):
            self._connection.execute(update(Item).where(col(Item.id).in_(chunk)).values(last_seen_at=self._now))


def _is_other(entry: PreparedItem, stored: StoredTrial | None) -> bool:
    return stored is not None and stored.facts_hash != entry.facts_hash


def _says_more(entry: PreparedItem, stored: StoredTrial) -> bool:
    """Tell whether a record is to be written anew: it says something else, or its list does of it."""
    said = entry.draft.version, entry.draft.turns_on
    return _is_other(entry, stored) or (stored.version, stored.turns_on) != said


def _status(entry: PreparedItem) -> str | None:
    return entry.draft.facts.status if isinstance(entry.draft.facts, TrialFacts) else None
