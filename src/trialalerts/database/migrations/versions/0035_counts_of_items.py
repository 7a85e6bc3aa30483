"""An index that tells how many items of each kind are open, without a look at the items themselves."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_index("ix_item_is_open_kind", "item", ["is_open", "kind"])
    op.drop_index("ix_item_is_open", table_name="item")


def downgrade() -> None:
    """Go one revision down."""
    op.create_index("ix_item_is_open", "item", ["is_open"])
    op.drop_index("ix_item_is_open_kind", table_name="item")
