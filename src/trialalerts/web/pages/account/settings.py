"""The subscriber's own page: what is followed, when mails come, pausing, moving, leaving, erasing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import ask_new_address
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.account.moving import address_asked_for, ask_for_address, keep_address
from trialalerts.subscribers.account.objecting import object_to_handover, take_objection_back
from trialalerts.subscribers.account.resting import rest_preference, wake_preference
from trialalerts.subscribers.choices import checked_date
from trialalerts.subscribers.erasure import erase, wipe_free_pages
from trialalerts.subscribers.follows.silence import lift_silence
from trialalerts.subscribers.links import FRESH_WITHIN
from trialalerts.subscribers.people import SubscriberChanges, edit, pause, resume
from trialalerts.subscribers.preferences import remove_preference
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.web.forms import FieldError, Form
from trialalerts.web.pages.account.access import Access, access_of, ask_for_fresh, mail_fresh_link, once_more
from trialalerts.web.pages.account.goodbye import leave, left_page
from trialalerts.web.pages.account.held import SHOWN, HeldPages
from trialalerts.web.pages.account.link import link_sent
from trialalerts.web.pages.account.nudges import NudgeForm
from trialalerts.web.pages.account.view import SettingsView, own_wish
from trialalerts.web.pages.account.wishes import WishPages
from trialalerts.web.pages.unsubscribe import PAUSABLE
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import with_query

__all__ = ["SettingsPage"]

_A_MONTH = timedelta(days=30)
_NEEDS_FRESH = {"address", "nudges"}
"""Where mails and nudges go is changed by a link only that was just asked for."""
_Action = Callable[[Session, Subscriber, Form], str]


class SettingsPage:
    """The page ``/preferences/{token}``. Every change is a POST, followed by a look at the page anew."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._view = SettingsView(site)
        self._wishes = WishPages(site, self._view)
        self._held = HeldPages(site)
        self._nudges = NudgeForm(site)
        self._limits = RequestLimits.of(site.settings)
        self._pages: dict[str, Callable[[Request, str], Response]] = {
            "send-link": self._send_link,
            "unsubscribe": self._leave,
            "erase": self._ask_before_erasing,
            "erase-now": self._erase,
        }
        self._actions: dict[str, _Action] = {
            "remove": self._remove,
            "save": self._save,
            "pause": self._pause,
            "resume": self._resume,
            "hear": self._hear,
            "rest": self._rest,
            "wake": self._wake,
            "address": self._ask_address,
            "keep-address": self._keep_address,
            "nudges": self._nudges.ask,
            "end-nudges": self._nudges.end,
            "object": self._object,
            "allow": self._allow,
        }

    def show(self, request: Request) -> Response:
        """Show the page; with ``?edit=17`` or ``?rest=17`` the form for one wish, with ``?see=…`` what is kept."""
        token, query = request.path_params["token"], request.query_params
        with self._site.db.read() as session:
            access = access_of(self._site, session, token)
            subscriber = access.subscriber
            if page := self._apart(request, session, access):
                return page
            if kept := own_wish(session, subscriber, query.get("rest", "")):
                return self._view.rest(request, session, subscriber, kept, self._view.filled(request, {}, subscriber))
            if kept := own_wish(session, subscriber, query.get("edit", "")):
                return self._wishes.show(request, session, subscriber, kept)
            return self._view.page(request, session, access, self._view.filled(request, {}, subscriber))

    def _apart(self, request: Request, session: Session, access: Access) -> Response | None:
        """Return the page of its own that is asked for; None for the settings themselves."""
        subscriber, query = access.subscriber, request.query_params
        what = "erase" if query.get("do") == "erase" else query.get("see", "")
        if what in {"erase", "address", "data", "nudges"} and not access.fresh:
            return ask_for_fresh(self._site, request, subscriber, request.path_params["token"])
        if what == "erase":
            return self._view.plain(request, subscriber, "erase.html")
        if what == "address":
            return self._view.address(request, subscriber, Form.filled({}))
        if what == "nudges" and self._site.settings.nudges:
            return self._nudges.page(request, subscriber, Form.filled({}))
        return self._held.page(request, session, subscriber, what) if what in SHOWN else None

    def data(self, request: Request) -> Response:
        """Hand over all that is kept, as a file, to a fresh link."""
        with self._site.db.read() as session:
            access = access_of(self._site, session, request.path_params["token"])
            if not access.fresh:
                return ask_for_fresh(self._site, request, access.subscriber, request.path_params["token"])
            return self._held.file(session, access.subscriber)

    def take(self, request: Request, sent: Mapping[str, object]) -> Response:
        """Do what a button says: the field ``action``."""
        action, token = str(sent.get("action", "")), request.path_params["token"]
        if action in {"add", "edit"}:
            return self._wishes.take(request, sent)
        if action in self._pages:
            return self._pages[action](request, token)
        with self._site.db.write() as session:
            access = access_of(self._site, session, token)
            subscriber = access.subscriber
            if action not in self._actions:
                raise HTTPException(400)
            if action in _NEEDS_FRESH and not access.fresh:
                return ask_for_fresh(self._site, request, subscriber, token, action)
            form = self._view.filled(request, sent, subscriber)
            notice = self._actions[action](session, subscriber, form)
            if form.errors:
                return self._wrong(request, session, access, form, action)
        return self.done(request, notice)

    def _ask_before_erasing(self, request: Request, token: str) -> Response:
        with self._site.db.read() as session:
            access = access_of(self._site, session, token)
            if not access.fresh:
                return ask_for_fresh(self._site, request, access.subscriber, token, "erase")
            return self._view.plain(request, access.subscriber, "erase.html", here_query={"do": "erase"})

    def _leave(self, request: Request, token: str) -> Response:
        with self._site.db.write() as session:
            subscriber = access_of(self._site, session, token).subscriber
            leave(self._site, session, subscriber, how="web")
            again = once_more(self._site, request, {"action": "unsubscribe"})
            return left_page(self._site, session, subscriber, self._view.language(request, subscriber), again)

    def done(self, request: Request, notice: str) -> Response:
        """Lead to the page, which says what was done."""
        # The path has the token in it and no more than that: what was done stands behind the question mark.
        return RedirectResponse(with_query(self._view.path(request), done=notice), status_code=303)

    def _wrong(self, request: Request, session: Session, access: Access, form: Form, action: str) -> Response:
        if action == "address":
            return self._view.address(request, access.subscriber, form, status=422)
        if action == "nudges":
            return self._nudges.page(request, access.subscriber, form, status=422)
        kept = own_wish(session, access.subscriber, form.values["preference"]) if action == "rest" else None
        if kept is not None:
            return self._view.rest(request, session, access.subscriber, kept, form, status=422)
        return self._view.page(request, session, access, form, status=422)

    def _send_link(self, request: Request, token: str) -> Response:
        mail_fresh_link(self._site, token)
        return link_sent(self._site, self._site.pages.language(request))

    def _remove(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        try:
            remove_preference(session, subscriber, _number(form), how="web", now=self._site.clock.now())
        except NotFound:  # the button was pressed twice
            return ""
        return "removed"

    def _hear(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        item = find_trial(session, form.values["trial"])
        if item is None or item.id is None:
            return ""
        lift_silence(session, subscriber, item.id, how="web", now=self._site.clock.now())
        return "heard"

    def _save(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        schedule = form.schedule({choice.code for choice in self._site.pages.mail_languages})
        if schedule is None:
            return ""
        values = form.values
        keeps_locale = subscriber.locale.partition("-")[0] == schedule.language
        rhythm = values["heartbeat"] if values["heartbeat"] in {"monthly", "quarterly"} else "off"
        changes = SubscriberChanges(
            locale=None if keeps_locale else schedule.language,
            timezone=schedule.timezone,
            frequency=schedule.frequency,
            hour=schedule.hour,
            weekday=schedule.weekday,
            day=schedule.day,
            heartbeat=rhythm,
            discreet=bool(values["discreet"]),
            area_in_subject=bool(values["area_in_subject"]),
            announcements=bool(values["announcements"]),
            unit=values["unit"] if values["unit"] in {"km", "miles"} else None,
        )
        edit(session, subscriber, changes, how="web", now=self._site.clock.now())
        return "saved"

    def _until(self, form: Form) -> Callable[[Callable[..., None]], bool]:
        """Return what runs a function with the day of the form, and notes at the field what is wrong with it."""

        def run(function: Callable[..., None]) -> bool:
            try:
                function(checked_date(form.values["until"]))
            except InvalidInput:
                form.errors["until"] = FieldError(key="error.until_wrong")
            return not form.errors

        return run

    def _pause(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        if subscriber.state not in PAUSABLE:
            return ""
        now = self._site.clock.now()
        if not form.values["until"]:
            form.values["until"] = (now + _A_MONTH).date().isoformat()
        self._until(form)(lambda day: pause(session, subscriber, until=day, how="web", now=now))
        return ""

    def _resume(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        if subscriber.state is not SubscriberState.PAUSED:
            return ""
        resume(session, subscriber, how="web", now=self._site.clock.now())
        return "resumed"

    def _rest(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        now, number = self._site.clock.now(), _number(form)
        if own_wish(session, subscriber, form.values["preference"]) is None:
            return ""
        self._until(form)(lambda day: rest_preference(session, subscriber, number, until=day, how="web", now=now))
        return "rests"

    def _wake(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        if own_wish(session, subscriber, form.values["preference"]) is None:
            return ""
        wake_preference(session, subscriber, _number(form), how="web", now=self._site.clock.now())
        return "woken"

    def _ask_address(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        if subscriber.state not in PAUSABLE:
            return ""
        address, now = form.address(), self._site.clock.now()
        if form.errors:
            return ""
        try:
            asked = ask_for_address(session, subscriber, address, now=now)
        except InvalidInput:
            form.errors["address"] = FieldError(key="error.address_same")
            return ""
        domain = mail_domain(self._site.settings.mail.sender)
        ask_new_address(session, subscriber, asked, now=now, domain=domain, limits=self._limits)
        return "asked_address"

    def _keep_address(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        if address_asked_for(session, subscriber, now=self._site.clock.now(), within=FRESH_WITHIN) is None:
            return ""
        keep_address(session, subscriber)
        return "kept_address"

    def _object(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        object_to_handover(session, subscriber, how="web", now=self._site.clock.now())
        return "objected"

    def _allow(self, session: Session, subscriber: Subscriber, form: Form) -> str:
        del form
        take_objection_back(session, subscriber, how="web", now=self._site.clock.now())
        return "allowed"

    def _erase(self, request: Request, token: str) -> Response:
        with self._site.db.write() as session:
            try:
                access = access_of(self._site, session, token)
            except LinkEnded:  # the button was pressed twice
                return self._site.pages.message("erased", self._site.pages.language(request))
            if not access.fresh:
                return ask_for_fresh(self._site, request, access.subscriber, token, "erase-now")
            language = self._view.language(request, access.subscriber)
            erase(session, access.subscriber, how="web", now=self._site.clock.now())
        wipe_free_pages(self._site.db)
        return self._site.pages.message("erased", language)


def _number(form: Form) -> int:
    number = form.values["preference"]
    return int(number) if number.isdecimal() and len(number) < 19 else 0  # noqa: PLR2004 - what a key can be
