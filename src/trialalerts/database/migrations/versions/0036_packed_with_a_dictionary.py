"""Facts are packed with a dictionary, and so are summaries: a trial takes two thirds of what it took."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

from trialalerts.database.packing.dictionary import pack
from trialalerts.database.types import BigId, PackedText

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000
_ZLIB = b"\x78"


def upgrade() -> None:
    """Go one revision up."""
    _pack("item", nullable=False)
    _pack("record", nullable=True)


def _pack(name: str, *, nullable: bool) -> None:
    """Pack the facts anew and put a packed column in the place of ``summary``, a thousand rows at a time."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    default = None if nullable else sa.text("''" if postgresql else "x''")
    op.add_column(name, sa.Column("packed", PackedText(), nullable=nullable, server_default=default))
    table = sa.table(
        name,
        sa.column("id", BigId),
        sa.column("facts", sa.LargeBinary),
        sa.column("summary", sa.String),
        sa.column("packed", PackedText()),
    )
    connection = op.get_bind()
    write = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("number"))
        .values(packed=sa.bindparam("text"), facts=sa.bindparam("said"))
    )
    page = sa.select(table.c.id, table.c.facts, table.c.summary).order_by(table.c.id).limit(_AT_ONCE)
    if nullable:  # most records say nothing: their trial has them alone
        page = page.where(sa.or_(table.c.facts.is_not(None), table.c.summary.is_not(None)))
    last = 0
    while rows := connection.execute(page.where(table.c.id > last)).all():
        last = rows[-1].id
        connection.execute(write, [{"number": row.id, "text": row.summary, "said": _anew(row.facts)} for row in rows])
    op.drop_column(name, "summary")
    op.execute(f"ALTER TABLE {name} RENAME COLUMN packed TO summary")
    if postgresql and not nullable:
        op.execute(f"ALTER TABLE {name} ALTER COLUMN summary DROP DEFAULT")


def _anew(facts: bytes | None) -> bytes | None:
    """Return facts packed with the dictionary: those of a database that comes from far are so already.

    What is broken stays so: it must harm no other row.
    """
    if facts is None or facts[:1] != _ZLIB:
        return facts
    try:
        return pack(zlib.decompress(facts))
    except zlib.error:
        return facts


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
