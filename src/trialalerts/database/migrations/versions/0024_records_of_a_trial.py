"""What each record of a trial weighs, items that were joined, and records that the operator keeps apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import BigId, Json, UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SAID = ("url", "title", "summary", "published_at", "facts", "areas", "topics")


def upgrade() -> None:
    """Go one revision up."""
    op.add_column("record", sa.Column("origin", sa.String(), nullable=False, server_default=sa.text("'registry'")))
    op.execute("UPDATE record SET origin = 'aggregator' WHERE registry = 'who.int'")
    op.create_table(
        "joined_item",
        sa.Column("item_id", BigId, nullable=False),
        sa.Column("into_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("moved", Json, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["into_id"], ["item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_index("ix_joined_item_into_id", "joined_item", ["into_id"])
    names = ("registry", "external_id", "other_registry", "other_external_id")
    op.create_table(
        "kept_apart",
        *(sa.Column(name, sa.String(), nullable=False) for name in names),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(*names),
    )
    # A trial of several records said what one of them says, and that stood with the trial alone.
    several = "SELECT item_id FROM record GROUP BY item_id HAVING count(*) > 1"
    said = ", ".join(f"{name} = (SELECT item.{name} FROM item WHERE item.id = record.item_id)" for name in _SAID)
    op.execute(f"UPDATE record SET {said} WHERE facts IS NULL AND item_id IN ({several})")


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
