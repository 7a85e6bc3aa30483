"""The trials that somebody wants to hear nothing of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "silenced_trial",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("item_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscriber_id", "item_id", name="uq_silenced_trial"),
    )
    op.create_index("ix_silenced_trial_item_id", "silenced_trial", ["item_id"])


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("silenced_trial")
