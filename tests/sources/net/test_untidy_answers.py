"""What untidy servers put before, around and into a feed does not cost the feed."""

from __future__ import annotations

import pytest

from trialalerts.errors import SourceError
from trialalerts.net.decompression import BrokenBody, unpacked
from trialalerts.sources.feeds import xml_feed
from trialalerts.sources.feeds.xml_feed import read_xml_feed

URL = "https://feeds.example.org/news"
MARK = b"\xef\xbb\xbf"
FEED = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Ä</title>'
    "<item><title>Made-up news</title>{}</item></channel></rss>"
)


def titles(body: bytes) -> list[str]:
    return [entry.title for entry in read_xml_feed(body, URL, {}).entries]


@pytest.mark.parametrize(
    "before",
    [
        b"",
        MARK,
        MARK + MARK,
        MARK + b"\r\n" + MARK,
        b"\n\n  \n",
        b"<br />\n<b>Warning</b>:  Undefined variable $x in <b>/srv/feed.php</b> on line <b>7</b><br />\n",
        b"Notice: Undefined index: lang in /srv/feed.php on line 3\n",
        b"\nDeprecated: strftime() is deprecated\n\n",
    ],
)
def test_what_stands_before_a_feed_is_passed_over(before: bytes) -> None:
    assert titles(before + FEED.format("").encode()) == ["Made-up news"]
    without_declaration = FEED.format("").partition("?>")[2].encode()
    assert titles(before + without_declaration) == ["Made-up news"]


def test_a_page_that_quotes_a_feed_is_none() -> None:
    with pytest.raises(SourceError, match="HTML page"):
        titles(b"<!DOCTYPE html><html><body>" + FEED.format("").encode() + b"</body></html>")


@pytest.mark.parametrize(
    "guid", ["17", "news-17", "urn:uuid:1", "tag:example.org,2026:1", "/a/1", "www.example.org", "a:b"]
)
def test_an_id_that_is_no_address_is_no_link(guid: str) -> None:
    (entry,) = read_xml_feed(FEED.format(f"<guid>{guid}</guid>").encode(), URL, {}).entries
    assert (entry.id, entry.link) == (guid, "")


def test_an_id_that_is_an_address_is_the_link() -> None:
    guid = "https://feeds.example.org/a/1"
    (entry,) = read_xml_feed(FEED.format(f"<guid>{guid}</guid>").encode(), URL, {}).entries
    assert entry.link == guid


def test_what_the_feeds_reader_stumbles_over_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise AssertionError("we should not get here!")

    monkeypatch.setattr("feedparser.parse", stumble)
    with pytest.raises(SourceError, match="cannot be read as a feed") as error:
        titles(FEED.format("").encode())
    assert URL in str(error.value)
    assert "\n" not in str(error.value)
    assert xml_feed.without_preamble(b"") == b""


@pytest.mark.parametrize(
    "encoding", ["", "identity", "none", "None", "utf-8", "UTF-8", "binary", "identity, identity", "x-odd"]
)
def test_an_encoding_that_packs_nothing_is_passed_over(encoding: str) -> None:
    assert unpacked([b"<rss/>"], encoding, 100) == b"<rss/>"


@pytest.mark.parametrize("encoding", ["zstd", "compress", "gzip, br", "br, gzip"])
def test_an_encoding_that_packs_in_a_way_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(BrokenBody, match="not asked for"):
        unpacked([b"<rss/>"], encoding, 100)
