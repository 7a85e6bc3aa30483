"""The reading of JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialalerts.errors import SourceError
from trialalerts.sources.feeds.entry import FeedContent, FeedEntries, FeedEntry
from trialalerts.sources.feeds.pieces import cut_json, limited
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.lenient_json import parse_json

__all__ = ["read_json_feed"]


def read_json_feed(body: bytes, url: str) -> FeedContent:
    """Read a feed; ``url`` (without secrets) names it in messages. An item that is broken costs itself.

    Raises:
        SourceError: it is no JSON, JSON that is no feed, or too large.
    """
    pieces = cut_json(body.removeprefix(b"\xef\xbb\xbf"))
    try:
        feed = parse_json(pieces.bare if pieces else body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        raise SourceError(f"{url} answered with JSON that breaks off or is broken; it will be tried again.") from None
    version = feed.get("version") if isinstance(feed, dict) else None
    if pieces is None or not isinstance(version, str) or "jsonfeed.org/version/1" not in version:
        raise SourceError(f"{url} is JSON but no JSON Feed of version 1; check the source's url.")
    fields = Fields(url)
    language = fields.line(feed, "language") or ""
    found = FeedEntries(url)
    for piece in limited(pieces.items, url):
        try:
            item = parse_json(piece)
        except ValueError:
            found.add_unread()
        else:
            if isinstance(item, dict):
                found.add(_entry(item, fields, language))
    return found.content(fields.line(feed, "home_page_url") or "")


def _entry(item: Mapping[str, Any], fields: Fields, language: str) -> FeedEntry:
    number = item.get("id")  # the standard wants a text, but numbers are common and to be accepted
    texts = [fields.text(item, key) for key in ("summary", "content_text", "content_html")]
    authors = [author for _, author in (*fields.records(item, "authors"), *fields.records(item, "author"))]
    return FeedEntry(
        id=str(number) if isinstance(number, int) else fields.line(item, "id") or "",
        link=fields.line(item, "url") or fields.line(item, "external_url") or "",
        title=fields.line(item, "title") or "",
        summary=next(filter(None, texts), ""),
        dates=[date for key in ("date_published", "date_modified") if (date := fields.line(item, key))],
        authors=[name for author in authors if (name := fields.line(author, "name"))],
        categories=fields.lines(item, "tags"),
        language=fields.line(item, "language") or language,
    )
