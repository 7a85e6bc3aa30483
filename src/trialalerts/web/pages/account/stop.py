"""Stopping one wish straight from a mail: a page with a button, since mail scanners open links."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.subscribers.preferences import list_preferences, remove_preference
from trialalerts.subscribers.tables import Preference, Subscriber
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat

__all__ = ["StopPage"]


class StopPage:
    """The page ``/stop/{token}``; like the link to leave, it works for as long as there is something to stop."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the button, which does not say what is followed: an old mail may be in other hands."""
        with self._site.db.read() as session:
            subscriber, _ = self._wish(session, request)
            language = self._site.pages.language(request, subscriber.reading_locale)
        token = request.path_params["token"]
        return self._site.pages.page("stop.html", language, token=token, here=self._path(token))

    def _path(self, token: str) -> str:
        return f"{self._site.pages.prefix}/stop/{token}"

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Stop the wish; twice is fine."""
        del typed
        with self._site.db.write() as session:
            subscriber, wish = self._wish(session, request)
            language = self._site.pages.language(request, subscriber.reading_locale)
            if wish is not None:
                remove_preference(session, subscriber, wish.id or 0, how="link", now=self._site.clock.now())
        repeat = Repeat(path=self._path(request.path_params["token"]))
        return self._site.pages.message("stopped", language, repeat=repeat)

    def _wish(self, session: Session, request: Request) -> tuple[Subscriber, Preference | None]:
        subscriber, said = self._site.holder(session, Purpose.STOP, request.path_params["token"])
        number = said.data.get("preference")
        return subscriber, next((each for each in list_preferences(session, subscriber) if each.id == number), None)
