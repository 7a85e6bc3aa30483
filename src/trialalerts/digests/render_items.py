"""Owns reading what a digest's entries are about: items by id, in few queries, with facts only where they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func
from sqlalchemy.orm import QueryableAttribute, load_only
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.digests.tables import Digest

__all__ = ["load_items", "told_last"]

_AT_ONCE = 500
_NAMES = [cast("QueryableAttribute[Any]", column) for column in (Item.id, Item.kind, Item.title, Item.url)]


def load_items(session: Session, ids: Sequence[int], *, facts_of: int) -> dict[int, Item]:
    """Return the items by id; only the first ``facts_of`` with all their columns, the others with title and link."""
    whole = select(Item)
    names = select(Item).options(load_only(*_NAMES))
    found: dict[int, Item] = {}
    for chosen, query in ((ids[:facts_of], whole), (ids[facts_of:], names)):
        for some in _slices(chosen):
            found |= {item.id or 0: item for item in session.exec(query.where(col(Item.id).in_(some)))}
    return found


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def told_last(session: Session, digest: Digest) -> datetime | None:
    """Return when the subscriber was told something before this digest; None where it is the first."""
    earlier = select(func.max(col(Digest.created_at))).where(
        col(Digest.subscriber_id) == digest.subscriber_id, col(Digest.to_seq) <= digest.from_seq
    )
    return session.exec(earlier).one()
