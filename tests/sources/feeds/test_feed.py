"""Tests of feeds: what an entry becomes, when two entries are one article, and what is no feed."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest

from tests.sources.registry_server import Fault, RegistryServer, respond
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.errors import SourceError
from trialalerts.sources.base import Batch, Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.feed import FeedSettings, FeedSource

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>Example News</title><link>https://example.org/</link><language>en-GB</language>{items}</channel></rss>"""
ITEM = """<item><guid isPermaLink="false">one</guid><link>https://example.org/news/one?utm_source=rss</link>
<title>New &lt;i&gt;trial&lt;/i&gt; in multiple sclerosis &amp;amp; fatigue</title>
<description><![CDATA[<p>A study of <b>asthma</b>.</p><script>alert(1)</script>]]></description>
<pubDate>Mon, 02 Mar 2026 08:00:00 EST</pubDate>
<dc:creator>A. Writer</dc:creator><category>Research</category></item>"""


def source(url: str, **more: object) -> FeedSource:
    return FeedSource(FeedSettings.model_validate({"name": "news", "kind": "feed", "url": url, **more}))


def poll(server: RegistryServer, context: SourceContext, body: bytes, **more: object) -> Batch:
    (batch,) = source(server.serve("/feed", body), **more).batches(Position(), context)
    return batch


def drafts(server: RegistryServer, context: SourceContext, *items: str, **more: object) -> list[ItemDraft]:
    return list(poll(server, context, RSS.format(items="".join(items)).encode(), **more).drafts)


def item(**fields: str) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<item>{inner}</item>"


def test_an_entry_is_read_and_cleaned(server: RegistryServer, context: SourceContext) -> None:
    (draft,) = drafts(server, context, ITEM)
    assert (draft.registry, draft.external_id, draft.source) == ("news", "one", "news")
    assert draft.title == "New trial in multiple sclerosis & fatigue"
    assert draft.summary == "A study of asthma."
    assert draft.url == "https://example.org/news/one?utm_source=rss"
    assert draft.published_at == datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert draft.facts == ArticleFacts(authors=("A. Writer",), categories=("Research",), language="en-GB")
    assert draft.areas == [{"id": "D009103", "in_title": True}, {"id": "D001249", "in_title": False}]


def test_the_trials_that_an_entry_names_are_told(server: RegistryServer, context: SourceContext) -> None:
    text = "Listed as NCT\u201090000001 and ISRCTN 90000001; write to 1012 NL 1234, grant R01 NS012345."
    (draft,) = drafts(server, context, item(title="On EudraCT 2020-001113-21", description=text))
    assert isinstance(draft.facts, ArticleFacts)
    assert draft.facts.trials == ("2020-001113-21", "NCT90000001", "ISRCTN90000001")


def test_the_areas_of_the_source_win(server: RegistryServer, context: SourceContext) -> None:
    (draft,) = drafts(server, context, ITEM, areas=["asthma", "MS"])
    assert draft.areas == [{"id": "D001249", "in_title": False}, {"id": "D009103", "in_title": True}]


def test_categories_that_name_areas_win_over_the_text(server: RegistryServer, context: SourceContext) -> None:
    (draft,) = drafts(server, context, ITEM.replace("Research", "Melanoma"))
    assert draft.areas == [{"id": "D008545", "in_title": False}]


def test_an_unknown_area_of_the_source_is_named(server: RegistryServer, context: SourceContext) -> None:
    with pytest.raises(SourceError, match=r"Source news, areas: No disease area is called “Asthmma”.*“Asthma”"):
        drafts(server, context, ITEM, areas=["Asthmma"])


def test_an_entry_without_id_is_known_by_its_link_and_without_link_by_its_words(
    server: RegistryServer, context: SourceContext
) -> None:
    with_link, bare, again = drafts(
        server,
        context,
        item(title="One", link="https://example.org/1"),
        item(title="Two", description="words"),
        item(title="Two, continued", description="words"),
    )
    assert with_link.external_id == "https://example.org/1"
    assert bare.external_id.startswith("sha256:")
    assert bare.external_id != again.external_id
    assert (bare.url, bare.published_at, bare.problems) == ("", None, ())


def test_an_id_that_several_entries_share_names_none_of_them(server: RegistryServer, context: SourceContext) -> None:
    items = [item(guid="journal", title=f"Article {n}", link=f"https://example.org/{n}") for n in range(3)]
    assert len({draft.external_id for draft in drafts(server, context, *items)}) == 3
    items = [item(guid="journal", title=f"Article {n}", link="https://example.org/") for n in range(3)]
    assert len({draft.external_id for draft in drafts(server, context, *items)}) == 3


def test_an_entry_that_stands_twice_is_one(server: RegistryServer, context: SourceContext) -> None:
    assert len(drafts(server, context, item(title="Same"), item(title="Same"))) == 1


def test_a_title_is_made_from_the_text_and_nothing_at_all_is_a_problem(
    server: RegistryServer, context: SourceContext
) -> None:
    body = RSS.format(items=item(guid="a", description="Only words.") + item(guid="b", link="https://example.org/b"))
    batch = poll(server, context, body.encode())
    assert [draft.title for draft in batch.drafts] == ["Only words."]
    assert [(problem.external_id, problem.field) for problem in batch.problems] == [("b", "title")]


def test_a_date_or_link_that_makes_no_sense_is_noted_and_the_rest_kept(
    server: RegistryServer, context: SourceContext
) -> None:
    (draft,) = drafts(server, context, item(guid="a", title="A", pubDate="someday", link="javascript:alert(1)"))
    assert (draft.published_at, draft.url) == (None, "")
    assert [(problem.external_id, problem.field) for problem in draft.problems] == [("a", "link"), ("a", "published")]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ({"pubDate": "Fri, 20 Mar 2026 00:00:00 GMT"}, date(2026, 3, 20)),
        ({"pubDate": "20 Mar 2026"}, date(2026, 3, 20)),
        ({"dc:date": "2026-03-20"}, date(2026, 3, 20)),
        ({"pubDate": "Fri, 20 Mar 2026 06:00:00 -0500"}, None),
        ({}, None),
    ],
)
def test_a_date_without_a_time_of_day_stays_a_day(
    written: dict[str, str], day: date | None, server: RegistryServer, context: SourceContext
) -> None:
    (draft,) = drafts(server, context, item(guid="a", title="A", **written))
    assert isinstance(draft.facts, ArticleFacts)
    assert draft.facts.published_on == day


def test_relative_links_lead_to_the_feeds_server(server: RegistryServer, context: SourceContext) -> None:
    (draft,) = drafts(server, context, item(guid="a", title="A", link="/news/a"))
    assert draft.url == f"{server.root}/news/a"


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>T</title><id>urn:x</id>
<link href="https://example.org/"/><entry><id>urn:1</id><title type="html">Neu &amp;amp; gut</title>
<link rel="alternate" href="https://example.org/1"/><updated>2026-03-01T08:00:00+01:00</updated>
<author><name>Eine Autorin</name></author><category term="melanoma" label="Melanoma"/>
<content type="html">&lt;p&gt;Worte&lt;/p&gt;</content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://example.org/"><title>T</title>
<link>https://example.org/</link></channel><item rdf:about="https://example.org/1"><title>Neu &amp; gut</title>
<link>https://example.org/1</link><description>Worte</description><dc:date>2026-03-01</dc:date></item></rdf:RDF>"""
OLD = """<rss version="0.91"><channel><title>T</title><link>https://example.org/</link><description>d</description>
<item><title>Neu &amp; gut</title><link>https://example.org/1</link><description>Worte</description></item></channel></rss>"""
JSON = orjson.dumps({
    "version": "https://jsonfeed.org/version/1.1",
    "title": "T",
    "home_page_url": "https://example.org/",
    "language": "de",
    "items": [{
        "id": "1", "url": "https://example.org/1", "title": "Neu & gut", "content_html": "<p>Worte</p>",
        "date_published": "2026-03-01T08:00:00+01:00", "tags": ["Melanoma"], "authors": [{"name": "Eine Autorin"}],
    }],
}).decode()  # fmt: skip


@pytest.mark.parametrize("feed", [ATOM, RDF, OLD, JSON], ids=["Atom", "RDF", "RSS 0.91", "JSON Feed"])
def test_every_kind_of_feed_gives_the_same_article(feed: str, server: RegistryServer, context: SourceContext) -> None:
    (draft,) = poll(server, context, feed.encode()).drafts
    assert (draft.title, draft.summary, draft.url) == ("Neu & gut", "Worte", "https://example.org/1")
    if feed in {ATOM, JSON}:
        assert draft.published_at == datetime(2026, 3, 1, 7, tzinfo=UTC)
        assert draft.areas == [{"id": "D008545", "in_title": False}]
        assert isinstance(draft.facts, ArticleFacts)
        assert (draft.facts.authors, draft.facts.language) == (("Eine Autorin",), "de")


def test_a_json_feed_may_number_its_items(server: RegistryServer, context: SourceContext) -> None:
    feed = {"version": "https://jsonfeed.org/version/1", "items": [{"id": 17, "content_text": "Words"}, "broken"]}
    assert [draft.external_id for draft in poll(server, context, orjson.dumps(feed)).drafts] == ["17"]


NO_FEEDS: dict[str, tuple[str, str]] = {
    "a check for robots": ("<!DOCTYPE html>\n<html><head><title>Validate User</title></head></html>", "HTML page"),
    "XHTML": ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', "HTML page"),
    "HTML without a doctype": ("<HTML><body><p>Sorry", "HTML page"),
    "nothing": ("", "is empty"),
    "blanks": ("\ufeff \n", "is empty"),
    "a feed cut off between entries": (RSS.format(items=ITEM).removesuffix("</channel></rss>"), "breaks off"),
    "a feed cut off in an entry": (RSS.format(items=ITEM)[:400], "breaks off"),
    "Atom cut off": (ATOM[:-50], "breaks off"),
    "other XML": ("<catalog><book/></catalog>", "no feed"),
    "an empty element": ("<catalog/>", "no feed"),
    "plain words": ("Service unavailable", "neither XML nor JSON"),
    "the name of a file": ("/etc/hostname", "neither XML nor JSON"),
    "JSON cut off": (JSON[:-5], "breaks off"),
    "other JSON": ('{"error": "no"}', "no JSON Feed"),
    "a list": ("[1, 2]", "no JSON Feed"),
}


@pytest.mark.parametrize("name", NO_FEEDS)
def test_what_is_no_whole_feed_is_an_error_and_never_an_empty_feed(
    name: str, server: RegistryServer, context: SourceContext
) -> None:
    body, told = NO_FEEDS[name]
    with pytest.raises(SourceError, match=told) as error:
        poll(server, context, body.encode())
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{server.root}/feed")


@pytest.mark.parametrize("feed", [RSS.format(items=""), re.sub(r"<entry>.*</entry>", "", ATOM, flags=re.DOTALL)])
def test_a_feed_may_be_empty(feed: str, server: RegistryServer, context: SourceContext) -> None:
    batch = poll(server, context, feed.encode())
    assert (batch.drafts, batch.ends_sweep) == ([], True)


@pytest.mark.parametrize(("encoding", "declared"), [
    ("utf-8", "utf-8"), ("utf-8", "iso-8859-1"), ("iso-8859-1", "utf-8"), ("windows-1252", "us-ascii"),
    ("utf-16", "utf-16"), ("utf-8-sig", "utf-8"), ("utf-8", "klingon"),
])  # fmt: skip
def test_a_wrongly_declared_encoding_does_not_stop_it(
    encoding: str, declared: str, server: RegistryServer, context: SourceContext
) -> None:
    text = RSS.format(items=item(guid="a", title="Étude – déjà vu")).replace("UTF-8", declared)
    if encoding == "iso-8859-1":
        text = text.replace("–", "-")
    (draft,) = poll(server, context, text.encode(encoding)).drafts
    assert "tude" in draft.title


def test_entities_that_grow_without_end_are_refused_and_plain_ones_read(
    server: RegistryServer, context: SourceContext
) -> None:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    head, _, rest = RSS.format(items=ITEM.replace("Research", "&l0;")).partition("\n")
    plain = f'{head}<!DOCTYPE rss [<!ENTITY l0 "Res&#101;arch">]>{rest}'
    (draft,) = poll(server, context, plain.encode()).drafts
    assert isinstance(draft.facts, ArticleFacts)
    with pytest.raises(SourceError, match="entities made of entities"):
        poll(server, context, plain.replace("]>", f"{lines}]>", 1).replace("&l0;", "&l11;", 1).encode())


def test_a_feed_that_did_not_change_is_not_read_again(server: RegistryServer, context: SourceContext) -> None:
    url = server.serve(
        "/feed", RSS.format(items=ITEM).encode(), etag='"v1"', last_modified="Sun, 01 Mar 2026 00:00:00 GMT"
    )
    (first,) = source(url).batches(Position(), context)
    position = Position(cursor=first.cursor, etag=first.etag, last_modified=first.last_modified)
    (second,) = source(url).batches(position, context)
    assert (list(second.drafts), second.etag, second.ends_sweep, second.whole) == ([], '"v1"', True, False)
    assert server.requests[-1].headers["if-none-match"] == '"v1"'
    other = server.serve("/other", RSS.format(items=ITEM).encode())
    (third,) = source(other).batches(position, context)
    assert len(third.drafts) == 1
    assert "if-none-match" not in server.requests[-1].headers


def test_a_server_that_fails_is_a_source_error(server: RegistryServer, context: SourceContext) -> None:
    server.faults.append(Fault(act=respond(500)))
    with pytest.raises(SourceError, match="answered 500"):
        poll(server, context, b"")


def _count(body: bytes) -> int:
    return sum(element.tag.rpartition("}")[2] in {"item", "entry"} for element in ET.fromstring(body).iter())  # noqa: S314


def test_every_real_feed_gives_exactly_the_entries_it_holds(
    shared_data: Path, server: RegistryServer, context: SourceContext
) -> None:
    contents = [gzip.decompress(path.read_bytes()) for path in sorted((shared_data / "feeds").rglob("*.gz"))]
    robots = [body for body in contents if b"Validate User" in body]
    assert len(contents) == 98
    assert len(robots) == 1
    with pytest.raises(SourceError, match="HTML page"):
        poll(server, context, robots[0])
    for body in set(contents) - set(robots):
        batch = poll(server, context, body)
        assert len(batch.drafts) == len({draft.external_id for draft in batch.drafts}) == _count(body)
        assert not batch.problems
        assert not [draft.problems for draft in batch.drafts if draft.problems]
        assert all(draft.title and draft.url for draft in batch.drafts)
