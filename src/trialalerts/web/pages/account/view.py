"""How the settings are shown: the page, and the small forms that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.digests.announcements.handover import handover_day, handovers_of
from trialalerts.subscribers.account.moving import address_asked_for
from trialalerts.subscribers.account.objecting import has_objected
from trialalerts.subscribers.links import FRESH_WITHIN
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState
from trialalerts.web.forms import Form
from trialalerts.web.languages import Language
from trialalerts.web.pages.account.access import Access, own_path, switch
from trialalerts.web.pages.account.held import earlier_digests
from trialalerts.web.pages.account.nudges import NudgeForm
from trialalerts.web.pages.unsubscribe import PAUSABLE
from trialalerts.web.site import WebSite, local_day

__all__ = ["SettingsView", "own_wish"]

_NOTICES = {
    "saved", "added", "changed", "removed", "resumed", "rests", "woken", "asked_address", "kept_address",
    "objected", "allowed", "heard", "asked_nudges", "nudges_ended",
}  # fmt: skip
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.ERASED}
_A_MONTH = timedelta(days=30)


def own_wish(session: Session, subscriber: Subscriber, number: str) -> Preference | None:
    """Return the subscriber's wish of this number; None where they have none."""
    return next((each for each in list_preferences(session, subscriber) if str(each.id) == number), None)


class SettingsView:
    """Shows the settings of one subscriber."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def language(self, request: Request, subscriber: Subscriber) -> Language:
        """Return the language of the page: the subscriber's, unless another is asked for."""
        return self._site.pages.language(request, subscriber.reading_locale)

    def path(self, request: Request) -> str:
        """Return the path of the page with its token, in the language that was asked for."""
        return own_path(self._site, request)

    def filled(self, request: Request, sent: Mapping[str, object], subscriber: Subscriber) -> Form:
        """Return the form of what is stored, with what was sent over it."""
        return Form.filled(
            sent,
            unit=subscriber.unit or self._site.unit(request),
            frequency=subscriber.frequency.value,
            language=subscriber.locale.partition("-")[0],
            timezone=subscriber.timezone,
            hour=str(subscriber.hour),
            weekday=str(subscriber.weekday),
            day=str(subscriber.day),
            **({} if "action" in sent else self._tastes(subscriber)),
        )

    def _tastes(self, subscriber: Subscriber) -> dict[str, str]:
        """Return what a box that is not ticked would not send."""
        return {
            "heartbeat": subscriber.heartbeat or "off",
            "discreet": "yes" if subscriber.discreet else "",
            "area_in_subject": "yes" if subscriber.area_in_subject else "",
            "announcements": "yes" if subscriber.announcements else "",
        }

    def plain(
        self, request: Request, subscriber: Subscriber, template: str, *, here_query: Mapping[str, str] | None = None
    ) -> Response:
        """Show a small page that asks something; ``here_query`` asks for it by a link."""
        language, shown = self.language(request, subscriber), switch(self._site, request, here_query)
        return self._site.pages.page(template, language, action=self.path(request), address=subscriber.address, **shown)

    def address(self, request: Request, subscriber: Subscriber, form: Form, *, status: int = 200) -> Response:
        """Show the form for another address."""
        language, path = self.language(request, subscriber), self.path(request)
        return self._site.pages.page(
            "new_address.html",
            language,
            status=status,
            action=path,
            form=form,
            address=subscriber.address,
            **switch(self._site, request, sent=form.values),
        )

    def rest(
        self,
        request: Request,
        session: Session,
        subscriber: Subscriber,
        kept: Preference,
        form: Form,
        *,
        status: int = 200,
    ) -> Response:
        """Show the form that lets one wish rest."""
        language = self.language(request, subscriber)
        if not form.values["until"]:
            form.values["until"] = self._in_a_month(subscriber)
        return self._site.pages.page(
            "rest.html",
            language,
            status=status,
            action=self.path(request),
            form=form,
            follow=self._site.follow(session, kept, language),
            address=subscriber.address,
            **switch(self._site, request, sent=form.values),
        )

    def _in_a_month(self, subscriber: Subscriber) -> str:
        return local_day(self._site.clock.now() + _A_MONTH, subscriber.timezone).isoformat()

    def page(
        self,
        request: Request,
        session: Session,
        access: Access,
        form: Form,
        *,
        status: int = 200,
        adding: bool = False,
    ) -> Response:
        """Show the whole page."""
        site, subscriber = self._site, access.subscriber
        language = self.language(request, subscriber)
        done = request.query_params.get("done", "")
        now = site.clock.now()
        if not form.values["until"]:
            form.values["until"] = self._in_a_month(subscriber)
        earlier = earlier_digests(session, subscriber)
        return site.pages.page(
            "preferences.html",
            language,
            status=status,
            action=self.path(request),
            notice=language.text(f"preferences.{done}") if done in _NOTICES else "",
            state=self._state(subscriber, language),
            address=subscriber.address,
            asked_address=address_asked_for(session, subscriber, now=now, within=FRESH_WITHIN),
            form=form,
            adding=adding,
            follows=site.follows(session, subscriber, language),
            silenced=site.silenced(session, subscriber, language),
            open_now=site.estimates.open_now(list_preferences(session, subscriber), site.vocabulary.tree()),
            mails=len(earlier),
            last_mail=site.pages.day(local_day(earlier[0].created_at, subscriber.timezone), language)
            if earlier
            else "",
            can_add=subscriber.state in PAUSABLE,
            can_pause=subscriber.state is SubscriberState.ACTIVE,
            can_resume=subscriber.state is SubscriberState.PAUSED,
            can_stop=subscriber.state not in _LEFT,
            handover=self._handover(session, subscriber, language),
            nudges=NudgeForm(site).stands(session, subscriber, language),
            days=max(1, site.settings.retention.left.days),
            weekdays=site.pages.weekdays(language),
            **site.choices(),
            **switch(site, request, sent=form.values),
        )

    def _handover(self, session: Session, subscriber: Subscriber, language: Language) -> Mapping[str, Any] | None:
        """Return what a change of hands that was announced means for somebody; None where there is none to tell of."""
        objected = has_objected(session, subscriber)
        announced = handovers_of(session)
        if subscriber.state in _LEFT or not (objected or announced):
            return None
        text = ""
        if announced:
            row, told = announced[0]
            day = handover_day(session, row, told, subscriber, self._site.clock.now())
            shown = self._site.pages.day(day, language)
            text = language.text("preferences.handover_text", receiver=told.receiver, day=shown)
        return {"text": text, "objected": objected}

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
