"""A small stage for the tests of webhooks: areas, trials that change, and a program that is called."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import SecretStr
from sqlmodel import Session, select
from standardwebhooks import Webhook as Verifier

from tests.digests.stage import publish, store_areas, store_trial
from tests.sources.registry_server import Request
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.hooks.calls import WebhookCalls
from trialalerts.hooks.events import PUBLIC_EVENTS
from trialalerts.hooks.registering import NewWebhook, add_webhook
from trialalerts.hooks.tables import CallState, Hook, HookCall
from trialalerts.settings import ServiceSettings, Settings, WebhookSettings

SECRET = "a secret of the tests, which is long enough"
PATIENT = timedelta(minutes=2)
"""No busy machine needs so long to answer itself."""


def settings_for(**webhooks: Any) -> Settings:
    """Return settings by which programs of this machine are called."""
    own = {"allow_private_addresses": True, "timeout": PATIENT, **webhooks}
    service = ServiceSettings(secret=SecretStr(SECRET), base_url="https://alerts.example.org")
    return Settings(service=service, webhooks=WebhookSettings(**own))


SETTINGS = settings_for()


def add(
    db: Database, url: str, clock: Clock, *events: str, settings: Settings = SETTINGS, **limits: Any
) -> tuple[str, str]:
    """Add a webhook, of all public events where none is named; return its id and its secret."""
    new = NewWebhook(url=url, events=events or PUBLIC_EVENTS, **limits)
    with db.write() as session:
        webhook, secret = add_webhook(session, settings.webhooks, SECRET, new, now=clock.now())
        return webhook.name, secret.shown


def open_trials(db: Database, number: int, at: datetime, *, first: int = 0) -> list[int]:
    """Store so many trials that open; return the numbers of the changes."""
    with db.write() as session:
        return [
            publish(session, store_trial(session, first + each, at), ChangeKind.OPENED, at) for each in range(number)
        ]


def set_areas(db: Database) -> None:
    """Store the areas."""
    with db.write() as session:
        store_areas(session)


def call_all(db: Database, clock: Clock, settings: Settings = SETTINGS) -> None:
    """Queue what happened and call until nothing is due."""
    calls = WebhookCalls(settings, db, clock)
    calls.finish()
    calls.close()


def bodies(requests: Sequence[Request]) -> list[Any]:
    """Return what was told."""
    return [orjson.loads(each.body) for each in requests]


def is_signed(request: Request, secret: str) -> bool:
    """Tell whether one of a call's signatures is by a secret, whatever time it is now."""
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    signature = Verifier(secret).sign(request.headers["webhook-id"], at, request.body.decode())
    return signature in request.headers["webhook-signature"].split(" ")


def webhook_called(session: Session, name: str) -> Hook:
    """Return a webhook as stored now."""
    return session.exec(select(Hook).where(Hook.name == name)).one()


def states(db: Database) -> list[CallState]:
    """Return how the calls stand, in their order."""
    with db.read() as session:
        return [each.state for each in session.exec(select(HookCall).order_by(HookCall.id))]  # type: ignore[arg-type]


def wait_for(what: Callable[[], bool]) -> None:
    """Wait, for minutes if it must be."""
    until = time.monotonic() + PATIENT.total_seconds()
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)
