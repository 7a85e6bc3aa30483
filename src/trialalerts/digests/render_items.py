"""Owns reading what a digest's entries are about: items by id, in few queries, with facts only where they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func
from sqlalchemy.orm import QueryableAttribute, load_only
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.digests.entries import Entry, Told
from trialalerts.digests.tables import Digest

__all__ = ["load_items", "told_last", "with_changes"]

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


def with_changes(session: Session, digest: Digest, *, most: int) -> Digest:
    """Return a copy of the digest, not to be stored, whose first ``most`` entries say what was before and after.

    An entry names its changes by number; the rest stands in their own rows, which never change.
    """
    shown = [Entry.model_validate(entry) for entry in digest.entries[:most]]
    numbers = [told.seq for entry in shown for told in entry.told if told.seq is not None]
    changes: dict[int, Change] = {}
    for some in _slices(numbers):
        changes |= {change.seq: change for change in session.exec(select(Change).where(col(Change.seq).in_(some)))}
    filled = [entry.model_copy(update={"told": tuple(_filled(t, changes) for t in entry.told)}) for entry in shown]
    entries = [entry.as_json() for entry in filled] + digest.entries[most:]
    return Digest(**{**digest.model_dump(), "entries": entries})


def _filled(told: Told, changes: Mapping[int, Change]) -> Told:
    change = changes.get(told.seq or 0)
    return told if change is None else told.model_copy(update={"before": change.before, "after": change.after})


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def told_last(session: Session, digest: Digest) -> datetime | None:
    """Return when the subscriber was told something before this digest; None where it is the first."""
    earlier = select(func.max(col(Digest.created_at))).where(
        col(Digest.subscriber_id) == digest.subscriber_id, col(Digest.to_seq) <= digest.from_seq
    )
    return session.exec(earlier).one()
