"""A small stage for the tests of nudges: readers with something to hear, and a way that leads to a server of ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from pydantic import SecretStr
from sqlmodel import col, select

from tests.digests.stage import publish, store_areas, store_subscriber, store_trial, subscriber_called
from tests.sources.registry_server import RegistryServer, Request
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.digests.compose import compose_due
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.nudges.nudging import Nudges
from trialalerts.nudges.tables import NudgeWay
from trialalerts.nudges.telling import NudgeCount
from trialalerts.settings import MailSettings, NudgeSettings, ServiceSettings, Settings
from trialalerts.subscribers.tables import NudgeChoice

SECRET = "a secret of the tests, which is long enough"
PASSWORD = "hunter2-of-the-operator"


def way_to(server: RegistryServer, **values: Any) -> NudgeSettings:
    """Return a way by which Apprise posts JSON to a server, to the path of whoever is told."""
    host = server.root.removeprefix("http://")
    told: dict[str, Any] = {
        "name": "bell",
        "label": "Bell",
        "url": SecretStr(f"json://operator:{PASSWORD}@{host}/told/{{to}}?rto=60&cto=60"),
        "to": "[a-z0-9-]{3,40}",
        "example": "my-topic",
        **values,
    }
    return NudgeSettings(**told)


def settings_with(*ways: NudgeSettings, **mail: Any) -> Settings:
    """Return settings by which these ways are offered."""
    service = ServiceSettings(secret=SecretStr(SECRET), base_url="https://alerts.example.org")
    sender = {"sender": "Trial Alerts <alerts@example.org>", **mail}
    return Settings(service=service, mail=MailSettings(**sender), nudges=ways)


def set_stage(db: Database, clock: Clock, *names: str, chosen: Sequence[str] | None = None, way: str = "bell") -> None:
    """Store a trial and people to whom it is to be told; those who chose so are told by a way, at their own name."""
    with db.write() as session:
        store_areas(session)
        store_trial(session, 1, clock.now())
        for name in names:
            person = store_subscriber(session, name, clock.now())
            if chosen is None or name in chosen:
                session.add(
                    NudgeChoice(
                        subscriber_id=person.id or 0, way=way, recipient=f"topic-{name}", confirmed_at=clock.now()
                    )
                )


def more_news(db: Database, clock: Clock, number: int) -> None:
    """Let another trial open, which concerns everybody."""
    with db.write() as session:
        publish(session, store_trial(session, number, clock.now()), ChangeKind.OPENED, clock.now())


def compose(db: Database, clock: Clock, settings: Settings) -> None:
    """Compose the digests of all who are due."""
    compose_due(db, settings, clock)


def nudge(db: Database, clock: Clock, settings: Settings) -> NudgeCount:
    """Nudge until nothing is due."""
    nudges = Nudges(settings, db, clock, lambda: MailRenderer(settings, clock))
    count = nudges.finish()
    nudges.close()
    return count


def mail(db: Database, clock: Clock, settings: Settings) -> list[tuple[str, str, str]]:
    """Send the mails that are due; return to whom, the subject and the text of each."""
    transport = MemoryTransport()
    send_queued(db, transport, MailRenderer(settings, clock), settings=settings, clock=clock)
    told = [each.message for each in transport.sent]
    return [(each.to, each.subject, _text(each.text)) for each in told]


def _text(text: Any) -> str:
    return text if isinstance(text, str) else b"".join(text).decode() if isinstance(text, list) else str(text)


def told(server: RegistryServer) -> list[tuple[str, str, str]]:
    """Return to whom, with which title and text a way was asked to tell."""
    asked = [each for each in server.requests if each.method == "POST"]
    bodies = [orjson.loads(each.body) for each in asked]
    return [
        (each.path.rpartition("/")[2], body["title"], body["message"]) for each, body in zip(asked, bodies, strict=True)
    ]


def take(server: RegistryServer, *names: str) -> None:
    """Let the server take what is told to these; else it answers 404."""
    for name in names:
        server.serve(f"/told/topic-{name}", b"")


def rows(db: Database) -> list[Delivery]:
    """Return the deliveries, oldest first."""
    with db.read() as session:
        return list(session.exec(select(Delivery).order_by(col(Delivery.id))))


def states(db: Database) -> list[tuple[str, str]]:
    """Return the kind and the state of each delivery."""
    return [(each.kind, each.state.value) for each in rows(db)]


def choice_of(db: Database, name: str) -> NudgeChoice | None:
    """Return where somebody is told."""
    with db.read() as session:
        return session.get(NudgeChoice, subscriber_called(session, name).id)


def stand(db: Database, name: str = "bell") -> NudgeWay:
    """Return how a way stands."""
    with db.read() as session:
        return session.get_one(NudgeWay, name)


def goes_to(name: str) -> Any:
    """Return what tells whether a request is a nudge to somebody."""
    return lambda request: isinstance(request, Request) and request.path.endswith(f"/topic-{name}")


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
