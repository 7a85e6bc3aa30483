"""Items have topics, preferences ask for topics and an audience; the topics stand in a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NONE = sa.text("'[]'")


def upgrade() -> None:
    """Go one revision up. An item gets its topics when its source is read again."""
    op.create_table(
        "topic",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("synonyms", Json, nullable=False),
        sa.Column("acronyms", Json, nullable=False),
        sa.Column("parents", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("item", sa.Column("topics", Json, nullable=False, server_default=_NONE))
    op.add_column("preference", sa.Column("topics", Json, nullable=False, server_default=_NONE))
    op.add_column("preference", sa.Column("audience", sa.String(), nullable=True))


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
