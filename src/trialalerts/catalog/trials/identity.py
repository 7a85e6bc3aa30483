"""Identity of trials: which stored item a record is, by its number, a former one, or another registry's number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, and_, select
from sqlmodel import col

from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import Item, ItemNumber, Record
from trialalerts.database.bulk import in_chunks, insert_into

__all__ = ["StoredTrial", "find_by_number", "find_stored", "note_numbers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrial:
    """An item in the table, and the record of it that is asked for; ``record_id`` is None where there is none yet.

    ``facts_hash``, ``version`` and ``turns_on`` are the record's. ``is_own`` tells whether the item holds what this
    record says.
    """

    item_id: int
    record_id: int | None
    facts_hash: str
    is_own: bool = True
    version: str | None = None
    turns_on: date | None = None


def find_stored(connection: Connection, registry: str, external_ids: Collection[str]) -> dict[str, StoredTrial]:
    """Return the records of a registry by their external ids."""
    leads = and_(col(Item.registry_name) == col(Record.registry_name), col(Item.external_id) == col(Record.external_id))
    numbers = col(Record.external_id), col(Record.id), col(Record.item_id)
    columns = *numbers, col(Record.facts_hash), col(Record.version), col(Record.turns_on), leads
    asked = select(*columns).join(Item, col(Item.id) == col(Record.item_id))
    found: dict[str, StoredTrial] = {}
    for chunk in in_chunks(external_ids):
        query = asked.where(col(Record.registry_name) == registry, col(Record.external_id).in_(chunk))
        for external_id, record_id, item_id, facts_hash, version, turns_on, is_own in connection.execute(query).all():
            found[external_id] = StoredTrial(
                item_id=item_id,
                record_id=cast("int", record_id),
                facts_hash=facts_hash,
                is_own=bool(is_own),
                version=version,
                turns_on=turns_on,
            )
    return found


def find_by_number(
    connection: Connection, registry: str, entries: Sequence[PreparedItem], claimed: Iterable[int] = ()
) -> dict[str, StoredTrial]:
    """Return the items that records of ``registry`` are, though they are not stored under the records' own ids.

    An item is the record's where it already holds this record, or a former number of it; else where it is
    known under one of the record's numbers and holds no other record of this registry. Of several the
    oldest is taken. ``claimed`` are items that have their record already. The answer is by external id.
    """
    known = _Known(connection, {number for entry in entries for number in (*entry.own_numbers, *entry.other_numbers)})
    claims = set(claimed)
    found: dict[str, StoredTrial] = {}
    for entry in entries:
        item_id = known.holder(registry, entry.own_numbers)
        if item_id is None:
            item_id = known.namesake(registry, (*entry.own_numbers, *entry.other_numbers))
        if item_id is not None and item_id not in claims:
            claims.add(item_id)
            known.hold(item_id, registry, entry.own_numbers)
            found[entry.external_id] = known.stored(item_id, registry)
    return found


class _Known:
    """What the tables know of some numbers: the items, and the records that these hold."""

    def __init__(self, connection: Connection, numbers: Collection[str]) -> None:
        self._items: dict[str, set[int]] = defaultdict(set)
        self._held: dict[int, set[tuple[str, str]]] = defaultdict(set)
        self._rows: dict[int, str] = {}
        self._records: dict[tuple[int, str], tuple[int, str]] = {}
        for chunk in in_chunks(numbers):
            query = select(col(ItemNumber.number), col(ItemNumber.item_id)).where(col(ItemNumber.number).in_(chunk))
            for number, item_id in connection.execute(query).all():
                self._items[number].add(item_id)
        for items in in_chunks(set().union(*self._items.values())):
            self._read_items(connection, items)

    def holder(self, registry: str, numbers: Iterable[str]) -> int | None:
        """Return the item that holds a record of the registry under one of the numbers."""
        return min(
            (item for number in numbers for item in self._items[number] if (registry, number) in self._held[item]),
            default=None,
        )

    def namesake(self, registry: str, numbers: Iterable[str]) -> int | None:
        """Return the item that is known under one of the numbers and holds no record of the registry yet."""
        return min(
            (
                item
                for number in numbers
                for item in self._items[number]
                if all(holder != registry for holder, _ in self._held[item])
            ),
            default=None,
        )

    def hold(self, item_id: int, registry: str, numbers: Iterable[str]) -> None:
        """Let an item hold a record from now on."""
        self._held[item_id].update((registry, number) for number in numbers)

    def stored(self, item_id: int, registry: str) -> StoredTrial:
        """Return the item with its record of the registry."""
        record_id, facts_hash = self._records.get((item_id, registry), (None, ""))
        is_own = self._rows[item_id] == registry
        return StoredTrial(item_id=item_id, record_id=record_id, facts_hash=facts_hash, is_own=is_own)

    def _read_items(self, connection: Connection, item_ids: Sequence[int]) -> None:
        held = select(col(ItemNumber.item_id), col(ItemNumber.registry_name), col(ItemNumber.number)).where(
            col(ItemNumber.item_id).in_(item_ids), col(ItemNumber.registry_name).is_not(None)
        )
        for item_id, registry, number in connection.execute(held).all():
            self._held[item_id].add((cast("str", registry), number))
        items = select(col(Item.id), col(Item.registry_name)).where(col(Item.id).in_(item_ids))
        self._rows |= {cast("int", found): registry for found, registry in connection.execute(items).all()}
        columns = col(Record.item_id), col(Record.registry_name), col(Record.external_id), col(Record.id)
        records = select(*columns, col(Record.facts_hash)).where(col(Record.item_id).in_(item_ids))
        for found, registry, external_id, record_id, facts_hash in connection.execute(records).all():
            self._held[found].add((registry, external_id))
            self._records[found, registry] = (cast("int", record_id), facts_hash)


def note_numbers(connection: Connection, registry: str, entries: Iterable[tuple[int, PreparedItem]]) -> None:
    """Remember under which numbers items are known; what is known already stays."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for item_id, entry in entries:
        for number in entry.other_numbers:
            rows[number, item_id] = {"number": number, "item_id": item_id, "registry": None}
        for number in entry.own_numbers:
            rows[number, item_id] = {"number": number, "item_id": item_id, "registry": registry}
    if not rows:
        return
    insert = insert_into(connection, ItemNumber)
    held = insert.excluded.registry
    statement = insert.on_conflict_do_update(
        index_elements=["number", "item_id"], set_={"registry": held}, where=held.is_not(None)
    )
    connection.execute(statement, list(rows.values()))
