"""Postcodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "postcode",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("written", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subdivision", sa.String(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("code", "country"),
    )
    with op.batch_alter_table("postcode", schema=None) as batch_op:
        batch_op.create_index("ix_postcode_country", ["country"], unique=False)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
