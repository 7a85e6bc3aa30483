"""The archive of articles, its feeds, and the list of all public pages for search engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from sqlalchemy import and_, or_, text
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.database.bulk import is_sqlite, list_value
from trialalerts.digests.publishing import Publishing
from trialalerts.web.areas.feeds import AreaFeed, as_atom, as_json, feed_answer
from trialalerts.web.areas.telling import told_entry
from trialalerts.web.site import WebSite
from trialalerts.web.trials.papers import listed_paper
from trialalerts.web.wire.freshness import cacheable

__all__ = ["ArchivePage", "SiteMapPage", "latest_articles"]

_ON_A_PAGE = 30
_FED = 40
_LAST_PAGE = 200
_IN_A_MAP = 20_000
_OF_AREA = (
    "SELECT a.value FROM {} WHERE EXISTS "
    "(SELECT 1 FROM item_term t WHERE t.term IN ('about:' || a.value, 'was:' || a.value))"
)
_NAMED = {
    True: _OF_AREA.format("json_each(:areas) a"),
    False: _OF_AREA.format("unnest(CAST(:areas AS text[])) a(value)"),
}
"""Each area is looked up by itself: to look through all terms takes as long as there are trials."""
_XML = "http://www.sitemaps.org/schemas/sitemap/0.9"


class ArchivePage:
    """``/articles`` and its feeds: all articles but those that were taken back, the latest first."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._publishing = Publishing.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show a page of them."""
        site, language = self._site, self._site.pages.language(request)
        page = _page_asked(request)
        words = site.wordings.of(language.locale)
        with site.db.read() as session:
            found = latest_articles(session, (page - 1) * _ON_A_PAGE, _ON_A_PAGE + 1)
            listed = [listed_paper(each, words, self._publishing, site.pages.prefix) for each in found[:_ON_A_PAGE]]
        here = f"{site.pages.prefix}/articles"
        more = len(found) > _ON_A_PAGE and page < _LAST_PAGE
        shown = site.pages.page(
            "archive.html", language, here=here, here_query={"page": page} if page > 1 else {}, articles=listed,
            page=page, more=more, written=lambda day: site.pages.day(day, language),
        )  # fmt: skip
        return cacheable(request, shown)

    def atom(self, request: Request) -> Response:
        """Give the latest as Atom."""
        return feed_answer(request, self._feed(request, "feed.atom"), as_atom)

    def json(self, request: Request) -> Response:
        """Give the latest as JSON Feed."""
        return feed_answer(request, self._feed(request, "feed.json"), as_json)

    def _feed(self, request: Request, file: str) -> AreaFeed:
        site, language = self._site, self._site.pages.language(request)
        base, name = site.settings.service.base_url, site.settings.service.name
        words = site.wordings.of(language.locale)
        with site.db.read() as session:
            articles = {each.id: each for each in latest_articles(session, 0, _FED, taken_back=True)}
            told = select(Change).where(col(Change.item_id).in_(list(articles))).order_by(col(Change.seq).desc())
            found = [(c, articles[c.item_id]) for c in session.exec(told.limit(_FED)) if "trials" not in c.after]
        page = f"{base}/articles" if base else ""
        return AreaFeed(
            id=f"{base or 'urn:trialalerts'}/articles",
            title=f"{language.text('archive.title')} – {name}",
            page=page,
            url=f"{page}/{file}" if page else "",
            language=language.code,
            author=name,
            entries=[told_entry(self._publishing, words, change, item, base) for change, item in found],
        )


class SiteMapPage:
    """``/sitemap.xml`` and the maps that it names: the public pages, none of which knows its reader."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._base = site.settings.service.base_url

    def index(self, request: Request) -> Response:
        """Name the maps; there is none where the service has no address."""
        if not self._base:
            raise HTTPException(404)
        with self._site.db.read() as session:
            last = session.exec(select(Item.id).order_by(col(Item.id).desc()).limit(1)).first() or 0
        names = ["pages", *(f"items-{number}" for number in range(1, last // _IN_A_MAP + 2))]
        maps = "".join(f"<sitemap><loc>{escape(f'{self._base}/sitemaps/{name}.xml')}</loc></sitemap>" for name in names)
        return _xml(request, f'<sitemapindex xmlns="{_XML}">{maps}</sitemapindex>')

    def pages(self, request: Request) -> Response:
        """Name the pages that are always there, and those of the areas on which there is something."""
        tree = self._site.vocabulary.tree()
        with self._site.db.read() as session:
            sqlite = is_sqlite(session)
            values = {"areas": list_value([node.id for node in tree.nodes], sqlite=sqlite)}
            areas = sorted(session.connection().execute(text(_NAMED[sqlite]), values).scalars())
        return self._map(request, [(path, "") for path in ("/", "/articles", *(f"/areas/{area}" for area in areas))])

    def items(self, request: Request) -> Response:
        """Name articles, and trials that take people, of so many numbers in a row."""
        number = request.path_params["number"]
        if not 1 <= number <= 1 << 40:
            raise HTTPException(404)
        first, end = (number - 1) * _IN_A_MAP, number * _IN_A_MAP
        with self._site.db.read() as session:
            listed = list(_in_map(session, first, end))
        return self._map(request, listed)

    def _map(self, request: Request, pages: Sequence[tuple[str, str]]) -> Response:
        if not self._base:
            raise HTTPException(404)
        lines = (
            f"<url><loc>{escape(self._base + path)}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>"
            for path, day in pages
        )
        return _xml(request, f'<urlset xmlns="{_XML}">{"".join(lines)}</urlset>')


def _page_asked(request: Request) -> int:
    asked = request.query_params.get("page", "1")
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:6]) <= _LAST_PAGE):
        raise HTTPException(404)
    return int(asked)


def latest_articles(
    session: Session,
    skipped: int,
    most: int,
    *,
    taken_back: bool = False,
    before: tuple[datetime, int] | None = None,
) -> list[Item]:
    """Return the latest articles, those before one by its day and number; ``taken_back`` ones only where asked for."""
    withdrawn = select(Change.seq).where(Change.item_id == Item.id, Change.kind == ChangeKind.RETRACTED).exists()
    asked = select(Item).where(col(Item.kind) == ItemKind.ARTICLE, col(Item.published_at).is_not(None))
    asked = asked if taken_back else asked.where(~withdrawn)
    if before is not None:
        at, number = before
        day = col(Item.published_at)
        asked = asked.where(or_(day < at, and_(day == at, col(Item.id) < number)))
    latest = asked.order_by(col(Item.published_at).desc(), col(Item.id).desc())
    return list(session.exec(latest.offset(skipped).limit(most)))


def _in_map(session: Session, first: int, end: int) -> Iterator[tuple[str, str]]:
    """Give the pages of items, each with the day since which it is there, where that is known."""
    columns = col(Item.id), col(Item.kind), col(Item.external_id), col(Item.published_at)
    public = or_(col(Item.is_open), col(Item.kind) == ItemKind.ARTICLE)
    asked = select(*columns).where(col(Item.id) >= first, col(Item.id) < end, public).order_by(col(Item.id))
    for number, kind, name, published in session.exec(asked):
        day = published.date().isoformat() if published else ""
        yield (f"/articles/{number}", day) if kind is ItemKind.ARTICLE else (f"/trials/{quote(name, safe='')}", "")


def _xml(request: Request, body: str) -> Response:
    return cacheable(request, Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', media_type="application/xml"))
