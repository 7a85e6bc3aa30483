"""Owns the preview: the digest that somebody would get, made from what is stored and storing nothing."""

from __future__ import annotations

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.message import Message
from trialalerts.digests.compose import Composer, preferences_of
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_items import load_items, with_changes
from trialalerts.digests.rendering import MailRenderer
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber

__all__ = ["preview_digest"]


def preview_digest(
    session: Session, settings: Settings, clock: Clock, subscriber: Subscriber
) -> tuple[list[Entry], Message | None]:
    """Return what the subscriber's next digest would tell, and its mail; no mail where nothing is new."""
    composer = Composer.for_cursor(session, settings, clock.now(), subscriber.cursor)
    entries = composer.entries(subscriber, preferences_of(session, [subscriber])[subscriber.id or 0])
    if not entries:
        return [], None
    digest = Digest(
        subscriber_id=subscriber.id or 0,
        kind=DigestKind.FIRST if subscriber.cursor == NEVER_SERVED else DigestKind.REGULAR,
        from_seq=subscriber.cursor,
        to_seq=current_number(session, CHANGES),
        created_at=clock.now(),
        entries=entries,
    )
    digest = with_changes(session, digest, most=len(entries))
    items = load_items(session, [entry["item_id"] for entry in entries], facts_of=len(entries))
    told = [Entry.model_validate(entry) for entry in digest.entries]
    return told, MailRenderer(settings, clock).digest(digest, subscriber, items)
