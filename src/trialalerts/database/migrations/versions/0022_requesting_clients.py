"""How often a client signed up is counted in the database: several web processes share one limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "requesting_client",
        sa.Column("client_hash", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client_hash"),
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("requesting_client")
