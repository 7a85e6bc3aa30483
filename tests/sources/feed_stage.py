"""Feeds on loopback for the tests of articles: their entries, their polls, and what was told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from tests.sources.poll_stage import settings_of
from tests.sources.registry_server import Page, RegistryServer
from trialalerts.catalog.tables import Change, Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.polling.poll import PollCount, poll_source

__all__ = ["DAY", "LONG", "Feeds", "entry", "feed"]

DAY = "Mon, 02 Mar 2026 08:00:00 GMT"
CHANNEL = '<rss version="2.0" {}><channel><title>News</title><link>https://news.example/</link>{}</channel></rss>'
NAMESPACES = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"'
LONG = (
    "People with relapsing multiple sclerosis who took the made-up tablet for two years had half as many relapses as "
    "those who took none, researchers of an invented institute report; side effects were mild and rare."
)


def entry(
    guid: str = "",
    link: str = "",
    title: str = "A finding in multiple sclerosis",
    *,
    day: str = DAY,
    text: str = "",
    more: str = "",
) -> str:
    """Return an entry; what is empty is left out."""
    said = {"guid": guid, "link": link, "title": title, "pubDate": day, "description": text}
    return "<item>" + "".join(f"<{name}>{value}</{name}>" for name, value in said.items() if value) + more + "</item>"


def feed(*entries: str) -> bytes:
    return CHANNEL.format(NAMESPACES, "".join(entries)).encode()


@dataclass
class Feeds:
    """Feeds on loopback, each polled when its content is given."""

    db: Database
    clock: FrozenClock
    server: RegistryServer
    http: HttpSettings

    def poll(self, body: bytes, name: str = "news", **more: object) -> PollCount:
        """Serve a content and poll the source."""
        path = str(more.pop("path", f"/{name}"))
        url = self.server.serve(path, b"")
        self.server.state.pages[path] = Page(body=body)
        settings: Settings = settings_of(self.http, {"name": name, "kind": "feed", "url": url, **more})
        count = poll_source(self.db, settings, settings.sources[0], self.clock)
        assert count.error is None
        self.clock.advance(timedelta(hours=1))
        return count

    def told(self) -> list[str]:
        """Return the titles of what was announced, in its order."""
        with self.db.read() as session:
            query = select(Item.title).join(Change, col(Change.item_id) == col(Item.id)).order_by(col(Change.seq))
            return list(session.exec(query))

    def items(self) -> int:
        """Return how many items there are."""
        with self.db.read() as session:
            return len(session.exec(select(Item.id)).all())

    def records(self) -> int:
        """Return how many records there are."""
        with self.db.read() as session:
            return len(session.exec(select(Record.id)).all())
