"""Owns ``POST /webhooks/{provider}``: what mail providers tell is taken once it is known to come from them.

A missing or wrong signature answers 401, what cannot be read 400, a repetition 200 without doing anything; a fault
of ours answers 5xx, so that the provider tells it again. Nobody's rate is limited here: providers come in bursts.
"""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.feedback.calls import Call, Webhook
from trialalerts.delivery.feedback.events import Forged, Malformed, Unverifiable
from trialalerts.delivery.feedback.heed import heed
from trialalerts.delivery.feedback.providers import open_webhooks
from trialalerts.settings import Settings

__all__ = ["LARGEST", "Webhooks"]

log = structlog.get_logger()

LARGEST = 1_000_000
"""Bytes of a call; the most that any provider is known to send at once are SendGrid's 768 kB."""

_AGAIN = {"Retry-After": "60"}


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
        call = Call(headers=dict(request.headers), body=await request.body(), now=self._clock.now())
        return await run_in_threadpool(self._heard, provider, webhook, call)

    def _heard(self, provider: str, webhook: Webhook, call: Call) -> Response:
        try:
            events = webhook.events(call)
        except Forged as error:
            log.warning("feedback.refused", provider=provider, reason=str(error))
            return PlainTextResponse(str(error), 401, headers={"WWW-Authenticate": 'Basic realm="webhooks"'})
        except Malformed as error:
            log.warning("feedback.malformed", provider=provider, reason=str(error))
            return PlainTextResponse(str(error), 400)
        except Unverifiable as error:
            log.error("feedback.unverifiable", provider=provider, reason=str(error))
            return PlainTextResponse("not now", 503, headers=_AGAIN)
        count = heed(self._db, self._settings, events, now=call.now)
        log.info(
            "feedback.heard", provider=provider, heard=count.heard, repeated=count.repeated, unmatched=count.unmatched
        )
        return PlainTextResponse("heard")
