"""How an article will look: its mail and its page in each language, on pages that can do nothing."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from trialalerts.database import Database
from trialalerts.errors import InvalidInput, SourceError
from trialalerts.operations.questions.article_preview import previewed_article
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.steps import current_draft, find_article
from trialalerts.web.alone import page_alone
from trialalerts.web.desk.door import DeskDoor
from trialalerts.web.desk.showing import path_in_folder
from trialalerts.web.site import WebSite

__all__ = ["DeskPreviews"]

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""Nothing is loaded, sent or run: what an editor wrote is shown, and no more."""


class DeskPreviews:
    """``/desk/preview/mail/…`` and ``/desk/preview/page/…``, for who is signed in."""

    def __init__(self, site: WebSite, door: DeskDoor, pages_of: Callable[[Database], ASGIApp]) -> None:
        """``pages_of`` gives the pages for readers that a database makes."""
        self._site = site
        self._door = door
        self._pages_of = pages_of

    def show(self, request: Request) -> Response:
        """Show the mail or the page as a reader of ``?language=`` gets it; nothing is stored or sent."""
        kind = request.path_params["kind"]
        if self._door.visit(request) is None:
            return self._door.refuse(request)
        codes = {each.code for each in self._site.pages.mail_languages}
        code = request.query_params.get("language", "en")
        if kind not in {"mail", "page"} or code not in codes:
            raise HTTPException(404)
        try:
            html = self._made(request, kind, code)
        except (InvalidInput, SourceError):
            raise HTTPException(404) from None
        if not html:  # it is not for readers of this language
            raise HTTPException(404)
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    def _made(self, request: Request, kind: str, code: str) -> str:
        site = self._site
        article = find_article(site.settings, path_in_folder(site, request))
        with SourceContext(site.db, site.settings, site.clock) as context:
            draft, areas = current_draft(article, context)[0], context.areas
        with previewed_article(site.db, site.settings, site.clock, draft, areas, code) as made:
            if kind == "mail":
                return (made.message and made.message.html_alone) or ""
            return page_alone(self._pages_of(made.db), f"/articles/{made.number}", code)
