"""What people were told, in words that another catalog understands: items by their numbers, changes by what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import ArticleKey, Change, Item, ItemNumber, Record
from trialalerts.catalog.trials.lookup import joined_into
from trialalerts.database.bulk import in_chunks
from trialalerts.digests.tables import Digest, Selection, SelectionKind

__all__ = ["ToldHistory"]


class ToldHistory:
    """Collects what digests refer to while they are written down, so that each change is told of once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._selections: set[int] = set()
        self._named: set[int] = set()
        self._moments: dict[int, datetime | None] = {}

    def of(self, people: Sequence[int]) -> dict[int, list[list[int]]]:
        """Return by the person what the digests that are kept told them: pairs of a wish and a selection, each once."""
        asked = select(Digest.subscriber_id, Digest.parts).where(col(Digest.subscriber_id).in_(people))
        found: dict[int, dict[tuple[int, int], None]] = defaultdict(dict)
        for who, parts in self._session.exec(asked.order_by(col(Digest.id))):
            found[who] |= dict.fromkeys((wish, selection) for wish, selection in parts)
            self._selections.update(selection for _, selection in parts)
        return {who: [[*part] for part in parts] for who, parts in found.items()}

    def named(self, items: Iterable[int]) -> list[int]:
        """Return items that are referred to by themselves, so that they are written down, too."""
        found = sorted(items)
        self._named.update(found)
        return found

    def moment(self, seq: int) -> datetime | None:
        """Return when the change of a number was noted; None where none has it (any more)."""
        if seq not in self._moments:
            asked = select(Change.at).where(col(Change.seq) <= seq).order_by(col(Change.seq).desc()).limit(1)
            self._moments[seq] = self._session.exec(asked).first()
        return self._moments[seq]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield all that was referred to: selections, then their changes, then the items of both."""
        changes: set[int] = set()
        items = set(self._named)
        for some in in_chunks(sorted(self._selections)):
            for row in self._session.exec(select(Selection).where(col(Selection.id).in_(some))):
                if row.kind is SelectionKind.SILENT:
                    continue
                (changes if row.kind is SelectionKind.CHANGES else items).update(row.numbers)
                yield {"selection": row.id, "kind": row.kind.value, "numbers": row.numbers}
        for some in in_chunks(sorted(changes)):
            told = select(Change).where(col(Change.seq).in_(some)).order_by(col(Change.seq))
            for each in self._session.exec(told):
                items.add(each.item_id)
                said = {"kind": each.kind.value, "after": each.after, "at": each.at}
                yield {"change": each.seq, "item": each.item_id, **said}
        yield from self._items(sorted(items))

    def _items(self, items: Sequence[int]) -> Iterator[dict[str, Any]]:
        now = joined_into(self._session, items)
        names: dict[int, set[tuple[str, str]]] = defaultdict(set)
        for some in in_chunks(sorted({now.get(number, number) for number in items})):
            own = select(col(Item.id), col(Item.registry_name), col(Item.external_id)).where(col(Item.id).in_(some))
            record = select(col(Record.item_id), col(Record.registry_name), col(Record.external_id)).where(
                col(Record.item_id).in_(some)
            )
            for rows in (own, record):
                for item, registry, external in self._session.connection().execute(rows):
                    names[item or 0].add((registry, external))
            numbers = select(ItemNumber.item_id, ItemNumber.number).where(
                col(ItemNumber.item_id).in_(some), col(ItemNumber.registry_name).is_not(None)
            )
            for number, name in self._session.exec(numbers):
                names[number].add(("number", name))
            keys = select(ArticleKey.item_id, ArticleKey.key).where(col(ArticleKey.item_id).in_(some))
            for number, name in self._session.exec(keys):
                names[number].add(("key", name))
        for number in items:
            yield {"of": number, "names": sorted(names.get(now.get(number, number), ()))}
