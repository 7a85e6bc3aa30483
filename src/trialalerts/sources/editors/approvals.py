"""Approvals: which versions of an article a reviewer let out, and who that was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.sources.tables import ArticleApproval

__all__ = ["Approvals", "approvals_of", "approve_article"]

Approvals = Mapping[str, Sequence[tuple[str, datetime]]]
"""By the name of an article's file: the digests that were approved, each with the moment of it."""


def approvals_of(session: Session, source: str) -> Approvals:
    """Return what of a source's articles was approved; of others an empty list."""
    found: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    columns = col(ArticleApproval.name), col(ArticleApproval.digest), col(ArticleApproval.at)
    for name, digest, at in session.exec(select(*columns).where(col(ArticleApproval.source) == source)):
        found[name].append((digest, at))
    return found


def approve_article(session: Session, source: str, name: str, digest: str, *, by: str, now: datetime) -> bool:
    """Note that a version of an article may leave; return whether that is new."""
    values = {"source": source, "name": name, "digest": digest, "approved_by": by, "at": now}
    statement = insert_into(session, ArticleApproval).values(**values).on_conflict_do_nothing()
    return bool(session.connection().execute(statement).rowcount)
