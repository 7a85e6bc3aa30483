"""The one writer of letters, for mails, previews and pages: full cards, then lines, then a link to the rest.

A mail stays within what Gmail shows. Everything shared comes out of the caches; for a reader it is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from sqlalchemy.exc import DBAPIError

from trialalerts.catalog.tables import Item
from trialalerts.delivery.mail.quoted_printable import Quoted, encode
from trialalerts.digests.entries import Entry
from trialalerts.digests.rendering.card_cache import CardCache, KeptCard, KeptLine, Tongue
from trialalerts.digests.rendering.fill import Encoded, Part, PartWriter, joined
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.digests.rendering.slots import CARDS, LINES

__all__ = ["MOST_BRIEF", "MOST_BYTES", "DigestLayout", "Items", "LetterWriter", "MailParts"]

log = structlog.get_logger()

MOST_BRIEF = 60
"""So many entries beyond the full cards are told in one line each; the rest is on the web page."""
MOST_BYTES = 90_000
"""Gmail cuts a mail off at about 102 kB of HTML; a mail stays well below that."""
_BRIEF_BYTES = 22_000
"""The part of it that lines may take, so that they never crowd out cards."""
_LAYOUT_BYTES = 20_000_000
_NEW_LINE = encode("\n")

Items = Mapping[int, Item]


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestLayout:
    """One digest to be written.

    Args:
        entries: best first, each of an item that is there.
        total: how many entries the digest has, those not among ``entries`` included.
        shared: what the layout depends on beside the number of entries (``page``, ``linked``, ``nothing``).
        own: the reader's own words.
    """

    tongue: Tongue
    entries: Sequence[Entry]
    total: int
    shared: Mapping[str, Any]
    own: Mapping[str, Any]
    cards: dict[int, KeptCard] = field(default_factory=dict)
    lines: dict[int, KeptLine] = field(default_factory=dict)


class MailParts(NamedTuple):
    """A mail's two parts; both tell the same."""

    text: Encoded
    html: Encoded


class _Card(NamedTuple):
    """A card with its HTML filled; ``number`` is the entry's place."""

    number: int
    kept: KeptCard
    own: Mapping[str, Any]
    html: Encoded


class LetterWriter:
    """Writes letters; threads may share one.

    Args:
        most_cards: so many entries are told in full, the others in one line each.
    """

    def __init__(self, parts: PartWriter, cards: CardCache, *, most_cards: int) -> None:
        self._parts = parts
        self._cards = cards
        self._most_cards = most_cards
        self._layouts: LruCache[object, Part] = LruCache(_LAYOUT_BYTES)

    def lacking(self, letter: DigestLayout) -> tuple[list[int], list[int]]:
        """Look up the cards and lines of a letter; return the items to be read for those that are not kept."""
        for number, entry in enumerate(letter.entries):
            if number < self._most_cards:
                if (card := self._cards.card(letter.tongue, entry)) is not None:
                    letter.cards[number] = card
            elif (line := self._cards.line(letter.tongue, entry)) is not None:
                letter.lines[number] = line
        lacking = [n for n in range(len(letter.entries)) if n not in letter.cards and n not in letter.lines]
        whole, named = [n for n in lacking if n < self._most_cards], [n for n in lacking if n >= self._most_cards]
        return [letter.entries[n].item_id for n in whole], [letter.entries[n].item_id for n in named]

    def mail(self, letter: DigestLayout, items: Items) -> MailParts:
        """Return the parts of a mail; the HTML has at most :data:`MOST_BYTES` bytes."""
        full, rest = self._full(letter, items)
        line = self._line_of(letter, items)
        brief = _few(map(line, rest))
        html = self._html(letter, full, brief)
        while (excess := html.weight - MOST_BYTES) > 0 and full:
            full, moved = _fewer(full, excess)
            brief = _few([*(line(one.number) for one in moved), *brief])
            html = self._html(letter, full, brief)
        return MailParts(self._text(letter, full, brief), html)

    def page(self, letter: DigestLayout, items: Items) -> str:
        """Return the whole digest in HTML."""
        full, rest = self._full(letter, items)
        return self._html(letter, full, list(map(self._line_of(letter, items), rest))).text

    def _full(self, letter: DigestLayout, items: Items) -> tuple[list[_Card], list[int]]:
        """Return the cards; and the places of the other entries, those among them whose facts are broken."""
        full: list[_Card] = []
        rest: list[int] = []
        for number in range(len(letter.entries)):
            card = self._card(letter, number, items) if len(full) < self._most_cards else None
            if card is None:
                rest.append(number)
            else:
                full.append(card)
        return full, rest

    def _card(self, letter: DigestLayout, number: int, items: Items) -> _Card | None:
        entry, tongue = letter.entries[number], letter.tongue
        try:
            kept = letter.cards.get(number) or self._cards.card(tongue, entry)
            if kept is None:
                kept = self._cards.make_card(tongue, entry, items[entry.item_id], page=letter.shared["page"])
            own = tongue.maker.personal(entry.reasons, kept.near, kept.places)._asdict()
            return _Card(number, kept, own, self._parts.fill(kept.html, own))
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad item must harm only itself, whatever is wrong with it
            log.warning("card.failed", item=entry.item_id, error=type(error).__name__)
            return None

    def _line_of(self, letter: DigestLayout, items: Items) -> Callable[[int], KeptLine]:
        def line(number: int) -> KeptLine:
            entry, cards = letter.entries[number], self._cards
            found = letter.lines.get(number) or cards.line(letter.tongue, entry)
            return found or cards.make_line(letter.tongue, entry, items[entry.item_id])

        return line

    def _html(self, letter: DigestLayout, full: Sequence[_Card], brief: Sequence[KeptLine]) -> Encoded:
        return self._laid_out("digest.html.j2", letter, [card.html for card in full], [line.html for line in brief])

    def _text(self, letter: DigestLayout, full: Sequence[_Card], brief: Sequence[KeptLine]) -> Encoded:
        cards = []
        for number, card in enumerate(full, start=1):
            filled = self._parts.fill(card.kept.text, card.own)
            cards.append(Encoded([_numbered(number), *filled.pieces, _NEW_LINE], filled.weight))
        return self._laid_out("digest.txt.j2", letter, cards, [line.text for line in brief])

    def _laid_out(self, name: str, letter: DigestLayout, cards: Sequence[Encoded], lines: Sequence[Encoded]) -> Encoded:
        left = letter.total - len(cards) - len(lines)
        more = letter.tongue.words.count("digest.more", left) if left > 0 else ""
        shared = {**letter.shared, "brief": bool(lines), "more": bool(more)}
        key = (name, letter.tongue.words.key, *shared.values())
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._parts.cut(name, letter.tongue.common, shared)
            self._layouts.put(key, layout, layout.size)
        return self._parts.fill(layout, {**letter.own, "more": more}, {CARDS: joined(cards), LINES: joined(lines)})


def _fewer(full: list[_Card], excess: int) -> tuple[list[_Card], list[_Card]]:
    """Return the cards that stay, and the last ones, as many as weigh what is too much."""
    drop = freed = 0
    while drop < len(full) and freed < excess:
        drop += 1
        freed += full[-drop].html.weight
    return full[:-drop], full[-drop:]


def _few(lines: Iterable[KeptLine]) -> list[KeptLine]:
    """Return as many lines as a mail has room for; no more of them are made."""
    kept: list[KeptLine] = []
    room = _BRIEF_BYTES
    for line in lines:
        room -= line.weight
        if room < 0:
            break
        kept.append(line)
        if len(kept) == MOST_BRIEF:
            break
    return kept


@lru_cache(maxsize=100)
def _numbered(number: int) -> Quoted:
    """Return what stands before a card in plain text."""
    return encode(f"{number}. ")
