"""What people were told elsewhere, found again in this catalog: by it nobody is told the same once more.

An item is known by any of its numbers or keys. A change is the one that was told where the same happened to the same
item: with the same outcome, or within some days, since two catalogs do not look at a registry in the same minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import ArticleKey, Change, ChangeKind, Item, ItemKind, ItemNumber, Record
from trialalerts.catalog.trials.status import MAY_TAKE_PART
from trialalerts.database.bulk import in_chunks
from trialalerts.digests.tables import Selection, SelectionKind

__all__ = ["LOOK_BACK", "KnownHistory"]

LOOK_BACK = timedelta(days=7)
"""So far apart two catalogs may note one change."""
_OPENING = {ChangeKind.REGISTERED.value, ChangeKind.OPENED.value, ChangeKind.REOPENED.value}


class _KnownChange(NamedTuple):
    """A change, here or there."""

    kind: str
    after: Mapping[str, Any]
    at: datetime


class KnownHistory:
    """The history of an archive in the numbers of this catalog.

    Args:
        session: reads the catalog.
        rows: of the archive's file.
    """

    def __init__(self, session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
        told: dict[int, tuple[int, _KnownChange]] = {}
        self._selections: dict[int, tuple[SelectionKind, Sequence[int]]] = {}
        names: dict[int, list[tuple[str, str]]] = {}
        for row in rows:
            if "selection" in row:
                self._selections[row["selection"]] = (SelectionKind(row["kind"]), row["numbers"])
            elif "change" in row:
                at = datetime.fromisoformat(row["at"])
                told[row["change"]] = (row["item"], _KnownChange(row["kind"], row["after"], at))
            else:
                names[row["of"]] = [(kind, name) for kind, name in row["names"]]
        self._items = _find_items(session, names)
        self.unknown = len(names.keys() - self._items.keys())
        """How many of the items that people were told of this catalog does not know."""
        ours = _changes(session, set(self._items.values()))
        self._changes_of = {
            number: [seq for seq, change in ours.get(self._items.get(item, 0), ()) if _is_same(there, change)]
            for number, (item, there) in told.items()
        }
        self._opened = {
            item: [seq for seq, change in ours.get(here, ()) if _opens(change)] for item, here in self._items.items()
        }
        self._stored: dict[int, list[int]] = {}
        self._before: dict[datetime, int] = {}

    def parts(self, wish: int, selection: int, session: Session) -> list[list[int]]:
        """Return what a digest here says instead of a part of one there; stores the selections that it refers to."""
        if selection not in self._stored:
            self._stored[selection] = self._store(selection, session)
        return [[wish, number] for number in self._stored[selection]]

    def _store(self, selection: int, session: Session) -> list[int]:
        kind, numbers = self._selections.get(selection, (SelectionKind.SILENT, ()))
        if kind is SelectionKind.CHANGES:
            changes = sorted({seq for number in numbers for seq in self._changes_of.get(number, ())})
            rows = [Selection(kind=kind, numbers=changes)] if changes else []
        else:  # what was shown as open may be among the changes here: of a baseline, or as it opened
            items = sorted({self._items[number] for number in numbers if number in self._items})
            changes = sorted({seq for number in numbers for seq in self._opened.get(number, ())})
            rows = [Selection(kind=SelectionKind.OPEN, numbers=items)] if items else []
            rows += [Selection(kind=SelectionKind.CHANGES, numbers=changes)] if changes else []
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows if row.id is not None]

    def items(self, named: Iterable[int]) -> list[int]:
        """Return the items here of those there, as far as they are known."""
        return sorted({self._items[number] for number in named if number in self._items})

    def before(self, moment: datetime | None, session: Session) -> int:
        """Return the last change that was noted here well before a moment; 0 where none was."""
        if moment is None:
            return 0
        if moment not in self._before:
            asked = select(func.max(Change.seq)).where(col(Change.at) <= moment - LOOK_BACK)
            self._before[moment] = session.exec(asked).one() or 0
        return self._before[moment]


def _find_items(session: Session, names: Mapping[int, Sequence[tuple[str, str]]]) -> dict[int, int]:
    """Return the items here of those there."""
    numbers = {name for some in names.values() for kind, name in some if kind != "key"}
    keys = {name for some in names.values() for kind, name in some if kind == "key"}
    known: dict[tuple[str, str], int] = {}
    run = session.connection().execute
    for part in in_chunks(sorted(numbers)):
        also = select(col(ItemNumber.number), col(ItemNumber.item_id)).where(
            col(ItemNumber.number).in_(part), col(ItemNumber.registry_name).is_not(None)
        )
        known |= {("number", name): item for name, item in run(also)}
        # What a source of articles is called is known here only: theirs may bear the name of another one.
        stored = select(col(Item.registry_name), col(Item.external_id), col(Item.id)).where(
            col(Item.external_id).in_(part), col(Item.kind) == ItemKind.TRIAL
        )
        known |= {(registry, name): item for registry, name, item in run(stored) if item is not None}
        record = select(col(Record.registry_name), col(Record.external_id), col(Record.item_id)).where(
            col(Record.external_id).in_(part), col(Record.title_key).is_(None)
        )
        known |= {(registry, name): item for registry, name, item in run(record)}
    for part in in_chunks(sorted(keys)):
        asked = select(col(ArticleKey.key), col(ArticleKey.item_id)).where(col(ArticleKey.key).in_(part))
        known |= {("key", name): item for name, item in run(asked)}
    found = {}
    for number, some in names.items():
        here = next((known[name] for name in some if name in known), None)
        if here is not None:
            found[number] = here
    return found


def _changes(session: Session, items: Iterable[int]) -> dict[int, list[tuple[int, _KnownChange]]]:
    found: dict[int, list[tuple[int, _KnownChange]]] = defaultdict(list)
    for some in in_chunks(sorted(items)):
        asked = select(Change).where(col(Change.item_id).in_(some)).order_by(col(Change.seq))
        for change in session.exec(asked):
            found[change.item_id].append((change.seq, _KnownChange(change.kind.value, change.after, change.at)))
    return found


def _is_same(there: _KnownChange, here: _KnownChange) -> bool:
    if there.kind == here.kind:
        return there.after == here.after or abs(there.at - here.at) <= LOOK_BACK
    return {there.kind, here.kind} <= _OPENING and there.after.get("status") == here.after.get("status") is not None


def _opens(change: _KnownChange) -> bool:
    """Tell whether a change says of a trial what somebody knows who was shown it as open."""
    return change.kind in {ChangeKind.REGISTERED.value, ChangeKind.OPENED.value} and (
        "baseline" in change.after or change.after.get("status") in {None, *MAY_TAKE_PART}
    )
