"""Holding a source whose entries are all other ones at once, until they are known again or the operator lets it go on.

A feed that names everything anew, a site that serves another feed at the same address, an editor's folder replaced:
to tell ten and more entries of which each may be an old one would be told twice, to drop them might lose news. So they
are kept, apart from the catalog, and the operator is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from trialalerts.catalog.articles.likeness import Likeness, likeness_of, same_title_and_day
from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.store import StoreCount, store_items
from trialalerts.catalog.tables import ItemKind, Record
from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.errors import NotFound
from trialalerts.sources.base import Batch
from trialalerts.sources.tables import HeldRecord, SourceState

__all__ = ["SOURCE_HELD", "Turnover", "end_hold", "hold", "release_source", "standing_records"]

SOURCE_HELD = "source-held"
"""The kind of the finding."""
_MANY = 10
_REST = 10
"""The known ones have vanished where fewer than one in so many is left: a feed may pin one at its top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """How much of what stood in a source with its last sweep stands in this one, and how much would be told as new."""

    stood: int
    recognised: int
    told_anew: int

    @property
    def has_vanished(self) -> bool:
        """Whether what was known is gone."""
        return self.recognised * _REST < self.stood

    @property
    def is_suspicious(self) -> bool:
        """Whether nobody can tell news from what was told."""
        return self.has_vanished and self.told_anew >= _MANY


def standing_records(session: Session, source: str) -> int:
    """Return how many articles stood in a source when it was last read and held any."""
    of_source = col(Record.registry_name) == source, col(Record.title_key).is_not(None)
    last = select(func.max(Record.last_seen_at)).where(*of_source).scalar_subquery()
    counted = select(func.count()).select_from(Record).where(*of_source, col(Record.last_seen_at) == last)
    return session.exec(counted).one()


def hold(session: Session, state: SourceState, batch: Batch, turnover: Turnover, now: datetime) -> None:
    """Keep the entries of a batch untold, beside those that are held already, and leave a finding."""
    _forget_other_versions(session, state.name, batch.drafts)
    for draft in batch.drafts:
        row = HeldRecord(source=state.name, external_id=draft.external_id, draft=_packed(draft), seen_at=now)
        session.merge(row)
    state.held_since = state.held_since or now
    session.add(state)
    session.flush()
    held = session.exec(select(func.count()).select_from(HeldRecord).where(col(HeldRecord.source) == state.name)).one()
    text = (
        f"Source {state.name} is held: {held} entries are new at once, while of the {turnover.stood} that stood there "
        f"before {turnover.recognised or 'none'} is left; none of them is told. Look at: trialalerts sources check "
        f"{state.name}. To tell them: trialalerts sources release {state.name}; to take them as known: the same with "
        "--silently. It goes on by itself when the known entries are back. A feed that replaces all its entries each "
        "time, such as a journal's, is not held with hold = false in the configuration."
    )
    note_finding(session, SOURCE_HELD, state.name, text, now=now)


def end_hold(session: Session, state: SourceState) -> None:
    """Forget what is held: the source holds what it held before, or its address is another one now."""
    session.connection().execute(delete(HeldRecord).where(col(HeldRecord.source) == state.name))
    state.held_since = None
    session.add(state)
    end_findings(session, SOURCE_HELD, [state.name])


def release_source(
    db: Database, name: str, *, silently: bool, now: datetime, freshness: Freshness | None = None
) -> StoreCount:
    """Store what is held of a source and let it go on; return what became of the entries.

    Args:
        db: the database.
        name: the source.
        silently: whether the entries are taken as known instead of being told.
        now: aware.
        freshness: how long after its own date an item that is new to us is news.

    Raises:
        NotFound: no source of this name is held.
    """
    with db.write() as session:
        state = session.exec(select(SourceState).where(col(SourceState.name) == name).with_for_update()).one_or_none()
        if state is None or state.held_since is None:
            raise NotFound(f"The source “{name}” is not held; see: trialalerts sources list")
        rows = session.exec(select(HeldRecord).where(col(HeldRecord.source) == name)).all()
        drafts = [_unpacked(row.draft) for row in rows]
        end_hold(session, state)
        session.flush()
        return store_items(session, drafts, baseline=silently, now=now, freshness=freshness or Freshness())


def _forget_other_versions(session: Session, source: str, drafts: Sequence[ItemDraft]) -> None:
    """Drop what is held under another id and stands in the source again: its ids may change with each fetch."""
    new = [likeness_of(draft, draft.external_id) for draft in drafts]
    given = {like.external_id for like in new}
    for row in session.exec(select(HeldRecord).where(col(HeldRecord.source) == source)):
        draft = _unpacked(row.draft)
        if row.external_id not in given and _is_among(likeness_of(draft, draft.external_id), new):
            session.delete(row)
    session.flush()


def _is_among(held: Likeness, new: Sequence[Likeness]) -> bool:
    keys = frozenset(held.all_keys)
    return any(not keys.isdisjoint(each.all_keys) or same_title_and_day(each, held, stood=True) for each in new)


def _packed(draft: ItemDraft) -> dict[str, Any]:
    row = {field.name: getattr(draft, field.name) for field in fields(draft) if field.name != "problems"}
    published = draft.published_at.isoformat() if draft.published_at else None
    return row | {"facts": draft.facts.model_dump(mode="json"), "published_at": published}


def _unpacked(row: Mapping[str, Any]) -> ItemDraft:
    names = {field.name for field in fields(ItemDraft)} & row.keys()
    tuples = {name: tuple(row[name]) for name in names if isinstance(row[name], list)}
    published = datetime.fromisoformat(row["published_at"]) if row["published_at"] else None
    read = {
        "kind": ItemKind(row["kind"]),
        "facts": ArticleFacts.model_validate(row["facts"]),
        "published_at": published,
    }
    return ItemDraft(**({name: row[name] for name in names} | tuples | read))
