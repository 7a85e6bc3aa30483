"""Trials that an older program stored as several items: joined once, after the upgrade.

Polling joins what it reads. What no registry updates any more would stand as two trials for good, and be told as two.
It goes batch by batch, each with a note of how far it came. Nothing is told: each was told under its own number.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlmodel import Session

from trialalerts.catalog.joining.joiner import Joiner
from trialalerts.catalog.tables import ItemNumber
from trialalerts.clock import Clock
from trialalerts.database.engine import Database, one_writer_at_a_time
from trialalerts.database.service_values import get_value, put_value
from trialalerts.database.types import table_of

__all__ = ["join_stored_trials"]

_NAME = "trials joined"
"""Under it stands the item up to which trials are joined, or that all are."""
_ALL = "all"
_AT_ONCE = 50


def join_stored_trials(db: Database, clock: Clock, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Join stored trials by their numbers, unless that was done; ``stop`` is asked between batches."""
    with db.read() as session:
        is_done = get_value(session, _NAME) == _ALL
    while not is_done and not stop():
        with db.write() as session:
            is_done = _join_some(session, clock)


def _join_some(session: Session, clock: Clock) -> bool:
    """Join the next trials; tell whether none is left."""
    connection = session.connection()
    one_writer_at_a_time(connection)
    noted = get_value(session, _NAME)
    if noted == _ALL:
        return True
    whole = table_of(ItemNumber)
    mine, other = whole.c, whole.alias().c
    is_shared = select(other.item_id).where(other.number == mine.number, other.item_id != mine.item_id).exists()
    asked = select(mine.item_id).where(mine.item_id > int(noted or 0), is_shared).distinct().order_by(mine.item_id)
    items = connection.execute(asked.limit(_AT_ONCE)).scalars().all()
    Joiner(connection, clock.now(), None).rearrange(items)
    put_value(session, _NAME, str(items[-1]) if items else _ALL)
    return not items
