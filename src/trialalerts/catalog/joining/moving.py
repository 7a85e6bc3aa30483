"""What goes along when two items become one, and comes back when they are split: changes, people, numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, literal, select, update
from sqlmodel import SQLModel, col

from trialalerts.catalog.joining.linking import RecordKey
from trialalerts.catalog.tables import (
    JOINED,
    BaselineItem,
    Change,
    ChangeKind,
    HeldChange,
    Item,
    ItemNumber,
    ItemOutline,
    ItemTerm,
    JoinedItem,
)
from trialalerts.database.bulk import in_chunks
from trialalerts.database.types import table_of

__all__ = ["empty_item", "free_numbers", "mark_what_was_told", "move_along", "move_back", "revivable"]

_STARTS = frozenset({ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.REOPENED})
_ENDS = frozenset({ChangeKind.PAUSED, ChangeKind.CLOSED, ChangeKind.WITHDRAWN})
_ALIKE = {kind: kinds for kinds in (_STARTS, _ENDS, frozenset({ChangeKind.RESULTS_POSTED})) for kind in kinds}


def mark_what_was_told(connection: Connection, sides: Mapping[int, str]) -> None:
    """Note with the changes of items that become one to whom they are no news.

    Whoever was told of the trial under one number is not told the same under the other: a change holds how the other
    items were when they were told likewise before.

    Args:
        connection: of a writing session.
        sides: the items, each with its outline as it is written.
    """
    change = table_of(Change).c
    asked = select(change.seq, change.item_id, change.kind, change.before).where(
        change.item_id.in_(list(sides)), change.kind.in_(list(_ALIKE))
    )
    told: dict[frozenset[ChangeKind], set[int]] = defaultdict(set)
    rows = []
    for row in connection.execute(asked.order_by(change.seq)):
        kinds = _ALIKE[row.kind]
        others = [sides[item] for item in sorted(told[kinds] - {row.item_id})]
        told[kinds].add(row.item_id)
        known = row.before.get("told_as", [])
        if more := [outline for outline in others if outline not in known]:
            rows.append({"number": row.seq, "new": {**row.before, "told_as": [*known, *more]}})
    if rows:
        statement = update(Change).where(col(Change.seq) == bindparam("number")).values(before=bindparam("new"))
        connection.execute(statement, rows)


def move_along(connection: Connection, gone: int, stays: int, records: Sequence[RecordKey], now: datetime) -> None:
    """Move all that hangs on an item to the one that stays, and write down what it was.

    Args:
        connection: of a writing session.
        gone: the item that is left empty.
        stays: the item that it is from now on.
        records: those that it had.
        now: the moment.
    """
    change = table_of(Change).c
    changes = list(connection.execute(select(change.seq).where(change.item_id == gone).order_by(change.seq)).scalars())
    connection.execute(update(Change).where(col(Change.item_id) == gone).values(item_id=stays))
    peoples = _move_peoples_rows(connection, gone, stays)
    held, number, kept = table_of(HeldChange).c, table_of(ItemNumber).c, table_of(BaselineItem).c
    subjects = select(held.subject).where(held.item_id == stays)
    connection.execute(delete(HeldChange).where(held.item_id == gone, held.subject.in_(subjects)))
    connection.execute(update(HeldChange).where(held.item_id == gone).values(item_id=stays))
    known = select(number.number).where(number.item_id == stays)
    connection.execute(delete(ItemNumber).where(number.item_id == gone, number.number.in_(known)))
    connection.execute(update(ItemNumber).where(number.item_id == gone).values(item_id=stays))
    is_kept_back = select(kept.item_id).where(kept.item_id == gone).exists()
    connection.execute(delete(BaselineItem).where(kept.item_id == stays, ~is_kept_back))
    connection.execute(delete(BaselineItem).where(kept.item_id == gone))
    moved_along = {
        "records": [list(key) for key in records],
        "changes": changes,
        **peoples,
    }
    joined = {"item_id": gone, "into_id": stays, "at": now, "moved": moved_along}
    connection.execute(insert(JoinedItem), joined)


def empty_item(connection: Connection, item_id: int) -> None:
    """Leave an item empty: nothing finds it any more, and its number goes to nobody else."""
    said = {"url": "", "title": "", "summary": "", "facts": {}, "areas": {"direct": [], "ancestors": []}, "topics": []}
    state = {"registry": JOINED, "external_id": str(item_id), "facts_hash": "", "status": None, "is_open": False}
    connection.execute(update(table_of(Item)).where(table_of(Item).c.id == item_id).values(said | state))
    connection.execute(delete(ItemTerm).where(col(ItemTerm.item_id) == item_id))
    connection.execute(delete(ItemOutline).where(col(ItemOutline.item_id) == item_id))


def free_numbers(connection: Connection, item_ids: Sequence[int]) -> None:
    """Take items their number in the registry; they get another one in the same transaction."""
    item = table_of(Item)
    rows = [{"number": item_id, "own": str(item_id)} for item_id in item_ids]
    if rows:
        statement = update(item).where(item.c.id == bindparam("number"))
        connection.execute(statement.values(registry=JOINED, external_id=bindparam("own")), rows)


def revivable(connection: Connection, item_id: int, records: Collection[RecordKey]) -> int | None:
    """Return the item that brought one of these records into this item; None: none did."""
    joined = table_of(JoinedItem).c
    for row in connection.execute(select(joined.item_id, joined.moved).where(joined.into_id == item_id)):
        if any(tuple(key) in records for key in row.moved["records"]):
            return int(row.item_id)
    return None


def move_back(connection: Connection, item_id: int) -> None:
    """Move what went along with an item back to it, as far as it is still there."""
    joined = connection.execute(select(JoinedItem).where(col(JoinedItem.item_id) == item_id)).mappings().one()
    moved, into = joined["moved"], joined["into_id"]
    for chunk in in_chunks(moved["changes"]):
        mine = col(Change.seq).in_(chunk), col(Change.item_id) == into
        connection.execute(update(Change).where(*mine).values(item_id=item_id))
    _move_peoples_rows_back(connection, moved, into, item_id)
    connection.execute(delete(JoinedItem).where(col(JoinedItem.item_id) == item_id))


_OTHERS_ROWS = ("preference", "silenced_trial")
"""Rows of people that name an item, in tables of a room above this one, which must not be imported here."""
_MOVED = {"preference": "preferences", "silenced_trial": "silences"}
_DOUBLED = {"preference": "doubled", "silenced_trial": "doubled_silences"}
"""Under which names their numbers are written down."""


def _move_peoples_rows(connection: Connection, gone: int, stays: int) -> dict[str, list[int]]:
    """Let those who follow, or silenced, an item do so with the one that stays; whoever has both rows has one then."""
    moved: dict[str, list[int]] = {}
    for name in _OTHERS_ROWS:
        theirs = SQLModel.metadata.tables[name]
        asked = select(theirs.c.id, theirs.c.subscriber_id, theirs.c.item_id)
        rows = connection.execute(asked.where(theirs.c.item_id.in_([gone, stays])).order_by(theirs.c.id)).all()
        staying = {row.subscriber_id: row.id for row in rows if row.item_id == stays}
        leaving = [row for row in rows if row.item_id == gone]
        doubled = [row for row in leaving if row.subscriber_id in staying]
        for chunk in in_chunks([row.id for row in doubled]):
            connection.execute(delete(theirs).where(theirs.c.id.in_(chunk)))
        moved[_MOVED[name]] = [row.id for row in leaving if row.subscriber_id not in staying]
        moved[_DOUBLED[name]] = [staying[row.subscriber_id] for row in doubled]
        _rename(connection, theirs, moved[_MOVED[name]], stays)
    _let_the_last_word_hold(connection, stays)
    return moved


def _let_the_last_word_hold(connection: Connection, item_id: int) -> None:
    """Let whoever followed one of the two and silenced the other do what they said last."""
    follows, silences = (SQLModel.metadata.tables[name] for name in _OTHERS_ROWS)
    said = func.coalesce(follows.c.confirmed_at, follows.c.created_at)
    both = (
        select(follows.c.id, silences.c.id.label("silence"), (said > silences.c.created_at).label("follows"))
        .join(silences, silences.c.subscriber_id == follows.c.subscriber_id)
        .where(follows.c.item_id == item_id, silences.c.item_id == item_id)
    )
    for row in connection.execute(both).all():
        table, number = (silences, row.silence) if row.follows else (follows, row.id)
        connection.execute(delete(table).where(table.c.id == number))


def _move_peoples_rows_back(
    connection: Connection, moved: Mapping[str, Sequence[int]], into: int, item_id: int
) -> None:
    """Let those who followed, or silenced, an item do so again; whoever did so with both does so with both again."""
    for name in _OTHERS_ROWS:
        whole = SQLModel.metadata.tables[name]
        for chunk in in_chunks(moved.get(_DOUBLED[name], ())):
            names = [each.name for each in whole.c if each.name not in {"id", "item_id"}]
            copied = select(literal(item_id), *(whole.c[each] for each in names))
            both = copied.where(whole.c.id.in_(chunk), whole.c.item_id == into)
            connection.execute(insert(whole).from_select(["item_id", *names], both))
        still = select(whole.c.id).where(whole.c.id.in_(moved.get(_MOVED[name], ())), whole.c.item_id == into)
        _rename(connection, whole, connection.execute(still).scalars().all(), item_id)


def _rename(connection: Connection, table: Table, rows: Iterable[int], item_id: int) -> None:
    for chunk in in_chunks(rows):
        connection.execute(update(table).where(table.c.id.in_(chunk)).values(item_id=item_id))
