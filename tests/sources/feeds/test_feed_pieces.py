"""Cutting a feed into entries: what is broken costs itself, what is endless ends with one clear line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.registry_server import RegistryServer
from trialalerts.errors import SourceError
from trialalerts.sources.base import Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.feeds.entry import FeedContent, FeedEntries, FeedEntry
from trialalerts.sources.feeds.json_feed import read_json_feed
from trialalerts.sources.feeds.pieces import MOST_ENTRIES, cut_json, cut_xml
from trialalerts.sources.feeds.xml_feed import read_xml_feed
from trialalerts.sources.kinds.feed import FeedSettings, FeedSource

URL = "https://news.example.org/feed"
RSS = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>N</title>{}</channel></rss>'
FINE = "<item><guid>{}</guid><title>Fine é {}</title></item>"
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><id>n</id>{}</feed>'


def rss(*items: str) -> FeedContent:
    return read_xml_feed(RSS.format("".join(items)).encode(), URL, {})


def told(content: FeedContent) -> list[tuple[str, str]]:
    return [(entry.id, entry.title) for entry in content.entries]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"<title>a\x01b</title>", id="a control character"),
        pytest.param(b"<title>a\xff\xfeb</title>", id="bytes that are no UTF-8"),
        pytest.param(b"<title>Q&A</title>", id="a bare ampersand"),
        pytest.param(b"<title>a&nbsp;&hearts;b</title>", id="entities of HTML"),
        pytest.param(b"<title>p<0.05</title>", id="a comparison"),
        pytest.param(b"<title>a</titel>", id="a tag closed by another"),
        pytest.param(b"<title>a", id="a tag never closed"),
        pytest.param(b"<title><![CDATA[a</title>", id="a CDATA never closed"),
        pytest.param(b"<title><!-- a</title>", id="a comment never closed"),
        pytest.param(b'<link href="x></link><title>a</title>', id="a quote never closed"),
        pytest.param(b"<title>a</title></description></div>", id="tags closed that nobody opened"),
        pytest.param(b"<x:y>a</x:y>", id="a prefix that nobody declared"),
        pytest.param("<title>😀 ".encode()[:-3] + b"</title>", id="half an emoji"),
    ],
)
def test_a_broken_entry_costs_itself_and_no_other(broken: bytes) -> None:
    text = RSS.format(FINE.format(1, 1) + "<item><guid>2</guid>BROKEN</item>" + FINE.format(3, 3) + FINE.format(4, 4))
    content = read_xml_feed(text.encode().replace(b"BROKEN", broken), URL, {})
    fine = [(number, title) for number, title in told(content) if number != "2"]
    assert fine == [("1", "Fine é 1"), ("3", "Fine é 3"), ("4", "Fine é 4")]


def test_an_entry_that_is_never_closed_ends_where_the_next_begins() -> None:
    assert told(rss("<item><guid>1</guid><title>a</title>", FINE.format(2, 2))) == [("1", "a"), ("2", "Fine é 2")]


def test_what_looks_like_an_entry_inside_of_one_is_its_text() -> None:
    (entry,) = rss(
        "<item><guid>1</guid><description><![CDATA[</item><item><guid>9</guid>]]></description></item>"
    ).entries
    assert (entry.id, "guid" in entry.summary) == ("1", True)
    assert told(rss("<!-- <item><guid>9</guid></item> -->", FINE.format(1, 1))) == [("1", "Fine é 1")]


def test_the_channel_may_name_itself_behind_its_entries() -> None:
    content = rss(FINE.format(1, 1), "<language>de</language><link>https://news.example.org/</link>")
    assert (content.home, content.entries[0].language) == ("https://news.example.org/", "de")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_feeds_in_wide_characters_are_cut_too(encoding: str) -> None:
    text = RSS.format(FINE.format(1, 1) + FINE.format(2, 2)).replace("utf-8", encoding)
    assert told(read_xml_feed(text.encode(encoding), URL, {})) == [("1", "Fine é 1"), ("2", "Fine é 2")]


def test_atom_with_a_prefix_is_cut() -> None:
    text = ATOM.format("<entry><id>1</id><title>a</title></entry><entry><id>2</id><title>b</title></entry>")
    prefixed = text.replace("xmlns=", "xmlns:a=").replace("<", "<a:").replace("<a:/", "</a:")
    for feed in (text, prefixed):
        assert told(read_xml_feed(feed.encode(), URL, {})) == [("1", "a"), ("2", "b")]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), max_size=130))
def test_cutting_and_parsing_give_what_was_written(titles: list[str]) -> None:
    items = [{"id": f"n{number}", "title": title} for number, title in enumerate(titles)]
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": items, "title": '"items": ['}
    pieces = cut_json(orjson.dumps(feed))
    assert pieces is not None
    assert [orjson.loads(piece) for piece in pieces.items] == items
    assert orjson.loads(pieces.bare) == {**feed, "items": []}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 120))
def test_all_entries_are_cut_whatever_their_number(number: int) -> None:
    content = rss(*(FINE.format(n, n) for n in range(number)))
    assert told(content) == [(str(n), f"Fine é {n}") for n in range(number)]


@pytest.mark.parametrize(
    ("broken", "read"),
    [
        pytest.param(rb'"title":"a \ud83d b"', ["1", "2", "3"], id="half a surrogate pair"),
        pytest.param(b'"title":"a \x01 b"', ["1", "2", "3"], id="a control character"),
        pytest.param(b'"title":"a \xff b"', ["1", "2", "3"], id="bytes that are no UTF-8"),
        pytest.param(rb'"title":"a \x b"', ["1", "3"], id="an escape that is none"),
        pytest.param(b'"title":"a "quoted" b"', ["1", "3"], id="quotes that were not escaped"),
        pytest.param(b'"title":tru', ["1", "3"], id="a word cut off"),
        pytest.param(b'"title":"a",', ["1", "3"], id="a comma too many"),
    ],
)
def test_a_broken_item_of_a_json_feed_costs_itself_and_no_other(broken: bytes, read: list[str]) -> None:
    body = b'{"version":"https://jsonfeed.org/version/1","items":[{"id":"1"},{"id":"2",%b},{"id":"3"}]}' % broken
    content = read_json_feed(body, URL)
    assert [entry.id for entry in content.entries] == read
    assert list(content.unread) == ([] if len(read) == 3 else [2])


def test_half_an_emoji_is_shown_as_one_that_cannot_be_read(
    shared_cases: Path, server: RegistryServer, context: SourceContext
) -> None:
    body = (shared_cases / "jsonfeed-half-a-surrogate" / "feed.json").read_bytes()
    source = FeedSource(FeedSettings.model_validate({"name": "news", "kind": "feed", "url": server.serve("/f", body)}))
    (batch,) = source.batches(Position(), context)
    assert [draft.external_id for draft in batch.drafts] == ["1", "2"]


def test_an_entry_that_cannot_be_read_is_a_problem_of_its_own(server: RegistryServer, context: SourceContext) -> None:
    body = rb'{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","title":"a"},{"id":"2","title":"\x"}]}'
    source = FeedSource(FeedSettings.model_validate({"name": "news", "kind": "feed", "url": server.serve("/f", body)}))
    (batch,) = source.batches(Position(), context)
    assert [(problem.external_id, problem.message) for problem in batch.problems] == [
        ("without number: entry 2", "the entry is broken; it was left out")
    ]


def test_an_endless_feed_is_an_error_that_says_so() -> None:
    items = "<item/>" * (MOST_ENTRIES + 1)
    with pytest.raises(SourceError, match="more than 50,000 entries"):
        rss(items)
    with pytest.raises(SourceError, match="more than 50,000 entries"):
        read_json_feed(b'{"version":"https://jsonfeed.org/version/1","items":[%b{}]}' % (b"{}," * MOST_ENTRIES), URL)


def test_entries_that_do_not_fit_into_memory_are_an_error_that_says_so() -> None:
    found = FeedEntries(URL)
    with pytest.raises(SourceError, match="more text than fits into 200 MB of memory"):
        for number in range(10_000):
            found.add(FeedEntry(id=str(number), summary="é" * 100_000))
    assert max(len(entry.summary) for entry in found.entries) == 50_000


@pytest.mark.parametrize(
    "hostile",
    [b"<![CDATA[", b"<!--", b"<?", b"<a ", b'<a "', b"<item", b'"', b"'", b"<item><"],
    ids=lambda piece: piece.decode(),
)
def test_what_never_ends_is_cut_in_one_pass(hostile: bytes) -> None:
    # Two passes over each of 200,000 beginnings would be 10^11 steps: such a test would not end.
    pieces = cut_xml(b"<rss><channel>" + hostile * 200_000)
    assert pieces is None or sum(1 for _ in pieces.entries) <= 200_000


@pytest.mark.parametrize("hostile", [b'"' + b'\\"' * 200_000, b"[" * 200_000, b'"' * 199_999, b'{"items":['])
def test_json_that_never_ends_is_none(hostile: bytes) -> None:
    assert cut_json(b"{" + hostile) is None
