"""The page of a trial, its sheet for the doctor, and the place that is typed there: used once, never kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Item
from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.vocabulary.places.regions import Region, find_region
from trialalerts.vocabulary.places.shown import choice_shown
from trialalerts.web.clients.limits import client_of
from trialalerts.web.languages import Language
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat
from trialalerts.web.trials.interest import spoken_in, written_mail
from trialalerts.web.trials.papers import MOST_PAPERS, listed_papers
from trialalerts.web.trials.view import TrialView, view_of
from trialalerts.web.wire.freshness import cacheable

__all__ = ["NearPlace", "TrialPage", "near_place"]

_LONGEST_PLACE = 100
_SHEET = "trial_sheet.html"
_SITES = 6
_SHEET_SITES = 3
_SHEET_CRITERIA = 6
_SHEET_LINE = 140
_CHOICES = 4


@dataclass(frozen=True, kw_only=True)
class NearPlace:
    """A place that was typed: what it means, or what to choose from where nobody can tell.

    ``several``: all that can be chosen are called so; otherwise they are only spelled alike.
    """

    typed: str = ""
    region: Region | None = None
    wrong: bool = False
    several: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How a reader with a personal link, whose ``token`` it is, stands to a trial; without one nobody can tell.

    ``asks``: they may write to the organisation's own nurse.
    """

    token: str | None = None
    followed: bool = False
    silenced: bool = False
    asks: bool = False


_ANYBODY = Reader()


def near_place(session: Session, typed: str, language: Language) -> NearPlace:
    """Return what a typed place means; it is neither kept nor logged."""
    text = " ".join(typed.split())[:_LONGEST_PLACE]
    if not text:
        return NearPlace()
    try:
        return NearPlace(typed=text, region=find_region(session, text, radius_km=None))
    except (AmbiguousRegion, UnknownRegion) as error:
        choices = tuple(choice_shown(place, language.code) for place in error.choices[:_CHOICES])
        return NearPlace(typed=text, wrong=True, several=isinstance(error, AmbiguousRegion), choices=choices)
    except InvalidInput:
        return NearPlace(typed=text, wrong=True)


class TrialPage:
    """``/trials/{number}`` and ``/trials/{number}/sheet``: public, the same for everybody."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._publishing = Publishing.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show a trial by any number that it goes by."""
        return self._answer(request, "trial.html", "")

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Show it with the sites in the order of their distance from the place that was typed."""
        return self._refused(request) or self._answer(request, "trial.html", str(typed.get("near", "")))

    def sheet(self, request: Request) -> Response:
        """Show the sheet for the doctor."""
        return self._answer(request, _SHEET, "")

    def take_sheet(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Show the sheet with the sites around the place that was typed."""
        return self._refused(request) or self._answer(request, _SHEET, str(typed.get("near", "")))

    def signed(
        self,
        session: Session,
        item: Item,
        language: Language,
        near: NearPlace,
        *,
        here: str,
        token: str | None,
        followed: bool,
        silenced: bool,
        asks: bool,
    ) -> Response:
        """Return the page of a trial to which the signed link ``here`` led; without a ``token`` it follows none."""
        view = self._view(session, item, language, near, sites=_SITES)
        reader = Reader(token=token, followed=followed, silenced=silenced, asks=asks)
        return self._rendered("trial.html", view, language, near, here=here, signed=True, reader=reader)

    def _refused(self, request: Request) -> Response | None:
        wait = self._site.looks.wait(client_of(request.client.host if request.client else None))
        if not wait:
            return None
        pages = self._site.pages
        return pages.message("limit", pages.language(request), status=429, headers={"Retry-After": str(wait)})

    def _answer(self, request: Request, template: str, typed: str) -> Response:
        site = self._site
        language = site.pages.language(request)
        with site.db.read() as session:
            item = find_trial(session, request.path_params["number"])
            if item is None:
                here = f"{site.pages.prefix}/trials/{quote(request.path_params['number'])}"
                return site.pages.message("trial_unknown", language, status=404, again=True, here=here)
            near = near_place(session, typed, language)
            count = _SHEET_SITES if template == _SHEET else _SITES
            view = self._view(session, item, language, near, sites=count)
        response = self._rendered(template, view, language, near)
        return cacheable(request, response) if request.method in {"GET", "HEAD"} else response

    def _view(self, session: Session, item: Item, language: Language, near: NearPlace, *, sites: int) -> TrialView:
        words = self._site.wordings.of(language.locale)
        today = self._site.clock.now().date()
        prefix, areas = self._site.pages.prefix, self._site.vocabulary.tree()
        papers = listed_papers(session, item, words, self._publishing, prefix)
        return view_of(session, item, words, areas, near.region, today, papers=papers, sites=sites)

    def _interest(self, number: str, language: Language, mailto: str, country: str) -> str:
        """Return the link for a mail to somebody in a country whom the record names."""
        site = self._site
        page = site.links.trial(number) if site.settings.service.base_url else ""
        return written_mail(mailto, number, page, language, site.pages.languages.get(spoken_in(country)))

    def _rendered(
        self,
        template: str,
        view: TrialView,
        language: Language,
        near: NearPlace,
        *,
        here: str = "",
        signed: bool = False,
        reader: Reader = _ANYBODY,
    ) -> Response:
        pages, today = self._site.pages, self._site.clock.now().date()
        path = f"{pages.prefix}/trials/{view.number}"
        here = here or (f"{path}/sheet" if template == _SHEET else path)
        return pages.page(
            template,
            language,
            trial=view,
            near=near,
            path=path,
            here=here,
            repeat=Repeat(path=here, fields={"near": near.typed}) if near.typed else None,
            address=self._site.links.trial(view.number) if self._site.settings.service.base_url else "",
            today=today,
            written=self._site.wordings.of(language.locale).day,
            seen_today=view.seen.date() == today,
            most_papers=MOST_PAPERS,
            key_criteria=_SHEET_CRITERIA,
            key_length=_SHEET_LINE,
            signed=signed,
            token=reader.token,
            followed=reader.followed,
            silenced=reader.silenced,
            asks=reader.asks,
            interest=partial(self._interest, view.number, language),
        )
