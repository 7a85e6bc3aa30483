"""The vocabulary as it ships, stored once for all themes that ask."""

from __future__ import annotations

import tempfile
from functools import cache

from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas

__all__ = ["shipped_areas", "shipped_database"]

_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # kept until the process ends


@cache
def shipped_database() -> Database:
    """Return a database with the areas that ship; places are not loaded."""
    _FOLDERS.append(folder := tempfile.TemporaryDirectory())
    database = open_database(f"sqlite:///{folder.name}/shipped.db")
    upgrade_schema(database)
    with database.write() as session:
        store_shipped(session)
    return database


@cache
def shipped_areas() -> AreaTree:
    """Return the areas that ship."""
    with shipped_database().read() as session:
        return load_areas(session)
