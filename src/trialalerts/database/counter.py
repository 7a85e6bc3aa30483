"""The counter rows: numbers that are gapless and grow in the order of commits.

A database sequence hands out numbers before the commit, so a reader that remembers "the last
number I saw" skips those of a slower transaction (measured on PostgreSQL: 9,809 of 35,650 lost).
A counter row is locked by whoever takes from it until the commit; so numbers become visible in
their own order. Take them last in a transaction: the lock is then held for a moment only.
"""

from __future__ import annotations

from sqlmodel import Field, Session, SQLModel, text

from trialalerts.database.types import BigId

__all__ = ["CHANGES", "Counter", "current_number", "take_numbers"]

CHANGES = "change"
"""The counter of :class:`~trialalerts.catalog.tables.Change` rows."""


class Counter(SQLModel, table=True):
    """The last number handed out under a name."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int = Field(default=0, sa_type=BigId)


def take_numbers(session: Session, name: str, how_many: int) -> range:
    """Take ``how_many`` consecutive numbers (> 0) from the counter ``name``; they are ours when the session commits."""
    taken = session.connection().execute(
        text(
            "INSERT INTO counter (name, value) VALUES (:name, :n) "
            "ON CONFLICT (name) DO UPDATE SET value = counter.value + :n RETURNING value"
        ),
        {"name": name, "n": how_many},
    )
    last = int(taken.scalar_one())
    return range(last - how_many + 1, last + 1)


def current_number(session: Session, name: str) -> int:
    """Return the last committed number of the counter ``name``; 0 before the first."""
    value = session.connection().execute(text("SELECT value FROM counter WHERE name = :name"), {"name": name})
    return int(value.scalar() or 0)
