"""Publishing: what happened gets its numbers and stands in the table of changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert
from sqlmodel import Session

from trialalerts.catalog.changes.comparison import Difference
from trialalerts.catalog.tables import Change
from trialalerts.database.counter import CHANGES, take_numbers

__all__ = ["Happened", "publish"]


class Happened(NamedTuple):
    """A difference and the item to which it happened."""

    item_id: int
    difference: Difference


def publish(session: Session, happened: Sequence[Happened], now: datetime) -> None:
    """Number the changes and write them: the counter is locked from here to the commit, so call this last."""
    if not happened:
        return
    rows = [
        {
            "seq": seq,
            "item_id": each.item_id,
            "kind": each.difference.kind,
            "before": each.difference.before,
            "after": each.difference.after,
            "at": now,
        }
        for seq, each in zip(take_numbers(session, CHANGES, len(happened)), happened, strict=True)
    ]
    session.connection().execute(insert(Change), rows)
