"""Owns the reading of RSS 0.9x to 2.0, Atom and RDF."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from trialalerts.errors import SourceError
from trialalerts.sources.entry import Entry, FeedContent

__all__ = ["read_xml_feed"]

_PROLOGUE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE)
_NESTED_ENTITY = re.compile(r"""<!ENTITY\s[^>"']*(?:"[^"]*&[A-Za-z_]|'[^']*&[A-Za-z_])""")
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_IDENTIFIERS = ("prism_doi", "dc_identifier", "dcterms_identifier")
_HTML = frozenset({"html", "head", "body", "script", "div"})


def read_xml_feed(body: bytes, url: str, headers: Mapping[str, str]) -> FeedContent:
    """Read a feed.

    Args:
        body: the feed as it came.
        url: its address without secrets, for messages.
        headers: the answer's headers with lower-case names; the encoding may stand there.

    Raises:
        SourceError: it is empty, an HTML page, broken off, or no feed.
    """
    import feedparser

    _check_shape(body, url)
    # Without the feed's address: feedparser would turn ids such as "17" into links of this server.
    given = {"content-type": headers.get("content-type", "")}
    # Not the bytes themselves: feedparser would take a short text for the name of a file.
    parsed = feedparser.parse(
        io.BytesIO(body), response_headers=given, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.version:
        raise SourceError(f"{url} is XML but no feed that this program knows; check the source's url.")
    feed = parsed.feed
    language = _text(feed, "language")
    return FeedContent(entries=[_entry(raw, language) for raw in parsed.entries], home=_text(feed, "link"))


def _check_shape(body: bytes, url: str) -> None:
    """Refuse what feedparser would take for a feed without entries, or with fewer than it had."""
    text = _roughly(body)
    start = _PROLOGUE.match(text)
    root = _ROOT.match(text, start.end() if start else 0)
    if not text.strip("\ufeff\0 \t\r\n"):
        raise SourceError(f"{url} is empty instead of a feed; it will be tried again.")
    if (root and root[1].lower() in _HTML) or re.match(r"\s*<!doctype html", text, re.IGNORECASE):
        raise SourceError(
            f"{url} is an HTML page (an error, or a check for robots), not a feed; check the source's url."
        )
    if start and _NESTED_ENTITY.search(start[0]):
        raise SourceError(f"{url} defines entities made of entities, as attacks do; it is not read.")
    if root is None:
        raise SourceError(f"{url} is no feed: neither XML nor JSON Feed; check the source's url.")
    closed = re.search(rf"</{re.escape(root[1])}\s*>", text) or re.match(r"[^<>]*/>", text[root.end() :])
    if not closed:
        raise SourceError(f"{url} breaks off before its end; it will be tried again.")


def _roughly(body: bytes) -> str:
    """Decode well enough to see the markup."""
    if encoding := _WIDE.get(body[:2]):
        return body.decode(encoding, "replace")
    return body.removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip()


def _entry(raw: dict[str, Any], language: str) -> Entry:
    content = [_text(part, "value") for part in _list(raw, "content")]
    return Entry(
        id=_text(raw, "id"),
        link=_text(raw, "link"),
        title=_text(raw, "title"),
        summary=_text(raw, "summary") or next(filter(None, content), ""),
        dates=[
            date for key in ("published", "updated", "created", "prism_publicationdate") if (date := _text(raw, key))
        ],
        authors=[_text(author, "name") for author in _list(raw, "authors")],
        categories=[_text(tag, "label") or _text(tag, "term") for tag in _list(raw, "tags")],
        language=_text(_dict(raw, "title_detail"), "language") or language,
        identifiers=[found for key in _IDENTIFIERS if (found := _text(raw, key))],
    )


def _text(raw: dict[str, Any], key: str) -> str:
    # dict.get: feedparser's own get() fills some keys from others and warns about it.
    value = dict.get(raw, key)
    return value if isinstance(value, str) else ""


def _dict(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = dict.get(raw, key)
    return value if isinstance(value, dict) else {}


def _list(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = dict.get(raw, key)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
