"""The vocabulary as it ships, stored once for all themes that ask."""

from __future__ import annotations

import tempfile
from functools import cache

from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade
from trialalerts.vocabulary.areas import AreaTree, load_areas
from trialalerts.vocabulary.shipped_areas import store_shipped

__all__ = ["shipped_areas", "shipped_database"]

_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # kept until the process ends


@cache
def shipped_database() -> Database:
    """Return a database with the areas that ship; places are not loaded."""
    _FOLDERS.append(folder := tempfile.TemporaryDirectory())
    database = open_database(f"sqlite:///{folder.name}/shipped.db")
    upgrade(database)
    with database.write() as session:
        store_shipped(session)
    return database


@cache
def shipped_areas() -> AreaTree:
    """Return the areas that ship."""
    with shipped_database().read() as session:
        return load_areas(session)
