"""The sign-up: the form, its checks, and one answer that never tells whether an address was known."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.web.forms import Form, Schedule
from trialalerts.web.languages import Language
from trialalerts.web.pages.review import CHANGE, SAVE, ReviewPage
from trialalerts.web.preference_form import FIELDS, given, read_preference
from trialalerts.web.site import WebSite

__all__ = ["SignUpPage"]

log = structlog.get_logger()


class _NoMoreMails(Exception):
    """The address has had its share of confirmation mails: what cannot be confirmed is not stored either."""


class SignUpPage:
    """The pages ``/`` and ``/subscribe``."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._review = ReviewPage(site)
        self._domain = mail_domain(site.settings.mail.sender)
        self._limits = RequestLimits.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show the form, filled with ``?area=``, ``?region=`` and ``?topic=`` where an article's link gives them."""
        language = self._site.pages.language(request)
        query = dict(request.query_params) | {"topic": ";".join(request.query_params.getlist("topic"))}
        known = self._site.vocabulary
        filled = given(query, known.tree(), known.topics(), any_area=language.text("filters.any_area"))
        return self._form(self._filled(request, filled, language), language, carried=filled)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Take a sign-up: show the form again with what is wrong, or what it would bring, or queue the confirmation."""
        site = self._site
        language = site.pages.language(request)
        form = self._filled(request, typed, language)
        if refusal := self._review.too_often(request, form, language):
            return refusal
        if form.values["website"]:  # a field that people do not see: only a program fills it
            log.info("web.trapped")
            return site.pages.message("sent", language)
        if form.values["step"] == CHANGE:
            return self._form(form, language)
        self._review.taken(form)
        with site.db.read() as session:
            preference = read_preference(form, site.vocabulary.tree(), session, site.clock.now().date())
        address = form.address()
        schedule = form.schedule({choice.code for choice in site.pages.mail_languages})
        form.consent()
        if form.errors or preference is None or schedule is None:
            return self._form(form, language, status=422)
        if form.values["step"] != SAVE:
            return self._look(form, preference, language)
        self._store(address, preference, schedule)
        return site.pages.message("sent", language)

    def _look(self, form: Form, preference: NewPreference, language: Language) -> Response:
        return self._review.page(
            form,
            preference,
            language,
            fields=(*FIELDS, "address", "frequency", "language", "timezone", "consent"),
            action=f"{self._site.pages.prefix}/subscribe?lang={language.code}",
            sends={},
            save="subscribe.submit",
        )

    def _store(self, address: str, preference: NewPreference, schedule: Schedule) -> None:
        new = NewSubscriber(
            address=address,
            preferences=(preference,),
            locale=schedule.language,
            timezone=schedule.timezone,
            frequency=schedule.frequency,
        )
        try:
            self._sign_up(new)
        except IntegrityError:  # the same person pressed the button twice: the other request stored them first
            self._sign_up(new)
        except (InvalidInput, _NoMoreMails) as error:
            # What was typed has been checked. What remains depends on what is stored of this address (too many
            # preferences or mails): to say so would tell a stranger that the address is known.
            log.info("web.sign_up_refused", error=type(error).__name__)

    def _sign_up(self, new: NewSubscriber) -> None:
        now = self._site.clock.now()
        with self._site.db.write() as session:
            signup = add_subscriber(session, new, confirmed=False, how="web", now=now)
            ids = signup.to_confirm
            if ids and not request_confirmation(
                session, signup.subscriber, ids, now=now, domain=self._domain, limits=self._limits
            ):
                raise _NoMoreMails

    def _filled(self, request: Request, typed: Mapping[str, object], language: Language) -> Form:
        return Form.filled(
            typed,
            unit=self._site.unit(request),
            frequency="weekly",
            language=language.code,
            timezone=self._site.settings.service.timezone,
        )

    def _form(
        self, form: Form, language: Language, *, status: int = 200, carried: Mapping[str, str] | None = None
    ) -> Response:
        """Show the form. The links to other languages carry what an article's link said, never what was typed."""
        return self._site.pages.page(
            "subscribe.html",
            language,
            status=status,
            form=form,
            here=f"{self._site.pages.prefix}/subscribe",
            here_query={name: value for name, value in (carried or {}).items() if value},
            **self._site.choices(),
        )
