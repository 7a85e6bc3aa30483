"""The text of a message as a mail shows it: passages of plain words, strong words and links."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Literal, NamedTuple

__all__ = ["Passage", "Run", "of_paragraphs", "passages_of"]

_HEADINGS = {f"h{level}" for level in range(1, 7)}
_BLOCKS = {"p", "li", "tr", "blockquote", "pre", "div", "ul", "ol", "table", "br", "hr", "dt", "dd", *_HEADINGS}
_STRONG = {"b", "strong", "em", "i"}


class Run(NamedTuple):
    """Words of one kind; with a ``url`` they are a link."""

    text: str
    url: str = ""
    strong: bool = False

    @property
    def said(self) -> str:
        """The words as a mail of plain text says them: a link with where it leads."""
        shown = self.url.removeprefix("mailto:")
        return f"{self.text} ({shown})" if shown and shown != self.text.strip() else self.text


class Passage(NamedTuple):
    """A paragraph, a heading, or a point of a list."""

    runs: tuple[Run, ...]
    kind: Literal["text", "heading", "point"] = "text"

    @property
    def said(self) -> str:
        """The passage as a mail of plain text says it."""
        return " ".join("".join(run.said for run in self.runs).split())


def passages_of(html: str) -> tuple[Passage, ...]:
    """Return the passages of sanitised HTML; what is in a table stands row by row.

    >>> [passage.said for passage in passages_of("<p>See <a href='https://example.org'>the map</a>.</p>")]
    ['See the map (https://example.org).']
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end()
    return tuple(reader.passages)


def of_paragraphs(paragraphs: Sequence[str]) -> tuple[Passage, ...]:
    """Return plain paragraphs as passages."""
    return tuple(Passage((Run(paragraph),)) for paragraph in paragraphs)


class _Reader(HTMLParser):
    """Collects runs until a block begins or ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.passages: list[Passage] = []
        self._runs: list[Run] = []
        self._kind: Literal["text", "heading", "point"] = "text"
        self._url = ""
        self._strong = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a passage, a link or strong words."""
        if tag in _BLOCKS:
            self.end()
            self._kind = "heading" if tag in _HEADINGS else "point" if tag == "li" else "text"
        elif tag == "a":
            self._url = next((value or "" for name, value in attrs if name == "href"), "")
        elif tag in _STRONG:
            self._strong += 1
        elif tag in {"td", "th"} and self._runs:
            self._runs.append(Run(" "))

    def handle_endtag(self, tag: str) -> None:
        """End what began with the tag."""
        if tag in _BLOCKS:
            self.end()
        elif tag == "a":
            self._url = ""
        elif tag in _STRONG:
            self._strong -= 1

    def handle_data(self, data: str) -> None:
        """Take words, with one space where white space stands."""
        words = " ".join(f"x{data}x".split())[1:-1]
        if words.strip() or (words and self._runs):
            self._runs.append(Run(words, self._url, self._strong > 0))

    def end(self) -> None:
        """End a passage, where one has begun."""
        if any(run.text.strip() for run in self._runs):
            first, *others = self._runs
            self.passages.append(Passage((first._replace(text=first.text.lstrip()), *others), self._kind))
            self._kind = "text"
        self._runs = []
