"""Facts are packed with a dictionary, and so are summaries: a trial takes two thirds of what it took."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

from trialalerts.database.packing.dictionary import pack
from trialalerts.database.types import BigId, PackedText

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000
_ZLIB = b"\x78"


def upgrade() -> None:
    """Go one revision up."""
    for name, nullable in (("item", False), ("record", True)):
        if op.get_bind().dialect.name == "postgresql":
            _pack_into_another_column(name, nullable=nullable)
        else:
            _pack_in_place(name)


def _pack_in_place(name: str) -> None:
    """Pack facts and summaries where they stand, and declare the summaries to be bytes.

    SQLite keeps what it is given, whatever a column is declared. To drop a column it would write each row once more and
    hold the old ones in memory meanwhile: gigabytes. The declaration alone is changed as its documentation says
    (https://www.sqlite.org/lang_altertable.html, section 7).
    """
    _pack(name, "summary")
    connection = op.get_bind()
    (version,) = connection.exec_driver_sql("PRAGMA schema_version").one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, 'summary VARCHAR', 'summary BLOB') "
        "WHERE type = 'table' AND name = ?",
        (name,),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _pack_into_another_column(name: str, *, nullable: bool) -> None:
    """Pack facts where they stand, and summaries into a column that takes the place of theirs."""
    default = None if nullable else sa.text("''")
    op.add_column(name, sa.Column("packed", PackedText(), nullable=nullable, server_default=default))
    _pack(name, "packed")
    op.drop_column(name, "summary")
    op.execute(f"ALTER TABLE {name} RENAME COLUMN packed TO summary")
    if not nullable:
        op.execute(f"ALTER TABLE {name} ALTER COLUMN summary DROP DEFAULT")


def _pack(name: str, into: str) -> None:
    """Pack what the rows say, a thousand at a time; most records say nothing, for their trial has them alone."""
    columns = sa.column("id", BigId), sa.column("facts", sa.LargeBinary), sa.column("summary", sa.String)
    old, new = sa.table(name, *columns), sa.table(name, sa.column("id", BigId), sa.column("facts", sa.LargeBinary))
    new.append_column(sa.column(into, PackedText()))
    connection = op.get_bind()
    write = sa.update(new).where(new.c.id == sa.bindparam("number"))
    write = write.values({into: sa.bindparam("text"), "facts": sa.bindparam("said")})
    said = sa.or_(old.c.facts.is_not(None), old.c.summary.is_not(None))
    page = sa.select(old.c.id, old.c.facts, old.c.summary).where(said).order_by(old.c.id).limit(_AT_ONCE)
    last = 0
    while rows := connection.execute(page.where(old.c.id > last)).all():
        last = rows[-1].id
        connection.execute(write, [{"number": row.id, "text": row.summary, "said": _anew(row.facts)} for row in rows])


def _anew(facts: bytes | None) -> bytes | None:
    """Return facts packed with the dictionary: those of a database that comes from far are so already.

    What is broken stays so: it must harm no other row.
    """
    if facts is None or facts[:1] != _ZLIB:
        return facts
    try:
        return pack(zlib.decompress(facts))
    except zlib.error:
        return facts


def downgrade() -> None:
    """Refuse: a database goes back by its backup (trialalerts database backup)."""
    raise NotImplementedError("put a backup in its place to go back")
