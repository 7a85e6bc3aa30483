"""A paper that comes by Europe PMC, by PubMed and by a feed is one item, told once, whoever has it first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlmodel import select

from tests.sources.europe_pmc.search import SearchServer, paper
from tests.sources.feed_stage import entry, feed
from tests.sources.poll_stage import changes_of, settings_of
from tests.sources.pubmed.library import PubMedServer, article, link
from tests.sources.registry_server import Page, RegistryServer
from trialalerts.catalog.tables import Item, Record
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.polling.poll import poll_source

WORDS = {"conditions": ["multiple sclerosis"], "at_most": "1000/s"}
TITLE = "Examplumab in relapsing multiple sclerosis"
NUMBERS = "Listed as NCT90000001."


@dataclass
class Library:
    """Three sources on loopback, each of which may have the paper or not."""

    db: Database
    clock: FrozenClock
    http: HttpSettings
    europe: SearchServer
    pubmed: PubMedServer
    news: RegistryServer

    def poll(self, name: str) -> None:
        """Poll one of the three."""
        known: dict[str, dict[str, Any]] = {
            "europe": {"kind": "europe_pmc", "url": self.europe.server.root, **WORDS},
            "pubmed": {"kind": "pubmed", "url": self.pubmed.server.root, **WORDS},
            "news": {"kind": "feed", "url": f"{self.news.root}/feed"},
        }
        settings = settings_of(self.http, {"name": name, **known[name]})
        count = poll_source(self.db, settings, settings.sources[0], self.clock)
        assert count.error is None
        self.clock.advance(timedelta(hours=1))

    def publish(self, name: str, *, retracted: bool = False) -> None:
        """Let one of the three have the paper."""
        day = self.clock.now().date().isoformat()
        type_ = "Retracted Publication" if retracted else "Journal Article"
        if name == "europe":
            told = paper(taken_in="2026-03-02", updated=day, title=f"{TITLE}.", pubTypeList={"pubType": [type_]})
            self.europe.papers = [told | {"abstractText": NUMBERS}]
        elif name == "pubmed":
            retraction = link("RetractionIn", 90000009) if retracted else ""
            bank = "<DataBankList><DataBank><DataBankName>ISRCTN</DataBankName><AccessionNumberList><AccessionNumber>"
            bank += "90000001</AccessionNumber></AccessionNumberList></DataBank></DataBankList>"
            made = {"title": f"{TITLE}.", "types": [type_], "links": retraction, "inside": bank}
            self.pubmed.put(article(taken_in="2026-03-02", edited=day, **made))  # type: ignore[arg-type]
        else:
            first = entry("0", "https://news.example/none", "Something else about gardens")
            title = f"RETRACTED: {TITLE}" if retracted else TITLE
            self.news.state.pages["/feed"] = Page(
                body=feed(first, entry("1", "https://doi.org/10.5555/EXAMPLE.90000001", title))
            )

    def item(self) -> Item:
        """Return the item that the paper is."""
        with self.db.read() as session:
            (found,) = [each for each in session.exec(select(Item)) if "Examplumab" in each.title]
            return found


@pytest.fixture
def library(sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings) -> Iterator[Library]:
    with RegistryServer() as one, RegistryServer() as other, RegistryServer() as third:
        made = Library(
            db=sqlite_world, clock=clock, http=http_settings, europe=SearchServer(server=one),
            pubmed=PubMedServer(server=other), news=third,
        )  # fmt: skip
        made.europe.serve()
        made.pubmed.serve()
        third.serve("/feed", feed(entry("0", "https://news.example/none", "Something else about gardens")))
        for name in ("europe", "pubmed", "news"):
            made.poll(name)
        yield made


@pytest.mark.parametrize("order", [*permutations(("europe", "pubmed", "news"))], ids=" ".join)
def test_a_paper_of_three_sources_is_one_item_told_once_in_whatever_order_they_come(
    order: tuple[str, ...], library: Library
) -> None:
    for name in order:
        library.publish(name)
        library.poll(name)
    for name in order:
        library.poll(name)
    assert [kind for _, kind in changes_of(library.db)] == ["published"]
    item = library.item()
    assert set(item.facts["sources"]) == set(order)
    assert item.facts["journal"] == "Journal of Examples"
    assert item.facts["trials"] == ["ISRCTN90000001", "NCT90000001"]
    with library.db.read() as session:
        records = session.exec(select(Record).where(Record.item_id == item.id)).all()
    assert len(records) == len(order)


@pytest.mark.parametrize("order", [*permutations(("europe", "pubmed", "news"))], ids=" ".join)
def test_that_it_is_retracted_is_told_once_whoever_says_so_first(order: tuple[str, ...], library: Library) -> None:
    for name in ("news", "pubmed", "europe"):
        library.publish(name)
        library.poll(name)
    for name in order:
        library.publish(name, retracted=True)
        library.poll(name)
    for name in order:
        library.poll(name)
    assert [kind for _, kind in changes_of(library.db)] == ["published", "retracted"]
    facts = library.item().facts
    assert [(each["kind"], each["id"]) for each in facts["notices"]] == [("retracted", "pmid:90000009")]
