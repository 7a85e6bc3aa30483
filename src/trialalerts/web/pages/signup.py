"""The sign-up: the form, its checks, and one answer that never tells whether an address was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.logs import Logger
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.people import NewSubscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.web.forms import FieldError, Form, zone_named
from trialalerts.web.languages import Language
from trialalerts.web.middleware import content_policy
from trialalerts.web.pages.review import CHANGE, SAVE, ReviewPage
from trialalerts.web.preference_form import FIELDS, given
from trialalerts.web.signup.consent_text import consent_read
from trialalerts.web.signup.one_trial import FollowedTrial, trial_asked_for
from trialalerts.web.signup.storing import SignUps
from trialalerts.web.signup.wishes import ANOTHER, add_another, drop, read_wishes
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat
from trialalerts.web.wire.compression import Packed

__all__ = ["SignUpPage"]

log = Logger()

_FOLDED = ("radius", "label", *(each.field for each in FILTERS if each.field != "born"))
"""What stands in the block that is closed until it is used."""
_SENT = "sent"
"""The step that stores nothing: it shows in another language that the mail is on its way."""
_CARRIED = (*FIELDS, "who", "also", "trial", "source", "address", "frequency", "language", "timezone", "consent")


class SignUpPage:
    """The pages ``/`` and ``/subscribe``; for the frames of the sites ``framed_by``, ``/embed``."""

    def __init__(self, site: WebSite, *, framed_by: Sequence[str] = ()) -> None:
        self._site = site
        self._review = ReviewPage(site)
        self._sign_ups = SignUps(site)
        self._framed_by = framed_by
        self._path = f"{site.pages.prefix}/{'embed' if framed_by else 'subscribe'}"
        self._kept: dict[tuple[str, str], Packed] = {}

    async def show(self, request: Request) -> Response:
        """Show the form, filled with ``?area=``, ``?region=`` and ``?topic=`` where an article's link gives them.

        The empty form is the same for all who read one language and count in one unit: it is made once.
        """
        if request.query_params.keys() - {"lang"}:
            return await run_in_threadpool(self._given, request)
        key = (self._site.pages.language(request).code, self._site.unit(request))
        if key not in self._kept:
            page = await run_in_threadpool(self._given, request)
            headers = {name: value for name, value in page.headers.items() if name != "content-length"}
            self._kept[key] = Packed(bytes(page.body), headers)
        return self._kept[key].answer(request)

    def _given(self, request: Request) -> Response:
        language = self._site.pages.language(request)
        query = dict(request.query_params) | {"topic": ";".join(request.query_params.getlist("topic"))}
        known = self._site.vocabulary
        filled = given(query, known.tree(), known.topics(), any_area=language.text("filters.any_area"))
        filled |= {name: query.get(name, "") for name in ("trial", "source")}
        return self._form(self._filled(request, filled, language), language, carried=filled)

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Take a sign-up: show the form again with what is wrong, or what it would bring, or queue the confirmation."""
        language = self._site.pages.language(request)
        form = self._filled(request, typed, language)
        if wait := self._review.wait(request, form):
            return self._too_often(form, language, wait)
        if form.values["website"]:  # a field that people do not see: only a program fills it
            log.info("web.trapped")
            return self._sent(form, language)
        if form.values["step"] == _SENT:
            return self._sent(form, language)
        if form.values["step"] == ANOTHER:
            add_another(form)
        if form.values["step"] in {CHANGE, ANOTHER}:
            return self._form(form, language)
        self._review.taken(form, language)
        drop(form)
        return self._checked(form, language)

    def _checked(self, form: Form, language: Language) -> Response:
        site = self._site
        with site.db.read() as session:
            trial = self._trial(session, form, language)
            alone = trial is not None and not form.values["area"]
            today, tree = site.clock.now().date(), site.vocabulary.tree()
            wishes = [] if alone else read_wishes(form, tree, session, today, language.code)
        address = form.address()
        form.values["timezone"] = zone_named(form.values["timezone"])
        schedule = form.schedule({choice.code for choice in site.pages.mail_languages})
        form.consent()
        if form.errors or schedule is None:
            return self._form(form, language, status=422)
        if form.values["step"] != SAVE:
            return self._look(form, wishes, address, trial, language)
        new = NewSubscriber(
            address=address,
            preferences=tuple(new for wish in wishes for new in wish),
            trials=() if trial is None else (trial.item_id,),
            locale=schedule.language,
            timezone=schedule.timezone,
            frequency=schedule.frequency,
            agreed_to=consent_read(self._agreed_in(form, language), site.settings.service.name),
            came_by=form.came_by,
        )
        self._sign_ups.store(new)
        return self._sent(form, language)

    def _agreed_in(self, form: Form, language: Language) -> Language:
        """Return the language in which the consent was read: pages that come later may be in another one."""
        return self._site.pages.languages.get(form.values["consent"]) or language

    def _trial(self, session: Session, form: Form, language: Language) -> FollowedTrial | None:
        """Return the trial that a public page asked for; one that is unknown is noted in the form."""
        number = form.values["trial"]
        words = self._site.wordings.of(language.locale)
        found = trial_asked_for(session, number, words) if number else None
        if number and found is None:
            form.errors["area"] = FieldError(key="signup.trial_unknown")
            form.values["trial"] = ""
        return found

    def _look(
        self,
        form: Form,
        wishes: Sequence[Sequence[NewPreference]],
        address: str,
        trial: FollowedTrial | None,
        language: Language,
    ) -> Response:
        page = self._review.page(
            form,
            wishes,
            language,
            fields=_CARRIED,
            action=f"{self._path}?lang={language.code}",
            sends={},
            save="subscribe.submit",
            address=address,
            trial=trial,
            embedded=bool(self._framed_by),
        )
        return self._framed(page)

    def _sent(self, form: Form, language: Language) -> Response:
        """Say that a mail is on its way: the same to everybody, whoever is known and whatever was stored."""
        page = self._site.pages.page(
            "sent.html",
            language,
            embedded=bool(self._framed_by),
            address=form.values["address"],
            carried=form.hidden_fields(_CARRIED),
            action=f"{self._path}?lang={language.code}",
            repeat=Repeat(path=self._path, form="sent", name="step", value=_SENT),
        )
        return self._framed(page)

    def _too_often(self, form: Form, language: Language, wait: int) -> Response:
        """Ask for patience; what was typed stays."""
        form.errors["limit"] = FieldError(key="limit.text")
        response = self._form(form, language, status=429, headline="limit.title")
        response.headers["Retry-After"] = str(wait)
        return response

    def _filled(self, request: Request, typed: Mapping[str, object], language: Language) -> Form:
        return Form.filled(
            typed,
            unit=self._site.unit(request),
            who="me",
            frequency="weekly",
            language=language.code,
            timezone=self._site.settings.service.timezone,
        )

    def _form(
        self,
        form: Form,
        language: Language,
        *,
        status: int = 200,
        carried: Mapping[str, str] | None = None,
        headline: str = "error.summary",
    ) -> Response:
        """Show the form. The links to other languages carry what an article's link said, never what was typed.

        What was typed and sent goes to another language by the form itself.
        """
        choices = dict(self._site.choices())
        trial = None
        if form.values["trial"]:
            with self._site.db.read() as session:
                trial = self._trial(session, form, language)
        if not form.uses("topic"):  # the long list of them is for one's own page
            choices["topics"] = None
        response = self._site.pages.page(
            "subscribe.html",
            language,
            status=status,
            form=form,
            headline=headline,
            embedded=bool(self._framed_by),
            action=self._path,
            trial=trial,
            folded_in=form.uses(*_FOLDED) or bool(form.errors.keys() & {"language", "timezone"}),
            here=self._path,
            here_query={name: value for name, value in (carried or {}).items() if value},
            repeat=Repeat(path=self._path, form="signup", name="step", value=CHANGE) if carried is None else None,
            guess=not form.values["consent"] and not form.errors,  # nothing was chosen here yet
            **choices,
        )
        return self._framed(response, scripts=True)

    def _framed(self, response: Response, *, scripts: bool = False) -> Response:
        """Let a page run our script, and let the sites that may have it show it in a frame."""
        policy = content_policy(styles="'self'", scripts=scripts, framed_by=self._framed_by)
        response.headers["Content-Security-Policy"] = policy
        return response
