"""The one writer of letters, for mails, previews and pages: groups of cards and lines, then a link to the rest.

A mail stays within what Gmail shows. Everything shared comes out of the caches; for a reader it is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError

from trialalerts.catalog.tables import Item
from trialalerts.delivery.mail.quoted_printable import Quoted, encode
from trialalerts.digests.cards.changes import ENDS, leading
from trialalerts.digests.cards.headings import MANY
from trialalerts.digests.entries import Entry
from trialalerts.digests.rendering.card_cache import CardCache, KeptCard, Tongue
from trialalerts.digests.rendering.fill import Encoded, Part, PartWriter, joined
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.digests.rendering.slots import CARDS
from trialalerts.logs import Logger

__all__ = ["MOST_BYTES", "MOST_OF_A_GROUP", "DigestLayout", "GroupLayout", "Items", "LetterWriter", "MailParts"]

log = Logger()

MOST_BYTES = 60_000
"""Gmail cuts a mail off at about 102 kB of HTML; a mail stays well below that."""
_CARDS, _LINES = 5, 15
MOST_OF_A_GROUP = _CARDS + _LINES
"""So many entries of a group are told in a mail; the others are on its page."""
_FEW_CARDS, _FEW_LINES = 1, 4
_MOST_LINES = 45
_FAR_KM = 150.0
_RECRUITING_TIERS = frozenset({0, 2})
_LAYOUT_BYTES = 20_000_000
_NEW_LINE = encode("\n")

Items = Mapping[int, Item]


class GroupLayout(NamedTuple):
    """A group of a letter: the heading, what stands under it, and which entries are its own.

    Args:
        entries: the places of its first entries in the letter.
        total: how many it has in all.
        rest: the phrase of what is more, with its ``count``, and its words.
        wish: the preference that it is of; None: articles, or a preference that is gone.
        foreign: the names in it that stand in English in a mail of another language.
    """

    anchor: str
    heading: str
    detail: str
    entries: Sequence[int]
    total: int
    rest: tuple[str, Mapping[str, Any]]
    wish: int | None = None
    foreign: tuple[str, ...] = ()

    @property
    def own(self) -> Mapping[str, Any]:
        """The reader's own words in its heading."""
        return {"heading": self.heading, "detail": self.detail, "anchor": self.anchor, "foreign": self.foreign}


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestLayout:
    """One digest to be written.

    Args:
        entries: by groups, each of an item that is there.
        total: how many entries the digest has, those not among ``entries`` included.
        shared: what the layout depends on beside its groups (``page``, ``linked``, ``nothing``, ``welcome``).
        own: the reader's own words.
        trial_link: makes the reader's own link to a trial, by the id of its item: no address of it tells which one.
        stop_link: makes the link that stops one wish, by the id of its preference.
    """

    tongue: Tongue
    entries: Sequence[Entry]
    groups: Sequence[GroupLayout]
    total: int
    shared: Mapping[str, Any]
    own: Mapping[str, Any]
    trial_link: Callable[[int], str]
    stop_link: Callable[[int], str]
    cards: dict[int, KeptCard] = field(default_factory=dict)
    lines: dict[int, KeptCard] = field(default_factory=dict)

    def own_words(self, entry: Entry, kept: KeptCard) -> Mapping[str, Any]:
        """Return the reader's own words in a card, the link with them; a line has none, and signing takes its time."""
        own = self.tongue.own(entry, kept)
        return {**own, "trial_url": self.trial_link(entry.item_id)} if entry.kind == "trial" else own

    def heading(self, group: GroupLayout) -> Mapping[str, Any]:
        """Return the reader's own words in the heading of a group, with the link that stops its wish."""
        stop_url = "" if group.wish is None or self.shared["page"] else self.stop_link(group.wish)
        return {**group.own, "stop_url": stop_url}


class MailParts(NamedTuple):
    """A mail's two parts; both tell the same."""

    text: Encoded
    html: Encoded


class _Limits(NamedTuple):
    """How much a letter tells in full and in lines: of each group, and in all."""

    cards: int
    lines: int
    all_cards: int
    all_lines: int


_NO_LIMIT = 1_000_000
_SMALLER = ((3, 10), (2, 6), (1, 4), (1, 0), (0, 0))
"""Cards and lines of a group where a letter is too large."""


class _Shown(NamedTuple):
    """An entry as it is told: its card or line, and the reader's own words in it."""

    kept: KeptCard
    own: Mapping[str, Any]


class _ShownGroup(NamedTuple):
    """A group as it is told: the reader's own words in its heading, and its entries."""

    layout: GroupLayout
    heading: Mapping[str, Any]
    entries: Sequence[_Shown]


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

    def lacking(self, letter: DigestLayout) -> list[int]:
        """Look up the cards and lines of a letter; return the items to be read for those that are not kept."""
        lacking = []
        for plan in self._plan(letter, self._limits(letter)):
            for number, whole in plan:
                look, kept = (self._cards.card, letter.cards) if whole else (self._cards.line, letter.lines)
                if (found := look(letter.tongue, letter.entries[number])) is not None:
                    kept[number] = found
                else:
                    lacking.append(letter.entries[number].item_id)
        return lacking

    def mail(self, letter: DigestLayout, items: Items) -> MailParts:
        """Return the parts of a mail; the HTML has at most :data:`MOST_BYTES` bytes where its frame allows it."""
        limits = self._limits(letter)
        groups = self._shown(letter, items, limits)
        html = self._html(letter, groups)
        smaller = iter(_SMALLER)
        while html.weight > MOST_BYTES and (less := next(smaller, None)) is not None:
            groups = self._shown(letter, items, limits._replace(cards=less[0], lines=less[1]))
            html = self._html(letter, groups)
        return MailParts(self._text(letter, groups), html)

    def page(self, letter: DigestLayout, items: Items) -> str:
        """Return the whole digest in HTML."""
        everything = _Limits(_NO_LIMIT, _NO_LIMIT, self._most_cards, _NO_LIMIT)
        return self._html(letter, self._shown(letter, items, everything)).text

    def _limits(self, letter: DigestLayout) -> _Limits:
        if letter.shared["page"]:
            return _Limits(_NO_LIMIT, _NO_LIMIT, self._most_cards, _NO_LIMIT)
        if letter.total > MANY:
            return _Limits(_FEW_CARDS, _FEW_LINES, self._most_cards, _MOST_LINES)
        return _Limits(_CARDS, _LINES, self._most_cards, _MOST_LINES)

    def _plan(self, letter: DigestLayout, limits: _Limits) -> Iterator[list[tuple[int, bool]]]:
        """Yield for each group which entries are told, and whether in full."""
        all_cards, all_lines = limits.all_cards, limits.all_lines
        for group in letter.groups:
            cards, lines = limits.cards, limits.lines
            plan = []
            for number in group.entries:
                if min(cards, all_cards) > 0 and not _is_brief(letter.entries[number]):
                    plan.append((number, True))
                    cards, all_cards = cards - 1, all_cards - 1
                elif min(lines, all_lines) > 0:
                    plan.append((number, False))
                    lines, all_lines = lines - 1, all_lines - 1
                else:
                    break
            yield plan

    def _shown(self, letter: DigestLayout, items: Items, limits: _Limits) -> list[_ShownGroup]:
        plans = zip(letter.groups, self._plan(letter, limits), strict=True)
        return [
            _ShownGroup(
                group,
                letter.heading(group),
                [self._entry(letter, number, items, whole=whole) for number, whole in plan],
            )
            for group, plan in plans
        ]

    def _entry(self, letter: DigestLayout, number: int, items: Items, *, whole: bool) -> _Shown:
        """Return an entry as it is told; in a line where its facts are broken."""
        entry, tongue = letter.entries[number], letter.tongue
        if whole:
            try:
                kept = letter.cards.get(number) or self._cards.card(tongue, entry)
                if kept is None:
                    kept = self._cards.make_card(tongue, entry, items[entry.item_id], page=letter.shared["page"])
                return _Shown(kept, letter.own_words(entry, kept))
            except DBAPIError:
                raise
            except Exception as error:  # noqa: BLE001 - one bad item must harm only itself, whatever is wrong with it
                log.warning("card.failed", item=entry.item_id, error=type(error).__name__)
        kept = letter.lines.get(number) or self._cards.line(tongue, entry)
        if kept is None:
            kept = self._cards.make_line(tongue, entry, items[entry.item_id], page=letter.shared["page"])
        return _Shown(kept, tongue.own(entry, kept))

    def _html(self, letter: DigestLayout, groups: Sequence[_ShownGroup]) -> Encoded:
        parts = []
        for group in groups:
            parts.append(self._heading("group.html.j2", letter, group))
            parts += [self._parts.fill(each.kept.html, each.own) for each in group.entries]
            parts += self._rest("rest.html.j2", letter, group)
        return self._part("digest.html.j2", letter, letter.own, {CARDS: joined(parts)})

    def _text(self, letter: DigestLayout, groups: Sequence[_ShownGroup]) -> Encoded:
        parts = []
        number = 0
        for group in groups:
            parts.append(self._heading("group.txt.j2", letter, group))
            for each in group.entries:
                number += 1
                filled = self._parts.fill(each.kept.text, each.own)
                parts.append(Encoded([_numbered(number), *filled.pieces, _NEW_LINE], filled.weight))
            parts += self._rest("rest.txt.j2", letter, group)
        return self._part("digest.txt.j2", letter, letter.own, {CARDS: joined(parts)})

    def _rest(self, name: str, letter: DigestLayout, shown: _ShownGroup) -> list[Encoded]:
        group = shown.layout
        left = group.total - len(shown.entries)
        if left <= 0:
            return []
        phrase, words = group.rest
        url = f"{letter.own['digest_url']}#{group.anchor}" if letter.shared["linked"] else ""
        said = letter.tongue.words.count(phrase, left, **words)
        return [self._part(name, letter, {"rest": said, "rest_url": url, "foreign": group.foreign})]

    def _heading(self, name: str, letter: DigestLayout, group: _ShownGroup) -> Encoded:
        return self._part(name, letter, group.heading, stoppable=bool(group.heading["stop_url"]))

    def _part(
        self,
        name: str,
        letter: DigestLayout,
        own: Mapping[str, Any],
        inside: Mapping[str, Encoded] | None = None,
        **shared: bool,
    ) -> Encoded:
        key = (name, letter.tongue.words.key, *letter.shared.values(), *shared.values())
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._parts.cut(name, letter.tongue.common, {**letter.shared, **shared})
            self._layouts.put(key, layout, layout.size)
        return self._parts.fill(layout, own, inside or {})


def _is_brief(entry: Entry) -> bool:
    """Tell whether an entry is told in a line: what has ended, and what is far away and not open."""
    if entry.kind == "article":
        return False
    lead = leading(entry.told)
    if lead is not None and lead.kind in ENDS:
        return True
    near = entry.reasons[0].distance_km if entry.reasons else None
    return near is not None and near > _FAR_KM and entry.tier not in _RECRUITING_TIERS


@lru_cache(maxsize=200)
def _numbered(number: int) -> Quoted:
    """Return what stands before an entry in plain text."""
    return encode(f"{number}. ")
