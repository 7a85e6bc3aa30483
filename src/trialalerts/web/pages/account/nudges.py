"""Being told elsewhere that there is news: the form that asks for it, how it stands, the page that says yes to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.nudging import request_nudges, tell_that_nudges_begin
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.errors import InvalidInput
from trialalerts.nudges.ways import checked_nudge_recipient, offered_way
from trialalerts.subscribers.account.nudging import confirm_nudges, end_nudges, nudge_choice_of, nudges_asked_for
from trialalerts.subscribers.links import FRESH_WITHIN
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.forms import FieldError, Form
from trialalerts.web.languages import Language
from trialalerts.web.pages.account.access import own_path, switch
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import Repeat

__all__ = ["NudgeForm", "NudgePage"]

_SERVED = {SubscriberState.ACTIVE, SubscriberState.PAUSED}


class NudgeForm:
    """The part of the settings that says where news is told, and the form that leads to it."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._limits = RequestLimits.of(site.settings)

    def stands(self, session: Session, subscriber: Subscriber, language: Language) -> Mapping[str, Any] | None:
        """Return what the settings show of it; None where nothing is offered and nothing was chosen."""
        choice, text = nudge_choice_of(session, subscriber), language.text
        waits = nudges_asked_for(choice, now=self._site.clock.now(), within=FRESH_WITHIN)
        way = choice.way if choice is not None else None
        if not (self._site.settings.nudges or way):
            return None
        told = []
        if choice is not None and way is not None:
            key = "by" if choice.failed_at is None else "failed"
            key = key if offered_way(self._site.settings, way) else "gone"
            told.append(text(f"preferences.nudges_{key}", way=self._label(way)))
        if waits:
            told.append(text("preferences.nudges_wait", way=self._label(waits)))
        offered = bool(self._site.settings.nudges) and subscriber.state in _SERVED
        return {"told": told, "chosen": bool(told), "by": way, "offered": offered}

    def _label(self, name: str) -> str:
        way = offered_way(self._site.settings, name)
        return way.label if way else name

    def page(self, request: Request, subscriber: Subscriber, form: Form, *, status: int = 200) -> Response:
        """Show the form."""
        site = self._site
        ways = site.settings.nudges
        form.values["way"] = form.values["way"] or (ways[0].name if len(ways) == 1 else "")
        return site.pages.page(
            "nudges.html",
            site.pages.language(request, subscriber.reading_locale),
            status=status,
            action=own_path(site, request),
            form=form,
            ways=ways,
            address=subscriber.address,
            **switch(site, request, sent=form.values),
        )

    def ask(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        """Send a nudge there that asks; note at the field what is wrong with what was typed."""
        site = self._site
        if subscriber.state not in _SERVED:
            return ""
        way = offered_way(site.settings, form.values["way"])
        if way is None:
            form.errors["way"] = FieldError(key="error.way_missing")
            return ""
        try:
            recipient = checked_nudge_recipient(way, form.values["recipient"])
        except InvalidInput:
            form.errors["recipient"] = FieldError(key="error.recipient_wrong", values={"example": way.example})
            return ""
        domain = mail_domain(site.settings.mail.sender)
        now, limits = site.clock.now(), self._limits
        if not request_nudges(session, subscriber, way.name, recipient, now=now, domain=domain, limits=limits):
            form.errors["recipient"] = FieldError(key="error.recipient_asked")
            return ""
        return "asked_nudges"

    def end(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        """Write mails again."""
        del form
        return "nudges_ended" if end_nudges(session, subscriber, how="web", now=self._site.clock.now()) else ""


class NudgePage:
    """The page ``/nudge/{token}``: a button, since programs open links. It shows nothing of whom it belongs to."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the button; changes nothing."""
        site, token = self._site, request.path_params["token"]
        with site.db.read() as session:
            subscriber, _ = site.holder(session, Purpose.NUDGE, token, max_age=FRESH_WITHIN)
            language = site.pages.language(request, subscriber.reading_locale)
        return site.pages.page("nudge.html", language, token=token, here=self._path(token))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Tell there from now on; a second time does nothing more and says the same."""
        del typed
        site, token = self._site, request.path_params["token"]
        with site.db.write() as session:
            subscriber, said = site.holder(session, Purpose.NUDGE, token, max_age=FRESH_WITHIN)
            if subscriber.state not in _SERVED:
                raise LinkEnded("This link belongs to a subscription that has ended.")
            asked, now = said.data.get("asked", 0), site.clock.now()
            if not confirm_nudges(session, subscriber, asked, now=now):
                raise LinkEnded("This link belongs to a wish that is over.")
            domain = mail_domain(site.settings.mail.sender)
            tell_that_nudges_begin(session, subscriber, asked, now=now, domain=domain)
            language = site.pages.language(request, subscriber.reading_locale)
        return site.pages.message("nudged", language, repeat=Repeat(path=self._path(token)))

    def _path(self, token: str) -> str:
        return f"{self._site.pages.prefix}/nudge/{token}"
