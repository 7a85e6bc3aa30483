"""Objecting to be handed over, straight from a mail: a page with a button, since mail scanners open links."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from trialalerts.subscribers.account.objecting import object_to_handover
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat

__all__ = ["ObjectionPage"]


class ObjectionPage:
    """The page ``/object/{token}``; like the link to leave, it works for as long as there is somebody to hand over."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the button, which says nothing of what is followed: an old mail may be in other hands."""
        token = request.path_params["token"]
        with self._site.db.read() as session:
            subscriber, _ = self._site.holder(session, Purpose.OBJECT, token)
            language = self._site.pages.language(request, subscriber.reading_locale)
        return self._site.pages.page("object.html", language, token=token, here=self._path(token))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Note the objection; twice is fine."""
        del typed
        token = request.path_params["token"]
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.OBJECT, token)
            language = self._site.pages.language(request, subscriber.reading_locale)
            object_to_handover(session, subscriber, how="link", now=self._site.clock.now())
        return self._site.pages.message("objected", language, repeat=Repeat(path=self._path(token)))

    def _path(self, token: str) -> str:
        return f"{self._site.pages.prefix}/object/{token}"
