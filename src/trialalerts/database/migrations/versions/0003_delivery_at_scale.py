"""Delivery through any provider: feedback, limits, pauses, leases of sources; fewer indexes on the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go one revision up."""
    _slim_outbox()
    waiting = sa.text("state = 'queued' AND kind = 'confirmation'")
    op.create_index(
        "ix_delivery_waiting_confirmation",
        "delivery",
        ["not_before"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "feedback_event",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("delivery_id", _BIG, nullable=True),
        sa.Column("subscriber_id", _BIG, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "event_id", name="uq_feedback_event_provider_event_id"),
    )
    for column in ("delivery_id", "subscriber_id", "received_at"):
        op.create_index(f"ix_feedback_event_{column}", "feedback_event", [column], unique=False)
    op.create_table(
        "soft_bounces",
        sa.Column("subscriber_id", _BIG, nullable=False),
        sa.Column("in_a_row", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )
    op.create_table(
        "mailbox",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cursor", Json, nullable=False),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "pace",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane"),
    )
    op.create_table(
        "sending_pause",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tally",
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "what"),
    )
    op.create_table(
        "transport_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("benched_until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("leased_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("leased_until", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")


def _slim_outbox() -> None:
    """Digests get no key, Message-IDs no index. SQLite cannot drop a constraint: the table is written anew."""
    present = sa.text("key IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("delivery_key_key", "delivery", type_="unique")
        op.drop_constraint("delivery_message_id_key", "delivery", type_="unique")
        op.alter_column("delivery", "key", nullable=True)
        op.add_column("delivery", sa.Column("provider_id", sa.String(), nullable=True))
        op.add_column("delivery", sa.Column("feedback_at", UtcDateTime(), nullable=True))
        op.create_index("uq_delivery_key", "delivery", ["key"], unique=True, postgresql_where=present)
        return
    op.drop_index("ix_delivery_state_not_before", "delivery")
    op.drop_index("ix_delivery_subscriber_id", "delivery")
    op.rename_table("delivery", "delivery_before")
    op.create_table(
        "delivery",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subscriber_id", _BIG, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("transport", sa.String(), nullable=True),
        sa.Column("last_code", sa.String(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("feedback_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    kept = (
        "id, key, kind, subscriber_id, data, message_id, state, attempts, not_before, leased_until, leased_by, "
        "created_at, sent_at, transport, last_code, last_error"
    )
    op.execute(f"INSERT INTO delivery ({kept}) SELECT {kept} FROM delivery_before")
    op.drop_table("delivery_before")
    op.create_index("ix_delivery_state_not_before", "delivery", ["state", "not_before"], unique=False)
    op.create_index("ix_delivery_subscriber_id", "delivery", ["subscriber_id"], unique=False)
    op.create_index("uq_delivery_key", "delivery", ["key"], unique=True, sqlite_where=present)
