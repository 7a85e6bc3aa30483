"""Signing people up by a program with a key: the checks, limits and answers of the page, with double opt-in.

Sending the same again does no harm and needs no key of its own: what is asked for already is found again, and an
address gets one mail in ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import orjson
from pydantic import ValidationError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.outbox.request_limits import count_client
from trialalerts.operations.api_keys import SIGN_UP, ApiKey, find_key
from trialalerts.subscribers.filters import FILTERS
from trialalerts.subscribers.people import NewSubscriber
from trialalerts.subscribers.preferences import NewPreference
from trialalerts.web.api.answers import WrongField
from trialalerts.web.api.bodies import ConsentGiven, SignUpAnswer, SignUpBody, wish_fields
from trialalerts.web.api.problems import ApiProblem
from trialalerts.web.forms import FieldError, Form, zone_named
from trialalerts.web.languages import Language
from trialalerts.web.preference_form import read_preference
from trialalerts.web.signup.consent_text import consent_read, consent_text
from trialalerts.web.signup.one_trial import trial_asked_for
from trialalerts.web.signup.storing import SignUps
from trialalerts.web.site import WebSite

__all__ = ["ApiSignUp"]

_WITHIN = timedelta(minutes=15)
_JSON = "application/json"
_NEEDS_KEY = {"WWW-Authenticate": 'Bearer realm="api"'}
_MOST_TOLD = 20
_NAMED = {each.field: each.name for each in FILTERS} | {"radius": "radius_km"}
"""Fields of the form that have another name in a body."""


class ApiSignUp:
    """``POST /api/v1/subscriptions``."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._sign_ups = SignUps(site)

    async def take(self, request: Request) -> Response:
        """Take one sign-up.

        Raises:
            ApiProblem: 401 or 403 for its key, 415, 400 or 422 for its body, 429 where there are too many.
        """
        key = await run_in_threadpool(self._key, request.headers.get("authorization", ""))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            raise ApiProblem(415, "unsupported-content-type", f"The body is to be {_JSON}; say so in Content-Type")
        body = _read(await request.body())
        language = self._site.pages.language(request)
        await run_in_threadpool(self._taken, key, body, language)
        answer = SignUpAnswer(
            status="confirmation", text=f"{language.text('sent.title')}. {language.text('sent.text')}"
        )
        return Response(answer.model_dump_json(), 202, media_type=_JSON, headers={"Content-Language": language.code})

    def _key(self, header: str) -> ApiKey:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            line = "Signing up needs a key: send Authorization: Bearer KEY (trialalerts api-keys add makes one)"
            raise ApiProblem(401, "key-missing", line, headers=_NEEDS_KEY)
        with self._site.db.read() as session:
            key = find_key(session, self._site.settings.service.secrets, token.strip())
        if key is None:
            line = "The key is unknown or revoked; ask whoever runs this service for another"
            raise ApiProblem(401, "key-unknown", line, headers=_NEEDS_KEY)
        if SIGN_UP not in key.scopes.split():
            raise ApiProblem(403, "key-for-something-else", f"The key is for {key.scopes}, not for {SIGN_UP}")
        return key

    def _taken(self, key: ApiKey, body: SignUpBody, language: Language) -> None:
        self._count(key)
        new = self._checked(body, language)
        self._sign_ups.store(new)

    def _count(self, key: ApiKey) -> None:
        secret = self._site.settings.service.secrets[0]
        with self._site.db.write() as session:
            now = self._site.clock.now()
            wait = count_client(session, f"api key {key.id}", secret, times=key.rate, within=_WITHIN, now=now)
        if wait:
            line = f"The key may be used for {key.rate} sign-ups in a quarter of an hour; try again in {wait} s"
            raise ApiProblem(429, "too-many-requests", line, headers={"Retry-After": str(wait)})

    def _checked(self, body: SignUpBody, language: Language) -> NewSubscriber:
        wrong: list[WrongField] = []
        with self._site.db.read() as session:
            wishes = self._wishes(session, body, language, wrong)
            trial = (
                trial_asked_for(session, body.trial, self._site.wordings.of(language.locale)) if body.trial else None
            )
        if body.trial and trial is None:
            wrong.append(WrongField(pointer="/trial", detail=language.text("signup.trial_unknown")))
        if not body.preferences and not body.trial:
            wrong.append(WrongField(pointer="/preferences", detail=language.text("error.area_missing")))
        form = Form.filled(
            {name: getattr(body, name) for name in ("address", "language", "timezone", "frequency")},
        )
        form.values["timezone"] = zone_named(form.values["timezone"] or self._site.settings.service.timezone)
        address = form.address()
        schedule = form.schedule({choice.code for choice in self._site.pages.mail_languages})
        wrong += _told(form.errors, "", language)
        read = self._consent_language(body.consent)
        if read is None:
            line = "It is not the text of today in this language; show that of /api/v1/consent and send it as it is"
            wrong.append(WrongField(pointer="/consent", detail=line))
        if wrong or schedule is None or read is None:
            raise _unprocessable(wrong)
        return NewSubscriber(
            address=address,
            preferences=tuple(wishes),
            trials=() if trial is None else (trial.item_id,),
            locale=schedule.language,
            timezone=schedule.timezone,
            frequency=schedule.frequency,
            agreed_to=consent_read(read, self._site.settings.service.name),
        )

    def _wishes(
        self, session: Session, body: SignUpBody, language: Language, wrong: list[WrongField]
    ) -> list[NewPreference]:
        areas, today = self._site.vocabulary.tree(), self._site.clock.now().date()
        found = []
        for number, wish in enumerate(body.preferences):
            form = Form.filled(wish_fields(wish))
            new = read_preference(form, areas, session, today, language=language.code)
            wrong += _told(form.errors, f"/preferences/{number}", language)
            if new is not None:
                found.append(new)
        return found

    def _consent_language(self, given: ConsentGiven) -> Language | None:
        """Return the language in which today's text was read; None where it was another text."""
        language, service = self._site.pages.languages.get(given.language), self._site.settings.service.name
        if language is None or given.version != consent_read(language, service).version:
            return None
        same = given.text.split() == consent_text(language, service).split()
        return language if same else None


def _told(errors: Mapping[str, FieldError], within: str, language: Language) -> list[WrongField]:
    return [
        WrongField(
            pointer=f"{within}/{_NAMED.get(name, name)}",
            detail=language.text(error.key, **error.values),
            choices=list(error.choices),
        )
        for name, error in errors.items()
    ]


def _read(body: bytes) -> SignUpBody:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        line = "The body is no JSON, or is nested too deep; send one object as the description has it"
        raise ApiProblem(400, "no-json", line) from None
    try:
        return SignUpBody.model_validate(sent)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_TOLD]
        raise _unprocessable(
            [WrongField(pointer="/" + "/".join(map(str, fault["loc"])), detail=fault["msg"]) for fault in faults]
        ) from None


def _unprocessable(wrong: Sequence[WrongField]) -> ApiProblem:
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    where = "".join(sign if sign.isprintable() else "�" for sign in first.pointer[:100])
    line = f"{where}: {first.detail}{more}"
    return ApiProblem(422, "wrong-fields", line, fields=wrong)
