"""Those who are due at the same moment stand in an order of their own, and composers take them page by page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.drop_index("ix_subscriber_state_next_due_at", "subscriber")
    op.create_index("ix_subscriber_state_next_due_at_id", "subscriber", ["state", "next_due_at", "id"])
    op.create_table(
        "due_taken",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
