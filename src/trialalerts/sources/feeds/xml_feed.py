"""The reading of RSS 0.9x to 2.0, Atom and RDF."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax import SAXException

from trialalerts.errors import SourceError
from trialalerts.sources.feeds.entry import FeedContent, FeedEntries, FeedEntry
from trialalerts.sources.feeds.pieces import XmlPieces, cut_xml, limited

__all__ = ["read_xml_feed", "without_preamble"]

_PROLOGUE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE)
_NESTED_ENTITY = re.compile(r"""<!ENTITY\s[^>"']*(?:"[^"]*&[A-Za-z_]|'[^']*&[A-Za-z_])""")
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_IDENTIFIERS = ("prism_doi", "dc_identifier", "dcterms_identifier")
_BARE_AMPERSAND = re.compile(rb"&(?!#?\w{1,32};)")
_GROUP = 50
"""So many entries are parsed at once."""
_GROUP_BYTES = 500_000
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_MARK = b"\xef\xbb\xbf"
_BEGINNING = re.compile(rb"<\?xml\s|<(?:rss|feed|rdf:RDF)[\s>]")
_OTHER_DOCUMENT = re.compile(rb"<(?:!doctype|html|!--|\?xml|head|body)\b", re.IGNORECASE)
_LONGEST_PREAMBLE = 65_536
_HTML = frozenset({"html", "head", "body", "script", "div"})


def read_xml_feed(body: bytes, url: str, headers: Mapping[str, str]) -> FeedContent:
    """Read a feed, a few entries at a time. An entry that is broken costs itself.

    Args:
        body: the feed as it came.
        url: its address without secrets, for messages.
        headers: the answer's headers with lower-case names; the encoding may stand there.

    Raises:
        SourceError: it is empty, an HTML page, broken off, no feed, or too large.
    """
    body = without_preamble(body)
    _check_shape(body, url)
    try:
        return _read(body, url, headers)
    except _Stumbled as error:
        raise SourceError(
            f"{url} cannot be read as a feed ({error}); it is written in a way that its reader does not understand, "
            "and will be tried again."
        ) from error


class _Stumbled(Exception):
    """feedparser let out what its parsers stumbled over."""


def _read(body: bytes, url: str, headers: Mapping[str, str]) -> FeedContent:
    pieces = cut_xml(_in_utf8(body))
    if pieces is None:
        parsed = _parse(body, headers)
        entries = [_entry(raw, _text(parsed.feed, "language")) for raw in parsed.entries]
        _check_version(parsed, url)
        return FeedContent(entries=entries, home=_text(parsed.feed, "link"))
    bare = _parse(pieces.bare + pieces.after, headers)
    _check_version(bare, url)
    language = _text(bare.feed, "language")
    found = FeedEntries(url)
    for some in _in_groups(limited(pieces.entries, url)):
        for raw in _parsed_entries(pieces, some, headers):
            if raw is None:
                found.add_unread()
            else:
                found.add(_entry(raw, language))
    return found.content(_text(bare.feed, "link"))


def _parse(body: bytes, headers: Mapping[str, str]) -> Any:
    import feedparser

    # Without the feed's address: feedparser would turn ids such as "17" into links of this server.
    given = {"content-type": headers.get("content-type", "")}
    # Not the bytes themselves: feedparser would take a short text for the name of a file.
    file = io.BytesIO(body)
    try:
        return feedparser.parse(file, response_headers=given, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        raise _Stumbled(type(error).__name__) from error


def _check_version(parsed: Any, url: str) -> None:
    if not parsed.version:
        raise SourceError(f"{url} is XML but no feed that this program knows; check the source's url.")


def _in_groups(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for piece in pieces:
        group.append(piece)
        size += len(piece)
        if len(group) == _GROUP or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _parsed_entries(pieces: XmlPieces, group: Sequence[bytes], headers: Mapping[str, str]) -> Iterator[Any]:
    """Parse some entries at once, or each by itself where one of them is broken; None stands for one beyond reading."""
    try:
        parsed = _parse(b"".join([pieces.before, *group, pieces.after]), headers)
    except _Stumbled:
        if len(group) == 1:
            yield None
            return
        parsed = None
    if parsed is not None and len(group) == 1:
        yield parsed.entries[0] if parsed.entries else None
    elif parsed is not None and len(parsed.entries) == len(group) and not _is_broken(parsed):
        yield from parsed.entries
    else:
        for piece in group:
            yield from _parsed_entries(pieces, [_escaped(piece)], headers)


def _escaped(entry: bytes) -> bytes:
    """Write bare ampersands as XML wants them: else “Q&A” would be read as “Q&A;”."""
    return entry if b"<![CDATA[" in entry else _BARE_AMPERSAND.sub(b"&amp;", entry)


def _is_broken(parsed: Any) -> bool:
    return bool(parsed.bozo) and isinstance(parsed.get("bozo_exception"), SAXException)


def _in_utf8(body: bytes) -> bytes:
    """Return a feed in two bytes a character as UTF-8, with its declaration said accordingly."""
    encoding = _WIDE.get(body[:2])
    if encoding is None:
        return body
    text = body.decode(encoding, "replace").removeprefix("\ufeff")
    return re.sub(r"""^(<\?xml[^>]*?encoding=)["'][^"']*["']""", r'\1"utf-8"', text, count=1).encode()


def without_preamble(body: bytes) -> bytes:
    """Return a feed from its first character on: without marks, blank lines and a warning of PHP before it."""
    while body.startswith(_MARK) or body[:1].isspace():
        body = body.removeprefix(_MARK).lstrip()
    start = _BEGINNING.search(body[:_LONGEST_PREAMBLE])
    if start is None or _OTHER_DOCUMENT.search(body[: start.start()]):
        return body
    return body[start.start() :]


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


def _entry(raw: dict[str, Any], language: str) -> FeedEntry:
    content = [_text(part, "value") for part in _list(raw, "content")]
    return FeedEntry(
        id=_text(raw, "id"),
        link=_link(raw),
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


def _link(raw: dict[str, Any]) -> str:
    """Return the link of an entry; an id that feedparser takes for one, and that is no address, is none."""
    link = _text(raw, "link")
    is_only_id = dict.get(raw, "guidislink") and link == _text(raw, "id")
    return "" if is_only_id and not _ADDRESS.match(link) else link


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
