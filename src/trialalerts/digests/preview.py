"""The preview: the digest that somebody would get, made from what is stored and storing nothing."""

from __future__ import annotations

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.compose import Composer
from trialalerts.digests.entries import Entry
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.items import load_items
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest, DigestKind, Selection
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["preview_digest"]


def preview_digest(
    session: Session, settings: Settings, clock: Clock, subscriber: Subscriber
) -> tuple[list[Entry], Message | None]:
    """Return what the subscriber's next digest would tell, and its mail; no mail where nothing is new."""
    composer = Composer.for_one(session, settings, clock.now(), subscriber)
    for served in composer.matches(session, subscriber).served:
        numbers = composer.matcher.numbers
        told = [(number, Selection(kind=f.kind, numbers=numbers(f))) for number, f in served.parts]
        ((entries, *_),) = DigestReader().told(session, [told])
        if not served.is_told:
            break
        digest = Digest(
            subscriber_id=served.subscriber_id,
            kind=DigestKind.REGULAR if served.changed else DigestKind.FIRST,
            from_seq=subscriber.cursor,
            to_seq=current_number(session, CHANGES),
            created_at=clock.now(),
            added=not served.newcomer and not served.changed,
        )
        items = load_items(session, [entry.item_id for entry in entries], facts_of=len(entries))
        return entries, MailRenderer(settings, clock).digest(digest, entries, subscriber, items)
    return [], None
