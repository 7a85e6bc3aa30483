"""Each source's record of an item has its row; articles are found by keys; a source can be held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import Json, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SAID = "url, title, summary, published_at, facts, areas, topics"


def upgrade() -> None:
    """Go one revision up. Articles get their keys with the next poll, by the rule of the program."""
    op.create_table(
        "record",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("registry", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("item_id", _BIG, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("facts_hash", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("facts", Json, nullable=True),
        sa.Column("areas", Json, nullable=True),
        sa.Column("topics", Json, nullable=True),
        sa.Column("title_key", sa.String(), nullable=True),
        sa.Column("keys", Json, nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("registry", "external_id", name="uq_record_registry_external_id"),
    )
    op.create_table(
        "article_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item_id", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_article_key_item_id", "article_key", ["item_id"], unique=False)
    op.create_table(
        "held_record",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("draft", Json, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id"),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_since", UtcDateTime(), nullable=True))
    _fill()
    op.create_index("ix_record_item_id", "record", ["item_id"], unique=False)
    present = sa.text("title_key IS NOT NULL")
    for columns in (["title_key", "registry"], ["registry", "last_seen_at"]):
        name = f"ix_record_{'_'.join(columns)}"
        op.create_index(name, "record", columns, unique=False, sqlite_where=present, postgresql_where=present)


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")


def _fill() -> None:
    """Make the record of every item. An article's holds what it says; an empty ``title_key`` asks for its keys.

    What a second registry said of a trial was never stored; its record comes with the next poll.
    """
    into = "INSERT INTO record (registry, external_id, item_id, source, facts_hash, first_seen_at, last_seen_at"
    common = "registry, external_id, id, source, facts_hash, first_seen_at, last_seen_at"
    op.execute(f"{into}) SELECT {common} FROM item WHERE kind <> 'article' ORDER BY id")
    op.execute(f"{into}, {_SAID}, title_key) SELECT {common}, {_SAID}, '' FROM item WHERE kind = 'article' ORDER BY id")
