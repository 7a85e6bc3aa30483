"""What follows on leaving: the goodbye, taking it back, and saying why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import unsubscribe_with_goodbye
from trialalerts.delivery.outbox.requeueing import requeue_withheld
from trialalerts.subscribers.account.reasons import REASONS, count_reason, left_at
from trialalerts.subscribers.account.returning import come_back
from trialalerts.subscribers.account.unsubscribing import Unsubscribe
from trialalerts.subscribers.tables import Subscriber, SubscriberState, id_of
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.languages import Language
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import Repeat

__all__ = ["UndoPage", "leave", "left_page"]

_A_MOMENT = timedelta(seconds=1)
_LATELY = timedelta(minutes=10)
_LEFT, _WHY, _UNDO = "left", "why", "undo"


def leave(site: WebSite, session: Session, subscriber: Subscriber, *, how: str) -> None:
    """Let somebody go, and say goodbye once."""
    asked, domain = Unsubscribe(key=subscriber.key, how=how), mail_domain(site.settings.mail.sender)
    unsubscribe_with_goodbye(session, [asked], now=site.clock.now(), domain=domain)
    session.refresh(subscriber)


def left_page(
    site: WebSite, session: Session, subscriber: Subscriber | None, language: Language, once_more: Repeat
) -> Response:
    """Say that it is done; whoever has just left gets the way back, an old link of theirs does not.

    ``once_more`` lets somebody leave who has left, which does nothing.
    """
    left = left_at(session, subscriber) if subscriber else None
    undo = ""
    if subscriber and left and site.clock.now() - left <= _LATELY:
        undo = f"{site.pages.prefix}{site.links.undo(subscriber).removeprefix(site.settings.service.base_url)}"
    days = max(1, site.settings.retention.left.days)
    told = bool(subscriber and subscriber.confirmed_at)
    again = Repeat(path=undo, name="action", value=_LEFT) if undo else once_more
    return site.pages.page(
        "unsubscribed.html", language, undo=undo, days=days, told=told, reasons=REASONS, repeat=again
    )


class UndoPage:
    """The page ``/undo/{token}``: its link is in the goodbye and on the page that says it is done."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the button; changes nothing."""
        with self._site.db.read() as session:
            subscriber = self._who(session, request)
            language = self._site.pages.language(request, subscriber.reading_locale)
        token = request.path_params["token"]
        here = f"{self._site.pages.prefix}/undo/{token}"
        return self._site.pages.page("undo.html", language, token=token, here=here)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Turn the mails on again, or count why somebody left. Twice is fine."""
        site = self._site
        with site.db.write() as session:
            subscriber = self._who(session, request)
            language = site.pages.language(request, subscriber.reading_locale)
            path, now = f"{site.pages.prefix}/undo/{request.path_params['token']}", site.clock.now()
            if typed.get("action") == _WHY:
                count_reason(session, str(typed.get(_WHY, "")), now=now)
                return site.pages.message("thanks", language, repeat=Repeat(path=path, name="action", value=_WHY))
            if typed.get("action") == _LEFT and left_at(session, subscriber):
                return left_page(site, session, subscriber, language, Repeat(path=path, name="action", value=_LEFT))
            if come_back(session, subscriber, how="link", now=now):
                requeue_withheld(session, id_of(subscriber), SubscriberState.UNSUBSCRIBED.value, now=now)
            link = site.links.preferences(subscriber)
        repeat = Repeat(path=path, name="action", value=_UNDO)
        return site.pages.page("back.html", language, settings_url=link, repeat=repeat)

    def _who(self, session: Session, request: Request) -> Subscriber:
        """Return whose link it is: one of the last time that they left, for none of before brings them back."""
        subscriber, said = self._site.holder(
            session, Purpose.UNDO, request.path_params["token"], max_age=self._site.settings.retention.left
        )
        left = left_at(session, subscriber)
        if left is not None and said.signed_at + _A_MOMENT < left:
            raise LinkEnded("This link belongs to an earlier time.")
        return subscriber
