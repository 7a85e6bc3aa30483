"""How Alembic runs: on the connection that it is handed, inside that connection's transaction."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import String
from sqlalchemy.engine import Connection
from sqlmodel import AutoString

from trialalerts.database.types import EnumText, Json, UtcDateTime


def _spell(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Spell our column types in a new script by their names, so that it reads like the tables."""
    del autogen
    if kind != "type":
        return False
    if isinstance(item, EnumText | String | AutoString):
        return "sa.String()"
    if isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    return "Json" if item is Json else False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes.get("metadata"),
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=_spell,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
