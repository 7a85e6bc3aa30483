"""The cutting of a feed into its entries, before anything is parsed.

An entry that is broken then costs itself and not the feed, and a parser never holds more than a few entries. Only the
brackets of the markup are looked at: a tag, a quoted text, a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from trialalerts.errors import SourceError

__all__ = ["MOST_ENTRIES", "JsonPieces", "XmlPieces", "cut_json", "cut_xml", "limited"]

MOST_ENTRIES = 50_000
"""A feed holds what is new; one with more entries is an archive, or goes on for ever."""

_MARKUP = re.compile(
    rb"""<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>|<(/?)([A-Za-z_][\w.:-]*+)((?:[^<>"']|"[^"]*"|'[^']*')*+)>""",
    re.DOTALL,
)
_PAIRS = ((b"<![CDATA[", b"]]>"), (b"<!--", b"-->"), (b"<?", b"?>"))
_ENTRY = re.compile(rb"(?:[A-Za-z_][\w.-]*:)?(?:item|entry)")
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_OPENS_ITEMS = re.compile(rb"\s*:\s*\[")
_DEPTH_OF_ITEMS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlPieces:
    """An XML feed: what stands around the entries as a feed without any, and each entry.

    ``before`` and ``after`` make a feed of any entries put between them.
    """

    bare: bytes
    before: bytes
    after: bytes
    entries: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPieces:
    """A JSON feed: the object with an empty list of items, and each item."""

    bare: bytes
    items: Iterator[bytes]


def limited(entries: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Pass entries on, at most :data:`MOST_ENTRIES` of them.

    Raises:
        SourceError: there are more.
    """
    for number, entry in enumerate(entries):
        if number >= MOST_ENTRIES:
            raise SourceError(
                f"{url} holds more than {MOST_ENTRIES:,} entries; poll a feed of what is new, not the whole archive."
            )
        yield entry


def cut_xml(body: bytes) -> XmlPieces | None:
    """Cut an RSS, Atom or RDF feed in an encoding that holds ASCII; None where nothing looks like an entry.

    An entry ends where its tag is closed, or where the next begins: a tag that was never closed costs one entry.
    """
    body = _with_ends(body)
    opened: list[bytes] = []
    for tag in _MARKUP.finditer(body):
        name = tag[2]
        if name is None:
            continue
        if opened and not tag[1] and _ENTRY.fullmatch(name):
            after = b"".join(b"</%b>" % open_name for open_name in reversed(opened))
            spans = _spans(body, name, tag.start())
            before = body[: tag.start()]
            return XmlPieces(
                bare=before + _between(body, name, tag.start()),
                before=before,
                after=after,
                entries=(_closed(body[start:end], name) for start, end in spans),
            )
        _follow(opened, tag)
    return None


def _with_ends(body: bytes) -> bytes:
    """Take away the beginnings of what is never ended: they would cost all entries behind them, and much time."""
    for begins, ends in _PAIRS:
        last = body.rfind(ends) + 1
        if begins in body[last:]:
            body = body[:last] + body[last:].replace(begins, b"")
    return body


def _follow(opened: list[bytes], tag: re.Match[bytes]) -> None:
    name = tag[2]
    if not tag[1]:
        if not tag[3].rstrip().endswith(b"/"):
            opened.append(name)
    elif name in opened:
        del opened[len(opened) - 1 - opened[::-1].index(name) :]


def _spans(body: bytes, name: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where each entry of this name begins and ends, from the place on where the first begins."""
    began: int | None = None
    for tag in _MARKUP.finditer(body, start):
        if tag[2] != name:
            continue
        if tag[1]:
            if began is not None:
                yield began, tag.end()
            began = None
        else:
            if began is not None:
                yield began, tag.start()
            began = tag.start()
            if tag[3].rstrip().endswith(b"/"):
                yield began, tag.end()
                began = None
    if began is not None:
        yield began, len(body)


def _between(body: bytes, name: bytes, start: int) -> bytes:
    """Return what stands between and behind the entries: a channel may name itself there."""
    kept: list[bytes] = []
    last = start
    for began, ended in _spans(body, name, start):
        kept.append(body[last:began])
        last = ended
    return b"".join([*kept, body[last:]])


def _closed(entry: bytes, name: bytes) -> bytes:
    end = b"</%b>" % name
    whole = entry.rstrip().endswith(b">") and (b"</" + name in entry[-len(end) - 20 :] or entry.endswith(b"/>"))
    return entry if whole else entry + end


def cut_json(body: bytes) -> JsonPieces | None:
    """Cut a JSON Feed; None where it has no list of items, or breaks off."""
    start = _start_of_items(body)
    end = _end_of(body, start) if start is not None else None
    if start is None or end is None:
        return None
    return JsonPieces(bare=body[:start] + b"]" + body[end:], items=_objects(body, start, end))


def _start_of_items(body: bytes) -> int | None:
    depth = 0
    for token in _JSON_TOKEN.finditer(body):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
        elif depth == 1 and token[0] == b'"items"' and (opens := _OPENS_ITEMS.match(body, token.end())):
            return opens.end()
    return None


def _end_of(body: bytes, start: int) -> int | None:
    """Return the place behind the bracket that closes the list which begins at ``start``."""
    depth = 1
    for token in _JSON_TOKEN.finditer(body, start):
        depth += (token[0] in b"{[") - (token[0] in b"}]")
        if depth == 0:
            return token.end()
    return None


def _objects(body: bytes, start: int, end: int) -> Iterator[bytes]:
    depth, began = 1, start
    for token in _JSON_TOKEN.finditer(body, start, end):
        if token[0] in b"{[":
            depth += 1
            if depth == _DEPTH_OF_ITEMS:
                began = token.start()
        elif token[0] in b"}]":
            depth -= 1
            if depth == 1:
                yield body[began : token.end()]
