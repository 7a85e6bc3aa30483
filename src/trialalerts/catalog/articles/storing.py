"""Storing articles: each entry joins the record and the item that it is, or begins new ones.

The writers of articles wait for each other, from the look-up to the commit: which entry is which article can hang on
several rows at once. The primary key of ``article_key`` holds what would slip through: one key, one item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import Connection, bindparam, select, update
from sqlmodel import col

from trialalerts.catalog.articles.identity import ArticleMatch, recognise
from trialalerts.catalog.articles.keys import article_keys, link_key
from trialalerts.catalog.articles.likeness import Likeness, likeness_of, likeness_of_record
from trialalerts.catalog.articles.merging import gain, merged, version_of
from trialalerts.catalog.articles.naming import followed_numbers, names_trials
from trialalerts.catalog.changes.comparison import Difference, compare_articles
from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.records import SAID, change_items, insert_items, insert_records, touch_records, update_records
from trialalerts.catalog.rows import PreparedItem, prepare_item
from trialalerts.catalog.tables import ArticleKey, Change, ChangeKind, Item, ItemKind, Record, appeared_at
from trialalerts.database.bulk import in_chunks, insert_into
from trialalerts.database.engine import one_writer_at_a_time
from trialalerts.database.types import table_of

__all__ = ["ArticleBatch", "StoredArticles", "make_missing_keys"]

_NEW_TO_ALL = Freshness().article
_PAPER_IS_NEWS = timedelta(days=180)
"""So long after its day a paper is news to those who follow a trial that it names."""


class StoredArticles(NamedTuple):
    """What happened: the items that are new, with their entries, and what became of those that were known.

    ``gains`` are those that another record gave more areas or topics, each with the moment at which it appeared.
    """

    inserted: Sequence[tuple[int, PreparedItem]]
    differences: Sequence[tuple[int, PreparedItem, Difference]]
    gains: Sequence[tuple[int, PreparedItem, Difference, datetime]]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry, what it is compared by, and where it belongs."""

    entry: PreparedItem
    likeness: Likeness
    keys: Sequence[str]
    found: ArticleMatch


class _Merge(NamedTuple):
    """A known item that was computed anew: its columns before and after."""

    item_id: int
    entry: PreparedItem
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class ArticleBatch:
    """The articles of one source while they are stored."""

    def __init__(self, connection: Connection, registry: str, entries: Sequence[PreparedItem], now: datetime) -> None:
        self._connection = connection
        self._registry = registry
        self._entries = entries
        self._now = now
        self.new = self.updated = self.unchanged = self.recognised = 0

    def store(self) -> StoredArticles:
        """Insert, join, update and touch; return what happened."""
        one_writer_at_a_time(self._connection)
        make_missing_keys(self._connection)
        placed = self._placed()
        new = [each for each in placed if each.found.item is None]
        inserted = [*zip(insert_items(self._connection, [each.entry for each in new], self._now), new, strict=True)]
        item_of = {each.entry.external_id: item_id for item_id, each in inserted}
        joined = [each for each in placed if each.found.record is None and each.found.item is not None]
        rows = [(_item_of(each, item_of), each) for each in joined]
        insert_records(self._connection, [(id_, p.entry, _columns(p)) for id_, p in [*inserted, *rows]], self._now)
        changed = [
            each for each in placed if each.found.record and each.found.record.facts_hash != each.entry.facts_hash
        ]
        update_records(self._connection, [(cast("int", p.found.record_id), p.entry, _columns(p)) for p in changed])
        known = [each.found.record_id for each in placed if each.found.record_id is not None]
        touch_records(self._connection, known, self._now)
        self._note_keys([*inserted, *rows, *((_item_of(each, item_of), each) for each in changed)])
        write_outlines(self._connection, [_described(item_id, each.entry.row()) for item_id, each in inserted])
        merges = self._merge([*rows, *((_item_of(each, item_of), each) for each in changed)], new={*item_of.values()})
        self._touch([id_ for each in placed if isinstance(id_ := each.found.item, int)])
        self.recognised = len(known)
        self.new, self.updated = len(inserted), len(changed)
        self.unchanged = len(placed) - self.new - self.updated
        return StoredArticles(
            [(item_id, each.entry) for item_id, each in inserted],
            [
                *((each.item_id, each.entry, found) for each in merges for found in _compared(each)),
                *self._of_trials(inserted, merges),
            ],
            _gains(merges, {item_id for item_id, _ in rows}),
        )

    def _of_trials(
        self, inserted: Iterable[tuple[int, _Placed]], merges: Iterable[_Merge]
    ) -> Iterator[tuple[int, PreparedItem, Difference]]:
        """Give what is news to those alone who follow a trial that an article names.

        A known article is found to name it: indexes list numbers weeks after a paper. Or it is new to us and too old to
        be told to everybody.
        """
        oldest = self._now - _PAPER_IS_NEWS
        late = [
            _Merge(item_id, placed.entry, {"facts": {"trials": ()}}, row | {"facts": _facts_of(row)})
            for item_id, placed in inserted
            if (published := placed.entry.draft.published_at) is not None
            and oldest <= published < self._now - _NEW_TO_ALL
            for row in [placed.entry.row()]
        ]
        late += [m for m in merges if appeared_at(m.after["published_at"], m.before["first_seen_at"]) >= oldest]
        numbers = {number for each in late for number in each.after["facts"].get("trials") or ()}
        followed = followed_numbers(self._connection, numbers)
        told = self._told({each.item_id for each in late}) if followed else set()
        for each in late:
            was, is_told = each.before["facts"].get("trials"), each.item_id in told
            if named := names_trials(was, each.after, followed, is_told=is_told):
                yield each.item_id, each.entry, named

    def _told(self, item_ids: Collection[int]) -> set[int]:
        """Return those of the items that were told as new."""
        found: set[int] = set()
        for some in in_chunks(sorted(item_ids)):
            asked = select(col(Change.item_id)).where(col(Change.item_id).in_(some))
            found |= set(self._connection.execute(asked.where(col(Change.kind) == ChangeKind.PUBLISHED)).scalars())
        return found

    def _placed(self) -> list[_Placed]:
        likes = [likeness_of(entry.draft, entry.external_id) for entry in self._entries]
        found = recognise(self._connection, self._registry, likes)
        return [
            _Placed(_under_its_id(entry, each), like, each.keys, each)
            for entry, like, each in zip(self._entries, likes, found, strict=True)
        ]

    def _note_keys(self, placed: Iterable[tuple[int, _Placed]]) -> None:
        """Write the keys down; one that leads to an item already goes on leading there."""
        rows = {key: item_id for item_id, each in placed for key in each.keys}
        if rows:
            statement = insert_into(self._connection, ArticleKey).on_conflict_do_nothing()
            self._connection.execute(statement, [{"key": key, "item_id": rows[key]} for key in sorted(rows)])

    def _merge(self, placed: Sequence[tuple[int, _Placed]], *, new: set[int]) -> list[_Merge]:
        """Compute anew the items whose records are other ones now; return what became of those that were known."""
        by_item = dict(placed)
        merges: list[_Merge] = []
        for chunk in in_chunks(sorted(by_item)):
            before = self._locked(chunk)
            rows = {item_id: merged(said) for item_id, said in version_of(self._connection, chunk).items()}
            change_items(self._connection, rows.items())
            write_outlines(self._connection, [_described(item_id, row) for item_id, row in rows.items()])
            known = [(item_id, row) for item_id, row in rows.items() if item_id not in new]
            merges += [_Merge(item_id, by_item[item_id].entry, before[item_id], row) for item_id, row in known]
        return merges

    def _locked(self, item_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Return items as they are, by number; their rows stay locked."""
        item = table_of(Item).c
        columns = item.id, item.title, item.facts, item.areas, item.topics, item.published_at, item.first_seen_at
        asked = select(*columns).where(item.id.in_(item_ids)).order_by(item.id)
        rows = self._connection.execute(asked.with_for_update()).mappings()
        return {cast("int", row["id"]): dict(row) for row in rows}

    def _touch(self, item_ids: Iterable[int]) -> None:
        for chunk in in_chunks(sorted(set(item_ids))):
            self._connection.execute(update(Item).where(col(Item.id).in_(chunk)).values(last_seen_at=self._now))


def _facts_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts of a row, which may be written for the column already."""
    facts = row["facts"] if isinstance(row["facts"], Mapping) else orjson.loads(orjson.dumps(row["facts"]))
    return cast("Mapping[str, Any]", facts)


def _described(item_id: int, row: Mapping[str, Any]) -> Described:
    facts = _facts_of(row)
    return Described(
        item_id=item_id,
        kind=ItemKind.ARTICLE,
        status=None,
        is_open=False,
        facts=facts,
        areas=row["areas"],
        topics=row["topics"],
    )


def _compared(merge: _Merge) -> list[Difference]:
    before, after = merge.before, merge.after
    return compare_articles(before["title"], after["title"], before["facts"], after["facts"])


def _gains(merges: Iterable[_Merge], joined: Container[int]) -> list[tuple[int, PreparedItem, Difference, datetime]]:
    """Return the gains of items that another record joined; a record that is read otherwise now is no news."""
    return [
        (each.item_id, each.entry, more, appeared_at(each.after["published_at"], each.before["first_seen_at"]))
        for each in merges
        if each.item_id in joined and (more := gain(each.before, each.after))
    ]


def _under_its_id(entry: PreparedItem, found: ArticleMatch) -> PreparedItem:
    """Return the entry under the id of the record that it is: it may bear another today."""
    if found.record is None or found.record.external_id == entry.external_id:
        return entry
    return prepare_item(replace(entry.draft, external_id=found.record.external_id))


def _item_of(placed: _Placed, new: dict[str, int]) -> int:
    """Return the item of an entry: a known one, or the new one of an entry of the same batch."""
    item = placed.found.item
    return item if isinstance(item, int) else new[str(item)]


def _columns(placed: _Placed) -> dict[str, Any]:
    row = placed.entry.row()
    said = {name: row[name] for name in SAID}
    # Not as the fragment that goes into the item: the rule of merging reads it.
    said["facts"] = orjson.loads(orjson.dumps(said["facts"]))
    return said | {"title_key": placed.likeness.title_key, "keys": list(placed.likeness.keys)}


_RECORD = table_of(Record).c


def make_missing_keys(connection: Connection) -> None:
    """Give every article that has none its keys; the older item keeps a key that two of them share."""
    bare = select(_RECORD.id, _RECORD.registry, _RECORD.url).where(_RECORD.title_key == "")
    rows = connection.execute(bare.order_by(_RECORD.id)).all()
    shared = Counter((registry, link_key(url or "")) for _, registry, url in rows)
    telling = {row[0] for row in rows if shared[row[1], link_key(row[2] or "")] == 1}
    for chunk in in_chunks([row[0] for row in rows]):
        _make(connection, chunk, telling)


def _make(connection: Connection, record_ids: list[int], telling: set[int]) -> None:
    columns = (
        _RECORD.id, _RECORD.registry, _RECORD.external_id, _RECORD.item_id, _RECORD.url, _RECORD.title,
        _RECORD.summary, _RECORD.published_at, _RECORD.facts,
    )  # fmt: skip
    written: list[dict[str, Any]] = []
    leading: list[dict[str, Any]] = []
    for row in connection.execute(select(*columns).where(_RECORD.id.in_(record_ids)).order_by(_RECORD.id)):
        id_as_link = row.external_id if row.external_id.startswith(("http://", "https://")) else ""
        links = (row.url or "", id_as_link) if row.id in telling else (id_as_link,)
        like = likeness_of_record(
            registry=row.registry,
            external_id=row.external_id,
            keys=article_keys(links=links, identifiers=[row.external_id]),
            title=row.title or "",
            summary=row.summary or "",
            html=(row.facts or {}).get("html", ""),
            published_at=row.published_at,
        )
        written.append({"record_id": row.id, "title_key": like.title_key, "keys": list(like.keys)})
        leading += [{"key": key, "item_id": row.item_id} for key in like.all_keys]
    values: dict[str, Any] = {name: bindparam(name) for name in ("title_key", "keys")}
    connection.execute(update(Record).where(col(Record.id) == bindparam("record_id")).values(values), written)
    if leading:
        connection.execute(insert_into(connection, ArticleKey).on_conflict_do_nothing(), leading)
