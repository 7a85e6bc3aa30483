"""The confirmation: a page with a button, since mail scanners open links, and what the button does."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.digests.overdue import waited_for
from trialalerts.subscribers.people import confirm
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.languages import Language
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import Repeat

__all__ = ["ConfirmPage"]

_OPEN = {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED}

_MOST_LEADS = 3


def _rhythm(subscriber: Subscriber, language: Language) -> str:
    return language.text(f"rhythm.{subscriber.frequency.value}")


def _open_for_sure(found: Mapping[int, int]) -> int | None:
    """Return how many trials the wishes bring; None where nobody can say.

    Of several wishes the same trial counts once for each: then only whether there is any is sure, and what is more
    than none is told as unknown.
    """
    if len(found) == 1:
        return next(iter(found.values()))
    return 0 if found and not any(found.values()) else None


class ConfirmPage:
    """The page ``/confirm/{token}``."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show what is to be confirmed, and the button; changes nothing."""
        site, token = self._site, request.path_params["token"]
        with site.db.read() as session:
            subscriber, ids = self._asked(session, token)
            language = site.pages.language(request, subscriber.reading_locale)
            follows = [each for each in site.follows(session, subscriber, language) if each.id in ids]
        return site.pages.page(
            "confirm.html",
            language,
            here=f"{site.pages.prefix}/confirm/{token}",
            token=token,
            follows=follows,
            address=subscriber.address,
            rhythm=_rhythm(subscriber, language),
        )

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Confirm, and say what happens next. A second time does nothing more and says the same."""
        del typed
        site, token = self._site, request.path_params["token"]
        with site.db.write() as session:
            subscriber, ids = self._asked(session, token)
            confirm(session, subscriber, ids, how="link", now=site.clock.now())
            waits = waited_for(session, site.settings, site.clock.now())
            language = site.pages.language(request, subscriber.reading_locale)
            follows = [each for each in site.follows(session, subscriber, language) if each.confirmed]
            first = subscriber.cursor == NEVER_SERVED
            followed = [each for each in list_preferences(session, subscriber) if each.confirmed_at is not None]
        found = {} if waits or not first else site.estimates.open_now(followed, site.vocabulary.tree())
        open_now = _open_for_sure(found)
        return site.pages.page(
            "confirmed.html",
            language,
            follows=follows,
            leads=() if waits else [each for each in follows if each.area_id][:_MOST_LEADS],
            waits=bool(waits),
            first=first,
            open_now=open_now,
            empty=open_now == 0,
            rhythm=_rhythm(subscriber, language),
            preferences_url=site.links.preferences(subscriber),
            repeat=Repeat(path=f"{site.pages.prefix}/confirm/{token}"),
        )

    def _asked(self, session: Session, token: str) -> tuple[Subscriber, set[int]]:
        within = self._site.settings.digests.confirm_within
        subscriber, said = self._site.holder(session, Purpose.CONFIRM, token, max_age=within)
        if subscriber.state not in _OPEN:
            raise LinkEnded("This link belongs to a subscription that has ended.")
        return subscriber, set(said.data.get("preferences", ()))
