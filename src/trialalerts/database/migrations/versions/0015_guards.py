"""Guards against believing a wrong server: holds, answers by domain, and suppressions that can be taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    for name in ("rule", "code", "words", "transport", "domain_hash"):
        op.add_column("suppression", sa.Column(name, sa.String(), nullable=True))
    op.add_column("suppression", sa.Column("delivery_id", BigId, nullable=True))
    op.add_column("suppression", sa.Column("provisional_until", UtcDateTime(), nullable=True))
    op.create_index("ix_suppression_provisional_until", "suppression", ["provisional_until"])
    op.create_table(
        "domain_tally",
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "hour", "what"),
    )
    op.create_table(
        "sending_hold",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("retry_at", UtcDateTime(), nullable=False),
        sa.Column("wait", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("probe_id", BigId, nullable=True),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.add_column("soft_bounces", sa.Column("score", sa.Float(), nullable=False, server_default=sa.text("0")))
    op.add_column("soft_bounces", sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("soft_bounces", sa.Column("counted_on", sa.Date(), nullable=True))
    op.add_column("soft_bounces", sa.Column("parked_until", UtcDateTime(), nullable=True))
    op.execute("UPDATE soft_bounces SET score = CASE WHEN in_a_row > 4 THEN 4 ELSE in_a_row END")


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
