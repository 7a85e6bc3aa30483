"""Mails are found by what their provider calls them, and a request in doubt is asked for again under its own key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("delivery", sa.Column("request_key", sa.String(), nullable=True))
    named = sa.text("provider_id IS NOT NULL")
    op.create_index("ix_delivery_provider_id", "delivery", ["provider_id"], sqlite_where=named, postgresql_where=named)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
