"""What subscribers hold in their hands: followed trials, pauses of one wish, heartbeats, names in their language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, Json, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("subscriber", sa.Column("heartbeat", sa.String(), nullable=True))
    op.add_column("subscriber", sa.Column("heartbeat_at", UtcDateTime(), nullable=True))
    op.add_column("subscriber", sa.Column("discreet", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscriber", sa.Column("area_in_subject", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscriber", sa.Column("unit", sa.String(), nullable=True))
    op.add_column("subscriber", sa.Column("links_since", UtcDateTime(), nullable=True))
    op.add_column("preference", sa.Column("item_id", BigId, nullable=True))
    followed = sa.text("item_id IS NOT NULL")
    op.create_index(
        "ix_preference_item_id", "preference", ["item_id"], sqlite_where=followed, postgresql_where=followed
    )
    op.add_column("preference", sa.Column("paused_until", UtcDateTime(), nullable=True))
    op.add_column("preference", sa.Column("paused_seq", BigId, nullable=True))
    rested = sa.text("paused_seq IS NOT NULL")
    op.create_index(
        "ix_preference_rested", "preference", ["subscriber_id"], sqlite_where=rested, postgresql_where=rested
    )
    op.add_column("consent", sa.Column("locale", sa.String(), nullable=True))
    op.add_column("consent", sa.Column("version", sa.String(), nullable=True))
    op.add_column("area", sa.Column("names", Json, nullable=False, server_default="{}"))
    _index_waiting("kind IN ('confirmation', 'link', 'new-address', 'old-address', 'goodbye')")
    op.create_table(
        "address_change",
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("old_address", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )
    op.create_table(
        "source_day",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day"),
    )
    op.create_table(
        "leaving_reason",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "reason"),
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("leaving_reason")
    op.drop_table("source_day")
    op.drop_table("address_change")
    _index_waiting("kind = 'confirmation'")
    op.drop_column("area", "names")
    op.drop_column("consent", "version")
    op.drop_column("consent", "locale")
    op.drop_index("ix_preference_rested", "preference")
    op.drop_column("preference", "paused_seq")
    op.drop_column("preference", "paused_until")
    op.drop_index("ix_preference_item_id", "preference")
    op.drop_column("preference", "item_id")
    for column in ("links_since", "unit", "area_in_subject", "discreet", "heartbeat_at", "heartbeat"):
        op.drop_column("subscriber", column)


def _index_waiting(kinds: str) -> None:
    """Let the index of mails that somebody waits for hold these kinds."""
    waiting = sa.text(f"state = 'queued' AND {kinds}")
    op.drop_index("ix_delivery_waiting_confirmation", "delivery")
    op.create_index(
        "ix_delivery_waiting_confirmation",
        "delivery",
        ["not_before"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
