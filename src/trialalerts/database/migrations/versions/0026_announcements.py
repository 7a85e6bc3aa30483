"""What editors announce to many at once, to whom, and who wants none of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, Json, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("subscriber", sa.Column("announcements", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "announcement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("item_id", BigId, nullable=True),
        sa.Column("texts", Json, nullable=False),
        sa.Column("addressed", Json, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("with_digest", sa.Boolean(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("after_id", BigId, nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "announcement_recipient",
        sa.Column("id", BigId, nullable=False),
        sa.Column("announcement_id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("digest_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["announcement_id"], ["announcement.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("announcement_id", "subscriber_id", name="uq_announcement_recipient"),
    )
    op.create_index("ix_announcement_recipient_subscriber_id", "announcement_recipient", ["subscriber_id"])
    told = sa.text("digest_id IS NOT NULL")
    op.create_index(
        "ix_announcement_recipient_digest_id", "announcement_recipient", ["digest_id"],
        sqlite_where=told, postgresql_where=told,
    )  # fmt: skip


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("announcement_recipient")
    op.drop_table("announcement")
    op.drop_column("subscriber", "announcements")
