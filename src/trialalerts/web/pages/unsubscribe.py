"""Leaving: the page with a button that reveals nothing, and the one-click POST of RFC 8058."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.unknown_links import note_unknown_link
from trialalerts.errors import TokenError
from trialalerts.subscribers.erasure import is_erased
from trialalerts.subscribers.links import NOBODY
from trialalerts.subscribers.people import pause, unsubscribe
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.clients.limits import ClientLimit, client_of
from trialalerts.web.site import LinkEnded, WebSite, local_day

__all__ = ["PAUSABLE", "UnsubscribePage", "pause_for_a_month"]

PAUSABLE = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_REST = timedelta(days=30)
_MOST_UNKNOWN, _UNKNOWN_WITHIN = 120, timedelta(minutes=15)


def pause_for_a_month(session: Session, subscriber: Subscriber, clock: Clock) -> None:
    """Pause a subscriber who is served for thirty days."""
    now = clock.now()
    until = local_day(now, subscriber.timezone) + _REST
    pause(session, subscriber, until=until, how="web", now=now)


class UnsubscribePage:
    """The page ``/unsubscribe/{token}``; a mail program's one-click POST and the button go to the same URL."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._unknown = ClientLimit(site.clock, times=_MOST_UNKNOWN, within=_UNKNOWN_WITHIN)

    def show(self, request: Request) -> Response:
        """Show the buttons; the same for everybody with a right link, whoever that is and whatever they follow."""
        token = request.path_params["token"]
        self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None)
        return self._site.pages.page("unsubscribe.html", self._site.pages.language(request), token=token)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Unsubscribe, whatever the body says, unless it asks for a pause; twice is fine.

        A link that belongs to nobody gets the status that mail programs expect and the truth: nobody was unsubscribed.
        """
        token, one_click = request.path_params["token"], "List-Unsubscribe" in typed
        language = self._site.pages.language(request)
        try:
            done = self._leave(token, one_click=one_click, wants_rest=typed.get("action") == "pause")
        except TokenError:
            if not one_click:
                raise
            self._count(request)
            return self._site.pages.message("link_unknown", language, status=400)
        return self._site.pages.message(done, language)

    def _count(self, request: Request) -> None:
        """Count a link that nobody can have got from us, unless one client brings very many."""
        client = client_of(request.client.host if request.client else None)
        if not self._unknown.wait(client):
            with self._site.db.write() as session:
                note_unknown_link(session, now=self._site.clock.now())

    def _leave(self, token: str, *, one_click: bool, wants_rest: bool) -> str:
        """Do it; return which message tells what was done."""
        with self._site.db.write() as session:
            try:
                subscriber, _ = self._site.holder(session, Purpose.UNSUBSCRIBE, token)
            except LinkEnded:
                key = self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None).key
                if is_erased(session, key):
                    return "unsubscribed"  # nobody is there to be mailed
                if key != NOBODY:
                    note_unknown_link(session, now=self._site.clock.now())
                return "link_unknown"
            if not wants_rest:
                how = "one-click" if one_click else "link"
                unsubscribe(session, subscriber, how=how, now=self._site.clock.now())
            elif subscriber.state in PAUSABLE:
                pause_for_a_month(session, subscriber, self._site.clock)
                return "paused"
        return "unsubscribed"
