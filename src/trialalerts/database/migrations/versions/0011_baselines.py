"""What a baseline brings is kept back until it ends; a first digest begins where its subscriber confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "baseline_item",
        sa.Column("item_id", BigId, sa.ForeignKey("item.id", ondelete="CASCADE"), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_index("ix_baseline_item_source", "baseline_item", ["source"])
    op.create_index("ix_item_kind_published_at", "item", ["kind", "published_at"])
    for name in ("first_attempt_at", "patience_ended_at"):
        op.add_column("source", sa.Column(name, UtcDateTime(), nullable=True))
    op.execute("UPDATE source SET first_attempt_at = last_attempt_at")
    # Of who waits for a first digest nobody knows any more when they confirmed: it begins now, as it would have before.
    op.add_column("subscriber", sa.Column("confirmed_seq", BigId, nullable=True))
    op.add_column("digest", sa.Column("added", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
