"""A database in memory that knows nothing but buckets: for properties that want many fresh ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trialalerts.database import Database, open_database, table_of
from trialalerts.delivery.outbox.tables import Pace


@contextmanager
def memory_database() -> Iterator[Database]:
    """Give a fresh database."""
    with open_database("sqlite://") as db:
        table_of(Pace).create(db.engine)
        yield db
