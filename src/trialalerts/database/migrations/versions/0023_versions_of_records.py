"""What a registry's list said of a record that was read whole, and when a status that follows from dates turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("record", sa.Column("version", sa.String(), nullable=True))
    op.add_column("record", sa.Column("turns_on", sa.Date(), nullable=True))
    turns = sa.text("turns_on IS NOT NULL")
    op.create_index("ix_record_turns_on", "record", ["turns_on"], sqlite_where=turns, postgresql_where=turns)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
