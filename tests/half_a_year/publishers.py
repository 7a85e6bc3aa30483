"""What is published in the half year: a registry's trials, a feed's news, and the articles of the editors' folder."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from tests.sources.feed_stage import entry, feed
from tests.sources.registry_server import Page, RegistryServer
from tests.sources.samples import study

__all__ = ["SITES", "Publishers", "areas"]

SITES = (
    ("Leeds", "United Kingdom", "GB", 53.8, -1.55),
    ("London", "United Kingdom", "GB", 51.5, -0.12),
    ("Boston", "United States", "US", 42.36, -71.06),
    ("Lyon", "France", "FR", 45.76, 4.84),
    ("Berlin", "Germany", "DE", 52.52, 13.4),
)
_NEWS = "/news.xml"
_STANDING = 15
"""So many entries stand in the feed."""


def areas(number: int) -> dict[str, str]:
    """Return so many disease areas by their ids."""
    return {f"D99{each:04}": f"Examplitis type {each}" for each in range(1, number + 1)}


class Publishers:
    """A registry over HTTP, a feed beside it, and a folder of articles.

    Args:
        server: the server of the registry and of the feed.
        folder: where the editors' articles are.
        dice: decides what is published.
        areas: what it is about, by id.
    """

    def __init__(self, server: RegistryServer, folder: Path, dice: Random, areas: dict[str, str]) -> None:
        self.areas = areas
        self.server, self.folder, self.dice = server, folder, dice
        self.articles = 0
        self.names = "first"
        """What the feed's ids begin with."""
        self.serves_another = False
        """Whether somebody else's feed stands at the address."""
        self._studies: list[dict[str, Any]] = []
        self._former: list[
            dict[str, Any]
        ] = []  # kept: the server knows what it rendered by what stands where in memory
        self._entries: list[tuple[int, str, datetime]] = []

    @property
    def sources(self) -> list[dict[str, str]]:
        """The sources as a configuration names them."""
        return [
            {"name": "registry", "kind": "clinicaltrials_gov", "url": self.server.url, "every": "6h"},
            {"name": "news", "kind": "feed", "url": self.server.root + _NEWS, "every": "6h"},
            {"name": "editors", "kind": "folder", "path": str(self.folder), "every": "6h"},
        ]

    def begin(self, now: datetime) -> None:
        """Publish what was there before the half year begins."""
        for _ in range(150):
            self.post_trial(now - timedelta(days=self.dice.randrange(20, 400)))
        for days in range(20, 0, -2):
            self.write_news(now - timedelta(days=days))
        self.write_article(now - timedelta(days=1))

    def go_on(self, now: datetime, day: int) -> None:
        """Publish what one day brings."""
        for _ in range(2):
            self.post_trial(now)
        for made in self.dice.sample(self._studies, 3):
            self._update_trial(made, now)
        self.server.state.studies = list(self._studies)
        if day % 40 == 5:
            self.rename_news()
        if day % 2:
            self.write_news(now)
        if day % 4 == 0:
            self.write_article(now)

    def post_trial(self, posted: datetime) -> None:
        """Register a trial of one area, at one site."""
        number = len(self._studies) + 1
        area = self._area()
        city, country, _, latitude, longitude = self.dice.choice(SITES)
        site = {"facility": "Example Hospital", "status": "RECRUITING", "city": city, "country": country,
                "geoPoint": {"lat": latitude, "lon": longitude}}  # fmt: skip
        day = {"date": posted.date().isoformat()}
        made = study(
            number,
            identificationModule__briefTitle=f"Study {number} of {area}",
            conditionsModule__conditions=[area],
            conditionsModule__keywords=[],
            contactsLocationsModule__locations=[site],
            statusModule__studyFirstPostDateStruct=day,
            statusModule__lastUpdatePostDateStruct=day,
        )
        made["derivedSection"] = {}
        self._studies.append(made)
        self.server.state.studies = list(self._studies)

    def _update_trial(self, made: dict[str, Any], now: datetime) -> None:
        """Let a trial open or close; a new one takes its place, for the server keeps what it rendered of a study."""
        new = copy.deepcopy(made)
        status = new["protocolSection"]["statusModule"]
        status["overallStatus"] = "COMPLETED" if status["overallStatus"] == "RECRUITING" else "RECRUITING"
        status["lastUpdatePostDateStruct"] = {"date": now.date().isoformat()}
        for site in new["protocolSection"]["contactsLocationsModule"]["locations"]:
            site["status"] = status["overallStatus"]
        self._studies[self._studies.index(made)] = new
        self._former.append(made)

    def write_news(self, now: datetime) -> None:
        """Publish something in the feed, where the newest stand."""
        self.articles += 1
        self._entries = [(self.articles, self._area(), now), *self._entries][:_STANDING]
        self.serve_news()

    def rename_news(self) -> None:
        """Let the feed name all it holds anew, as a site does that changes its program."""
        self.names = f"{self.names}-again"
        self.serve_news()

    def serve_news(self) -> None:
        """Serve the feed as it is."""
        at = format_datetime(self._entries[0][2], usegmt=True)
        others = (entry(f"other-{number}", title=f"Something else {number}", day=at) for number in range(_STANDING))
        own = (
            entry(f"{self.names}-{number}", f"{self.server.root}/news/{number}", f"Finding {number} in {area}",
                  day=format_datetime(at, usegmt=True))
            for number, area, at in self._entries
        )  # fmt: skip
        body = feed(*(others if self.serves_another else own))
        self.server.state.pages[_NEWS] = Page(body=body, etag=f'"{crc32(body):x}"')

    def write_article(self, now: datetime) -> None:
        """Put an article into the editors' folder."""
        self.articles += 1
        area = self._area()
        text = (
            f"---\ntitle: Article {self.articles} about {area}\ndate: {now:%Y-%m-%d}\n---\n\nWhat is known of {area}.\n"
        )
        (self.folder / f"article-{self.articles}.md").write_text(text, "utf-8")

    def _area(self) -> str:
        return self.dice.choice(list(self.areas.values()))
