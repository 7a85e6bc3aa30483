"""How a few dozen rows are named in one statement that stays the same whatever their number.

A list of parameters (``IN (?, ?, …)``) makes another statement for each length, which is written and understood anew
each time; here the numbers go over as one value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, String, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from trialalerts.database.types import BigId

__all__ = ["in_list", "is_sqlite", "list_value"]


def is_sqlite(session: Session) -> bool:
    """Tell whether this is SQLite (else PostgreSQL)."""
    return session.get_bind().dialect.name == "sqlite"


def in_list(column: ColumnElement[Any], name: str, *, sqlite: bool, text: bool = False) -> ColumnElement[bool]:
    """Return the condition that a column (numbers, or ``text``) is one of the values of the parameter ``name``."""
    if sqlite:
        return column.in_(select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value))
    return column == any_(bindparam(name, type_=ARRAY(String() if text else BigId)))


def list_value(values: Iterable[int] | Iterable[str], *, sqlite: bool) -> Any:
    """Return the values as such a parameter."""
    return orjson.dumps(list(values)).decode() if sqlite else list(values)
