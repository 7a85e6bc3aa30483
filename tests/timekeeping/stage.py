"""A whole service on one database: a registry, four readers, a bounce mailbox, and a clock that can be set wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlmodel import select

from tests.digests.stage import store_areas, store_subscriber
from tests.sources.registry_server import RegistryServer
from tests.sources.samples import study
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.pipeline import Pipeline
from trialalerts.settings import FeedbackSettings, HttpSettings, ServiceSettings, Settings, SourceSettings
from trialalerts.subscribers.tables import Frequency, Subscriber

__all__ = ["READERS", "Service"]

READERS = {
    "immediate": Frequency.IMMEDIATELY,
    "daily": Frequency.DAILY,
    "weekly": Frequency.WEEKLY,
    "monthly": Frequency.MONTHLY,
}


@dataclass(kw_only=True)
class Service:
    """Each round is made by a process of its own; ``trial`` registers one more trial, which everybody follows."""

    db: Database
    clock: FrozenClock
    registry: RegistryServer
    folder: Path
    transport: MemoryTransport = field(default_factory=MemoryTransport)
    studies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """A configuration with the registry and a mailbox that is a Maildir."""
        source = {"name": "ctgov", "kind": "clinicaltrials_gov", "url": self.registry.url, "every": "6h"}
        return Settings(
            service=ServiceSettings(name="Example Alerts", secret=SecretStr("a secret of the tests, long enough")),
            http=HttpSettings(allow_private_addresses=True),
            feedback=FeedbackSettings(mailbox=SecretStr(f"maildir://{self.folder}")),
            sources=(SourceSettings.model_validate(source),),
        )

    def open(self) -> None:
        """Store areas and readers, make the mailbox, read the registry for the first time."""
        for name in ("cur", "new", "tmp"):
            (self.folder / name).mkdir(parents=True)
        with self.db.write() as session:
            store_areas(session)
            for name, frequency in READERS.items():
                store_subscriber(session, name, self.clock.now(), frequency=frequency)
        self.trial(self.clock.now())
        self.round()

    def trial(self, posted: datetime) -> str:
        """Let the registry post a trial; return its number."""
        number, day = len(self.studies) + 1, posted.date().isoformat()
        self.studies.append(
            study(
                number,
                statusModule__studyFirstPostDateStruct={"date": day},
                statusModule__lastUpdatePostDateStruct={"date": day},
            )
        )
        self.registry.state.studies = self.studies
        return f"NCT9{number:07}"

    def round(self, *, by: timedelta = timedelta(), pipeline: Pipeline | None = None) -> None:
        """Do every step once, with the clock wrong ``by`` so much."""
        self.clock.advance(by)
        try:
            steps = pipeline or self.pipeline()
            steps.poll()
            steps.compose()
            steps.send()
            steps.handle_feedback()
        finally:
            self.clock.advance(-by)

    def pipeline(self) -> Pipeline:
        """The steps as a new process has them."""
        return Pipeline(self.settings, self.db, self.clock, self.transport)

    def told(self) -> Counter[tuple[str, str]]:
        """How often each reader was told of each trial."""
        found: Counter[tuple[str, str]] = Counter()
        numbers = [f"NCT9{number:07}" for number in range(1, len(self.studies) + 1)]
        for envelope in self.transport.sent:
            text = envelope.content.decode()
            who = envelope.recipient.partition("@")[0]
            found.update((who, number) for number in numbers if f"study/{number}" in text.replace("=\r\n", ""))
        return found

    def person(self, name: str) -> Subscriber:
        """The row of a reader."""
        with self.db.read() as session:
            return session.exec(select(Subscriber).where(Subscriber.key == f"key-of-{name}")).one()
