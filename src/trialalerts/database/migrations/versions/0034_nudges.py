"""Readers who are told elsewhere that there is news, and how the ways to them stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, UtcDateTime

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'queued' AND kind IN ('nudge', 'nudge-confirmation')")


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "nudge_choice",
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("way", sa.String(), nullable=True),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("asked_way", sa.String(), nullable=True),
        sa.Column("asked_recipient", sa.String(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )
    op.create_index("ix_nudge_choice_way", "nudge_choice", ["way"])
    op.create_table(
        "nudge_way",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("retry_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "ix_delivery_waiting_nudges", "delivery", ["not_before"], sqlite_where=_WAITING, postgresql_where=_WAITING
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index("ix_delivery_waiting_nudges", table_name="delivery")
    op.drop_table("nudge_way")
    op.drop_table("nudge_choice")
