"""The web application: which path leads to which page, and which page tells of which error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.errors import DatabaseBehind, DatabaseUnavailable, DatabaseUnusable, TokenError
from trialalerts.operations.metrics import RequestMetrics
from trialalerts.settings import Settings
from trialalerts.subscribers.links import (
    ADDRESS_PATH,
    ANNOUNCEMENT_PATH,
    ARTICLE_PATH,
    ASK_PATH,
    CONFIRM_PATH,
    DIGEST_PATH,
    FOLLOW_PATH,
    NUDGE_PATH,
    OBJECT_PATH,
    PREFERENCES_PATH,
    STOP_PATH,
    TRIAL_PATH,
    UNDO_PATH,
    UNSUBSCRIBE_PATH,
    Links,
)
from trialalerts.subscribers.tokens import Tokens, TokenTooOld
from trialalerts.web.api.cross_origin import CrossOrigin
from trialalerts.web.api.description import describe_api
from trialalerts.web.api.endpoints import API_PATH, ApiEndpoints
from trialalerts.web.api.problems import ApiProblem, problem_answer
from trialalerts.web.areas.page import AreaPage
from trialalerts.web.clients.limits import ClientLimit, SharedClientLimit
from trialalerts.web.clients.proxies import ForwardedClients, TrustedProxies
from trialalerts.web.desk.routes import DESK_PATH, desk_routes
from trialalerts.web.estimates import Estimates
from trialalerts.web.forms import reads_form
from trialalerts.web.middleware import BodyCap, Guard, SecurityHeaders
from trialalerts.web.pages.account.address import AddressPage
from trialalerts.web.pages.account.goodbye import UndoPage
from trialalerts.web.pages.account.link import LinkPage
from trialalerts.web.pages.account.nudges import NudgePage
from trialalerts.web.pages.account.objection import ObjectionPage
from trialalerts.web.pages.account.settings import SettingsPage
from trialalerts.web.pages.account.stop import StopPage
from trialalerts.web.pages.announcement import AnnouncementPage
from trialalerts.web.pages.archive import ArchivePage, SiteMapPage
from trialalerts.web.pages.article import ArticlePage
from trialalerts.web.pages.confirm import ConfirmPage
from trialalerts.web.pages.digest import DigestPage
from trialalerts.web.pages.signup import SignUpPage
from trialalerts.web.pages.status import StatusPages
from trialalerts.web.pages.unsubscribe import UnsubscribePage
from trialalerts.web.signup.suggestions import Suggestions
from trialalerts.web.site import LinkEnded, RenewableLinkTooOld, Vocabulary, WebSite
from trialalerts.web.templates import PageTemplates
from trialalerts.web.trials.follow import FollowPage
from trialalerts.web.trials.handoff import HandoffPage, may_ask
from trialalerts.web.trials.page import TrialPage
from trialalerts.web.webhooks import LARGEST, Webhooks
from trialalerts.web.wire.compression import Compression, Packed, behind_token
from trialalerts.web.wire.origins import OriginCheck, origin_of

__all__ = ["create_app"]

_BODY_BYTES = 64_000
_BODY_SECONDS = 15.0
_SIGN_UPS = 60
_LOOKS = 120
_SIGN_UPS_WITHIN = timedelta(minutes=15)
_STATUS_PAGES = {
    400: "bad_request",
    403: "foreign_form",
    404: "not_found",
    405: "not_allowed",
    408: "bad_request",
    413: "too_large",
    503: "unavailable",
}


def create_app(settings: Settings, db: Database, clock: Clock, *, public: bool = True, desk: bool = False) -> Starlette:
    """Return the application; it needs an upgraded database.

    Args:
        settings: the configuration.
        db: the database.
        clock: tells the time.
        public: whether it has the pages for readers, and what other programs call.
        desk: whether it has the editors' desk.

    Raises:
        ConfigurationError: ``service.secret`` is empty, or the operator's own texts or a webhook's keys make no sense,
            or nobody may come to the desk.
    """
    site = WebSite(
        settings=settings,
        db=db,
        clock=clock,
        pages=PageTemplates(settings),
        wordings=_wordings(settings),
        tokens=Tokens(settings.service.secrets[0], clock, previous=settings.service.secrets[1:]),
        links=Links(settings, clock),
        vocabulary=Vocabulary(db, clock),
        estimates=Estimates(db, clock, sources=[source.name for source in settings.sources]),
        sign_ups=SharedClientLimit(
            db, clock, secret=settings.service.secrets[0], times=_SIGN_UPS, within=_SIGN_UPS_WITHIN
        ),
        looks=ClientLimit(clock, times=_LOOKS, within=_SIGN_UPS_WITHIN),
    )
    webhooks, requests = Webhooks(settings, db, clock), RequestMetrics()
    routes = [*_routes(site), webhooks.route()] if public else []
    routes += [
        *(desk_routes(site, partial(create_app, settings, clock=clock)) if desk else ()),
        *_own_routes(site, StatusPages(site, requests)),
    ]
    tokens = behind_token(routes)
    senders = (origin_of(settings.service.base_url), *settings.web.embed_origins)
    answer = _answer_errors(site.pages)
    https = settings.service.base_url.startswith("https://")
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: answer, ApiProblem: answer},
        middleware=[
            Middleware(ForwardedClients, trusted=TrustedProxies(settings.web.trusted_proxies)),
            Middleware(SecurityHeaders, https=https),
            Middleware(CrossOrigin, allowed=settings.api.allowed_origins),
            Middleware(Guard, routes=routes, answer=answer, note=requests.note),
            Middleware(
                BodyCap, limit=_BODY_BYTES, seconds=_BODY_SECONDS, larger=dict.fromkeys(webhooks.paths, LARGEST)
            ),
            Middleware(OriginCheck, allowed=senders, proven=(*tokens, "/webhooks/", f"{API_PATH}/")),
            Middleware(Compression, plain=(*tokens, DESK_PATH)),
        ],
    )
    app.router.redirect_slashes = False  # a redirect would carry the Host header of whoever asks, and the token
    return app


def _wordings(settings: Settings) -> Wordings:
    own = settings.templates.folder
    return Wordings(Path(own) / "email" if own else None, default=settings.service.locale)


def _routes(site: WebSite) -> list[Route]:
    sign_up, confirm, unsubscribe = SignUpPage(site), ConfirmPage(site), UnsubscribePage(site)
    suggestions = Suggestions(site)
    settings_page, mails = SettingsPage(site), MailRenderer(site.settings, site.clock)
    return [
        Route("/", sign_up.show),
        Route("/areas/suggest", suggestions.areas),
        Route("/regions/suggest", suggestions.regions),
        Route("/subscribe", sign_up.show, methods=["GET"]),
        Route("/subscribe", reads_form(sign_up.take), methods=["POST"]),
        Route(CONFIRM_PATH, confirm.show, methods=["GET"]),
        Route(CONFIRM_PATH, reads_form(confirm.take, lenient=True), methods=["POST"]),
        Route(UNSUBSCRIBE_PATH, unsubscribe.show, methods=["GET"]),
        Route(UNSUBSCRIBE_PATH, unsubscribe.take, methods=["POST"]),
        Route(PREFERENCES_PATH, settings_page.show, methods=["GET"]),
        Route(PREFERENCES_PATH, reads_form(settings_page.take), methods=["POST"]),
        Route(f"{PREFERENCES_PATH}/data", settings_page.data),
        Route(DIGEST_PATH, DigestPage(site, mails).show),
        Route(ANNOUNCEMENT_PATH, AnnouncementPage(site, mails).show),
        *_account_routes(site),
        *_articles(site),
        *_public_pages(site, mails),
        *_embedded(site),
        *_api(site),
        Route("/privacy", _privacy(site)),
    ]


def _own_routes(site: WebSite, status: StatusPages) -> list[Route]:
    """Return what each server has, whatever its pages are."""
    return [
        Route("/healthz", status.health),
        Route("/readyz", status.ready),
        Route("/metrics", status.metrics),
        Route("/static/{name}", _static(site.pages)),
        Route("/favicon.ico", _static(site.pages)),
    ]


def _account_routes(site: WebSite) -> list[Route]:
    link = LinkPage(site)
    buttons: dict[str, AddressPage | NudgePage | ObjectionPage | StopPage | UndoPage] = {
        ADDRESS_PATH: AddressPage(site),
        NUDGE_PATH: NudgePage(site),
        OBJECT_PATH: ObjectionPage(site),
        STOP_PATH: StopPage(site),
        UNDO_PATH: UndoPage(site),
    }
    return [
        Route("/link", link.show, methods=["GET"]),
        Route("/link", reads_form(link.take), methods=["POST"]),
        *(Route(path, page.show, methods=["GET"]) for path, page in buttons.items()),
        *(Route(path, reads_form(page.take, lenient=True), methods=["POST"]) for path, page in buttons.items()),
    ]


def _public_pages(site: WebSite, mails: MailRenderer) -> list[Route]:
    trials, areas, ask = TrialPage(site), AreaPage(site), HandoffPage(site, mails)
    follow = FollowPage(site, trials, partial(may_ask, site))
    any_number = TRIAL_PATH.replace("{number}", "{number:path}")  # some have slashes in them
    return [
        Route(FOLLOW_PATH, follow.show, methods=["GET"]),
        Route(FOLLOW_PATH, reads_form(follow.take, lenient=True), methods=["POST"]),
        Route(ASK_PATH, ask.show, methods=["GET"]),
        Route(ASK_PATH, reads_form(ask.take, lenient=True), methods=["POST"]),
        Route(f"{any_number}/sheet", trials.sheet, methods=["GET"]),
        Route(f"{any_number}/sheet", reads_form(trials.take_sheet), methods=["POST"]),
        Route(any_number, trials.show, methods=["GET"]),
        Route(any_number, reads_form(trials.take), methods=["POST"]),
        Route("/areas/{area}/feed.atom", areas.atom),
        Route("/areas/{area}/feed.json", areas.json),
        Route("/areas/{area}", areas.show, methods=["GET"]),
        Route("/areas/{area}", reads_form(areas.take), methods=["POST"]),
        Route("/robots.txt", _robots(site)),
    ]


def _articles(site: WebSite) -> list[Route]:
    archive, sitemap = ArchivePage(site), SiteMapPage(site)
    return [
        Route("/articles", archive.show),
        Route("/articles/feed.atom", archive.atom),
        Route("/articles/feed.json", archive.json),
        Route(ARTICLE_PATH.replace("{number}", "{number:int}"), ArticlePage(site).show),
        Route("/sitemap.xml", sitemap.index),
        Route("/sitemaps/pages.xml", sitemap.pages),
        Route("/sitemaps/items-{number:int}.xml", sitemap.items),
    ]


def _robots(site: WebSite) -> Callable[[Request], Response]:
    """Say what search engines may look at: the public pages, and nothing that needs a link from a mail."""
    signed = (
        ADDRESS_PATH, ANNOUNCEMENT_PATH, ASK_PATH, CONFIRM_PATH, DIGEST_PATH, FOLLOW_PATH, NUDGE_PATH,
        OBJECT_PATH, PREFERENCES_PATH, STOP_PATH, UNDO_PATH, UNSUBSCRIBE_PATH,
    )  # fmt: skip
    lines = ["User-agent: *", *(f"Disallow: {site.pages.prefix}{path.partition('{')[0]}" for path in signed), ""]
    if site.settings.service.base_url:
        lines += [f"Sitemap: {site.settings.service.base_url}/sitemap.xml", ""]
    body = "\n".join(lines)

    def robots(request: Request) -> Response:
        del request
        return Response(body, media_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})

    return robots


def _embedded(site: WebSite) -> list[Route]:
    """Return the sign-up for the frames of other sites, where there are any."""
    if not site.settings.web.embed_origins:
        return []
    embedded = SignUpPage(site, framed_by=site.settings.web.embed_origins)
    return [
        Route("/embed", embedded.show, methods=["GET"]),
        Route("/embed", reads_form(embedded.take), methods=["POST"]),
    ]


def _api(site: WebSite) -> list[Route]:
    """Return what other programs may ask, where the operator opened it."""
    if not site.settings.api.enabled:
        return []
    headers = {"Content-Type": "application/json", "Cache-Control": "public, max-age=600", "X-Robots-Tag": "noindex"}
    described = cache(lambda: Packed(orjson.dumps(describe_api(site.settings)), headers))  # a tenth of a second

    def description(request: Request) -> Response:
        return described().answer(request)

    return [Route(f"{API_PATH}/openapi.json", description), *ApiEndpoints(site).routes()]


def _privacy(site: WebSite) -> Callable[[Request], Response]:
    def privacy(request: Request) -> Response:
        kept = site.settings.retention
        periods = {"left": kept.left.days, "unconfirmed": kept.unconfirmed.days}
        here = f"{site.pages.prefix}/privacy"
        language, nudges = site.pages.language(request), bool(site.settings.nudges)
        return site.pages.page("privacy.html", language, here=here, nudges=nudges, **periods)

    return privacy


def _static(pages: PageTemplates) -> Callable[[Request], Awaitable[Response]]:
    kept = {
        name: Packed(body, {"Content-Type": kind, "Cache-Control": "public, max-age=86400"})
        for name, (body, kind) in pages.static.items()
    }

    async def static(request: Request) -> Response:
        name = request.path_params.get("name", "icon.svg")
        if name not in kept:
            raise HTTPException(404)
        return kept[name].answer(request)

    return static


def _answer_errors(pages: PageTemplates) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, ApiProblem) or request.url.path.startswith(f"{API_PATH}/"):
            return problem_answer(error)
        here = f"{pages.prefix}/{quote(request.url.path.lstrip('/'))}" if request.method == "GET" else None
        if isinstance(error, RenewableLinkTooOld):
            return pages.page("expired.html", pages.language(request), status=410, token=error.token, here=here)
        key, status = _meaning(error)
        headers = error.headers if isinstance(error, HTTPException) else None
        return pages.message(key, pages.language(request), status=status, headers=headers, again=True, here=here)

    return answer


def _meaning(error: Exception) -> tuple[str, int]:
    """Return the text and the status that tell of an error."""
    if isinstance(error, HTTPException):
        return _STATUS_PAGES.get(error.status_code, "bad_request"), error.status_code
    if isinstance(error, TokenTooOld):
        return "link_expired", 410
    if isinstance(error, LinkEnded):
        return "link_gone", 410
    if isinstance(error, TokenError):
        return "link_broken", 400
    if isinstance(error, DatabaseUnavailable | DatabaseUnusable | DatabaseBehind):
        return "unavailable", 503
    return "failed", 500
