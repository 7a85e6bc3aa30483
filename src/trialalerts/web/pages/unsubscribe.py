"""Leaving: the page with a button that reveals nothing, and the one-click POST of RFC 8058."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.unknown_links import note_unknown_link
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import unsubscribe_with_goodbye
from trialalerts.errors import TokenError
from trialalerts.subscribers.account.unsubscribing import Unsubscribe
from trialalerts.subscribers.erasure import is_erased
from trialalerts.subscribers.links import NOBODY
from trialalerts.subscribers.people import SubscriberChanges, edit, find_by_key, pause
from trialalerts.subscribers.tables import Frequency, Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.clients.limits import ClientLimit, client_of
from trialalerts.web.forms import read_form
from trialalerts.web.pages.account.goodbye import left_page
from trialalerts.web.site import WebSite, local_day
from trialalerts.web.templates import Repeat
from trialalerts.web.wire.group_commit import GroupCommit

__all__ = ["PAUSABLE", "UnsubscribePage", "pause_for_a_month"]

PAUSABLE = {SubscriberState.ACTIVE, SubscriberState.PAUSED}
_REST = timedelta(days=30)
_ONE_CLICK = b"List-Unsubscribe=One-Click"
"""The body of RFC 8058, as nearly all mail programs send it: it needs no parser."""
_MACHINE = {"List-Unsubscribe": "One-Click"}
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
_SAID = frozenset(done for _, done in _LESS.values())
"""What shows once more, in another language, that it is done."""


class UnsubscribePage:
    """The page ``/unsubscribe/{token}``; a mail program's one-click POST and the button go to the same URL."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._unknown = ClientLimit(site.clock, times=_MOST_UNKNOWN, within=_UNKNOWN_WITHIN)
        self._commits = GroupCommit(site.db, self._unsubscribe)

    def show(self, request: Request) -> Response:
        """Show the buttons; the same for everybody with a right link, whoever that is and whatever they follow."""
        token = request.path_params["token"]
        self._site.tokens.read(Purpose.UNSUBSCRIBE, token, max_age=None)
        until = (self._site.clock.now() + _REST).date()
        pages = self._site.pages
        here = f"{pages.prefix}/unsubscribe/{token}"
        return pages.page("unsubscribe.html", pages.language(request), here=here, token=token, until=until)

    async def take(self, request: Request) -> Response:
        """Unsubscribe, whatever the body says, unless it asks for less instead; twice is fine.

        A person sees a page; a mail program shows nobody what it gets, so that is one line of text. A link that belongs
        to nobody gets the status that mail programs expect and the truth: nobody was unsubscribed.
        """
        typed: Mapping[str, object] = (
            _MACHINE if await request.body() == _ONE_CLICK else await read_form(request, lenient=True)
        )
        one_click, less = "List-Unsubscribe" in typed, str(typed.get("action", ""))
        try:
            key = self._site.tokens.read(Purpose.UNSUBSCRIBE, request.path_params["token"], max_age=None).key
        except TokenError:
            if not one_click:
                raise
            await run_in_threadpool(self._count, request)
            return self._site.pages.line(request, "link_unknown", status=400)
        if less in _LESS:
            return await run_in_threadpool(self._do_less, request, key, less)
        if less in _SAID:
            return await run_in_threadpool(self._done, request, less)
        known = await self._commits.submit(Unsubscribe(key=key, how="one-click" if one_click else "link"))
        if one_click:
            return self._site.pages.line(request, "unsubscribed" if known else "link_unknown")
        return await run_in_threadpool(self._page, request, key, known=known)

    def _unsubscribe(self, session: Session, asked: Sequence[Unsubscribe]) -> Sequence[bool]:
        """Let all of them go; return of each whether the link belongs to somebody."""
        now, domain = self._site.clock.now(), mail_domain(self._site.settings.mail.sender)
        known = unsubscribe_with_goodbye(session, asked, now=now, domain=domain).known
        self._note_unknown(session, [each.key for each in asked if each.key not in known])
        return [each.key in known for each in asked]

    def _note_unknown(self, session: Session, keys: Sequence[str]) -> None:
        if unknown := [key for key in keys if key != NOBODY]:
            note_unknown_link(session, now=self._site.clock.now(), times=len(unknown))

    def _count(self, request: Request) -> None:
        """Count a link that nobody can have got from us, unless one client brings very many."""
        client = client_of(request.client.host if request.client else None)
        if not self._unknown.wait(client):
            with self._site.db.write() as session:
                note_unknown_link(session, now=self._site.clock.now())

    def _do_less(self, request: Request, key: str, less: str) -> Response:
        """Do what is asked for instead, for who is served; say what was done."""
        do, done = _LESS[less]
        with self._site.db.write() as session:
            subscriber = find_by_key(session, key)
            if subscriber is not None and subscriber.state in PAUSABLE:
                do(session, subscriber, self._site.clock)
                return self._done(request, done)
            known = subscriber is not None or is_erased(session, key)
            if not known:
                self._note_unknown(session, [key])
        return self._page(request, key, known=known)

    def _done(self, request: Request, done: str) -> Response:
        """Say that there is less now."""
        pages, token = self._site.pages, request.path_params["token"]
        repeat = Repeat(path=f"{pages.prefix}/unsubscribe/{token}", name="action", value=done)
        return pages.message(done, pages.language(request), repeat=repeat)

    def _page(self, request: Request, key: str, *, known: bool) -> Response:
        """Say to a person that it is done; nobody is there to be mailed where they were erased."""
        pages, token = self._site.pages, request.path_params["token"]
        language = pages.language(request)
        if not known:
            return pages.message("link_unknown", language)
        with self._site.db.read() as session:
            once_more = Repeat(path=f"{pages.prefix}/unsubscribe/{token}")
            return left_page(self._site, session, find_by_key(session, key), language, once_more)
