"""By which link somebody came to the sign-up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("subscriber", sa.Column("came_by", sa.String(), nullable=True))


def downgrade() -> None:
    """Go one revision down."""
    op.drop_column("subscriber", "came_by")
