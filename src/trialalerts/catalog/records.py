"""Rows of records: what each registry says of a trial, or each source of an article, under its own id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlmodel import col

from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import Record
from trialalerts.database.bulk import in_chunks, insert_into

__all__ = ["SAID", "insert_records", "touch_records", "update_records"]

SAID = ("url", "title", "summary", "published_at", "facts", "areas", "topics")
"""The columns of what a record says; an item has the same."""

_Columns = dict[str, Any]


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
    rows = [
        {
            "record_id": record_id,
            "external_id": entry.external_id,
            "source": entry.draft.source,
            "facts_hash": entry.facts_hash,
            "version": entry.draft.version,
            "turns_on": entry.draft.turns_on,
            "origin": entry.draft.origin,
        }
        | more
        for record_id, entry, more in entries
    ]
    for same in _alike(sorted(rows, key=lambda row: int(row["record_id"]))):
        values: dict[str, Any] = {name: bindparam(name) for name in same[0] if name != "record_id"}
        connection.execute(update(Record).where(col(Record.id) == bindparam("record_id")).values(values), same)


def touch_records(connection: Connection, record_ids: Iterable[int], now: datetime) -> None:
    """Note that records stand in their source now."""
    for chunk in in_chunks(sorted(record_ids)):
        connection.execute(update(Record).where(col(Record.id).in_(chunk)).values(last_seen_at=now))


def _alike(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group rows that fill the same columns: each group is one statement."""
    groups: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    return list(groups.values())
