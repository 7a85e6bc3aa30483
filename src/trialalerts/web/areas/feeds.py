"""The feeds of an area: its news as Atom (RFC 4287) and as JSON Feed 1.1, with ids that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.text import storable
from trialalerts.web.wire.freshness import cacheable
from trialalerts.web.wire.kept import PublicAnswer

__all__ = ["AreaFeed", "PublishedChange", "as_atom", "as_json", "feed_answer", "public_feed"]

_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, kw_only=True)
class PublishedChange:
    """One change of a trial, as an entry of a feed; ``url`` is the page of the trial, empty where there is none."""

    id: str
    title: str
    summary: str
    url: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class AreaFeed:
    """A feed: its id and title, the addresses of its page and of itself, its language and its entries."""

    id: str
    title: str
    page: str
    url: str
    language: str
    author: str
    entries: Sequence[PublishedChange]

    @property
    def updated(self) -> datetime:
        """When the latest entry happened."""
        return max((each.at for each in self.entries), default=datetime(2000, 1, 1, tzinfo=UTC))


def as_atom(feed: AreaFeed) -> bytes:
    """Return a feed as Atom."""
    root = Element("feed", {"xmlns": _ATOM, "xml:lang": feed.language})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "updated", _written(feed.updated))
    _add(SubElement(root, "author"), "name", feed.author)
    for relation, address, kind in (("self", feed.url, "application/atom+xml"), ("alternate", feed.page, "text/html")):
        if address:
            SubElement(root, "link", {"rel": relation, "href": address, "type": kind})
    for each in feed.entries:
        entry = SubElement(root, "entry")
        _add(entry, "id", each.id)
        _add(entry, "title", each.title)
        _add(entry, "updated", _written(each.at))
        _add(entry, "published", _written(each.at))
        _add(entry, "summary", each.summary)
        if each.url:
            SubElement(entry, "link", {"rel": "alternate", "href": each.url, "type": "text/html"})
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def as_json(feed: AreaFeed) -> bytes:
    """Return a feed as JSON Feed."""
    items = [
        {
            "id": each.id,
            "title": each.title,
            "content_text": each.summary,
            "date_published": _written(each.at),
            **({"url": each.url} if each.url else {}),
        }
        for each in feed.entries
    ]
    return orjson.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "language": feed.language,
            **({"home_page_url": feed.page, "feed_url": feed.url} if feed.page else {}),
            "authors": [{"name": feed.author}],
            "items": items,
        }
    )


def feed_answer(request: Request, feed: AreaFeed, form: Callable[[AreaFeed], bytes]) -> Response:
    """Return a feed in one of its forms, or that it is as it was when whoever asks had it last."""
    answer = public_feed(feed, form)
    return cacheable(request, answer.response, updated=answer.updated)


def public_feed(feed: AreaFeed, form: Callable[[AreaFeed], bytes]) -> PublicAnswer:
    """Return a feed in one of its forms, to be kept."""
    return PublicAnswer(response=Response(form(feed), media_type=_KINDS[form]), updated=feed.updated)


def _add(parent: Element, name: str, content: str) -> None:
    SubElement(parent, name).text = "".join(sign for sign in storable(content) if sign >= " " or sign in "\n\t")


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_KINDS: Mapping[Callable[[AreaFeed], bytes], str] = {
    as_atom: "application/atom+xml; charset=utf-8",
    as_json: "application/feed+json; charset=utf-8",
}
