"""Counts that take a look through whole tables: made now and then, and kept for whoever shows them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel
from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Item
from trialalerts.database import Database
from trialalerts.database.service_values import get_value, put_value
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.subscribers.tables import Subscriber

__all__ = ["COUNTED_EVERY", "TableCounts", "table_counts"]

COUNTED_EVERY = timedelta(minutes=5)
_REST, _MOST_REST = 100, timedelta(hours=1)
"""A count that takes long is made anew after so many times as long, an hour at most: it is to cost little of a disk."""
_VALUE = "counts"


class TableCounts(BaseModel):
    """When they were made, how many seconds that took, and rows of labels with their number.

    ``items`` by kind and whether they are open, ``subscribers`` by state, ``deliveries`` by state and transport.
    """

    at: AwareDatetime
    took: float = 0.0
    items: list[tuple[str, str, int]]
    subscribers: list[tuple[str, int]]
    deliveries: list[tuple[str, str, int]]


def table_counts(db: Database, now: datetime, *, within: timedelta = COUNTED_EVERY) -> TableCounts:
    """Return the counts that were made ``within`` so long; count anew where they are older, and have rested."""
    with db.read() as session:
        written = get_value(session, _VALUE)
        kept = TableCounts.model_validate_json(written) if written else None
        if kept is not None and timedelta() <= now - kept.at < max(within, _rest_after(kept.took)):
            return kept
        found = _counted(session, now)
    with db.write() as session:
        put_value(session, _VALUE, found.model_dump_json())
    return found


def _rest_after(seconds: float) -> timedelta:
    return min(timedelta(seconds=seconds * _REST), _MOST_REST)


def _counted(session: Session, now: datetime) -> TableCounts:
    items = select(col(Item.kind), col(Item.is_open), func.count()).group_by(col(Item.kind), col(Item.is_open))
    people = select(col(Subscriber.state), func.count()).group_by(col(Subscriber.state))
    mails = select(col(Delivery.state), col(Delivery.transport), func.count())
    mails = mails.group_by(col(Delivery.state), col(Delivery.transport))
    began = time.monotonic()
    found = TableCounts(
        at=now,
        items=[(str(kind), "open" if is_open else "closed", number) for kind, is_open, number in session.exec(items)],
        subscribers=[(str(state), number) for state, number in session.exec(people)],
        deliveries=[(str(state), by or "", number) for state, by, number in session.exec(mails)],
    )
    return found.model_copy(update={"took": time.monotonic() - began})
