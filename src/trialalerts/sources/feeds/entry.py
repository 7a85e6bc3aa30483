"""The entry of a feed, whatever the feed's format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from sys import getsizeof

from trialalerts.errors import SourceError

__all__ = ["FeedContent", "FeedEntries", "FeedEntry"]

_LONGEST_TEXT = 50_000
"""Characters: ten times what is stored, since markup takes most of some texts."""
_MEMORY_MB = 200
_MOST_BYTES = 60_000_000
"""Of all entries: the feed as it came (at most ``http.max_body``) and the drafts made of it stand beside them."""
_OF_ONE = 700
"""Bytes that an entry takes without its texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """An entry as its feed gives it, not yet cleaned; what is missing is empty.

    ``dates`` are all its dates, the best first. ``identifiers`` are what names it beside its id and its link, such as
    a DOI.
    """

    id: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    dates: Sequence[str] = ()
    authors: Sequence[str] = ()
    categories: Sequence[str] = ()
    language: str = ""
    identifiers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedContent:
    """What a feed holds. ``home`` is the page it belongs to: a link there leads to no article.

    ``unread`` are the numbers of the entries, counted from 1, that were too broken to be read.
    """

    entries: Sequence[FeedEntry]
    home: str = ""
    unread: Sequence[int] = ()


class FeedEntries:
    """Collects the entries of one feed, and sees to it that they fit into memory.

    Of a text only what a card and the tagger may need is kept.
    """

    def __init__(self, url: str) -> None:
        self.entries: list[FeedEntry] = []
        self.unread: list[int] = []
        self._url = url
        self._bytes = 0

    def add(self, entry: FeedEntry) -> None:
        """Add an entry.

        Raises:
            SourceError: all together are too large.
        """
        if len(entry.summary) > _LONGEST_TEXT:
            entry = replace(entry, summary=entry.summary[:_LONGEST_TEXT])
        self._bytes += _OF_ONE + getsizeof(entry.summary) + getsizeof(entry.title)
        if self._bytes > _MOST_BYTES:
            raise SourceError(
                f"{self._url} holds more text than fits into {_MEMORY_MB} MB of memory; "
                "poll a feed of what is new, not the whole archive."
            )
        self.entries.append(entry)

    def add_unread(self) -> None:
        """Count an entry that could not be read."""
        self.unread.append(len(self.entries) + len(self.unread) + 1)

    def content(self, home: str) -> FeedContent:
        """Return what the feed holds."""
        return FeedContent(entries=self.entries, home=home, unread=self.unread)
