"""Owns the entry of a feed, whatever the feed's format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Entry", "FeedContent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
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
    """What a feed holds. ``home`` is the page it belongs to: a link there leads to no article."""

    entries: Sequence[Entry]
    home: str = ""
