"""How much of a digest goes into a mail: full cards, then lines, then a link, within what Gmail shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog
from markupsafe import Markup

from trialalerts.catalog.tables import Item
from trialalerts.digests.cards import Brief, Card, CardMaker
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_templates import Templates
from trialalerts.digests.wording import Wording

__all__ = ["MOST_BRIEF", "MOST_BYTES", "FullWriter", "Letter", "Writer", "WrittenCard", "card_failed"]

log = structlog.get_logger()

MOST_BRIEF = 60
"""So many entries beyond the full cards are told in one line each; the rest is on the web page."""
MOST_BYTES = 90_000
"""Gmail cuts a mail off at about 102 kB of HTML; a mail stays well below that."""
_BRIEF_BYTES = 22_000
"""The part of it that lines may take, so that they never crowd out cards."""
_LINE_BYTES = 130
"""What a line's HTML weighs beside its words and its link."""


class _FullCard(Protocol):
    @property
    def entry(self) -> Entry: ...
    @property
    def weight(self) -> int:
        """Bytes of HTML."""
        ...


F = TypeVar("F", bound=_FullCard)
W = TypeVar("W")


class Writer(Protocol[F, W]):
    """Writes the parts of a letter: ``F`` is a card with its HTML, ``W`` a whole part."""

    def full(self, entry: Entry) -> F | None:
        """Return an entry with its card; None where the item's facts are broken: a line will do, the rest goes on."""
        ...

    def brief(self, entry: Entry) -> Brief:
        """Return an entry in one line."""
        ...

    def html(self, full: Sequence[F], brief: Sequence[Brief], more: str) -> W:
        """Return the HTML part."""
        ...

    def text(self, full: Sequence[F], brief: Sequence[Brief], more: str) -> W:
        """Return the text part."""
        ...

    def weight(self, written: W) -> int:
        """Return the bytes of a part."""
        ...


class Letter(Generic[F, W]):
    """One digest being written.

    Args:
        entries: best first, each of an item that is there.
        total: how many entries the digest has, those not among ``entries`` included.
    """

    def __init__(self, writer: Writer[F, W], words: Wording, *, entries: Sequence[Entry], total: int) -> None:
        self._writer = writer
        self._words = words
        self._entries = entries
        self._total = total

    def text_and_html(self, most_cards: int) -> tuple[W, W]:
        """Return the two parts of a mail; both tell the same, and the HTML has at most :data:`MOST_BYTES` bytes."""
        full, brief = self._full_and_brief(most_cards)
        brief = _few(brief)
        html = self._html(full, brief)
        while (excess := self._writer.weight(html) - MOST_BYTES) > 0 and full:
            full, brief = self._fewer(full, brief, excess)
            html = self._html(full, brief)
        return self._writer.text(full, brief, self._more(full, brief)), html

    def page(self, most_cards: int) -> W:
        """Return the whole digest in HTML; beyond ``most_cards`` entries are told in one line each."""
        return self._html(*self._full_and_brief(most_cards))

    def _full_and_brief(self, most_cards: int) -> tuple[list[F], list[Brief]]:
        full: list[F] = []
        brief: list[Brief] = []
        for entry in self._entries:
            made = self._writer.full(entry) if len(full) < most_cards else None
            if made:
                full.append(made)
            else:
                brief.append(self._writer.brief(entry))
        return full, brief

    def _fewer(self, full: list[F], brief: list[Brief], excess: int) -> tuple[list[F], list[Brief]]:
        """Tell the last full entries in a line each, as many as weigh what is too much."""
        drop = freed = 0
        while drop < len(full) and freed < excess:
            drop += 1
            freed += full[-drop].weight
        kept, moved = full[:-drop], full[-drop:]
        return kept, _few([*(self._writer.brief(one.entry) for one in moved), *brief])

    def _html(self, full: Sequence[F], brief: Sequence[Brief]) -> W:
        return self._writer.html(full, brief, self._more(full, brief))

    def _more(self, full: Sequence[F], brief: Sequence[Brief]) -> str:
        left = self._total - len(full) - len(brief)
        return self._words.count("digest.more", left) if left > 0 else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenCard:
    """An entry with its card, written in HTML."""

    entry: Entry
    card: Card
    html: str

    @property
    def weight(self) -> int:
        return len(self.html.encode())


class FullWriter:
    """Renders everything for the one reader: the plain way, and what the way with shared cards is measured by.

    Args:
        items: the items of the entries by id.
        shell: what the templates need beside the entries.
    """

    def __init__(
        self, templates: Templates, maker: CardMaker, *, items: Mapping[int, Item], shell: Mapping[str, Any]
    ) -> None:
        self._templates = templates
        self._maker = maker
        self._items = items
        self._shell = shell

    def full(self, entry: Entry) -> WrittenCard | None:
        """Return an entry with its card."""
        try:
            card = self._maker.card(entry, self._items[entry.item_id])
            html = self._render(f"card_{card.kind}.html.j2", card=card)
        except Exception as error:  # noqa: BLE001 - one bad item must harm only itself, whatever is wrong with it
            card_failed(entry, error)
            return None
        return WrittenCard(entry=entry, card=card, html=html)

    def brief(self, entry: Entry) -> Brief:
        """Return an entry in one line."""
        return self._maker.brief(entry, self._items[entry.item_id])

    def html(self, full: Sequence[WrittenCard], brief: Sequence[Brief], more: str) -> str:
        """Return the HTML part."""
        cards = [Markup(one.html) for one in full]  # noqa: S704 - written by a template that escapes
        return self._render("digest.html.j2", cards=cards, brief=brief, more=more)

    def text(self, full: Sequence[WrittenCard], brief: Sequence[Brief], more: str) -> str:
        """Return the text part."""
        cards = [
            self._render(f"card_{one.card.kind}.txt.j2", card=one.card, position=number)
            for number, one in enumerate(full, start=1)
        ]
        return self._render("digest.txt.j2", cards=cards, brief=brief, more=more)

    def weight(self, written: str) -> int:
        """Return the bytes of a part."""
        return len(written.encode())

    def _render(self, name: str, **values: object) -> str:
        return self._templates.render(name, **self._shell, **values)


def card_failed(entry: Entry, error: Exception) -> None:
    """Note that an item cannot be shown in full."""
    log.warning("card.failed", item=entry.item_id, error=type(error).__name__)


def _few(brief: Sequence[Brief]) -> list[Brief]:
    """Return as many lines as a mail has room for."""
    kept: list[Brief] = []
    room = _BRIEF_BYTES
    for line in brief[:MOST_BRIEF]:
        room -= _LINE_BYTES + len(f"{line.title}{line.url}{line.what}".encode())
        if room < 0:
            break
        kept.append(line)
    return kept
