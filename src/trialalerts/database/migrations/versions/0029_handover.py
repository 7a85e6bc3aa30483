"""What is announced before a service changes hands, who objects, and suppressions that can go along."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("announcement", sa.Column("handover", sa.String(), nullable=True))
    op.add_column("suppression", sa.Column("portable_hash", sa.String(), nullable=True))
    op.create_table(
        "handover_objection",
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("handover_objection")
    op.drop_column("suppression", "portable_hash")
    op.drop_column("announcement", "handover")
