"""The table that tells which files, and which reading of them, the database holds.

Whoever stores something anew locks its row first, so that one of many processes does it, and notes what it stored in
the same transaction: what is cut off is done again.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

__all__ = ["lock_digest", "note_digest", "stored_digest"]


def stored_digest(session: Session, name: str) -> str:
    """Return what is noted under a name; empty where nothing is."""
    query = text("SELECT digest FROM stored_files WHERE name = :name")
    return str(session.connection().execute(query, {"name": name}).scalar() or "")


def lock_digest(session: Session, name: str) -> str:
    """Return what is noted under a name, empty before the first time; others that ask so wait until the commit."""
    row = session.connection().execute(
        text(
            "INSERT INTO stored_files (name, digest) VALUES (:name, '') "
            "ON CONFLICT (name) DO UPDATE SET digest = stored_files.digest RETURNING digest"
        ),
        {"name": name},
    )
    return str(row.scalar_one())


def note_digest(session: Session, name: str, digest: str) -> None:
    """Note what is stored now under a name that :func:`lock_digest` locked."""
    statement = text("UPDATE stored_files SET digest = :digest WHERE name = :name")
    session.connection().execute(statement, {"name": name, "digest": digest})
