"""The page of a trial as a mail links to it: by an opaque link, with buttons that follow the trial or silence it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.lookup import current_item
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.follows.silence import is_silenced, lift_silence, silence_trial
from trialalerts.subscribers.follows.trials import follow_trial, followed_trials, unfollow_trial
from trialalerts.subscribers.people import find_by_key
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.preference_text import trial_named
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat
from trialalerts.web.trials.page import TrialPage, near_place

__all__ = ["FollowPage", "meant_trial"]

_FOLLOWS_WITHIN = timedelta(days=90)
"""Older links still show the trial; to follow it, its reader signs up anew."""
_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.BOUNCED}
_ACTIONS = {"follow", "leave", "silence", "hear"}


class FollowPage:
    """``/follow/{token}``: shows a trial, and follows it, silences it, or neither any longer, by a press."""

    def __init__(self, site: WebSite, trials: TrialPage, asks: Callable[[Subscriber | None], bool]) -> None:
        """``asks`` tells whether a reader may write to the organisation's own nurse."""
        self._site = site
        self._trials = trials
        self._asks = asks

    def show(self, request: Request) -> Response:
        """Show the trial, or with ``?do=silence`` the button that silences it; changes nothing: scanners open links."""
        if request.query_params.get("do") == "silence":
            return self._ask_before_silencing(request)
        return self._shown(request, "")

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Follow the trial or silence it, or neither any longer, or look around a place."""
        action = str(typed.get("action", "follow"))
        if "near" in typed:
            return self._shown(request, str(typed["near"]))
        site = self._site
        with site.db.write() as session:
            item, subscriber = meant_trial(site, session, request)
            if subscriber is None or item.id is None:
                return self._too_old(request)
            language = site.pages.language(request, subscriber.reading_locale)
            try:
                self._do(session, subscriber, item.id, action)
            except NotFound:
                pass  # pressed twice
            except InvalidInput:
                return site.pages.message("follow_full", language, status=409)
        done = action if action in _ACTIONS else "follow"
        repeat = Repeat(path=self._path(request), name="action", value=done)
        token = request.path_params["token"]
        return site.pages.page("followed.html", language, token=token, done=done, repeat=repeat)

    def _do(self, session: Session, subscriber: Subscriber, item_id: int, action: str) -> None:
        now = self._site.clock.now()
        if action == "silence":
            silence_trial(session, subscriber, item_id, how="link", now=now)
        elif action == "hear":
            lift_silence(session, subscriber, item_id, how="link", now=now)
        elif action == "leave":
            unfollow_trial(session, subscriber, item_id, how="link", now=now)
        else:
            follow_trial(session, subscriber, item_id, confirmed=True, how="link", now=now)

    def _ask_before_silencing(self, request: Request) -> Response:
        site = self._site
        with site.db.read() as session:
            item, subscriber = meant_trial(site, session, request)
            if subscriber is None or item.id is None:
                return self._too_old(request)
            language = site.pages.language(request, subscriber.reading_locale)
            return site.pages.page(
                "silence.html",
                language,
                token=request.path_params["token"],
                trial=trial_named(item, site.wordings.of(language.locale)),
                followed=self._follows(session, subscriber, item.id),
                here=self._path(request),
                here_query={"do": "silence"},
            )

    def _too_old(self, request: Request) -> Response:
        return self._site.pages.message("link_expired", self._site.pages.language(request), status=410, again=True)

    def _path(self, request: Request) -> str:
        return f"{self._site.pages.prefix}/follow/{request.path_params['token']}"

    def _follows(self, session: Session, subscriber: Subscriber, item_id: int) -> bool:
        return any(each.item_id == item_id and each.confirmed_at for each in followed_trials(session, subscriber))

    def _shown(self, request: Request, typed: str) -> Response:
        site = self._site
        with site.db.read() as session:
            item, subscriber = meant_trial(site, session, request)
            language = site.pages.language(request, subscriber.reading_locale if subscriber else None)
            token, near = request.path_params["token"], near_place(session, typed, language)
            return self._trials.signed(
                session,
                item,
                language,
                near,
                here=self._path(request),
                token=token if subscriber else None,
                followed=subscriber is not None and self._follows(session, subscriber, item.id or 0),
                asks=self._asks(subscriber),
                silenced=subscriber is not None and is_silenced(session, subscriber, item.id or 0),
            )


def meant_trial(site: WebSite, session: Session, request: Request) -> tuple[Item, Subscriber | None]:
    """Return the trial that a link of a mail names, and whose link it is; None: nobody's, or it is too old.

    Raises:
        TokenError: the link is broken.
        HTTPException: the trial is gone.
    """
    said = site.tokens.read(Purpose.FOLLOW, request.path_params["token"], max_age=None)
    item = current_item(session, said.data.get("trial") or 0)
    if item is None or item.kind is not ItemKind.TRIAL:
        raise HTTPException(404)
    subscriber = find_by_key(session, said.key)
    is_old = site.clock.now() - said.signed_at > _FOLLOWS_WITHIN
    if is_old or subscriber is None or subscriber.state not in _SERVED:
        return item, None
    return item, subscriber
