"""Owns the subscriber's own page: what is followed, when mails come, pausing, leaving, erasing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.erasure import erase, wipe_free_pages
from trialalerts.subscribers.people import SubscriberChanges, edit, resume, unsubscribe
from trialalerts.subscribers.preferences import NewPreference, add_preference, remove_preference
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.vocabulary.regions import DEFAULT_RADIUS_KM
from trialalerts.web.forms import Fault, Form
from trialalerts.web.languages import Language
from trialalerts.web.leaving import PAUSABLE, rest
from trialalerts.web.site import Site, local_day

__all__ = ["Managing"]

_NOTICES = {"saved", "added", "removed", "resumed"}
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.ERASED}


class Managing:
    """The page ``/preferences/{token}``. Every change is a POST, followed by a look at the page anew."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._actions = {
            "add": self._add,
            "remove": self._remove,
            "save": self._save,
            "pause": self._pause,
            "resume": self._resume,
            "unsubscribe": self._unsubscribe,
        }

    def show(self, request: Request) -> Response:
        """Show the page."""
        with self._site.db.read() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            return self._page(request, session, subscriber, self._filled({}, subscriber))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Do what a button says: the field ``action``."""
        action = str(typed.get("action", ""))
        if action == "erase-now":
            return self._erase(request)
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            if action == "erase":
                return self._ask_before_erasing(request, subscriber)
            if action not in self._actions:
                raise HTTPException(400)
            form = self._filled(typed, subscriber)
            notice = self._actions[action](session, subscriber, form)
            if form.errors:
                return self._page(request, session, subscriber, form, status=422, adding=action == "add")
        # The path has the token in it and no more than that: what was done stands behind the question mark.
        return RedirectResponse(f"{self._path(request)}?done={notice}", status_code=303)

    def _add(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        followed = form.followed(self._site.vocabulary.tree(), session)
        if followed is None or subscriber.state not in PAUSABLE:
            return ""
        new = NewPreference(area_id=followed.area_id, region=followed.region, label=followed.label)
        try:
            add_preference(session, subscriber, new, confirmed=True, how="web", now=self._site.clock.now())
        except InvalidInput:  # what was typed has been checked: they have as many as one person may have
            form.errors["area"] = Fault(key="error.too_many")
        return "added"

    def _remove(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        number = form.values["preference"]
        try:
            known = int(number) if number.isdecimal() and len(number) < 19 else 0  # noqa: PLR2004 - what a key can be
            remove_preference(session, subscriber, known, how="web", now=self._site.clock.now())
        except NotFound:  # the button was pressed twice
            return ""
        return "removed"

    def _save(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        rhythm = form.rhythm({choice.code for choice in self._site.pages.mail_languages})
        if rhythm is None:
            return ""
        keeps_locale = subscriber.locale.partition("-")[0] == rhythm.language
        changes = SubscriberChanges(
            locale=None if keeps_locale else rhythm.language,
            timezone=rhythm.timezone,
            frequency=rhythm.frequency,
            hour=rhythm.hour,
        )
        edit(session, subscriber, changes, how="web", now=self._site.clock.now())
        return "saved"

    def _pause(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        if subscriber.state in PAUSABLE:
            rest(session, subscriber, self._site.clock)
        return ""

    def _resume(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        if subscriber.state is not SubscriberState.PAUSED:
            return ""
        resume(session, subscriber, how="web", now=self._site.clock.now())
        return "resumed"

    def _unsubscribe(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        unsubscribe(session, subscriber, how="web", now=self._site.clock.now())
        return ""

    def _ask_before_erasing(self, request: Request, subscriber: Subscriber) -> Response:
        language = self._site.pages.language(request, subscriber.locale)
        return self._site.pages.page("erase.html", language, action=self._path(request))

    def _erase(self, request: Request) -> Response:
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            language = self._site.pages.language(request, subscriber.locale)
            erase(session, subscriber, how="web", now=self._site.clock.now())
        wipe_free_pages(self._site.db)
        return self._site.pages.message("erased", language)

    def _filled(self, typed: Mapping[str, object], subscriber: Subscriber) -> Form:
        return Form.filled(
            typed,
            unit="km",
            frequency=subscriber.frequency.value,
            language=subscriber.locale.partition("-")[0],
            timezone=subscriber.timezone,
            hour=str(subscriber.hour),
        )

    def _page(
        self,
        request: Request,
        session: Session,
        subscriber: Subscriber,
        form: Form,
        *,
        status: int = 200,
        adding: bool = False,
    ) -> Response:
        site = self._site
        language = site.pages.language(request, subscriber.locale)
        done = request.query_params.get("done", "")
        return site.pages.page(
            "preferences.html",
            language,
            status=status,
            action=self._path(request),
            notice=language.text(f"preferences.{done}") if done in _NOTICES else "",
            state=self._state(subscriber, language),
            form=form,
            adding=adding,
            follows=site.follows(session, subscriber, language),
            can_add=subscriber.state in PAUSABLE,
            can_pause=subscriber.state is SubscriberState.ACTIVE,
            can_resume=subscriber.state is SubscriberState.PAUSED,
            can_stop=subscriber.state not in _LEFT,
            default_radius=round(DEFAULT_RADIUS_KM),
            **site.choices(),
        )

    def _path(self, request: Request) -> str:
        return f"{self._site.pages.prefix}/preferences/{request.path_params['token']}"

    def _state(self, subscriber: Subscriber, language: Language) -> str:
        if subscriber.state is SubscriberState.PAUSED and subscriber.paused_until:
            until = local_day(subscriber.paused_until, subscriber.timezone)
            return language.text("preferences.state_paused", day=self._site.pages.day(until, language))
        key = {
            SubscriberState.PENDING: "pending",
            SubscriberState.ACTIVE: "active",
            SubscriberState.PAUSED: "paused_open",
        }.get(subscriber.state, "stopped")
        return language.text(f"preferences.state_{key}")
