"""The rows of outlines and terms: written with their items, found by terms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, event, select, text
from sqlalchemy.orm import Mapper

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.outlines import Outline, outline_of, read_outline, terms_of, written_outline
from trialalerts.catalog.tables import Item, ItemKind, ItemOutline
from trialalerts.database.bulk import in_chunks, list_value
from trialalerts.database.engine import Database
from trialalerts.database.types import table_of

__all__ = [
    "Described",
    "StoredOutline",
    "complete_outlines",
    "has_unmade",
    "item_ids",
    "open_ids",
    "open_outlines",
    "outlines_of",
    "write_outlines",
]

_AT_ONCE = 5_000


class Described(NamedTuple):
    """An item that was written: its number, and the columns that its outline is made of."""

    item_id: int
    kind: ItemKind
    status: str | None
    is_open: bool
    facts: TrialFacts | Mapping[str, Any] | None
    areas: Mapping[str, Any]
    topics: Sequence[str]


class StoredOutline(NamedTuple):
    """An outline, and whether its item is an open trial."""

    is_open: bool
    outline: Outline


class _Row(NamedTuple):
    """A stored outline."""

    is_open: bool
    outline: str

    @property
    def terms(self) -> frozenset[str]:
        return terms_of(read_outline(self.outline), is_open=self.is_open) if self.outline else frozenset()


def write_outlines(connection: Connection, items: Iterable[Described], *, only_known: bool = False) -> None:
    """Write the outlines of items that were written in this transaction, and the terms that they gained or lost.

    Call it after the items themselves are written: their rows are locked then, so that nobody else writes these.
    With ``only_known`` an item that is over and has no outline gets none: nothing is told of it.
    """
    new = {item.item_id: _Row(item.is_open, written_outline(_outline(item))) for item in sorted(items, key=_by_number)}
    if not new:
        return
    old = _stored(connection, new)
    changed = {
        item_id: row
        for item_id, row in new.items()
        if old.get(item_id) != row and (row.is_open or item_id in old or not only_known)
    }
    gained, lost = [], []
    for item_id, row in changed.items():
        had = old[item_id].terms if item_id in old else frozenset()
        has = row.terms
        gained += [(term, item_id) for term in has - had]
        lost += [(term, item_id) for term in had - has]
    _write(connection, _WRITTEN, [(item_id, *row) for item_id, row in changed.items()])
    _write(connection, _LOST, sorted(lost))
    _write(connection, _GAINED, sorted(gained))


def _make_missing(connection: Connection) -> int:
    """Make outlines that an older program did not write, at most so many; return how many these were."""
    unmade = connection.execute(select(_outlines.item_id).where(_IS_UNMADE).limit(_AT_ONCE)).scalars().all()
    rows = _described(connection, unmade, locked=True)
    write_outlines(connection, rows)
    return len(rows)


def complete_outlines(db: Database, stop: Callable[[], bool] = lambda: False) -> None:
    """Make all outlines that an older program did not write, some thousands in a transaction."""
    with db.read() as session:
        made = has_unmade(session.connection())
    while made and not stop():
        with db.write() as session:
            made = _make_missing(session.connection()) > 0


def has_unmade(connection: Connection) -> bool:
    """Tell whether an older program left items whose terms are not known yet."""
    return connection.execute(select(_outlines.item_id).where(_IS_UNMADE).limit(1)).first() is not None


def open_ids(connection: Connection) -> set[int]:
    """Return the items that are open trials."""
    item = table_of(Item).c
    return set(connection.execute(select(item.id).where(item.is_open, item.kind == ItemKind.TRIAL)).scalars())


def item_ids(connection: Connection, terms: Collection[str]) -> set[int]:
    """Return the items that are found under one of the terms, and those whose terms are not known yet."""
    sqlite = _is_sqlite(connection)
    found = connection.execute(_FOUND[sqlite], {"terms": list_value(sorted(terms), sqlite=sqlite)}).scalar_one()
    return set(orjson.loads(found) if sqlite else found or ())


def open_outlines(
    connection: Connection, ids: Collection[int] | None, *, kept_back: bool = True
) -> list[tuple[int, Outline]]:
    """Return the outlines of those items that are open trials, in the order of their numbers.

    Args:
        connection: reads.
        ids: of items; None: all of them.
        kept_back: whether those count that a baseline keeps back (see :mod:`~trialalerts.catalog.changes.baselines`).
    """
    rows = _rows_of(connection, _OUTLINES + " AND o.is_open" + ("" if kept_back else _NOT_KEPT_BACK), ids)
    unmade = _unmade(connection, [row[0] for row in rows if not row[2]])
    return [(item_id, read_outline(text) if text else unmade[item_id].outline) for item_id, _, text in rows]


def outlines_of(connection: Connection, ids: Collection[int]) -> dict[int, StoredOutline]:
    """Return the outlines of items, whether they have one or not."""
    rows = _rows_of(connection, _OUTLINES, ids)
    found = {item_id: StoredOutline(bool(is_open), read_outline(text)) for item_id, is_open, text in rows if text}
    return found | _unmade(connection, set(ids) - found.keys())


def _unmade(connection: Connection, ids: Collection[int]) -> dict[int, StoredOutline]:
    return {each.item_id: StoredOutline(each.is_open, _outline(each)) for each in _described(connection, ids)}


def _described(connection: Connection, ids: Collection[int], *, locked: bool = False) -> list[Described]:
    """Return items as their outlines are made of them."""
    item, found = table_of(Item).c, []
    columns = item.id, item.kind, item.status, item.is_open, item.facts, item.areas, item.topics
    for chunk in in_chunks(sorted(ids)):
        asked = select(*columns).where(item.id.in_(chunk)).order_by(item.id)
        found += [Described(*row) for row in connection.execute(asked.with_for_update() if locked else asked)]
    return found


def _outline(item: Described) -> Outline:
    return outline_of(kind=item.kind, status=item.status, facts=item.facts, areas=item.areas, topics=item.topics)


def _by_number(item: Described) -> int:
    return item.item_id


def _stored(connection: Connection, ids: Collection[int]) -> dict[int, _Row]:
    rows = _rows_of(connection, _OUTLINES, ids)
    return {item_id: _Row(bool(is_open), outline) for item_id, is_open, outline in rows}


_OUTLINES = "SELECT o.item_id, o.is_open, o.outline FROM item_outline o WHERE true"
_NOT_KEPT_BACK = " AND NOT EXISTS (SELECT 1 FROM baseline_item kept WHERE kept.item_id = o.item_id)"
_outlines = table_of(ItemOutline).c
_IS_UNMADE = text("outline = ''")
_UNDER = "SELECT item_id FROM item_term WHERE term"
_OR_UNMADE = " UNION ALL SELECT item_id FROM item_outline WHERE outline = ''"
_FOUND = {
    # As one value: there may be many, and a row for each takes more than twice as long.
    True: text(
        f"SELECT json_group_array(item_id) FROM ({_UNDER} IN (SELECT value FROM json_each(:terms)){_OR_UNMADE})"
    ),
    False: text(f"SELECT array_agg(item_id) FROM ({_UNDER} = ANY(:terms){_OR_UNMADE}) AS found"),
}
_WRITTEN = (
    "INSERT INTO item_outline (item_id, is_open, outline) VALUES (?, ?, ?) "
    "ON CONFLICT (item_id) DO UPDATE SET is_open = excluded.is_open, outline = excluded.outline"
)
_LOST = "DELETE FROM item_term WHERE term = ? AND item_id = ?"
_GAINED = "INSERT INTO item_term (term, item_id) VALUES (?, ?) ON CONFLICT DO NOTHING"


def _rows_of(connection: Connection, asked: str, ids: Collection[int] | None) -> list[Any]:
    """Return the rows of these items, or of all, by their numbers."""
    if ids is None:
        return list(connection.exec_driver_sql(f"{asked} ORDER BY o.item_id").all())
    ordered = sorted(ids)
    rows: list[Any] = []
    sqlite = _is_sqlite(connection)
    within = "IN (SELECT value FROM json_each(?))" if sqlite else "= ANY(%s)"
    for some in in_chunks(ordered, _AT_ONCE):
        wanted = (list_value(some, sqlite=sqlite),)
        rows += connection.exec_driver_sql(f"{asked} AND o.item_id {within}", wanted).all()
    return sorted(rows)


def _write(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        connection.exec_driver_sql(statement if _is_sqlite(connection) else statement.replace("?", "%s"), rows)


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


@event.listens_for(Item, "after_insert")
@event.listens_for(Item, "after_update")
def _written_as_an_instance(mapper: Mapper[Item], connection: Connection, item: Item) -> None:
    """Keep the promise for whoever writes an item as an instance of its model: few do, one by one."""
    del mapper
    write_outlines(
        connection,
        [Described(item.id or 0, item.kind, item.status, item.is_open, item.facts, item.areas, item.topics)],
    )
