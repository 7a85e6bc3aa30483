"""The card cache: what is said of an item to all who read one language and are told the same, run and encoded once.

The key of a card holds everything that it depends on: the item and the hash of its facts, the language, the numbers of
the changes (one that is stored never changes), the condition by which somebody gets it, the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from trialalerts.catalog.tables import Item
from trialalerts.digests.cards.card import Brief, Card
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.reasons import condition_of
from trialalerts.digests.cards.sites.asking import Places
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Entry, EntryChange
from trialalerts.digests.rendering.fill import Part, PartWriter
from trialalerts.digests.rendering.lru_cache import LruCache

__all__ = ["CardCache", "KeptCard", "Tongue"]

_CARD_BYTES = 64_000_000
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

    def own(self, entry: Entry, kept: KeptCard) -> Mapping[str, Any]:
        """Return the reader's own words in a card or line."""
        return self.maker.personal(entry.reasons, kept.near, kept.places, kept.key)._asdict()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCard:
    """A card or line to be filled for each reader; the rest is what their own words are made from."""

    html: Part
    text: Part
    places: Places | None
    near: EntryChange | None
    key: str


class CardCache:
    """Makes cards and lines, and keeps those used of late. Threads may share one."""

    def __init__(self, parts: PartWriter, *, most_bytes: int = _CARD_BYTES) -> None:
        self._parts = parts
        self._cards: LruCache[object, KeptCard] = LruCache(most_bytes * 3 // 4)
        self._lines: LruCache[object, KeptCard] = LruCache(most_bytes // 4)

    def card(self, tongue: Tongue, entry: Entry) -> KeptCard | None:
        """Return the card of an entry where it is kept."""
        return self._cards.get(_card_key(tongue, entry, entry.version))

    def line(self, tongue: Tongue, entry: Entry) -> KeptCard | None:
        """Return the line of an entry where it is kept."""
        return self._lines.get(_card_key(tongue, entry, entry.version))

    def make_card(self, tongue: Tongue, entry: Entry, item: Item, *, page: bool = False) -> KeptCard:
        """Return the card of an entry with its item, which may be newer than the entry.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        card = tongue.maker.card(entry, item)
        made = self._cut(f"card_{card.kind}", tongue, card, page=page)
        key = _card_key(tongue, entry, item.facts_hash)
        return self._cards.put(key, made, made.html.size + made.text.size + _OVERHEAD)

    def make_line(self, tongue: Tongue, entry: Entry, item: Item, *, page: bool = False) -> KeptCard:
        """Return an entry in one line, with its item."""
        made = self._cut("brief", tongue, tongue.maker.brief(entry, item), page=page)
        key = _card_key(tongue, entry, item.facts_hash)
        return self._lines.put(key, made, made.html.size + made.text.size + _OVERHEAD)

    def _cut(self, name: str, tongue: Tongue, card: Card | Brief, *, page: bool) -> KeptCard:
        html, text = (
            self._parts.cut(f"{name}.{ending}", tongue.common, {"card": card, "page": page})
            for ending in ("html.j2", "txt.j2")
        )
        return KeptCard(html=html, text=text, places=card.places, near=card.near, key=card.key)


def _card_key(tongue: Tongue, entry: Entry, version: str) -> object:
    # A day is the same everywhere, but the moment at which an article appeared falls on different ones.
    own = tongue.timezone if entry.kind == "article" else condition_of(tongue.words, entry.reasons)
    return entry.item_id, version, tongue.words.key, _happened(entry.told), own, tongue.today


def _happened(told: tuple[EntryChange, ...]) -> object:
    """Return what tells apart what happened."""
    if len(told) == 1 and told[0].seq is not None:
        return told[0].seq
    return tuple([one.seq if one.seq is not None else f"{one.kind}{one.before}{one.after}" for one in told])
