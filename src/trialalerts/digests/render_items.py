"""Owns reading what mails are written from: the digests of a slice with their entries, and the items they tell of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import QueryableAttribute, aliased, load_only
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.digests.entries import Entry
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.tables import Digest

__all__ = ["SliceItems", "StoredDigest", "load_items", "read_digests", "told_last"]

_AT_ONCE = 500
_NAMES = [cast("QueryableAttribute[Any]", column) for column in (Item.id, Item.kind, Item.title, Item.url)]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDigest:
    """A digest as it is read: all its entries, best first, and when the subscriber was told something before it.

    ``fault`` stands in the place of the entries where they cannot be read.
    """

    digest: Digest
    entries: Sequence[Entry]
    since: datetime | None
    fault: Exception | None = None


def read_digests(session: Session, reader: DigestReader, ids: Collection[int], *, most: int) -> dict[int, StoredDigest]:
    """Return digests by id; the first ``most`` entries of each with their reasons. Those that are gone are left out."""
    digests: list[Digest] = []
    for some in _slices(sorted(ids)):
        digests += session.exec(select(Digest).where(col(Digest.id).in_(some)))
    since = _told_last_of(session, [digest.id or 0 for digest in digests])
    entries = _entries_of(session, reader, digests, most)
    return {
        digest.id or 0: StoredDigest(
            digest=digest,
            entries=() if isinstance(told, Exception) else told,
            since=since.get(digest.id or 0),
            fault=told if isinstance(told, Exception) else None,
        )
        for digest, told in zip(digests, entries, strict=True)
    }


def _entries_of(
    session: Session, reader: DigestReader, digests: Sequence[Digest], most: int
) -> Sequence[list[Entry] | Exception]:
    """Return the entries of each digest; where reading all together fails, one bad digest must harm only itself."""
    try:
        return reader.entries(session, digests, most=most)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one of them
        if len(digests) == 1:
            return [error]
    return [each for digest in digests for each in _entries_of(session, reader, [digest], most)]


class SliceItems:
    """The items that a slice of digests tells of: their versions at once, themselves only where somebody asks."""

    def __init__(self, session: Session, ids: Iterable[int]) -> None:
        self._session = session
        self._items: dict[int, Item] = {}
        self._versions: dict[int, str] = {}
        for some in _slices(sorted(set(ids))):
            found = select(Item.id, Item.facts_hash).where(col(Item.id).in_(some))
            self._versions |= {item_id or 0: version for item_id, version in session.exec(found)}

    def __contains__(self, item_id: int) -> bool:
        return item_id in self._versions

    def version(self, item_id: int) -> str:
        """Return the hash of all that is shown of an item."""
        return self._versions[item_id]

    def fetch(self, ids: Collection[int]) -> None:
        """Read items that will be asked for."""
        found = load_items(self._session, sorted(ids), facts_of=len(ids))
        self._items |= found
        # They may be newer than their versions: between two statements somebody else may have written.
        self._versions |= {item_id: item.facts_hash for item_id, item in found.items()}

    def item(self, item_id: int) -> Item:
        """Return the item with all its facts."""
        if item_id not in self._items:
            self.fetch([item_id])
        return self._items[item_id]


def load_items(session: Session, ids: Sequence[int], *, facts_of: int) -> dict[int, Item]:
    """Return the items by id; only the first ``facts_of`` with all their columns, the others with title and link."""
    whole = select(Item)
    names = select(Item).options(load_only(*_NAMES))
    found: dict[int, Item] = {}
    for chosen, query in ((ids[:facts_of], whole), (ids[facts_of:], names)):
        for some in _slices(chosen):
            found |= {item.id or 0: item for item in session.exec(query.where(col(Item.id).in_(some)))}
    return found


def told_last(session: Session, digest: Digest) -> datetime | None:
    """Return when the subscriber was told something before this digest; None where it is the first."""
    earlier = select(func.max(col(Digest.created_at))).where(
        col(Digest.subscriber_id) == digest.subscriber_id, col(Digest.to_seq) <= digest.from_seq
    )
    return session.exec(earlier).one()


def _told_last_of(session: Session, ids: Sequence[int]) -> dict[int, datetime]:
    """Return the same for many digests by id."""
    earlier = aliased(Digest)
    found: dict[int, datetime] = {}
    for some in _slices(ids):
        asked = (
            select(Digest.id, func.max(earlier.created_at))
            .join(earlier, col(earlier.subscriber_id) == col(Digest.subscriber_id))
            .where(col(Digest.id).in_(some), col(earlier.to_seq) <= col(Digest.from_seq))
            .group_by(col(Digest.id))
        )
        found |= {digest_id or 0: moment for digest_id, moment in session.exec(asked)}
    return found


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
