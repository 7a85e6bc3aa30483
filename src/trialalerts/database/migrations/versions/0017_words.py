"""The field's words for two columns: a bucket of the rate limiter, and when a transport is tried again.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename both columns."""
    op.execute("ALTER TABLE pace RENAME COLUMN lane TO bucket")
    op.execute("ALTER TABLE transport_state RENAME COLUMN benched_until TO retry_at")


def downgrade() -> None:
    """Give them their former names."""
    op.execute("ALTER TABLE transport_state RENAME COLUMN retry_at TO benched_until")
    op.execute("ALTER TABLE pace RENAME COLUMN bucket TO lane")
