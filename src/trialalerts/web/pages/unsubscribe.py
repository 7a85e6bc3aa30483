"""Leaving: the page with a button that reveals nothing, and the one-click POST of RFC 8058."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.unknown_links import note_unknown_link
from trialalerts.errors import TokenError
from trialalerts.subscribers.erasure import is_erased
from trialalerts.subscribers.links import NOBODY
from trialalerts.subscribers.people import SubscriberChanges, edit, pause
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.clients.limits import ClientLimit, client_of
from trialalerts.web.languages import Language
from trialalerts.web.pages.account.goodbye import leave, left_page
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


def only_monthly(session: Session, subscriber: Subscriber, clock: Clock) -> None:
    """Write to a subscriber once a month at most."""
    edit(session, subscriber, SubscriberChanges(frequency=Frequency.MONTHLY), how="web", now=clock.now())


_LESS: dict[str, tuple[Callable[[Session, Subscriber, Clock], None], str]] = {
    "pause": (pause_for_a_month, "paused"),
    "monthly": (only_monthly, "monthly"),
}
"""What may be asked for instead of leaving, by the button, with the text that says it is done."""


class UnsubscribePage:
    """The page ``/unsubscribe/{token}``; a mail program's one-click POST and the button go to the same URL."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._unknown = ClientLimit(site.clock, times=_MOST_UNKNOWN, within=_UNKNOWN_WITHIN)

    def show(self, request: Request) -> Response:
        """Show the buttons; the same for everybody with a right link, whoever that is and whatever they follow."""
        token = request.path_params["token"]
        self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None)
        until = (self._site.clock.now() + _REST).date()
        return self._site.pages.page("unsubscribe.html", self._site.pages.language(request), token=token, until=until)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Unsubscribe, whatever the body says, unless it asks for less instead; twice is fine.

        A link that belongs to nobody gets the status that mail programs expect and the truth: nobody was unsubscribed.
        """
        one_click = "List-Unsubscribe" in typed
        language = self._site.pages.language(request)
        try:
            return self._answer(request, language, one_click=one_click, less=str(typed.get("action", "")))
        except TokenError:
            if not one_click:
                raise
            self._count(request)
            return self._site.pages.message("link_unknown", language, status=400)

    def _count(self, request: Request) -> None:
        """Count a link that nobody can have got from us, unless one client brings very many."""
        client = client_of(request.client.host if request.client else None)
        if not self._unknown.wait(client):
            with self._site.db.write() as session:
                note_unknown_link(session, now=self._site.clock.now())

    def _answer(self, request: Request, language: Language, *, one_click: bool, less: str) -> Response:
        """Do it, and say what was done."""
        site, token = self._site, request.path_params["token"]
        with site.db.write() as session:
            try:
                subscriber, _ = site.holder(session, Purpose.UNSUBSCRIBE, token)
            except LinkEnded:
                return self._of_nobody(session, token, language)
            if less in _LESS and subscriber.state in PAUSABLE:
                do, done = _LESS[less]
                do(session, subscriber, site.clock)
                return site.pages.message(done, language)
            if less not in _LESS:
                leave(site, session, subscriber, how="one-click" if one_click else "link")
            return left_page(site, session, subscriber, language)

    def _of_nobody(self, session: Session, token: str, language: Language) -> Response:
        key = self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None).key
        if is_erased(session, key):  # nobody is there to be mailed
            return left_page(self._site, session, None, language)
        if key != NOBODY:
            note_unknown_link(session, now=self._site.clock.now())
        return self._site.pages.message("link_unknown", language)
