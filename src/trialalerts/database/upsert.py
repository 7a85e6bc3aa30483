"""The insert that does nothing, or writes anew, where a row is there already: one form on both databases."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from trialalerts.database.types import table_of

__all__ = ["insert_into"]


def insert_into(where: Session | Connection, table: type[SQLModel] | Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert with ``on_conflict_do_nothing`` and ``on_conflict_do_update``.

    Args:
        where: what it will be executed on; its database decides the form.
        table: the table, or the class of its rows.
    """
    connection = where.connection() if isinstance(where, Session) else where
    target = table if isinstance(table, Table) else table_of(table)
    return sqlite.insert(target) if connection.dialect.name == "sqlite" else postgresql.insert(target)
