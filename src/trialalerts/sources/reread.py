"""The areas of stored trials, told anew when the vocabulary or the reading has changed with the program.

A trial is read again only when its registry updates it. Until then its new followers would not find it among what is
open. What is stored tells its areas as well as the record would; nothing is announced, for nothing happened to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import select, text, update
from sqlmodel import Session, col

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.database import Database
from trialalerts.sources.ctgov_study import REGISTRY
from trialalerts.sources.trial_areas import trial_areas
from trialalerts.vocabulary.areas import load_areas
from trialalerts.vocabulary.condition_names import ConditionNames
from trialalerts.vocabulary.tagger import Tagger

__all__ = ["reread_areas"]

_NAME = "areas of trials"
_WAY = "1"
"""Goes up when the same record is to have other areas than before."""
_AT_ONCE = 500

log = structlog.get_logger()


def reread_areas(db: Database) -> int:
    """Tell the areas of all stored trials anew where that is still to be done; return how many trials changed.

    Each chunk is a transaction of its own; when it is cut off, the next start begins anew.
    """
    with db.read() as session:
        digest = f"{_WAY}:{_digest(session, 'areas')}"
        if _digest(session, _NAME) == digest:
            return 0
        areas = load_areas(session)
        last = session.connection().execute(select(col(Item.id)).order_by(col(Item.id).desc()).limit(1)).scalar()
    changed = _reread(db, ConditionNames(Tagger(areas)), last) if last is not None else 0
    with db.write() as session:
        _note(session, digest)
    if changed:
        log.info("areas.reread", trials=changed)
    return changed


def _reread(db: Database, names: ConditionNames, last: int) -> int:
    changed, after = 0, 0
    while after < last:
        with db.write() as session:
            some, after = _chunk(session, names, after, last)
        changed += some
    return changed


def _chunk(session: Session, names: ConditionNames, after: int, last: int) -> tuple[int, int]:
    """Tell the areas of some trials behind an id; return how many changed, and the last id that was looked at."""
    columns = col(Item.id), col(Item.title), col(Item.facts), col(Item.areas)
    mine = col(Item.kind) == ItemKind.TRIAL, col(Item.registry_name) == REGISTRY, col(Item.id) > after
    query = select(*columns).where(*mine).order_by(col(Item.id)).limit(_AT_ONCE).with_for_update()
    connection = session.connection()
    rows = connection.execute(query).all()
    changed = 0
    for item_id, title, facts, stored in rows:
        told = _told(title, facts, stored, names)
        if told != stored:
            connection.execute(update(Item).where(col(Item.id) == item_id).values(areas=told))
            changed += 1
    return changed, rows[-1][0] if rows else last


def _told(title: str, facts: Mapping[str, Any], stored: dict[str, Any], names: ConditionNames) -> dict[str, Any]:
    try:
        read = TrialFacts.model_validate(facts)
    except ValidationError:
        return stored  # by another version of this program: the next reading of the record tells
    ancestors = stored.get("ancestors", []) if read.mesh else []
    return {**stored, "direct": trial_areas(title, read, names), "ancestors": ancestors}


def _digest(session: Session, name: str) -> str:
    query = text("SELECT digest FROM stored_files WHERE name = :name")
    return str(session.connection().execute(query, {"name": name}).scalar() or "")


def _note(session: Session, digest: str) -> None:
    session.connection().execute(
        text(
            "INSERT INTO stored_files (name, digest) VALUES (:name, :digest) "
            "ON CONFLICT (name) DO UPDATE SET digest = :digest"
        ),
        {"name": _NAME, "digest": digest},
    )
