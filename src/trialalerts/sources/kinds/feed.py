"""Feeds as a source: what is new in RSS, Atom, RDF and JSON Feed, each article once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import ConfigDict, Field

from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.articles.likeness import are_versions
from trialalerts.catalog.draft import AreaTag, FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_line, clean_text, summary_of
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.errors import SourceError, UnknownArea
from trialalerts.net.client import Fetcher, HttpAnswer
from trialalerts.redaction import shown_url
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Batch, Position, SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.feeds.dates import When, read_when
from trialalerts.sources.feeds.entry import FeedContent, FeedEntry
from trialalerts.sources.feeds.json_feed import read_json_feed
from trialalerts.sources.feeds.links import link_key, usable_link
from trialalerts.sources.feeds.xml_feed import read_xml_feed, without_preamble
from trialalerts.sources.polling.state import url_key
from trialalerts.sources.reading.fields import UNNAMED
from trialalerts.sources.stumbles import unreadable

__all__ = ["KIND", "FeedSettings", "FeedSource"]

_ACCEPT = "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, */*;q=0.5"
_TITLE_LIMIT = 300
_SUMMARY_LIMIT = 5_000
_ID_LIMIT = 300


class FeedSettings(SourceSettings):
    """Where the feed is, and of which areas its articles are where they name none."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^https?://[^/\s]+", repr=False)
    areas: tuple[str, ...] = ()


class FeedSource:
    """A feed. Its whole content is one batch; what was served unchanged (304) is none."""

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings
        self._name = settings.name

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give what the feed holds now."""
        began = context.clock.now()
        answer, moved_to = self._asked(position, context.fetcher)
        cursor = {"url": self._url_hash(), **({"moved_to": moved_to} if moved_to else {})}
        if answer.not_modified:
            yield Batch(
                drafts=(), cursor=cursor, sweep_began=began, ends_sweep=True, moved_to=moved_to,
                etag=position.etag, last_modified=position.last_modified,
            )  # fmt: skip
            return
        content = self._content(answer)
        reading = _Reading(self._settings, context, content, shown_url(answer.url))
        yield Batch(
            drafts=reading.drafts(),
            problems=reading.problems,
            strange=context.categories.strange,
            cursor=cursor,
            sweep_began=began,
            ends_sweep=True,
            whole=True,
            moved=bool(position.cursor) and position.cursor.get("url") != self._url_hash(),
            moved_to=moved_to,
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
        )

    def sample(self, body: bytes, name: str, context: SourceContext) -> Batch:
        """Read a feed from a file."""
        answer = HttpAnswer(status=200, headers={}, body=body, not_modified=False, url=name)
        reading = _Reading(self._settings, context, self._content(answer), name)
        began = context.clock.now()
        return Batch(drafts=reading.drafts(), problems=reading.problems, cursor={}, sweep_began=began, ends_sweep=True)

    def _asked(self, position: Position, fetcher: Fetcher) -> tuple[HttpAnswer, str | None]:
        """Ask where the feed moved to for good, else at its own address; return where it is next.

        Where it fails at the new place, its own address says what is right now.
        """
        if position.cursor.get("url") != self._url_hash():
            position = Position()
        moved = position.cursor.get("moved_to")
        for url in filter(None, (moved, self._settings.url)):
            try:
                answer = fetcher.get(url, etag=position.etag, last_modified=position.last_modified, accept=_ACCEPT)
            except SourceError:
                if url == self._settings.url:
                    raise
                position, moved = Position(), None
            else:
                return answer, answer.moved_to or moved
        raise AssertionError("the loop returns or raises")

    def _content(self, answer: HttpAnswer) -> FeedContent:
        url = shown_url(answer.url)
        body = without_preamble(answer.body)
        if body[:1] in {b"{", b"["}:
            return read_json_feed(body, url)
        return read_xml_feed(answer.body, url, answer.headers)

    def _url_hash(self) -> str:
        return url_key(self._settings)


class _Reading:
    """The entries of one poll while they become drafts."""

    def __init__(self, settings: FeedSettings, context: SourceContext, content: FeedContent, url: str) -> None:
        self.problems: list[FieldProblem] = [
            _problem(f"{UNNAMED}entry {number}", "record", "the entry is broken; it was left out")
            for number in content.unread
        ]
        self._name = settings.name
        self._context = context
        self._url = url
        self._areas = areas_of(settings, context)
        self._home = {"", link_key(usable_link(content.home, url))}
        self._entries = self._once(content.entries)
        self._ids = Counter(_clean_id(entry.id) for entry in self._entries)
        self._links = Counter(self._link_key(entry) for entry in self._entries)
        self._given: set[str] = set()

    def drafts(self) -> list[ItemDraft]:
        """Make the drafts of all entries; what goes wrong with one of them is noted."""
        found: list[ItemDraft] = []
        for number, entry in enumerate(self._entries, start=1):
            try:
                draft = self._draft(entry)
            except Exception as error:  # noqa: BLE001 - an entry that nobody foresaw must not stop the others
                self.problems.append(unreadable(_clean_id(entry.id) or f"{UNNAMED}entry {number}", error))
                continue
            if draft is not None:
                found.append(draft)
        return found

    def _draft(self, entry: FeedEntry) -> ItemDraft | None:
        """Make a draft; None where the entry holds nothing to show, or stood in the feed before."""
        link = usable_link(entry.link, self._url) if entry.link else ""
        summary = clean_text(entry.summary)
        title = clean_line(entry.title) or summary_of(summary, 120)
        external_id = self._external_id(entry, link, title)
        if external_id in self._given:
            return None
        self._given.add(external_id)
        if not title:
            self.problems.append(_problem(external_id, "title", "the entry has neither a title nor a text"))
            return None
        return self._filled(entry, external_id, link, title, summary)

    def _filled(self, entry: FeedEntry, external_id: str, link: str, title: str, summary: str) -> ItemDraft:
        problems: list[FieldProblem] = []
        if entry.link and not link:
            problems.append(_problem(external_id, "link", "the link is no web address"))
        categories = tuple(dict.fromkeys(filter(None, map(clean_line, entry.categories))))
        named = self._context.categories.read(categories)
        published = _published(entry, external_id, problems)
        return ItemDraft(
            registry=self._name,
            external_id=external_id,
            kind=ItemKind.ARTICLE,
            url=link,
            title=title[:_TITLE_LIMIT],
            summary=summary[:_SUMMARY_LIMIT],
            published_at=published.at if published else None,
            facts=ArticleFacts(
                authors=tuple(dict.fromkeys(filter(None, map(clean_line, entry.authors)))),
                categories=categories,
                audience=named.audience,
                language=clean_line(entry.language)[:20] or None,
                published_on=published.day if published else None,
                trials=registry_numbers((title, summary)),
            ),
            source=self._name,
            areas=self._tags(title, summary, named.areas, entry.language),
            topics=self._context.categories.topics(named.topics, title=title, text=summary),
            keys=self._keys(entry, link),
            problems=tuple(problems),
        )

    def _tags(self, title: str, summary: str, named: tuple[str, ...], language: str) -> list[AreaTag]:
        """Tell the areas: the floor is what is configured for the feed, with what categories name below; else these."""
        above = self._context.areas.ancestors
        configured = (*self._areas, *(area for area in named if not above(area).isdisjoint(self._areas)))
        return self._context.categories.areas(configured or named, title=title, text=summary, language=language)

    def _once(self, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
        """Drop entries that stand in the feed twice: under one id and link, their titles versions of one."""
        kept: list[FeedEntry] = []
        titles: dict[tuple[str, str], list[str]] = {}
        for entry in entries:
            id_, key = _clean_id(entry.id), self._link_key(entry)
            seen = titles.setdefault((id_, key), [])
            if (id_ or key not in self._home) and any(are_versions(entry.title, title) for title in seen):
                continue
            seen.append(entry.title)
            kept.append(entry)
        return kept

    def _external_id(self, entry: FeedEntry, link: str, title: str) -> str:
        """Return the id of an entry: its own, else its link, else a hash.

        An id or a link that several entries share identifies none of them. Whether the article is known under another
        id is for the catalog to tell.
        """
        id_ = _clean_id(entry.id)
        key = self._link_key(entry)
        if id_ and self._ids[id_] == 1:
            return id_
        if link and self._links[key] == 1 and key not in self._home:
            return _clean_id(link)
        return _hashed(f"{id_}\n{key}\n{title}")

    def _keys(self, entry: FeedEntry, link: str) -> tuple[str, ...]:
        """Return by what the article is recognised elsewhere; the feed's own page is no article's."""
        id_as_link = entry.id.strip() if entry.id.strip().startswith(("http://", "https://")) else ""
        links = [each for each in (link, usable_link(id_as_link, "")) if link_key(each) not in self._home]
        return article_keys(links=links, identifiers=[entry.id.strip(), *entry.identifiers])

    def _link_key(self, entry: FeedEntry) -> str:
        return link_key(usable_link(entry.link, self._url)) if entry.link else ""


def areas_of(settings: FeedSettings, context: SourceContext) -> tuple[str, ...]:
    """Return the ids of the areas that the configuration gives to everything of a source.

    Raises:
        SourceError: a name is unknown.
    """
    found = []
    for name in settings.areas:
        try:
            found.append(context.areas.find(name).id)
        except UnknownArea as error:
            raise SourceError(f"Source {settings.name}, areas: {error}") from None
    return tuple(dict.fromkeys(found))


def _published(entry: FeedEntry, external_id: str, problems: list[FieldProblem]) -> When | None:
    for text in entry.dates:
        when = read_when(text)
        if when is not None:
            return when
    if entry.dates:
        problems.append(
            _problem(external_id, "published", f"found “{clean_line(entry.dates[0])[:60]}”, expected a date")
        )
    return None


def _clean_id(text: str) -> str:
    """Return an id without blanks; a very long one as its hash."""
    words = " ".join(text.split()).replace("\0", "")
    return words if len(words) <= _ID_LIMIT else _hashed(words)


def _hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _problem(external_id: str, field: str, message: str) -> FieldProblem:
    return FieldProblem(external_id=external_id, field=field, message=message)


KIND = SourceKind(what="a feed: RSS, Atom, RDF or JSON Feed", settings=FeedSettings, open=FeedSource)
