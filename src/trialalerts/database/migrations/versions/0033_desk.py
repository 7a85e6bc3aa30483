"""The links by which editors come to their desk, and the sessions that they opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "editor_login",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_editor_login_address_hash", "editor_login", ["address_hash"])


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("editor_login")
