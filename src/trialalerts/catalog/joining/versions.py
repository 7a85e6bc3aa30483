"""What the records of items say, read from the tables, and which entries are linked with other records at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select
from sqlmodel import col

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.joining.linking import LinkedRecord
from trialalerts.catalog.joining.merging import TrialVersion
from trialalerts.catalog.records import SAID
from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import Item, ItemKind, ItemNumber, Record
from trialalerts.catalog.trials.identity import StoredTrial
from trialalerts.catalog.trials.numbers import issuer_of
from trialalerts.database.bulk import in_chunks
from trialalerts.database.types import table_of

__all__ = ["StoredVersion", "items_under", "link_of", "linked_entries", "read_facts", "read_items", "read_versions"]

_MOST_ITEMS = 10
"""Where more items are known under a number, some of those that only mention it are enough to tell that they are not
one trial; those whose own it is count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """A record in the table: ``said`` are its columns of what it says, ``is_kept`` whether they stand with itself."""

    record_id: int
    item_id: int
    version: TrialVersion
    link: LinkedRecord
    said: Mapping[str, Any]
    is_kept: bool


def read_facts(stored: Mapping[str, Any] | None) -> TrialFacts | None:
    """Return a trial's facts as they are stored; None where another version of this program stored them."""
    try:
        return TrialFacts.model_validate(stored)
    except ValidationError:
        return None


def link_of(entry: PreparedItem) -> LinkedRecord:
    """Return the numbers of an entry, of which its words are read once."""
    draft = entry.draft
    return LinkedRecord.naming((draft.registry, entry.external_id), draft.aliases, entry.other_numbers)


def linked_entries(
    connection: Connection, entries: Sequence[PreparedItem], stored: Mapping[str, StoredTrial]
) -> dict[str, PreparedItem]:
    """Return, by their ids, the entries whose numbers lead to other records, stored or in this batch."""
    numbers = {entry.external_id: link_of(entry).numbers for entry in entries}
    entries_of: dict[str, int] = defaultdict(int)
    for some in numbers.values():
        for number in some:
            entries_of[number] += 1
    known = items_under(connection, entries_of)
    found = {}
    for entry in entries:
        record, mine = stored.get(entry.external_id), numbers[entry.external_id]
        items = {item for number in mine for item in known.get(number, ())}
        others = items - {record.item_id} if record else items
        is_joined = record is not None and not record.is_alone
        if others or is_joined or any(entries_of[number] > 1 for number in mine):
            found[entry.external_id] = entry
    return found


def items_under(connection: Connection, numbers: Collection[str]) -> dict[str, set[int]]:
    """Return the items that are known under numbers; of many that mention one those that came first."""
    rows: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    columns = col(ItemNumber.number), col(ItemNumber.item_id), col(ItemNumber.registry_name)
    for chunk in in_chunks(numbers):
        for number, item_id, registry in connection.execute(select(*columns).where(col(ItemNumber.number).in_(chunk))):
            rows[number].append((item_id, registry))
    return {
        number: {item_id for item_id, registry in held if registry}
        | set(sorted(item_id for item_id, registry in held if not registry)[:_MOST_ITEMS])
        for number, held in rows.items()
    }


def read_items(connection: Connection, item_ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Return the rows of items that are trials; they stay locked."""
    item = table_of(Item).c
    own = "id", "registry", "external_id", "status", "is_open", "source", "first_seen_at"
    columns = [item[name] for name in (*own, *SAID)]
    found: dict[int, Row[Any]] = {}
    for chunk in in_chunks(sorted(set(item_ids))):
        asked = select(*columns).where(item.id.in_(chunk), item.kind == ItemKind.TRIAL)
        for row in connection.execute(asked.order_by(item.id).with_for_update()):
            found[row.id] = row
    return found


def read_versions(connection: Connection, items: Mapping[int, Row[Any]]) -> list[StoredVersion]:
    """Return what the records of items say."""
    record = table_of(Record).c
    own = "id", "item_id", "registry", "external_id", "source", "origin", "facts_hash"
    columns = [record[name] for name in (*own, *SAID)]
    found = []
    for chunk in in_chunks(sorted(items)):
        held = _former_numbers(connection, chunk)
        for row in connection.execute(select(*columns).where(record.item_id.in_(chunk)).order_by(record.id)):
            is_kept = row.facts is not None
            teller = row if is_kept else items[row.item_id]
            found.append(
                _version(row, {name: getattr(teller, name) for name in SAID}, held[row.item_id], is_kept=is_kept)
            )
    return found


def _version(
    row: Row[Any], said: Mapping[str, Any], held: Iterable[tuple[str, str]], *, is_kept: bool
) -> StoredVersion:
    facts = read_facts(said["facts"]) or TrialFacts()
    key = row.registry, row.external_id
    issuer = issuer_of(row.external_id)
    former = [number for registry, number in held if registry == row.registry and issuer_of(number) == issuer]
    titles = said["title"] or "", facts.official_title or ""
    version = TrialVersion(
        registry=row.registry,
        external_id=row.external_id,
        source=row.source,
        origin=row.origin,
        facts_hash=row.facts_hash,
        url=said["url"] or "",
        title=said["title"] or "",
        summary=said["summary"] or "",
        published_at=said["published_at"],
        facts=facts,
        areas=said["areas"] or {},
        topics=said["topics"] or (),
    )
    link = LinkedRecord.of(key, former, facts.numbers, titles, facts.criteria)
    return StoredVersion(record_id=row.id, item_id=row.item_id, version=version, link=link, said=said, is_kept=is_kept)


def _former_numbers(connection: Connection, item_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the numbers under which records were read as these items, each with its registry."""
    held: dict[int, list[tuple[str, str]]] = defaultdict(list)
    columns = col(ItemNumber.item_id), col(ItemNumber.registry_name), col(ItemNumber.number)
    known = col(ItemNumber.item_id).in_(item_ids), col(ItemNumber.registry_name).is_not(None)
    for item_id, registry, number in connection.execute(select(*columns).where(*known)):
        held[item_id].append((registry or "", number))
    return held
