"""The shelf: cards that many readers get, rendered and encoded once, ready for each reader's own words.

An item stands there in each language with its version: as soon as its facts are different, everything made of the old
ones goes. What is the same for all who are told the same of it (:class:`~trialalerts.digests.cards.Common`) is made
once; of that, one fragment for each shape: how many reasons, which label, with a caution or without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

from trialalerts.catalog.tables import Item
from trialalerts.digests.cards import Brief, Card, CardMaker, Common, Personal, Timely, finished, tells_distances
from trialalerts.digests.entries import Entry, Told
from trialalerts.digests.render_fragments import Filler, Fragment, Hole, Pieces, Unfillable, whole
from trialalerts.digests.render_recent import Recent
from trialalerts.digests.render_templates import Templates
from trialalerts.digests.render_text import wrapped
from trialalerts.digests.wording import Wording

__all__ = ["ItemSource", "Page", "Shelf", "ShelvedCard"]

_MOST_ITEMS = 20_000
_MOST_BYTES = 60_000_000
_MOST_FOR_ONE = 400_000
"""An item of which more than this is kept is begun anew: some of it is bound to be of use to one reader only."""
_COMMON_BYTES = 6_000
"""What a card without the reader's own takes in memory, about."""
_BRIEF_BYTES = 600
_LINE_BYTES = 500
_MOST_DAYS = 50


class ItemSource(Protocol):
    """The items that a slice of digests tells of."""

    def __contains__(self, item_id: int) -> bool: ...

    def version(self, item_id: int) -> str:
        """Return what changes whenever something of an item does."""
        ...

    def item(self, item_id: int) -> Item:
        """Return the item with all its facts."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What the cards of one mail are written with.

    ``shell`` is what templates need beside the card, ``open_shell`` the same with holes that must not be filled in the
    place of what differs from mail to mail.
    """

    words: Wording
    maker: CardMaker
    items: ItemSource
    shell: Mapping[str, Any]
    open_shell: Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class _Shared:
    """One card for all who are told the same, with its fragments by shape; None: it is rendered for each reader."""

    common: Common
    fragments: dict[tuple[object, ...], Fragment | None] = field(default_factory=dict)
    distances: dict[tuple[object, ...], str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class _Kept:
    """What is kept of an item in one language."""

    version: str
    timely: Timely | None = None
    shared: dict[tuple[object, ...], _Shared] = field(default_factory=dict)
    briefs: dict[tuple[object, ...], Brief] = field(default_factory=dict)
    told: set[tuple[object, ...]] = field(default_factory=set)
    says: dict[tuple[date, str], str] = field(default_factory=dict)
    size: int = 0


class ShelvedCard(NamedTuple):
    """An entry with its card for one reader; the HTML is written."""

    entry: Entry
    own: Personal
    kept: _Kept
    shared: _Shared
    html: Pieces

    @property
    def weight(self) -> int:
        """Bytes of HTML."""
        return self.html.weight


class Shelf:
    """Keeps cards in memory, those that were used of late: at most about ``most_bytes``.

    Threads may share one.
    """

    def __init__(self, templates: Templates, *, most_bytes: int = _MOST_BYTES) -> None:
        self.filler = Filler(wrapped)
        self._templates = templates
        self._items: Recent[tuple[int, str], _Kept] = Recent(
            _MOST_ITEMS, most_bytes=most_bytes, weigh=lambda kept: kept.size
        )

    def lacks(self, words: Wording, entry: Entry, version: str) -> bool:
        """Tell whether the item will have to be read to write its card."""
        kept = self._items.get((entry.item_id, words.tag))
        return kept is None or kept.version != version or _told(entry) not in kept.told

    def card(self, page: Page, entry: Entry) -> ShelvedCard:
        """Return the card of an entry with its HTML.

        Raises:
            ValueError: the stored facts are not what they should be.
        """
        kept = self._kept(page, entry)
        shared = self._shared(kept, page, entry)
        own = page.maker.personal(entry, shared.common, self._distances(kept, shared, page, entry))
        return ShelvedCard(entry, own, kept, shared, self._written(kept, shared, own, page, "html.j2", None))

    def text(self, page: Page, card: ShelvedCard, position: int) -> Pieces:
        """Return the card in plain text, as the one at this position (from 1)."""
        return self._written(card.kept, card.shared, card.own, page, "txt.j2", position)

    def brief(self, page: Page, entry: Entry) -> Brief:
        """Return an entry in one line."""
        kept = self._kept(page, entry)
        key = (_told(entry), _near(entry) if tells_distances(entry.told) else None)
        found = kept.briefs.get(key)
        if found is None:
            found = page.maker.brief(entry, page.items.item(entry.item_id))
            if page.items.version(entry.item_id) == kept.version:
                kept.briefs[key] = found
                self._grew(kept, _BRIEF_BYTES)
        return found

    def _kept(self, page: Page, entry: Entry) -> _Kept:
        key = (entry.item_id, page.words.tag)
        version = page.items.version(entry.item_id)
        kept = self._items.get(key)
        if kept is None or kept.version != version:
            kept = self._items.put(key, _Kept(version=version))
        return kept

    def _shared(self, kept: _Kept, page: Page, entry: Entry) -> _Shared:
        told = _told(entry)
        near = _near(entry) if len(told) > 1 and tells_distances(entry.told) > 1 else None
        if kept.timely is not None:
            found = kept.shared.get((told, near, self._today(kept, kept.timely, page.maker)))
            if found is not None:
                return found
        common = page.maker.common(entry, page.items.item(entry.item_id))
        if page.items.version(entry.item_id) != kept.version:
            return _Shared(common=common)  # it was written by somebody just now
        kept.timely = common.timely
        kept.told.add(told)
        made = kept.shared[told, near, self._today(kept, common.timely, page.maker)] = _Shared(common=common)
        self._grew(kept, _COMMON_BYTES)
        return made

    def _distances(self, kept: _Kept, shared: _Shared, page: Page, entry: Entry) -> str:
        """Return the line that tells how far away something is; whoever follows a whole country reads the same."""
        if shared.common.distances is None:
            return ""
        near = _near(entry)
        known = shared.distances.get(near)
        if known is None:
            known = shared.distances[near] = page.maker.distances(entry, shared.common)
            self._grew(kept, _LINE_BYTES)
        return known

    def _today(self, kept: _Kept, timely: Timely, maker: CardMaker) -> str:
        """Return what the card says today that it may not say tomorrow."""
        if len(kept.says) > _MOST_DAYS:
            kept.says.clear()
        known = kept.says.get(maker.when)
        if known is None:
            known = kept.says[maker.when] = maker.timely(timely)
        return known

    def _written(
        self, kept: _Kept, shared: _Shared, own: Personal, page: Page, ending: str, position: int | None
    ) -> Pieces:
        values = _values(own)
        key = (ending, position, own.place_label, *[value != "" for value in values])
        fragment = shared.fragments.get(key)
        if fragment is None:
            name = f"card_{shared.common.card.kind}.{ending}"
            if key not in shared.fragments:
                fragment = shared.fragments[key] = self._cut(shared.common, own, page, name, position)
                self._grew(kept, fragment.size if fragment else 0)
            if fragment is None:
                return whole(self._render(name, page.shell, finished(shared.common, own), position))
        return self.filler.fill(fragment, values)

    def _cut(self, common: Common, own: Personal, page: Page, name: str, position: int | None) -> Fragment | None:
        """Render a card with holes for what is the reader's own; None where its template needs to know what that says.

        An operator's own template is tried with the first reader's words: if that is not what it writes for them when
        it knows them, it is not trusted with holes.
        """
        card = finished(common, _opened(own))
        try:
            fragment = self.filler.split(
                self._render(name, page.open_shell, card, position), html=name.endswith(".html.j2")
            )
        except Unfillable:
            return None
        if self._templates.has_own:
            known = whole(self._render(name, page.shell, finished(common, own), position))
            if self.filler.fill(fragment, _values(own)).text != known.text:
                return None
        return fragment

    def _render(self, name: str, shell: Mapping[str, Any], card: Card, position: int | None) -> str:
        numbered = {} if position is None else {"position": position}
        return self._templates.render(name, **shell, **numbered, card=card)

    def _grew(self, kept: _Kept, size: int) -> None:
        kept.size += size
        self._items.grew(size)
        if kept.size > _MOST_FOR_ONE:
            kept.shared, kept.briefs, kept.told, kept.size = {}, {}, set(), 0


def _told(entry: Entry) -> tuple[object, ...]:
    """Return what tells apart what happened; a change that is stored never changes, so its number will do."""
    return tuple([_happened(told) for told in entry.told])


def _happened(told: Told) -> object:
    return told.seq if told.seq is not None else (told.kind, f"{told.before}{told.after}")


def _near(entry: Entry) -> tuple[object, ...]:
    return tuple(
        (reason.nearest, reason.distance_km, reason.closed, reason.near_unknown)
        for reason in entry.reasons
        if reason.nearest or reason.closed
    )


def _values(own: Personal) -> tuple[str, ...]:
    return (own.place, own.caution, own.distances, *own.reasons)


def _opened(own: Personal) -> Personal:
    """Return the same with a hole in the place of each text; an empty one stays: templates ask whether it is there."""
    place, caution, distances, *reasons = (Hole(n) if value else "" for n, value in enumerate(_values(own)))
    return Personal(
        reasons=tuple(reasons), place_label=own.place_label, place=place, caution=caution, distances=distances
    )
