"""One cache of compiled statements for all databases of a process.

Each engine has its own, and each test a new engine: without this, a test compiles every statement that it runs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache

from trialalerts.database import engine as engines

__all__ = ["share"]

_STATEMENTS = 5_000


def share() -> None:
    """Let engines that are made from now on compile with the dialect, and for the cache, of the first of their kind.

    The dialect is a part of a statement's key. It knows what it needs to once its own engine has connected.
    """
    made = vars(engines)["create_engine"]
    ready: dict[str, Dialect] = {}
    statements: Any = LRUCache(_STATEMENTS)

    def create(*args: Any, **options: Any) -> Engine:
        engine: Engine = made(*args, **options)
        kind = engine.dialect.name
        if kind in ready:
            engine.dialect = ready[kind]
        else:
            event.listen(engine, "engine_connect", lambda connection: ready.setdefault(kind, connection.dialect))
        engine._compiled_cache = statements
        return engine

    vars(engines)["create_engine"] = create
