"""Owns how much of a digest goes into a mail: full cards, then lines, then a link, within what Gmail shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from markupsafe import Markup

from trialalerts.catalog.tables import Item
from trialalerts.digests.cards import Brief, Card, CardMaker
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_templates import Templates
from trialalerts.digests.wording import Wording

__all__ = ["MOST_BRIEF", "MOST_BYTES", "Letter"]

log = structlog.get_logger()

MOST_BRIEF = 60
"""So many entries beyond the full cards are told in one line each; the rest is on the web page."""
MOST_BYTES = 90_000
"""Gmail cuts a mail off at about 102 kB of HTML; a mail stays well below that."""
_BRIEF_BYTES = 22_000
"""The part of it that lines may take, so that they never crowd out cards."""
_LINE_BYTES = 130
"""What a line's HTML weighs beside its words and its link."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Full:
    """An entry with its card, written in HTML."""

    entry: Entry
    item: Item
    card: Card
    html: str


class Letter:
    """One digest being written.

    Args:
        entries: best first, each with its item.
        total: how many entries the digest has, those not among ``entries`` included.
        shell: what the templates need beside the entries.
    """

    def __init__(
        self,
        templates: Templates,
        words: Wording,
        maker: CardMaker,
        *,
        entries: Sequence[tuple[Entry, Item]],
        total: int,
        shell: Mapping[str, Any],
    ) -> None:
        self._templates = templates
        self._words = words
        self._maker = maker
        self._entries = entries
        self._total = total
        self._shell = shell

    def text_and_html(self, most_cards: int) -> tuple[str, str]:
        """Return the two parts of a mail; both tell the same, and the HTML has at most :data:`MOST_BYTES` bytes."""
        full, brief = self._full_and_brief(most_cards)
        brief = _few(brief)
        html = self._html(full, brief)
        while (excess := len(html.encode()) - MOST_BYTES) > 0 and full:
            full, brief = self._fewer(full, brief, excess)
            html = self._html(full, brief)
        return self._text(full, brief), html

    def page(self, most_cards: int) -> str:
        """Return the whole digest in HTML; beyond ``most_cards`` entries are told in one line each."""
        return self._html(*self._full_and_brief(most_cards))

    def _full_and_brief(self, most_cards: int) -> tuple[list[_Full], list[Brief]]:
        full: list[_Full] = []
        brief: list[Brief] = []
        for entry, item in self._entries:
            made = self._full(entry, item) if len(full) < most_cards else None
            if made:
                full.append(made)
            else:
                brief.append(self._maker.brief(entry, item))
        return full, brief

    def _full(self, entry: Entry, item: Item) -> _Full | None:
        """Return an entry with its card; None where the item's facts are broken: a line will do, the rest goes on."""
        try:
            card = self._maker.card(entry, item)
            html = self._render(f"card_{card.kind}.html.j2", card=card)
        except Exception as error:  # noqa: BLE001 - one bad item must harm only itself, whatever is wrong with it
            log.warning("card.failed", item=item.id, error=type(error).__name__)
            return None
        return _Full(entry=entry, item=item, card=card, html=html)

    def _fewer(self, full: list[_Full], brief: list[Brief], excess: int) -> tuple[list[_Full], list[Brief]]:
        """Tell the last full entries in a line each, as many as weigh what is too much."""
        drop = freed = 0
        while drop < len(full) and freed < excess:
            drop += 1
            freed += len(full[-drop].html.encode())
        kept, moved = full[:-drop], full[-drop:]
        return kept, _few([*(self._maker.brief(one.entry, one.item) for one in moved), *brief])

    def _html(self, full: Sequence[_Full], brief: Sequence[Brief]) -> str:
        cards = [Markup(one.html) for one in full]  # noqa: S704 - written by a template that escapes
        return self._render("digest.html.j2", cards=cards, brief=brief, more=self._more(len(full) + len(brief)))

    def _text(self, full: Sequence[_Full], brief: Sequence[Brief]) -> str:
        cards = [
            self._render(f"card_{one.card.kind}.txt.j2", card=one.card, position=number)
            for number, one in enumerate(full, start=1)
        ]
        return self._render("digest.txt.j2", cards=cards, brief=brief, more=self._more(len(full) + len(brief)))

    def _more(self, shown: int) -> str:
        left = self._total - shown
        return self._words.count("digest.more", left) if left > 0 else ""

    def _render(self, name: str, **values: object) -> str:
        return self._templates.render(name, **self._shell, **values)


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
