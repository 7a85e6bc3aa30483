"""Identity of articles: which record and which item an entry of a source is.

What identifies most is asked first, and a record answers to one entry at most: to the one that bears its id, so that
an article that still stands in its source is not taken for another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select
from sqlmodel import col

from trialalerts.catalog.articles.likeness import (
    Likeness,
    is_contradicted,
    likeness_of_record,
    place_score,
    same_title_and_day,
    similar_titles,
)
from trialalerts.catalog.tables import ArticleKey, Record
from trialalerts.database.bulk import in_chunks
from trialalerts.database.types import table_of

__all__ = ["ArticleMatch", "KnownRecord", "recognise"]

_RECORD = table_of(Record).c
_COLUMNS = (
    _RECORD.id, _RECORD.registry, _RECORD.external_id, _RECORD.item_id, _RECORD.facts_hash, _RECORD.title,
    _RECORD.summary, _RECORD.published_at, _RECORD.facts, _RECORD["keys"],
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRecord:
    """A stored record of an article."""

    id: int
    external_id: str
    item_id: int
    facts_hash: str
    likeness: Likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMatch:
    """Where an entry belongs.

    ``record`` is the stored one that it is; None where it is a new one. ``item`` is the number of its item, or the id
    of the entry of the same batch whose item it shares; None where it begins an item. ``keys`` lead to the item.
    """

    record: KnownRecord | None = None
    item: int | str | None = None
    keys: Sequence[str] = ()

    @property
    def record_id(self) -> int | None:
        """The number of the record."""
        return self.record.id if self.record else None


def recognise(connection: Connection, registry: str, entries: Sequence[Likeness]) -> list[ArticleMatch]:
    """Return where each entry of a source belongs, in their order."""
    known = _Known(connection, registry)
    known.read_ids([entry.external_id for entry in entries])
    ambiguous = _ambiguous(entries)
    found = {entry.external_id: known.claim_id(entry) for entry in entries}
    strangers = [entry for entry in entries if found[entry.external_id] is None]
    if strangers:
        known.read_candidates(strangers, ambiguous)
    by_key = _ByKey(known, ambiguous)
    for entry in entries:
        if (record := found[entry.external_id]) is not None:
            by_key.note(entry, record.item_id)
    answers: dict[str, ArticleMatch] = {}
    for entry in strangers:
        answers[entry.external_id] = by_key.place(entry)
    for entry in entries:
        if (record := found[entry.external_id]) is not None:
            answers[entry.external_id] = ArticleMatch(record=record, item=record.item_id, keys=entry.without(ambiguous))
    return [answers[entry.external_id] for entry in entries]


def _ambiguous(entries: Sequence[Likeness]) -> frozenset[str]:
    """Return the keys that entries of different titles share: they identify none of them."""
    groups: dict[str, list[Likeness]] = defaultdict(list)
    for entry in entries:
        for key in entry.all_keys:
            groups[key].append(entry)
    return frozenset(
        key for key, group in groups.items() if not all(similar_titles(group[0], other) for other in group[1:])
    )


class _Known:
    """The records of the source that may be the entries, and the items that their keys lead to."""

    def __init__(self, connection: Connection, registry: str) -> None:
        self._connection = connection
        self._registry = registry
        self._by_id: dict[str, KnownRecord] = {}
        self._by_title: dict[str, list[KnownRecord]] = defaultdict(list)
        self._of_item: dict[int, list[KnownRecord]] = defaultdict(list)
        self._last_sweep: list[KnownRecord] = []
        self._gone_by_doi: dict[str, list[KnownRecord]] = defaultdict(list)
        self._claimed: set[int] = set()
        self.items: dict[str, int] = {}

    def read_ids(self, external_ids: Sequence[str]) -> None:
        """Read the records that bear one of the ids."""
        for chunk in in_chunks(external_ids):
            for record in self._read(col(Record.registry_name) == self._registry, col(Record.external_id).in_(chunk)):
                self._by_id[record.external_id] = record

    def claim_id(self, entry: Likeness) -> KnownRecord | None:
        """Return the record that bears the entry's id."""
        record = self._by_id.get(entry.external_id)
        if record:
            self._claimed.add(record.id)
        return record

    def read_candidates(self, strangers: Sequence[Likeness], ambiguous: frozenset[str]) -> None:
        """Read what those may be whose ids nobody knows."""
        for chunk in in_chunks({key for entry in strangers for key in entry.without(ambiguous)}):
            rows = self._connection.execute(
                select(col(ArticleKey.key), col(ArticleKey.item_id)).where(col(ArticleKey.key).in_(chunk))
            )
            self.items.update((key, item_id) for key, item_id in rows)
        for items in in_chunks(set(self.items.values())):
            for record in self._read(col(Record.item_id).in_(items)):
                self._of_item[record.item_id].append(record)
        for chunk in in_chunks({entry.title_key for entry in strangers}):
            for record in self._read(col(Record.registry_name) == self._registry, col(Record.title_key).in_(chunk)):
                self._by_title[record.likeness.title_key].append(record)
        self._read_last_sweep()

    def of_item(self, item_id: int) -> list[KnownRecord]:
        """Return the records of an item that a key led to."""
        return self._of_item[item_id]

    def claim_of_item(self, item_id: int) -> KnownRecord | None:
        """Return the item's record of this source, if no entry is it yet."""
        own = (record for record in self._of_item[item_id] if record.likeness.registry == self._registry)
        return self._claim(own)

    def claim_title(self, entry: Likeness) -> KnownRecord | None:
        """Return the record of the same title and day that stands in the source no more."""
        stood = {record.id for record in self._last_sweep}
        return self._claim(
            record
            for record in self._by_title[entry.title_key]
            if same_title_and_day(entry, record.likeness, stood=record.id in stood)
        )

    def claim_place(self, entry: Likeness) -> KnownRecord | None:
        """Return the record that has just gone and whose place the entry took."""
        # Two that have other DOIs are two: the papers of a library are not compared each with each.
        by_doi = (gone for doi in ("", *entry.dois) for gone in self._gone_by_doi[doi])
        places = by_doi if entry.dois else self._last_sweep
        scored = [(place_score(entry, gone.likeness), gone) for gone in places if gone.id not in self._claimed]
        best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].id))
        return self._claim(record for _, record in best)

    def _claim(self, records: Iterable[KnownRecord]) -> KnownRecord | None:
        record = next((record for record in records if record.id not in self._claimed), None)
        if record:
            self._claimed.add(record.id)
        return record

    def _read_last_sweep(self) -> None:
        """Read the records that stood in the source when it was last read."""
        of_source = col(Record.registry_name) == self._registry, col(Record.title_key).is_not(None)
        last = select(func.max(col(Record.last_seen_at))).where(*of_source).scalar_subquery()
        self._last_sweep = list(self._read(*of_source, col(Record.last_seen_at) == last))
        for record in self._last_sweep:
            for doi in record.likeness.dois or ("",):
                self._gone_by_doi[doi].append(record)

    def _read(self, *conditions: Any) -> Iterable[KnownRecord]:
        for row in self._connection.execute(select(*_COLUMNS).where(*conditions).order_by(col(Record.id))):
            yield _record(row)


class _ByKey:
    """Places the entries whose ids nobody knows, one after the other."""

    def __init__(self, known: _Known, ambiguous: frozenset[str]) -> None:
        self._known = known
        self._ambiguous = ambiguous
        self._of_batch: dict[str, tuple[int | str, Likeness]] = {}

    def note(self, entry: Likeness, item: int | str) -> None:
        """Remember to which item the keys of an entry of this batch lead."""
        for key in entry.without(self._ambiguous):
            self._of_batch.setdefault(key, (item, entry))

    def place(self, entry: Likeness) -> ArticleMatch:
        """Return where an entry belongs."""
        item = self._by_keys(entry)
        record = None
        if isinstance(item, int):
            record = self._known.claim_of_item(item)
        elif item is None:
            record = self._known.claim_title(entry) or self._known.claim_place(entry)
            item = record.item_id if record else None
        self.note(entry, entry.external_id if item is None else item)
        return ArticleMatch(record=record, item=item, keys=entry.without(self._ambiguous))

    def _by_keys(self, entry: Likeness) -> int | str | None:
        keys = entry.without(self._ambiguous)
        for key in keys:
            item_id = self._known.items.get(key)
            if item_id is not None and not all(
                is_contradicted(key, entry, record.likeness) for record in self._known.of_item(item_id)
            ):
                return item_id
        for key in keys:
            item, other = self._of_batch.get(key, (None, entry))
            if item is not None and not is_contradicted(key, entry, other):
                return item
        return None


def _record(row: Any) -> KnownRecord:
    return KnownRecord(
        id=row.id,
        external_id=row.external_id,
        item_id=row.item_id,
        facts_hash=row.facts_hash,
        likeness=likeness_of_record(
            registry=row.registry,
            external_id=row.external_id,
            keys=tuple(row[9] or ()),
            title=row.title or "",
            summary=row.summary or "",
            html=(row.facts or {}).get("html", ""),
            published_at=row.published_at,
        ),
    )
