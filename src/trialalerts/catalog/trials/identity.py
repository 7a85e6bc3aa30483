"""Identity of trials: which stored record an entry is, by its number or a former one; and the numbers of its item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, select, true
from sqlmodel import col

from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import ItemNumber, Record
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.database.types import table_of

__all__ = ["StoredTrial", "find_former", "find_stored", "note_numbers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrial:
    """A record in the table, and the item that it belongs to; ``is_alone`` tells that the item has no other record."""

    item_id: int
    record_id: int
    external_id: str
    facts_hash: str
    is_alone: bool = True
    version: str | None = None
    turns_on: date | None = None


def find_stored(connection: Connection, registry: str, external_ids: Collection[str]) -> dict[str, StoredTrial]:
    """Return the records of a registry by their external ids."""
    record = table_of(Record).c
    names = record.external_id, record.id, record.item_id, record.facts_hash, record.version, record.turns_on
    # What a record says stands with it where its item has others, too.
    asked = select(*names, record.facts.is_(None).label("is_alone"))
    found: dict[str, StoredTrial] = {}
    for chunk in in_chunks(external_ids):
        query = asked.where(col(Record.registry_name) == registry, col(Record.external_id).in_(chunk))
        for external_id, record_id, item_id, facts_hash, version, turns_on, is_alone in connection.execute(query).all():
            found[external_id] = StoredTrial(
                item_id=item_id,
                record_id=cast("int", record_id),
                external_id=external_id,
                facts_hash=facts_hash,
                is_alone=bool(is_alone),
                version=version,
                turns_on=turns_on,
            )
    return found


def find_former(
    connection: Connection, registry: str, entries: Sequence[PreparedItem], claimed: Collection[str]
) -> dict[str, StoredTrial]:
    """Return, by the ids of entries, the records of a registry that these are under another id.

    Such a record stands under a former number of the entry, or its item was read under one. Numbers count as they are
    written: a trial's records for its countries (``2018-012345-21-DE``) have one number, and are several records.

    Args:
        connection: of a writing session.
        registry: whose records they are.
        entries: that are not stored under their own ids.
        claimed: ids of stored records that other entries are.
    """
    former = {number for entry in entries for number in _written(entry)}
    if not former:
        return {}
    by_number: dict[str, set[str]] = {}
    held = select(col(ItemNumber.number), col(Record.external_id)).join(
        Record, (col(Record.item_id) == col(ItemNumber.item_id)) & (col(Record.registry_name) == registry)
    )
    for chunk in in_chunks(former):
        known = col(ItemNumber.number).in_(chunk), col(ItemNumber.registry_name) == registry
        for number, external_id in connection.execute(held.where(*known)).all():
            by_number.setdefault(number, set()).add(external_id)
    stored = find_stored(
        connection, registry, {alias for entry in entries for alias in entry.draft.aliases}.union(*by_number.values())
    )
    taken = set(claimed)
    found: dict[str, StoredTrial] = {}
    for entry in entries:
        named = {each for number in _written(entry) for each in (number, *by_number.get(number, ()))}
        ids = (named & stored.keys()) - taken
        if ids:
            record = min((stored[each] for each in ids), key=lambda each: each.record_id)
            taken.add(record.external_id)
            found[entry.external_id] = record
    return found


def _written(entry: PreparedItem) -> tuple[str, ...]:
    return entry.external_id, *entry.draft.aliases


def note_numbers(connection: Connection, entries: Iterable[tuple[int, PreparedItem]]) -> None:
    """Remember under which numbers items are known; what is known already stays.

    A number that one registry gave up may be another's present one, for a portal's copy is late: it is kept as the
    former one; the present one stands in the record itself.
    """
    rows: dict[tuple[str, int], Mapping[str, Any]] = {}
    former: dict[tuple[str, int], Mapping[str, Any]] = {}
    for item_id, entry in entries:
        for number in entry.other_numbers:
            rows.setdefault((number, item_id), {"number": number, "item_id": item_id, "registry": None})
        given_up = set(registry_numbers(entry.draft.aliases, are_ids=True)) | set(entry.draft.aliases)
        for number in entry.own_numbers:
            into = former if number in given_up and number != entry.external_id else rows
            into[number, item_id] = {"number": number, "item_id": item_id, "registry": entry.draft.registry}
    insert = insert_into(connection, ItemNumber)
    held = insert.excluded.registry
    for some, counts in ((rows, held.is_not(None) & col(ItemNumber.registry_name).is_(None)), (former, true())):
        if some:
            statement = insert.on_conflict_do_update(
                index_elements=["number", "item_id"], set_={"registry": held}, where=counts
            )
            connection.execute(statement, list(some.values()))
