"""Reading what mails are written from: the digests of a batch with their entries, and the items they tell of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Protocol

import sqlalchemy
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.digests.entries import Entry
from trialalerts.digests.reading import DigestReader, EntryList, GroupSize
from trialalerts.digests.tables import Digest, DigestKind

__all__ = ["Heading", "SliceItems", "StoredDigest", "load_items", "read_digests"]

_AT_ONCE = 500


class Heading(Protocol):
    """What a mail says of its digest as a whole: a :class:`Digest`, or a row of its columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def kind(self) -> DigestKind: ...
    @property
    def parts(self) -> list[list[int]]: ...
    @property
    def added(self) -> bool: ...


class _Row(NamedTuple):
    """What sending reads of a digest: a plain row, for there are many."""

    id: int
    kind: DigestKind
    parts: list[list[int]]
    added: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDigest:
    """A digest as it is read: its first entries by groups, and when the subscriber was told something before it.

    It tells of ``total`` items in all, among them ``trials``. ``fault`` stands in the place of the entries where they
    cannot be read.
    """

    digest: Heading
    entries: Sequence[Entry]
    total: int
    trials: int
    since: datetime | None
    groups: Sequence[GroupSize] = ()
    silent: Sequence[tuple[int, int]] = ()
    fault: Exception | None = None


def read_digests(session: Session, reader: DigestReader, ids: Collection[int], *, most: int) -> dict[int, StoredDigest]:
    """Return digests by id, the first ``most`` entries of each group. Those that are gone are left out."""
    sqlite = is_sqlite(session)
    found = session.connection().execute(_digests(sqlite), {"numbers": list_value(ids, sqlite=sqlite)}).all()
    digests = [_Row(*row[:4]) for row in found]
    lists = _entries_of(session, reader, digests, most)
    nothing = EntryList([], 0, 0)
    return {
        digest.id: StoredDigest(
            digest=digest,
            **(nothing if isinstance(told, Exception) else told)._asdict(),
            since=row[4],
            fault=told if isinstance(told, Exception) else None,
        )
        for digest, row, told in zip(digests, found, lists, strict=True)
    }


@cache
def _digests(sqlite: bool) -> sqlalchemy.Select[Any]:
    """Return what asks for digests, each with when the subscriber was told something before."""
    digest = table_of(Digest)
    earlier = digest.alias()
    since = (
        sqlalchemy.select(func.max(earlier.c.created_at))
        .where(earlier.c.subscriber_id == digest.c.subscriber_id, earlier.c.to_seq <= digest.c.from_seq)
        .scalar_subquery()
    )
    asked = sqlalchemy.select(digest.c.id, digest.c.kind, digest.c.parts, digest.c.added, since)
    return asked.where(in_list(digest.c.id, "numbers", sqlite=sqlite))


def _entries_of(
    session: Session, reader: DigestReader, digests: Sequence[_Row], most: int
) -> Sequence[EntryList | Exception]:
    """Return the entries of each digest; where reading all together fails, one bad digest must harm only itself."""
    try:
        return reader.read(session, digests, most=most)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one of them
        if len(digests) == 1:
            return [error]
    return [each for digest in digests for each in _entries_of(session, reader, [digest], most)]


class SliceItems(dict[int, Item]):
    """The items that a batch of digests tells of, by id: one that was not fetched is read when somebody asks for it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def fetch(self, ids: Collection[int]) -> None:
        """Read items that will be asked for."""
        self |= load_items(self._session, sorted(ids))

    def __missing__(self, item_id: int) -> Item:
        self.fetch([item_id])
        return self[item_id]


def load_items(session: Session, ids: Sequence[int]) -> dict[int, Item]:
    """Return the items by id."""
    found: dict[int, Item] = {}
    for some in _slices(ids):
        found |= {item.id or 0: item for item in session.exec(select(Item).where(col(Item.id).in_(some)))}
    return found


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
