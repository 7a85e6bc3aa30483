"""The preview: the digest that somebody would get, made from what is stored and storing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlmodel import Session

from trialalerts.catalog.articles.audience import audience_in
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.clock import Clock
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.cards.text import shortened
from trialalerts.digests.compose import Composer
from trialalerts.digests.entries import Entry
from trialalerts.digests.publishing import SUMMARY
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.items import load_items
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest, DigestKind, Selection
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["Preview", "preview_digest"]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a digest would tell, best first, the items by their ids, and its mail; no mail where nothing is new.

    ``plain`` says an entry's item in plain words, where that can be done.
    """

    entries: Sequence[Entry] = ()
    items: Mapping[int, Item] = field(default_factory=dict)
    plain: Callable[[Entry], str | None] = lambda _: None
    message: Message | None = None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the entries as JSON types, each with the trial's number and what is said of the item in plain words.

        ``number`` is None of an article, ``plain`` where nothing can be said in plain words.
        """
        return [
            {**entry.as_json(), **_named(self.items.get(entry.item_id), self.plain(entry))} for entry in self.entries
        ]


def _named(item: Item | None, plain: str | None) -> dict[str, Any]:
    if item is None:
        return {"number": None, "title": None, "plain": None}
    if item.kind is ItemKind.TRIAL:
        return {"number": item.external_id, "title": item.title, "plain": plain}
    lay = audience_in([item.facts.get("audience")]) == "patients"
    return {"number": None, "title": item.title, "plain": shortened(item.summary, SUMMARY) or None if lay else None}


def preview_digest(session: Session, settings: Settings, clock: Clock, subscriber: Subscriber) -> Preview:
    """Return what the subscriber's next digest would be."""
    composer = Composer.for_one(session, settings, clock.now(), subscriber)
    for served in composer.matches(session, subscriber).served:
        numbers = composer.matcher.numbers
        told = [(number, Selection(kind=f.kind, numbers=numbers(f))) for number, f in served.parts]
        (found,) = DigestReader().told(session, [told])
        entries = found.entries
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
        items = load_items(session, [entry.item_id for entry in entries])
        renderer = MailRenderer(settings, clock)
        lookout = renderer.lookout(session)
        message = renderer.digest(
            digest, entries, subscriber, items,
            lookout=lookout, notes=renderer.notes(session), silent=found.silent,
        )  # fmt: skip
        plain = partial(_plainly, renderer, items, subscriber)
        return Preview(entries=entries, items=items, plain=plain, message=message)
    return Preview()


def _plainly(renderer: MailRenderer, items: Mapping[int, Item], subscriber: Subscriber, entry: Entry) -> str | None:
    return renderer.plain(entry, items.get(entry.item_id), subscriber)
