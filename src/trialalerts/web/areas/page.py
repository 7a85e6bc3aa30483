"""The page of an area: what is open, nearest or newest first, what is new, and the way to hear of the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.digests.cards.reasons import place_said, wish_heading
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import UnknownArea
from trialalerts.matching.reasons import Scope
from trialalerts.subscribers.tables import RegionKind
from trialalerts.web.areas.cards import trial_cards
from trialalerts.web.areas.feeds import AreaFeed, as_atom, as_json, public_feed
from trialalerts.web.areas.listing import AreaListing
from trialalerts.web.areas.telling import first_said, told_entry, told_in_a_line
from trialalerts.web.areas.within import Within, part_asked, part_named
from trialalerts.web.clients.limits import client_of
from trialalerts.web.languages import Language
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat, with_query
from trialalerts.web.trials.page import NearPlace, near_place
from trialalerts.web.trials.papers import listed_paper
from trialalerts.web.wire.kept import KeptAnswers, PublicAnswer

__all__ = ["AreaPage"]

_SHOWN = 10
_NEWS = 8
_ARTICLES = 4
_FED = 40
_LONGEST = 200
_TITLE = 200


@dataclass(frozen=True, kw_only=True)
class _RecentChange:
    """A change in the list of news."""

    day: date
    number: str
    text: str
    title: str


class AreaPage:
    """``/areas/{area}`` and its feeds: public, the same for everybody."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._publishing = Publishing.of(site.settings)
        self._kept = KeptAnswers(site.clock)

    async def show(self, request: Request) -> Response:
        """Show an area by its id or name."""
        return await self._answer_kept(request, "page", lambda asked: PublicAnswer(response=self._answer(asked, "")))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Show it with what is nearest to the place that was typed; that is used once and not kept."""
        wait = self._site.looks.wait(client_of(request.client.host if request.client else None))
        if wait:
            pages = self._site.pages
            return pages.message("limit", pages.language(request), status=429, headers={"Retry-After": str(wait)})
        return self._answer(request, str(typed.get("near", "")))

    async def atom(self, request: Request) -> Response:
        """Give the news as Atom."""
        return await self._answer_kept(
            request, "atom", lambda asked: public_feed(self._feed(asked, "feed.atom"), as_atom)
        )

    async def json(self, request: Request) -> Response:
        """Give the news as JSON Feed."""
        return await self._answer_kept(
            request, "json", lambda asked: public_feed(self._feed(asked, "feed.json"), as_json)
        )

    async def _answer_kept(self, request: Request, form: str, make: Callable[[Request], PublicAnswer]) -> Response:
        """Return what is kept for all who ask for the same area, part of the world and language."""
        language = self._site.pages.language(request)
        key = (form, request.path_params["area"], *part_asked(request), language.code, language.locale)
        return await self._kept.answer(request, key, make)

    def _answer(self, request: Request, typed: str) -> Response:
        site, language = self._site, self._site.pages.language(request)
        area = self._area(request)
        words = self._site.wordings.of(language.locale)
        name = site.vocabulary.tree().name(area, language.code)
        with site.db.read() as session:
            within = part_named(session, *part_asked(request))
            listing = AreaListing(session, site.vocabulary.tree(), area, within.codes)
            near = near_place(session, typed, language)
            found = listing.nearest(near.region, _SHOWN) if near.region else listing.newest(_SHOWN)
            cards = trial_cards(session, found, words, near.region, site.clock.now().date())
            number, complete = listing.count()
            listed = {
                "cards": cards,
                "total": number,
                "complete": complete,
                "news": self._news(session, listing.news(_FED), words)[:_NEWS],
                "articles": [
                    listed_paper(item, words, self._publishing, site.pages.prefix)
                    for item in listing.articles(_ARTICLES)
                ],
            }
        return self._page(language, area, name, within, near, listed)

    def _page(
        self,
        language: Language,
        area: str,
        name: str,
        within: Within,
        near: NearPlace,
        listed: Mapping[str, object],
    ) -> Response:
        pages = self._site.pages
        path = f"{pages.prefix}/areas/{area}"
        asked = with_query(path, **within.query) if within.query else path
        words = self._site.wordings.of(language.locale)
        names = self._site.vocabulary.tree().names(area)
        return pages.page(
            "area.html",
            language,
            status=200,
            here=path,
            here_query=within.query,
            repeat=Repeat(path=asked, fields={"near": near.typed}) if near.typed else None,
            path=path,
            address=self._site.settings.service.base_url,
            area=area,
            area_name=name,
            foreign=(name,) if names.language(language.code) != language.code else (),
            region_name=(region_name := place_said(words, within.scope) if within.query else ""),
            region_typed=within.scope.place if "region" in within.query else region_name,
            near=near,
            today=self._site.clock.now().date(),
            written=words.day,
            heading=wish_heading(words, name, _scope(near, within)),
            **listed,
        )

    def _area(self, request: Request) -> str:
        text = str(request.path_params["area"])
        tree = self._site.vocabulary.tree()
        if len(text) > _LONGEST:
            raise HTTPException(404)
        if text in tree:
            return text
        try:
            return tree.find(text, self._site.pages.language(request).code).id
        except UnknownArea:
            raise HTTPException(404) from None

    def _news(self, session: Session, changes: Sequence[Change], words: Wording) -> list[_RecentChange]:
        items = _items(session, changes)
        return [
            _RecentChange(
                day=change.at.date(),
                number=item.external_id,
                text=told_in_a_line(words, change),
                title=first_said(words, item) or one_line(item.title, _TITLE),
            )
            for change in changes
            if (item := items.get(change.item_id)) and item.kind is ItemKind.TRIAL  # articles stand in a list of theirs
        ]

    def _feed(self, request: Request, file: str) -> AreaFeed:
        site = self._site
        area = self._area(request)
        language = site.pages.language(request)
        words = self._site.wordings.of(language.locale)
        base = site.settings.service.base_url
        name = site.vocabulary.tree().name(area, language.code)
        with site.db.read() as session:
            within = part_named(session, *part_asked(request))
            changes = AreaListing(session, site.vocabulary.tree(), area, within.codes).news(_FED)
            items = _items(session, changes)
        page = f"{base}/areas/{area}" if base else ""
        spoken = {"lang": language.code} if "lang" in request.query_params else {}
        query = f"?{urlencode({**within.query, **spoken})}" if within.query or spoken else ""
        entries = [
            told_entry(self._publishing, words, change, item, base)
            for change in changes
            if (item := items.get(change.item_id))
        ]
        return AreaFeed(
            id=f"{base or 'urn:trialalerts'}/areas/{area}" + (f"?{urlencode(within.query)}" if within.query else ""),
            title=f"{wish_heading(words, name, within.scope)} – {site.settings.service.name}",
            page=f"{page}{query}" if page else "",
            url=f"{page}/{file}{query}" if page else "",
            language=language.code,
            author=site.settings.service.name,
            entries=entries,
        )


def _scope(near: NearPlace, within: Within) -> Scope:
    """Return what the page is of, as a wish would ask for it: both have the same heading."""
    if near.region:
        return Scope(RegionKind(near.region.kind), near.region.label, near.region.country, near.region.subdivision)
    return within.scope


def _items(session: Session, changes: Sequence[Change]) -> dict[int, Item]:
    ids = {each.item_id for each in changes}
    return {item.id or 0: item for item in session.exec(select(Item).where(col(Item.id).in_(ids)))}
