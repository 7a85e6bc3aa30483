"""Digests refer to selections instead of holding their entries; preferences know whether they were introduced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from trialalerts.database.types import Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEW = sa.text("introduced_at IS NULL AND confirmed_at IS NOT NULL")
_AT_ONCE = 1_000
_selection = sa.table("selection", sa.column("id", _BIG), sa.column("kind"), sa.column("numbers", Json))
_digest = sa.table("digest", sa.column("id", _BIG), sa.column("entries", Json), sa.column("parts", Json))


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "selection",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("numbers", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("preference", sa.Column("introduced_at", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE preference SET introduced_at = confirmed_at WHERE subscriber_id IN "
        "(SELECT id FROM subscriber WHERE cursor >= 0)"
    )
    op.create_index("ix_preference_new", "preference", ["subscriber_id"], sqlite_where=_NEW, postgresql_where=_NEW)
    op.add_column("digest", sa.Column("parts", Json, nullable=True))
    _select_what_was_told()
    with op.batch_alter_table("digest", schema=None) as batch_op:
        batch_op.alter_column("parts", existing_type=Json, nullable=False)
        batch_op.drop_column("entries")


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")


def _select_what_was_told() -> None:
    connection = op.get_bind()
    last = 0
    while True:
        asked = sa.select(_digest.c.id, _digest.c.entries).where(_digest.c.id > last).order_by(_digest.c.id)
        rows = connection.execute(asked.limit(_AT_ONCE)).all()
        if not rows:
            return
        for digest_id, entries in rows:
            parts = [
                [preference, _stored(connection, kind, numbers)]
                for (preference, kind), numbers in _told(entries).items()
            ]
            connection.execute(sa.update(_digest).where(_digest.c.id == digest_id).values(parts=parts))
            last = digest_id


def _told(entries: Iterable[dict[str, Any]]) -> dict[tuple[int, str], set[int]]:
    """Return what each preference brought. Entries far down hold no reasons: they go to the preference 0, nobody's."""
    told: dict[tuple[int, str], set[int]] = defaultdict(set)
    for entry in entries:
        asking = [reason["preference_id"] for reason in entry.get("reasons", ())] or [0]
        for happened in entry.get("told", ()):
            seq = happened.get("seq")
            for preference in asking:
                told[preference, "open" if seq is None else "changes"].add(entry["item_id"] if seq is None else seq)
    return told


def _stored(connection: sa.Connection, kind: str, numbers: set[int]) -> int:
    row = sa.insert(_selection).values(kind=kind, numbers=sorted(numbers)).returning(_selection.c.id)
    return int(connection.execute(row).scalar_one())
