"""Leaving: the page with a button that reveals nothing, and the one-click POST of RFC 8058."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import Clock
from trialalerts.subscribers.people import pause, unsubscribe
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.site import LinkEnded, WebSite, local_day

__all__ = ["PAUSABLE", "UnsubscribePage", "pause_for_a_month"]

PAUSABLE = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_REST = timedelta(days=30)


def pause_for_a_month(session: Session, subscriber: Subscriber, clock: Clock) -> None:
    """Pause a subscriber who is served for thirty days."""
    now = clock.now()
    until = local_day(now, subscriber.timezone) + _REST
    pause(session, subscriber, until=until, how="web", now=now)


class UnsubscribePage:
    """The page ``/unsubscribe/{token}``; a mail program's one-click POST and the button go to the same URL."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the buttons; the same for everybody with a right link, whoever that is and whatever they follow."""
        token = request.path_params["token"]
        self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None)
        return self._site.pages.page("unsubscribe.html", self._site.pages.language(request), token=token)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Unsubscribe, whatever the body says, unless it asks for a pause; twice is fine."""
        wants_rest = typed.get("action") == "pause"
        paused = self._leave(request.path_params["token"], one_click="List-Unsubscribe" in typed, wants_rest=wants_rest)
        return self._site.pages.message("paused" if paused else "unsubscribed", self._site.pages.language(request))

    def _leave(self, token: str, *, one_click: bool, wants_rest: bool) -> bool:
        """Do it; return whether the subscriber is paused now."""
        with self._site.db.write() as session:
            try:
                subscriber, _ = self._site.holder(session, Purpose.UNSUBSCRIBE, token)
            except LinkEnded:
                return False  # erased: nobody is there to be mailed
            if not wants_rest:
                how = "one-click" if one_click else "link"
                unsubscribe(session, subscriber, how=how, now=self._site.clock.now())
            elif subscriber.state in PAUSABLE:
                pause_for_a_month(session, subscriber, self._site.clock)
                return True
        return False
