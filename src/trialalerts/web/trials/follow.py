"""The page of a trial as a mail links to it: by an opaque link, with a button that follows the trial."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.lookup import current_item
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.follows.trials import follow_trial, followed_trials, unfollow_trial
from trialalerts.subscribers.people import find_by_key
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat
from trialalerts.web.trials.page import TrialPage, near_place

__all__ = ["FollowPage"]

_FOLLOWS_WITHIN = timedelta(days=90)
"""Older links still show the trial; to follow it, its reader signs up anew."""
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.BOUNCED}


class FollowPage:
    """``/follow/{token}``: shows a trial, and follows it or no longer by a press."""

    def __init__(self, site: WebSite, trials: TrialPage) -> None:
        self._site = site
        self._trials = trials

    def show(self, request: Request) -> Response:
        """Show the trial; changes nothing, for scanners of mail open links."""
        return self._shown(request, "")

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Follow the trial, leave it, or look around a place."""
        action = str(typed.get("action", "follow"))
        if "near" in typed:
            return self._shown(request, str(typed["near"]))
        site, now = self._site, self._site.clock.now()
        with site.db.write() as session:
            item, subscriber = self._meant(session, request)
            if subscriber is None or item.id is None:
                return site.pages.message("link_expired", site.pages.language(request), status=410, again=True)
            language = site.pages.language(request, subscriber.reading_locale)
            try:
                if action == "leave":
                    unfollow_trial(session, subscriber, item.id, how="link", now=now)
                else:
                    follow_trial(session, subscriber, item.id, confirmed=True, how="link", now=now)
            except NotFound:
                pass  # pressed twice
            except InvalidInput:
                return site.pages.message("follow_full", language, status=409)
        token, left = request.path_params["token"], action == "leave"
        repeat = Repeat(path=f"{site.pages.prefix}/follow/{token}", name="action", value="leave" if left else "follow")
        return site.pages.page("followed.html", language, token=token, left=left, repeat=repeat)

    def _shown(self, request: Request, typed: str) -> Response:
        site = self._site
        with site.db.read() as session:
            item, subscriber = self._meant(session, request)
            language = site.pages.language(request, subscriber.reading_locale if subscriber else None)
            followed = subscriber is not None and any(
                each.item_id == item.id and each.confirmed_at for each in followed_trials(session, subscriber)
            )
            token, near = request.path_params["token"], near_place(session, typed, language)
            return self._trials.signed(
                session,
                item,
                language,
                near,
                here=f"{site.pages.prefix}/follow/{token}",
                token=token if subscriber else None,
                followed=followed,
            )

    def _meant(self, session: Session, request: Request) -> tuple[Item, Subscriber | None]:
        """Return the trial that a token names, and who may follow it by this link; None: nobody, or no longer."""
        said = self._site.tokens.read(Purpose.FOLLOW, request.path_params["token"], max_age=None)
        item = current_item(session, said.data.get("trial") or 0)
        if item is None or item.kind is not ItemKind.TRIAL:
            raise HTTPException(404)
        subscriber = find_by_key(session, said.key)
        is_old = self._site.clock.now() - said.signed_at > _FOLLOWS_WITHIN
        if is_old or subscriber is None or subscriber.state not in _SERVED:
            return item, None
        return item, subscriber
