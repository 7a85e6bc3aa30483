"""How an article will look: its mail and its page, from a throw-away database that holds nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.preview import preview_digest
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree
from trialalerts.vocabulary.tables import Area, Topic

__all__ = ["PreviewedArticle", "previewed_article"]

_ALWAYS = Freshness(article=timedelta(days=40_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedArticle:
    """A database with one article, its number there, and the mail that tells it."""

    db: Database
    number: int
    message: Message | None


@contextmanager
def previewed_article(
    db: Database, settings: Settings, clock: Clock, draft: ItemDraft, areas: AreaTree, language: str
) -> Iterator[PreviewedArticle]:
    """Give an article as somebody would see it who reads a language and follows what it is about."""
    direct = [area["id"] for area in draft.areas if area["id"] in areas]
    with (
        tempfile.TemporaryDirectory(prefix="trialalerts-") as folder,
        open_database(f"sqlite:///{Path(folder, 'preview.db')}") as own,
    ):
        upgrade_schema(own)
        with db.read() as session, own.write() as target:
            _copy(session, target, {*direct, *(above for each in direct for above in areas.ancestors(each))})
        with own.write() as session:
            reader = _reader(session, clock, settings, language, next(iter(direct), ANY_AREA))
            store_items(session, [draft], baseline=False, now=clock.now(), freshness=_ALWAYS)
        with own.read() as session:
            number = session.exec(select(Item.id)).one()
            message = preview_digest(session, settings, clock, reader).message
        yield PreviewedArticle(db=own, number=number or 0, message=message)


def _copy(session: Session, target: Session, areas: Collection[str]) -> None:
    for area in session.exec(select(Area).where(col(Area.id).in_(sorted(areas)))):
        target.add(Area(**area.model_dump()))
    for topic in session.exec(select(Topic)):
        target.add(Topic(**topic.model_dump()))


def _reader(session: Session, clock: Clock, settings: Settings, language: str, area: str) -> Subscriber:
    """Store somebody who is made up, and follows what the article is about."""
    now = clock.now()
    reader = Subscriber(
        key="preview", address="reader@example.org", address_key="reader@example.org", state=SubscriberState.ACTIVE,
        locale=language, timezone=settings.service.timezone, frequency=Frequency.IMMEDIATELY, cursor=0, created_at=now,
        confirmed_at=now, confirmed_seq=0, next_due_at=now,
    )  # fmt: skip
    session.add(reader)
    session.flush()
    session.add(
        Preference(
            subscriber_id=reader.id or 0, area_id=area, region_kind=RegionKind.ANYWHERE, region_label="anywhere",
            created_at=now, confirmed_at=now, introduced_at=now,
        )
    )  # fmt: skip
    return reader
