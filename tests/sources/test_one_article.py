"""Tests of the promise that one article is told once, whatever its feed does with ids, addresses and titles."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import col, select

from tests.sources.feed_stage import LONG, Feeds, entry, feed
from tests.sources.poll_stage import changes_of
from trialalerts.catalog.tables import Change, Item


class TestCases:
    """The cases that lie beside the checkout."""

    @staticmethod
    def polls(feeds: Feeds, folder: Path, *names: str) -> list[int]:
        return [feeds.poll((folder / name).read_bytes()).changes for name in names]

    def test_ids_that_change_with_each_fetch(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-ids-change-with-each-fetch"
        assert self.polls(feeds, folder, "1.xml", "2.xml", "3.xml") == [0, 0, 0]
        assert (feeds.items(), feeds.records()) == (5, 5)

    def test_one_article_in_two_feeds(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-one-article-in-two-feeds"
        for all_, ms in (("all-before.xml", "ms-before.xml"), ("all.xml", "ms.xml")):
            for name, file in (("all", all_), ("ms", ms)):
                feeds.poll((folder / file).read_bytes(), name, areas=["multiple sclerosis"])
        assert feeds.told() == ["Two"]
        with feeds.db.read() as session:
            item = session.exec(select(Item).where(col(Item.title) == "Two")).one()
        assert item.facts["sources"] == ["all", "ms"]

    def test_a_corrected_slug(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-slug-corrected"
        assert self.polls(feeds, folder, "1.xml", "2.xml") == [0, 0]
        assert feeds.items() == 1

    def test_a_doubled_entry_that_is_edited_then(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-doubled-entry-then-edited"
        self.polls(feeds, folder, "1.xml", "2.xml", "3.xml")
        assert feeds.told() == ["Nine (corrected)"]

    def test_an_archive_that_appears(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-archive-appears"
        assert self.polls(feeds, folder, "1.xml", "2.xml", "1.xml", "2.xml") == [0, 0, 0, 0]

    def test_an_archive_that_appears_after_an_empty_first_poll(self, feeds: Feeds, shared_cases: Path) -> None:
        folder = shared_cases / "feed-archive-appears"
        assert self.polls(feeds, folder, "0-empty.xml", "2.xml", "2.xml") == [0, 0, 0]


ONE = "https://news.example/ms/one"
SAME: dict[str, tuple[str, str]] = {
    "a session id in the path": (
        entry(f"{ONE};jsessionid=A1", f"{ONE};jsessionid=A1"), entry(f"{ONE};jsessionid=B2", f"{ONE};jsessionid=B2"),
    ),
    "PHP's session id": (
        entry(f"{ONE}?PHPSESSID=a", f"{ONE}?PHPSESSID=a"), entry(f"{ONE}?PHPSESSID=b", f"{ONE}?PHPSESSID=b"),
    ),
    "http and https": (entry(ONE.replace("https", "http")), entry(ONE)),
    "www": (entry(ONE), entry(ONE.replace("news.", "www.news."))),
    "a slash at the end": (entry(ONE, ONE), entry(f"{ONE}/", f"{ONE}/")),
    "the default port": (entry(ONE), entry(ONE.replace("example", "example:443"))),
    "a fragment": (entry(ONE, ONE), entry(f"{ONE}#respond", f"{ONE}#respond")),
    "tracking": (entry("a", f"{ONE}?utm_source=rss&amp;mc_cid=1"), entry("b", f"{ONE}?fbclid=x&amp;gclid=y")),
    "an index page": (entry(ONE), entry(f"{ONE}/index.html")),
    "case of the host and spelling of the path": (entry(f"{ONE}/~a"), entry("HTTPS://News.Example/ms/one/%7Ea")),
    "ids without sense, same link": (entry("17-1", ONE), entry("99-2", ONE)),
    "ids without sense, no link": (entry("17"), entry("99")),
    "an id that comes later": (entry("", ONE), entry("17", ONE)),
    "an id that goes": (entry("17", ONE), entry("", ONE)),
    "a corrected slug and title": (
        entry("https://news.example/a-a-new-trial", "", "A a new trial in multiple sclerosis"),
        entry("https://news.example/a-new-trial", "", "A new trial in multiple sclerosis"),
    ),
    "a slug and misspelt words": (
        entry("https://news.example/efect", "", "No efect of exampel in multiple sclerosis"),
        entry("https://news.example/effect", "", "No effect of example in multiple sclerosis"),
    ),
    "a site that moved": (entry(ONE, ONE), entry("https://ms.example/ms/one", "https://ms.example/ms/one")),
    "a site that moved and names it a little otherwise": (
        entry(ONE, ONE, "Walking helps"), entry("https://ms.example/ms/one", "", "Walking helps, too")
    ),
    "a site that moved, without dates": (entry(ONE, ONE, day=""), entry("https://ms.example/ms/one", day="")),
    "undated, with other ids": (entry("17", day=""), entry("99", day="")),
    "a DOI in the id and in the link": (
        entry("doi:10.5555/MS.1", ONE, "Walking"), entry("x", "https://doi.example/10.5555/ms.1?rss=1", "Walk"),
    ),
    "a DOI in dc:identifier and prism:doi": (
        entry("a", ONE, "Walking", more="<dc:identifier>doi:10.5555/ms.1</dc:identifier>"),
        entry("b", "https://other.example/2", "On walks", more="<prism:doi>10.5555/MS.1</prism:doi>"),
    ),
    "a number in PubMed": (
        entry("pubmed:1234567", ONE, "Walking"),
        entry("x", "https://pubmed.ncbi.nlm.nih.gov/1234567/?utm_x=y", "On walks"),
    ),
    "the same text at another address": (entry("a", f"{ONE}-a", text=LONG), entry("b", f"{ONE}-b", text=LONG, day="")),
    "a doubled entry without link, then edited": (entry("x", "", "Nine") * 2, entry("x", "", "Nine (corrected)") * 2),
    "a doubled entry of which one is edited": (
        entry("x", ONE, "Nine") * 2, entry("x", ONE, "Nine") + entry("x", ONE, "Nine (corrected)"),
    ),
    "an entry that is doubled later": (entry("x", ONE), entry("x", ONE) + entry("y", f"{ONE}?utm_id=2")),
    "a copy under another id and address, with its text": (
        entry("x", ONE, text=LONG), entry("x", ONE, text=LONG) + entry("y", f"{ONE}-copy", text=LONG),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_same_article(name: str, sqlite_feeds: Feeds) -> None:
    before, after = SAME[name]
    sqlite_feeds.poll(feed(entry("z", "https://news.example/z", "Z")))
    sqlite_feeds.poll(feed(before))
    sqlite_feeds.poll(feed(after))
    sqlite_feeds.poll(feed(after))
    assert len(sqlite_feeds.told()) == 1


TWO: dict[str, str] = {
    "one title, one day, other id, address and text": entry("a", f"{ONE}-a", "Editorial", text=LONG)
    + entry("b", f"{ONE}-b", "Editorial", text=LONG[::-1]),
    "one title, one day, other id and address, no text": entry("a", f"{ONE}-a", "Editorial")
    + entry("b", f"{ONE}-b", "Editorial"),
    "a long title of two on one day": entry("a", f"{ONE}-a") + entry("b", f"{ONE}-b"),
    "one id, other addresses": entry("x", f"{ONE}-a", "Walking") + entry("x", f"{ONE}-b", "Swimming"),
    "one address, other ids and titles": entry("a", ONE, "Walking") + entry("b", ONE, "Swimming"),
    "one id and address, other titles": entry("x", ONE, "Walking") + entry("x", ONE, "Swimming"),
    "parts": entry("a", "", "Living with it, part 1") + entry("b", "", "Living with it, part 2"),
    "one title, other DOIs": entry("doi:10.5555/a", "", "Editorial") + entry("doi:10.5555/b", "", "Editorial"),
    "a story's number called sid": entry("", "https://news.example/article.php?sid=1", "Walking")
    + entry("", "https://news.example/article.php?sid=2", "Swimming"),
    "a text that stands under many": entry("a", f"{ONE}-a", "Walking in the woods", text="No abstract.")
    + entry("b", f"{ONE}-b", "Swimming in the sea", text="No abstract."),
}  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_they_are_two_articles(name: str, sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(entry("z", "https://news.example/z", "Z")))
    sqlite_feeds.poll(feed(TWO[name]))
    sqlite_feeds.poll(feed(TWO[name]))
    assert len(sqlite_feeds.told()) == 2


LATER = "Mon, 09 Mar 2026 08:00:00 GMT"
NEXT: dict[str, tuple[str, str]] = {
    "an editorial follows another": (
        entry("a", f"{ONE}-a", "Editorial"), entry("b", f"{ONE}-b", "Editorial", day=LATER),
    ),
    "a page with a new letter each week": (
        entry("a", ONE, "Walking helps", text=LONG), entry("b", ONE, "Swimming is better", day=LATER, text=LONG[::-1]),
    ),
    "a column of one name": (
        entry("a", f"{ONE}-a", "What was new in multiple sclerosis this week"),
        entry("b", f"{ONE}-b", "What was new in multiple sclerosis this week", day=LATER),
    ),
    "two of one day, one after the other": (entry("a", f"{ONE}-a", "Walking"), entry("b", f"{ONE}-b", "Swimming")),
    "another DOI under the same title": (entry("doi:10.5555/a"), entry("doi:10.5555/b")),
    "another number in PubMed under the same title": (entry("pubmed:77"), entry("pubmed:78")),
    "another number in PubMed with the same text": (entry("pubmed:77", text=LONG), entry("pubmed:78", text=LONG)),
    "a title of the same making": (
        entry("a", f"{ONE}-a", "Old finding 3 in multiple sclerosis"),
        entry("b", f"{ONE}-b", "New finding 3 in multiple sclerosis"),
    ),
    "a drug with another letter": (
        entry("a", f"{ONE}-a", "A trial of drug A in sclerosis"),
        entry("b", f"{ONE}-b", "A trial of drug B in sclerosis"),
    ),
    "the next part": (
        entry("a", f"{ONE}-a", "Living with multiple sclerosis"),
        entry("b", f"{ONE}-b", "Living with multiple sclerosis 2"),
    ),
    "the next phase": (
        entry("a", f"{ONE}-a", "A phase II trial in multiple sclerosis"),
        entry("b", f"{ONE}-b", "A phase III trial in multiple sclerosis"),
    ),
    "another text under the same title": (entry("a", f"{ONE}-a", text=LONG), entry("b", f"{ONE}-b", text=LONG[::-1])),
}  # fmt: skip


@pytest.mark.parametrize("name", NEXT)
def test_the_next_article_is_told_too(name: str, sqlite_feeds: Feeds) -> None:
    before, after = NEXT[name]
    sqlite_feeds.poll(feed(entry("z", "https://news.example/z", "Z")))
    sqlite_feeds.poll(feed(before))
    sqlite_feeds.poll(feed(after))
    assert len(sqlite_feeds.told()) == 2


ACROSS: dict[str, tuple[str, str, int]] = {
    "one address": (entry("a", ONE), entry("b", "http://www.news.example/ms/one?utm_source=ms"), 1),
    "an id that is the address": (entry(ONE, f"{ONE}?ref=1"), entry("b", ONE), 1),
    "a DOI": (entry("a", ONE, more="<prism:doi>10.5555/ms</prism:doi>"), entry("b", "https://doi.org/10.5555/MS"), 1),
    "a number in PubMed": (entry("pubmed:77"), entry("b", "https://www.ncbi.nlm.nih.gov/pubmed/77"), 1),
    "title and text": (entry("a", f"{ONE}-a", text=LONG), entry("b", "https://other.example/b", text=LONG), 1),
    "only the title": (entry("a", f"{ONE}-a"), entry("b", "https://other.example/b"), 2),
    "title and a short text": (entry("a", text="No abstract is here."), entry("b", text="No abstract is here."), 2),
    "only the id": (entry("17", f"{ONE}-a", "Walking"), entry("17", "https://other.example/b", "Swimming"), 2),
    "the same home page": (
        entry("17", "https://news.example/", "Walking"), entry("18", "https://news.example/", "Swimming"), 2,
    ),
    "one DOI, other numbers in PubMed": (
        entry("pubmed:77", more="<prism:doi>10.5555/ms</prism:doi>"),
        entry("pubmed:78", more="<prism:doi>10.5555/ms</prism:doi>"), 1,
    ),
    "one number in PubMed, other DOIs": (
        entry("pubmed:77", more="<prism:doi>10.5555/a</prism:doi>"),
        entry("pubmed:77", more="<prism:doi>10.5555/b</prism:doi>"), 2,
    ),
    "title and text, other numbers in PubMed": (
        entry("pubmed:77", f"{ONE}-a", text=LONG), entry("pubmed:78", f"{ONE}-b", text=LONG), 2,
    ),
    "one address, other DOIs": (
        entry("doi:10.5555/a", ONE, "Walking"), entry("doi:10.5555/b", ONE, "Swimming"), 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACROSS)
def test_across_sources_an_article_is_known_by_page_number_or_text_and_never_by_its_title(
    name: str, sqlite_feeds: Feeds
) -> None:
    one, other, told = ACROSS[name]
    for source in ("a", "b"):
        sqlite_feeds.poll(feed(entry("z", f"https://{source}.example/z", f"Z {source}")), source)
    for source, content in (("a", one), ("b", other), ("a", one), ("b", other)):
        sqlite_feeds.poll(feed(content), source)
    assert len(sqlite_feeds.told()) == told


def test_the_item_is_computed_from_its_records(feeds: Feeds) -> None:
    for source in ("a", "b"):
        feeds.poll(feed(entry("z", f"https://{source}.example/z", f"Z {source}")), source)
    feeds.poll(feed(entry("1", ONE, "On asthma", text="Words.")), "a")
    feeds.poll(feed(entry("2", ONE, "On asthma!")), "b", areas=["melanoma"])
    with feeds.db.read() as session:
        item = session.exec(select(Item).where(col(Item.title) == "On asthma")).one()
    assert (item.source, item.summary, item.facts["sources"]) == ("a", "Words.", ["a", "b"])
    assert {area["id"] for area in item.areas["direct"]} == {"D001249", "D008545"}
    with feeds.db.read() as session:
        told = session.exec(select(Change).order_by(col(Change.seq))).all()
    # the second time only to those who follow what it is about now, and did not follow what it was about before
    assert [change.before.get("areas") for change in told] == [None, ["D001249"]]


def test_a_retraction_is_told_once_whichever_source_says_so_first(feeds: Feeds) -> None:
    for source in ("a", "b"):
        feeds.poll(feed(entry("1", ONE, "On asthma")), source)
    for source in ("b", "a"):
        feeds.poll(feed(entry("1", ONE, "RETRACTED: On asthma")), source)
    assert [kind for _, kind in changes_of(feeds.db)] == ["retracted"]
    assert feeds.told() == ["RETRACTED: On asthma"]
