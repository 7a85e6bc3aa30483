"""The facts of items and records are packed: they were two thirds of what a trial takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, Json, PackedJson

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000


def upgrade() -> None:
    """Go one revision up."""
    _pack("item", nullable=False)
    _pack("record", nullable=True)


def _pack(name: str, *, nullable: bool) -> None:
    """Put a packed column in the place of ``facts``, a thousand rows at a time."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    default = None if nullable else sa.text("''" if postgresql else "x''")
    op.add_column(name, sa.Column("packed", PackedJson(), nullable=nullable, server_default=default))
    table = sa.table(name, sa.column("id", BigId), sa.column("facts", Json), sa.column("packed", PackedJson()))
    connection = op.get_bind()
    write = sa.update(table).where(table.c.id == sa.bindparam("number")).values(packed=sa.bindparam("value"))
    page = sa.select(table.c.id, table.c.facts).order_by(table.c.id).limit(_AT_ONCE)
    last = 0
    while rows := connection.execute(page.where(table.c.id > last)).all():
        last = rows[-1].id
        if packed := [{"number": row.id, "value": row.facts} for row in rows if row.facts is not None]:
            connection.execute(write, packed)
    op.drop_column(name, "facts")
    op.execute(f"ALTER TABLE {name} RENAME COLUMN packed TO facts")
    if postgresql and not nullable:
        op.execute(f"ALTER TABLE {name} ALTER COLUMN facts DROP DEFAULT")


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
