"""The card cache: what is said of an item to all who read one language and are told the same, run and encoded once.

The key of a card holds everything that it depends on: the item and the hash of its facts, the language, the numbers of
the changes (one that is stored never changes), the day; and which sites are near, only where several lines tell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from trialalerts.catalog.tables import Item
from trialalerts.digests.cards.maker import CardMaker, tells_distances
from trialalerts.digests.cards.reasons import Places
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Entry, EntryChange
from trialalerts.digests.rendering.fill import Encoded, Part, PartWriter
from trialalerts.digests.rendering.lru_cache import LruCache

__all__ = ["CardCache", "KeptCard", "KeptLine", "Tongue"]

_CARD_BYTES = 64_000_000
_LINE_WEIGHT = 130
"""What a line's HTML weighs beside its words and its link."""
_OVERHEAD = 1_500


@dataclass(frozen=True, kw_only=True, slots=True)
class Tongue:
    """What the cards of one mail are written with.

    ``common`` are the words that all readers of the language share; ``today`` is the reader's day.
    """

    words: Wording
    common: Mapping[str, Any]
    maker: CardMaker
    today: date
    timezone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCard:
    """A card to be filled for each reader; ``places`` and ``near`` are what their own words are made from."""

    html: Part
    text: Part
    places: Places | None
    near: EntryChange | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptLine:
    """An item in one line; ``weight`` is what it adds to a letter, about."""

    html: Encoded
    text: Encoded
    weight: int


class CardCache:
    """Makes cards and lines, and keeps those used of late. Threads may share one."""

    def __init__(self, parts: PartWriter, *, most_bytes: int = _CARD_BYTES) -> None:
        self._parts = parts
        self._cards: LruCache[object, KeptCard] = LruCache(most_bytes * 3 // 4)
        self._lines: LruCache[object, KeptLine] = LruCache(most_bytes // 4)

    def card(self, tongue: Tongue, entry: Entry) -> KeptCard | None:
        """Return the card of an entry where it is kept."""
        return self._cards.get(_card_key(tongue, entry, entry.version))

    def line(self, tongue: Tongue, entry: Entry) -> KeptLine | None:
        """Return the line of an entry where it is kept."""
        return self._lines.get(_line_key(tongue, entry, entry.version))

    def make_card(self, tongue: Tongue, entry: Entry, item: Item, *, page: bool = False) -> KeptCard:
        """Return the card of an entry with its item, which may be newer than the entry.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        card = tongue.maker.card(entry, item)
        html, text = (
            self._parts.cut(f"card_{card.kind}.{ending}", tongue.common, {"card": card, "page": page})
            for ending in ("html.j2", "txt.j2")
        )
        made = KeptCard(html=html, text=text, places=card.places, near=card.near)
        return self._cards.put(_card_key(tongue, entry, item.facts_hash), made, html.size + text.size + _OVERHEAD)

    def make_line(self, tongue: Tongue, entry: Entry, item: Item) -> KeptLine:
        """Return an entry in one line, with its item; nothing of the facts is needed."""
        line = tongue.maker.brief(entry, item)
        html, text = (
            self._parts.fill(self._parts.cut(f"brief.{ending}", tongue.common, {"line": line}), {})
            for ending in ("html.j2", "txt.j2")
        )
        weight = _LINE_WEIGHT + len(f"{line.title}{line.url}{line.what}".encode())
        made = KeptLine(html=html, text=text, weight=weight)
        return self._lines.put(_line_key(tongue, entry, item.facts_hash), made, html.weight + text.weight + _OVERHEAD)


def _card_key(tongue: Tongue, entry: Entry, version: str) -> object:
    near = _near(entry) if len(entry.told) > 1 and tells_distances(entry.told) > 1 else None
    # A day is the same everywhere, but the moment at which an article appeared falls on different ones.
    zone = tongue.timezone if entry.kind == "article" else None
    return entry.item_id, version, tongue.words.key, _happened(entry.told), near, tongue.today, zone


def _line_key(tongue: Tongue, entry: Entry, version: str) -> object:
    near = _near(entry) if tells_distances(entry.told) else None
    return entry.item_id, version, tongue.words.key, _happened(entry.told), near


def _happened(told: tuple[EntryChange, ...]) -> object:
    """Return what tells apart what happened."""
    if len(told) == 1 and told[0].seq is not None:
        return told[0].seq
    return tuple([one.seq if one.seq is not None else f"{one.kind}{one.before}{one.after}" for one in told])


def _near(entry: Entry) -> tuple[object, ...]:
    return tuple(
        [
            (reason.nearest, reason.distance_km, reason.closed, reason.near_unknown, reason.paused)
            for reason in entry.reasons
            if reason.nearest or reason.closed
        ]
    )
