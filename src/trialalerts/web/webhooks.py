"""The webhooks, ``POST /webhooks/{provider}``: what providers tell, once it is known to come from them.

A missing or wrong signature answers 401, what cannot be read 400, a form that is no longer read 406, a repetition 200
without doing anything; a fault of ours, a wrong clock included, answers so that the provider tells it again (see
``providers.retry_status``). Nobody's rate is limited here: providers come in bursts.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.delivery.feedback.events import InvalidSignature, Malformed, Outdated, Untimely, Unverifiable
from trialalerts.delivery.feedback.handling import UNSTORABLE, handle_feedback
from trialalerts.delivery.feedback.webhooks.call import Webhook, WebhookCall
from trialalerts.delivery.feedback.webhooks.providers import open_webhooks, refusal_status, retry_status
from trialalerts.errors import TrialAlertsError
from trialalerts.logs import Logger
from trialalerts.settings import Settings

__all__ = ["LARGEST", "Webhooks"]

log = Logger()

LARGEST = 1_000_000
"""Bytes of a call; the most that any provider is known to send at once are SendGrid's 768 kB."""

_AGAIN = {"Retry-After": "60"}
_REFUSED = "webhook-refused"
_NOTED_EVERY = timedelta(minutes=10)
"""Anybody can call without proof: that writes no more often than this."""


class Webhooks:
    """The webhooks of the providers for which keys are configured; there are no others.

    Raises:
        ConfigurationError: a provider is unknown, or its keys make no sense.
    """

    def __init__(self, settings: Settings, db: Database, clock: Clock) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._opened = open_webhooks(settings)
        self._refused: dict[str, datetime] = {}
        self._heard_of: set[str] = set()

    @property
    def paths(self) -> list[str]:
        """The paths that providers call."""
        return [f"/webhooks/{name}" for name in self._opened]

    def route(self) -> Route:
        """Return the route that takes calls."""
        return Route("/webhooks/{provider}", self.take, methods=["POST"])

    async def take(self, request: Request) -> Response:
        """Take one call."""
        provider = request.path_params["provider"]
        webhook = self._opened.get(provider)
        if webhook is None:
            raise HTTPException(404)
        call = WebhookCall(headers=dict(request.headers), body=await request.body(), now=self._clock.now())
        return await run_in_threadpool(self._heard, provider, webhook, call)

    def _heard(self, provider: str, webhook: Webhook, call: WebhookCall) -> Response:
        try:
            events = webhook.events(call)
        except InvalidSignature as error:
            return self._unproven(provider, error, call.now)
        except Outdated as error:
            log.warning("feedback.outdated", provider=provider, reason=str(error))
            return PlainTextResponse(str(error), 406)
        except Malformed as error:
            log.warning("feedback.malformed", provider=provider, reason=str(error))
            return PlainTextResponse(str(error), 400)
        except Unverifiable as error:
            log.error("feedback.unverifiable", provider=provider, reason=str(error))
            return _again(provider)
        try:
            count = handle_feedback(self._db, self._settings, events, now=call.now)
            self._proven(provider)
        except Exception as error:  # whatever it is, the provider shall tell it again
            known = isinstance(error, (TrialAlertsError, *UNSTORABLE))  # their traces may show what was to be stored
            log.error("feedback.unheard", provider=provider, error=type(error).__name__, exc_info=not known)
            return _again(provider)
        log.info(
            "feedback.heard", provider=provider, heard=count.heard, repeated=count.repeated, unmatched=count.unmatched
        )
        return PlainTextResponse("heard")

    def _unproven(self, provider: str, error: InvalidSignature, now: datetime) -> Response:
        """Refuse a call, and tell the operator: where the wrong key is ours, what providers tell is lost by and by."""
        log.error("feedback.refused", provider=provider, reason=str(error))
        if now - self._refused.get(provider, now - _NOTED_EVERY) >= _NOTED_EVERY:
            self._refused[provider] = now
            with suppress(TrialAlertsError, DBAPIError), self._db.write() as session:
                note_finding(session, _REFUSED, provider, _refusal(provider, error), now=now)
        if isinstance(error, Untimely):
            return _again(provider)
        status = refusal_status(provider)
        headers = _AGAIN if status == retry_status(provider) else {"WWW-Authenticate": 'Basic realm="webhooks"'}
        return PlainTextResponse(str(error), status, headers=headers)

    def _proven(self, provider: str) -> None:
        """End what was told of refused calls: once in each process, and after each that was refused in it."""
        if provider in self._refused or provider not in self._heard_of:
            with self._db.write() as session:
                end_findings(session, _REFUSED, [provider])
            self._heard_of.add(provider)
            self._refused.pop(provider, None)


def _again(provider: str) -> Response:
    return PlainTextResponse("not now", retry_status(provider), headers=_AGAIN)


def _refusal(provider: str, error: InvalidSignature) -> str:
    return (
        f"Calls to /webhooks/{provider} are refused. {error} If they come from {provider}, its events are lost: "
        f"compare feedback.webhooks.{provider} with its settings there."
    )
