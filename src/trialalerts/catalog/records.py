"""Rows of items and records, many at once: what each registry or source says under its own id, and what that makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlmodel import SQLModel, col

from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import Item, Record
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.database.types import table_of

__all__ = [
    "SAID",
    "change_items",
    "change_records",
    "insert_items",
    "insert_records",
    "touch_records",
    "update_records",
]

SAID = ("url", "title", "summary", "published_at", "facts", "areas", "topics")
"""The columns of what a record says; an item has the same."""

_Columns = dict[str, Any]


def insert_items(connection: Connection, entries: Sequence[PreparedItem], now: datetime) -> list[int]:
    """Insert an item for each of the entries; return their numbers, in the order of the entries."""
    item, seen = table_of(Item).c, {"first_seen_at": now, "last_seen_at": now}
    statement = insert_into(connection, Item).returning(item.registry, item.external_id, item.id)
    ids: dict[tuple[str, str], int] = {}
    for chunk in in_chunks(entries):
        for registry, external_id, item_id in connection.execute(statement, [entry.row() | seen for entry in chunk]):
            ids[registry, external_id] = item_id
    return [ids[entry.draft.registry, entry.external_id] for entry in entries]


def change_items(connection: Connection, changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Write columns of items anew, by their numbers."""
    _change(connection, Item, changes)


def change_records(connection: Connection, changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Write columns of records anew, by their numbers."""
    _change(connection, Record, changes)


def insert_records(
    connection: Connection, entries: Iterable[tuple[int, PreparedItem, _Columns]], now: datetime
) -> None:
    """Insert the record of each entry for its item; the dictionary holds further columns.

    One that another process inserted just now stays as that one has it.
    """
    rows = [
        {
            "registry": entry.draft.registry,
            "external_id": entry.external_id,
            "item_id": item_id,
            "source": entry.draft.source,
            "facts_hash": entry.facts_hash,
            "version": entry.draft.version,
            "turns_on": entry.draft.turns_on,
            "origin": entry.draft.origin,
            "first_seen_at": now,
            "last_seen_at": now,
        }
        | more
        for item_id, entry, more in entries
    ]
    for same in _alike(rows):
        connection.execute(insert_into(connection, Record).on_conflict_do_nothing(), same)


def update_records(connection: Connection, entries: Iterable[tuple[int, PreparedItem, _Columns]]) -> None:
    """Write records anew, by their own numbers; the dictionary holds further columns."""
    changes = [
        (
            record_id,
            {
                "external_id": entry.external_id,
                "source": entry.draft.source,
                "facts_hash": entry.facts_hash,
                "version": entry.draft.version,
                "turns_on": entry.draft.turns_on,
                "origin": entry.draft.origin,
            }
            | more,
        )
        for record_id, entry, more in entries
    ]
    change_records(connection, sorted(changes, key=lambda change: change[0]))


def touch_records(connection: Connection, record_ids: Iterable[int], now: datetime) -> None:
    """Note that records stand in their source now."""
    for chunk in in_chunks(sorted(record_ids)):
        connection.execute(update(Record).where(col(Record.id).in_(chunk)).values(last_seen_at=now))


def _change(connection: Connection, model: type[SQLModel], changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    table = table_of(model)
    for same in _alike([{"number": number, **columns} for number, columns in changes]):
        values: dict[str, Any] = {name: bindparam(name) for name in same[0] if name != "number"}
        connection.execute(update(table).where(table.c.id == bindparam("number")).values(values), same)


def _alike(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group rows that fill the same columns: each group is one statement."""
    groups: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    return list(groups.values())
