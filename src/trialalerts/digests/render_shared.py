"""The fast way to write a letter: cards from the shelf, in a shell cut out once, filled in for each reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from markupsafe import Markup
from sqlalchemy.exc import DBAPIError

from trialalerts.digests.cards import Brief
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_fragments import Filler, Fragment, Hole, MarkupHole, Pieces, Unfillable, whole
from trialalerts.digests.render_letter import card_failed
from trialalerts.digests.render_recent import Recent
from trialalerts.digests.render_shelf import Page, Shelf, ShelvedCard
from trialalerts.digests.render_templates import Templates

__all__ = ["SharedWriter", "Shells", "withheld"]

_AROUND = (
    "digest_url",
    "preferences_url",
    "unsubscribe_url",
    "subject",
    "title",
    "preview",
    "intro",
    "nothing",
    "how_often",
)
"""What a shell says differently from mail to mail, by the names that templates know; the links first."""
_LINKS = range(3)
_NO_NUMBER = 999
_SHELL_BYTES = 20_000_000
_MOST_SHELLS = 5_000


class _Withheld(Hole):
    """The place of a text that differs from mail to mail: whoever asks for it renders for each reader."""

    __slots__ = ()

    def __str__(self) -> NoReturn:
        raise Unfillable

    def __html__(self) -> NoReturn:
        raise Unfillable

    def __bool__(self) -> NoReturn:
        raise Unfillable


def withheld(shell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shell that keeps back what differs from mail to mail: what cards for many readers are rendered with."""
    return {**shell, **{name: _Withheld(_NO_NUMBER) for name in _AROUND}}


class Shells:
    """Cuts out what stands around the cards: one fragment for each language, number of cards and lines, and form.

    Threads may share one.
    """

    def __init__(self, templates: Templates, filler: Filler) -> None:
        self._templates = templates
        self._filler = filler
        self._cut: Recent[tuple[object, ...], _Cut] = Recent(
            _MOST_SHELLS, most_bytes=_SHELL_BYTES, weigh=lambda cut: cut.fragment.size if cut.fragment else 0
        )

    def written(self, name: str, page: Page, cards: Sequence[Pieces], brief: Sequence[Brief], more: str) -> Pieces:
        """Return a whole part of a letter, ``digest.html.j2`` or ``digest.txt.j2``."""
        personal = [*(page.shell[key] or "" for key in _AROUND), more]
        lines = [(line.title, line.url, line.lang, line.what) for line in brief]
        key = (name, page.words.tag, len(cards), *map(bool, personal), *[tuple(map(bool, line)) for line in lines])
        cut = self._cut.get(key)
        if cut is None:
            cut = self._cut.put(key, self._made(name, page, personal, cards, lines))
        if cut.fragment is None:
            return whole(self._whole(name, page, cards, lines, more))
        return self._filler.fill(cut.fragment, _values(personal, cards, lines), fresh=_LINKS)

    def _made(
        self, name: str, page: Page, personal: Sequence[str], cards: Sequence[Pieces], lines: Sequence[_Line]
    ) -> _Cut:
        """Render a shell with holes; without a fragment where its template needs to know what fills them."""
        html = name.endswith(".html.j2")
        raw = range(len(personal), len(personal) + len(cards))
        numbers = iter(range(raw.stop, raw.stop + len(lines) * 4))
        names = (*_AROUND, "more")
        opened = {
            **page.shell,
            "more": "",
            **{name: Hole(n) for n, name in enumerate(names) if personal[n]},
            "cards": [MarkupHole(n) if html else Hole(n) for n in raw],
            "brief": [_brief(tuple(_hole(next(numbers), value) for value in line)) for line in lines],
        }
        try:
            fragment = self._filler.split(self._templates.render(name, **opened), html=html, raw=raw)
        except Unfillable:
            return _Cut(fragment=None)
        if self._templates.has_own:
            known = whole(self._whole(name, page, cards, lines, personal[-1]))
            if self._filler.fill(fragment, _values(personal, cards, lines), fresh=_LINKS).text != known.text:
                return _Cut(fragment=None)
        return _Cut(fragment=fragment)

    def _whole(self, name: str, page: Page, cards: Sequence[Pieces], lines: Sequence[_Line], more: str) -> str:
        html = name.endswith(".html.j2")
        written = [Markup(card.text) if html else card.text for card in cards]  # noqa: S704 - by a template that escapes
        return self._templates.render(
            name, **page.shell, cards=written, brief=[_brief(line) for line in lines], more=more
        )


_Line = tuple[str, str | None, str, str]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A shell as a fragment; None where it is rendered for each reader."""

    fragment: Fragment | None


def _values(personal: Sequence[str], cards: Sequence[Pieces], lines: Sequence[_Line]) -> list[str | Pieces]:
    return [*personal, *cards, *(value or "" for line in lines for value in line)]


def _hole(number: int, value: str | None) -> str | None:
    return Hole(number) if value else value


def _brief(line: Sequence[str | None]) -> Brief:
    title, url, lang, what = line
    return Brief(title=title or "", url=url, lang=lang or "", what=what or "")


class SharedWriter:
    """Writes a letter for one reader out of what is shared with others: the same words as the full way, in pieces."""

    def __init__(self, shelf: Shelf, shells: Shells, page: Page) -> None:
        self._shelf = shelf
        self._shells = shells
        self._page = page

    def full(self, entry: Entry) -> ShelvedCard | None:
        """Return an entry with its card."""
        try:
            return self._shelf.card(self._page, entry)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad item must harm only itself, whatever is wrong with it
            card_failed(entry, error)
            return None

    def brief(self, entry: Entry) -> Brief:
        """Return an entry in one line."""
        return self._shelf.brief(self._page, entry)

    def html(self, full: Sequence[ShelvedCard], brief: Sequence[Brief], more: str) -> Pieces:
        """Return the HTML part."""
        return self._shells.written("digest.html.j2", self._page, [card.html for card in full], brief, more)

    def text(self, full: Sequence[ShelvedCard], brief: Sequence[Brief], more: str) -> Pieces:
        """Return the text part."""
        cards = [self._shelf.text(self._page, card, number) for number, card in enumerate(full, start=1)]
        return self._shells.written("digest.txt.j2", self._page, cards, brief, more)

    def weight(self, written: Pieces) -> int:
        """Return the bytes of a part."""
        return written.weight
