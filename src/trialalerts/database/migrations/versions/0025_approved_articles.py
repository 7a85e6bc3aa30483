"""What was approved of the articles of an organisation's own editors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "article_approval",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", "digest"),
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("article_approval")
