"""Owns the question which stored item a record is: by its number, a former number, or another registry's number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from trialalerts.catalog.rows import Entry
from trialalerts.catalog.tables import Item, ItemNumber

__all__ = ["Stored", "find_by_number", "find_stored", "in_chunks", "note_numbers"]

_AT_ONCE = 500
"""How many values one statement asks for: SQLite takes 32,766 parameters, and long lists are slow to compile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An item in the table. ``is_own`` tells whether it holds the facts of the record's own registry."""

    item_id: int
    facts_hash: str
    is_own: bool = True


def find_stored(connection: Connection, registry: str, external_ids: Collection[str]) -> dict[str, Stored]:
    """Return the items of a registry by their external ids."""
    columns = col(Item.external_id), col(Item.id), col(Item.facts_hash)
    found: dict[str, Stored] = {}
    for chunk in in_chunks(external_ids):
        query = select(*columns).where(col(Item.registry_name) == registry, col(Item.external_id).in_(chunk))
        for external_id, item_id, facts_hash in connection.execute(query).all():
            found[external_id] = Stored(item_id=cast("int", item_id), facts_hash=facts_hash)
    return found


def find_by_number(
    connection: Connection, registry: str, entries: Sequence[Entry], claimed: Iterable[int] = ()
) -> dict[str, Stored]:
    """Return the items that records of ``registry`` are, though they are not stored under the records' own ids.

    An item is the record's where it already holds this record, or a former number of it; else where it is
    known under one of the record's numbers and holds no other record of this registry. Of several the
    oldest is taken. ``claimed`` are items that have their record already. The answer is by external id.
    """
    known = _Known(connection, {number for entry in entries for number in (*entry.own_numbers, *entry.other_numbers)})
    claims = set(claimed)
    found: dict[str, Stored] = {}
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
        self._rows: dict[int, tuple[str, str]] = {}
        for chunk in in_chunks(numbers):
            query = select(col(ItemNumber.number), col(ItemNumber.item_id)).where(col(ItemNumber.number).in_(chunk))
            for number, item_id in connection.execute(query).all():
                self._items[number].add(item_id)
        for chunk in in_chunks(set().union(*self._items.values())):
            self._read_items(connection, chunk)

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

    def stored(self, item_id: int, registry: str) -> Stored:
        """Return the item."""
        registry_of_facts, facts_hash = self._rows[item_id]
        return Stored(item_id=item_id, facts_hash=facts_hash, is_own=registry_of_facts == registry)

    def _read_items(self, connection: Connection, item_ids: Sequence[int]) -> None:
        held = select(col(ItemNumber.item_id), col(ItemNumber.registry_name), col(ItemNumber.number)).where(
            col(ItemNumber.item_id).in_(item_ids), col(ItemNumber.registry_name).is_not(None)
        )
        for item_id, registry, number in connection.execute(held).all():
            self._held[item_id].add((cast("str", registry), number))
        items = select(col(Item.id), col(Item.registry_name), col(Item.external_id), col(Item.facts_hash)).where(
            col(Item.id).in_(item_ids)
        )
        for found, registry_of_facts, external_id, facts_hash in connection.execute(items).all():
            self._held[cast("int", found)].add((registry_of_facts, external_id))
            self._rows[cast("int", found)] = (registry_of_facts, facts_hash)


def note_numbers(connection: Connection, registry: str, entries: Iterable[tuple[int, Entry]]) -> None:
    """Remember under which numbers items are known; what is known already stays."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for item_id, entry in entries:
        for number in entry.other_numbers:
            rows[number, item_id] = {"number": number, "item_id": item_id, "registry": None}
        for number in entry.own_numbers:
            rows[number, item_id] = {"number": number, "item_id": item_id, "registry": registry}
    if not rows:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(ItemNumber)
    held = insert.excluded.registry
    statement = insert.on_conflict_do_update(
        index_elements=["number", "item_id"], set_={"registry": held}, where=held.is_not(None)
    )
    connection.execute(statement, list(rows.values()))


def in_chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Part values into lists that fit into one statement."""
    whole = list(values)
    for start in range(0, len(whole), _AT_ONCE):
        yield whole[start : start + _AT_ONCE]
