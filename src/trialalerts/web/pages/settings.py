"""The subscriber's own page: what is followed, when mails come, pausing, leaving, erasing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.errors import InvalidInput, NotFound, UnknownArea
from trialalerts.subscribers.erasure import erase, wipe_free_pages
from trialalerts.subscribers.people import SubscriberChanges, edit, resume, unsubscribe
from trialalerts.subscribers.preferences import (
    NewPreference,
    add_preference,
    edit_preference,
    list_preferences,
    remove_preference,
)
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.forms import FieldError, Form
from trialalerts.web.languages import Language
from trialalerts.web.pages.review import CHANGE, SAVE, ReviewPage
from trialalerts.web.pages.unsubscribe import PAUSABLE, pause_for_a_month
from trialalerts.web.preference_form import FIELDS, read_preference, typed
from trialalerts.web.site import WebSite, local_day

__all__ = ["SettingsPage"]

_NOTICES = {"saved", "added", "changed", "removed", "resumed"}
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.ERASED}


class SettingsPage:
    """The page ``/preferences/{token}``. Every change is a POST, followed by a look at the page anew."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._review = ReviewPage(site)
        self._actions = {
            "remove": self._remove,
            "save": self._save,
            "pause": self._pause,
            "resume": self._resume,
            "unsubscribe": self._unsubscribe,
        }

    def show(self, request: Request) -> Response:
        """Show the page; with ``?edit=17`` the form for one preference."""
        with self._site.db.read() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            if kept := self._own(session, subscriber, request.query_params.get("edit", "")):
                any_area = self._language(request, subscriber).text("filters.any_area")
                form = self._filled(request, typed(kept, self._site.vocabulary.tree(), any_area=any_area), subscriber)
                return self._form(request, session, subscriber, form, kept)
            return self._page(request, session, subscriber, self._filled(request, {}, subscriber))

    def take(self, request: Request, sent: Mapping[str, object]) -> Response:
        """Do what a button says: the field ``action``."""
        action = str(sent.get("action", ""))
        if action == "erase-now":
            return self._erase(request)
        if action in {"add", "edit"}:
            return self._follow(request, sent)
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            if action == "erase":
                return self._ask_before_erasing(request, subscriber)
            if action not in self._actions:
                raise HTTPException(400)
            form = self._filled(request, sent, subscriber)
            notice = self._actions[action](session, subscriber, form)
            if form.errors:
                return self._page(request, session, subscriber, form, status=422)
        return self._done(request, notice)

    def _done(self, request: Request, notice: str) -> Response:
        # The path has the token in it and no more than that: what was done stands behind the question mark.
        return RedirectResponse(f"{self._path(request)}?done={notice}", status_code=303)

    def _follow(self, request: Request, sent: Mapping[str, object]) -> Response:
        """Add a preference or change one: look at what it would bring first, then store it."""
        with self._site.db.read() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            form = self._filled(request, sent, subscriber)
            if refusal := self._review.too_often(request, form, self._language(request, subscriber)):
                return refusal
            kept = self._own(session, subscriber, form.values["preference"]) if sent["action"] == "edit" else None
            if subscriber.state not in PAUSABLE or (sent["action"] == "edit" and kept is None):
                return self._done(request, "")
            if form.values["step"] == CHANGE:
                return self._form(request, session, subscriber, form, kept)
            self._review.taken(form)
            today = self._site.clock.now().date()
            new = read_preference(form, self._site.vocabulary.tree(), session, today, kept=kept)
            if new is None:
                return self._form(request, session, subscriber, form, kept, status=422)
            if form.values["step"] != SAVE:
                return self._look(request, subscriber, form, new)
        return self._stored(request, form, new, is_edit=kept is not None)

    def _look(self, request: Request, subscriber: Subscriber, form: Form, new: NewPreference) -> Response:
        return self._review.page(
            form,
            [[new]],
            self._language(request, subscriber),
            fields=FIELDS,
            action=self._path(request),
            sends={"action": form.values["action"]},
            save="preferences.save",
        )

    def _stored(self, request: Request, form: Form, new: NewPreference, *, is_edit: bool) -> Response:
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            kept = self._own(session, subscriber, form.values["preference"]) if is_edit else None
            if subscriber.state not in PAUSABLE or (is_edit and kept is None):
                return self._done(request, "")
            now = self._site.clock.now()
            try:
                if kept is None:
                    add_preference(session, subscriber, new, confirmed=True, how="web", now=now)
                else:
                    edit_preference(session, subscriber, kept.id or 0, new, how="web", now=now)
            except UnknownArea:  # it has left the vocabulary since
                form.errors["area"] = FieldError(key="error.area_unknown")
            except InvalidInput:  # what was typed has been checked: what remains is what they follow already
                form.errors["area"] = FieldError(key="error.same_already" if is_edit else "error.too_many")
            if form.errors:
                return self._form(request, session, subscriber, form, kept, status=422)
        return self._done(request, "changed" if is_edit else "added")

    def _own(self, session: Session, subscriber: Subscriber, number: str) -> Preference | None:
        return next((each for each in list_preferences(session, subscriber) if str(each.id) == number), None)

    def _remove(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        number = form.values["preference"]
        try:
            known = int(number) if number.isdecimal() and len(number) < 19 else 0  # noqa: PLR2004 - what a key can be
            remove_preference(session, subscriber, known, how="web", now=self._site.clock.now())
        except NotFound:  # the button was pressed twice
            return ""
        return "removed"

    def _save(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        schedule = form.schedule({choice.code for choice in self._site.pages.mail_languages})
        if schedule is None:
            return ""
        keeps_locale = subscriber.locale.partition("-")[0] == schedule.language
        changes = SubscriberChanges(
            locale=None if keeps_locale else schedule.language,
            timezone=schedule.timezone,
            frequency=schedule.frequency,
            hour=schedule.hour,
            weekday=schedule.weekday,
            day=schedule.day,
        )
        edit(session, subscriber, changes, how="web", now=self._site.clock.now())
        return "saved"

    def _pause(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        if subscriber.state in PAUSABLE:
            pause_for_a_month(session, subscriber, self._site.clock)
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
        language = self._language(request, subscriber)
        return self._site.pages.page("erase.html", language, action=self._path(request))

    def _erase(self, request: Request) -> Response:
        with self._site.db.write() as session:
            subscriber, _ = self._site.holder(session, Purpose.PREFERENCES, request.path_params["token"])
            language = self._language(request, subscriber)
            erase(session, subscriber, how="web", now=self._site.clock.now())
        wipe_free_pages(self._site.db)
        return self._site.pages.message("erased", language)

    def _filled(self, request: Request, sent: Mapping[str, object], subscriber: Subscriber) -> Form:
        return Form.filled(
            sent,
            unit=self._site.unit(request),
            frequency=subscriber.frequency.value,
            language=subscriber.locale.partition("-")[0],
            timezone=subscriber.timezone,
            hour=str(subscriber.hour),
            weekday=str(subscriber.weekday),
            day=str(subscriber.day),
        )

    def _form(
        self,
        request: Request,
        session: Session,
        subscriber: Subscriber,
        form: Form,
        kept: Preference | None,
        *,
        status: int = 200,
    ) -> Response:
        """Show the form for a preference: a page of its own for one that is there, else the open form to add one."""
        if kept is None:
            return self._page(request, session, subscriber, form, status=status, adding=True)
        return self._site.pages.page(
            "preference.html",
            self._language(request, subscriber),
            status=status,
            action=self._path(request),
            form=form,
            **self._site.choices(),
        )

    def _language(self, request: Request, subscriber: Subscriber) -> Language:
        return self._site.pages.language(request, subscriber.locale)

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
        language = self._language(request, subscriber)
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
            weekdays=site.pages.weekdays(language),
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
