"""Outlines: what matching reads of an item stands in narrow tables, found by areas, topics and places."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up. An outline that is empty is still to be made, by the rule of the program."""
    op.create_table(
        "item_outline",
        sa.Column("item_id", BigId, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("outline", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_table(
        "item_term",
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("item_id", BigId, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("term", "item_id"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO item_outline (item_id, is_open, outline) SELECT id, is_open, '' FROM item WHERE is_open "
        "OR kind = 'article' OR id IN (SELECT item_id FROM change) OR id IN (SELECT item_id FROM held_change)"
    )
    unmade = sa.text("outline = ''")
    op.create_index("ix_item_outline_unmade", "item_outline", ["item_id"], sqlite_where=unmade, postgresql_where=unmade)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
