"""A rule of the retention: which rows are due, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import Session, SQLModel

from trialalerts.database import table_of

__all__ = ["RetentionRule", "blanking", "count_due", "deleting", "due_keys", "first_since"]


@dataclass(frozen=True, kw_only=True)
class RetentionRule:
    """``what`` goes, as people are told; rows with ``key`` (growing, or a text) that are ``due``.

    ``forget`` is given the condition for one batch, in a writing transaction, and returns how many went: it looks
    again whether they are due, for what was read may have changed.
    """

    what: str
    key: ColumnElement[Any]
    due: ColumnElement[bool]
    forget: Callable[[Session, ColumnElement[bool]], int]


def due_keys(session: Session, rule: RetentionRule, *, after: Any, limit: int) -> list[Any]:
    """Return the next keys that are due, in their order; ``after`` None: from the first."""
    asked = select(rule.key).where(rule.due).order_by(rule.key).limit(limit)
    return list(session.connection().execute(asked if after is None else asked.where(rule.key > after)).scalars())


def count_due(session: Session, rule: RetentionRule) -> int:
    """Return how many rows are due now."""
    return session.connection().execute(select(func.count()).select_from(rule.key.table).where(rule.due)).scalar_one()


def deleting(model: type[SQLModel]) -> Callable[[Session, ColumnElement[bool]], int]:
    """Return what deletes rows of a table."""
    return lambda session, due: session.connection().execute(delete(table_of(model)).where(due)).rowcount


def blanking(model: type[SQLModel], **values: Any) -> Callable[[Session, ColumnElement[bool]], int]:
    """Return what sets columns of a table to these values."""
    return lambda session, due: session.connection().execute(update(table_of(model)).where(due).values(values)).rowcount


def first_since(session: Session, key: ColumnElement[int], at: ColumnElement[datetime], since: datetime) -> int:
    """Return the number from which on rows are of ``since`` or later, by bisection: numbers grow with the time.

    There is no index on most moments: without this the newest ninety days of deliveries would be looked through each
    night to find that none is older. Where a clock was wrong a row may be missed until the night after.
    """
    run = session.connection().execute
    low, high = run(select(func.coalesce(func.min(key), 1), func.coalesce(func.max(key), 0) + 1)).one()
    while low < high:
        middle = (low + high) // 2
        row = run(select(key, at).where(key >= middle).order_by(key).limit(1)).first()
        if row is None or row[1] >= since:
            high = middle
        else:
            low = row[0] + 1
    return int(low)
