"""What turns back is held for a day; an article that was dated by a day only keeps that day."""

from __future__ import annotations

from datetime import time

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import Json, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "held_change",
        sa.Column("item_id", _BIG, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.Column("after", Json, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id", "subject"),
    )
    op.create_index("ix_held_change_since", "held_change", ["since"])
    _keep_days()


def _keep_days() -> None:
    """A moment at midnight in UTC is how a day without a time was stored until now."""
    item = sa.table(
        "item",
        sa.column("id", _BIG),
        sa.column("kind", sa.String()),
        sa.column("published_at", UtcDateTime()),
        sa.column("facts", Json),
    )
    connection = op.get_bind()
    asked = sa.select(item.c.id, item.c.published_at, item.c.facts).where(
        item.c.kind == "article", item.c.published_at.is_not(None)
    )
    days = [
        {"number": row.id, "facts": {**row.facts, "published_on": row.published_at.date().isoformat()}}
        for row in connection.execute(asked)
        if row.published_at.time() == time() and "published_on" not in row.facts
    ]
    changed = sa.update(item).where(item.c.id == sa.bindparam("number")).values(facts=sa.bindparam("facts"))
    if days:
        connection.execute(changed, days)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
