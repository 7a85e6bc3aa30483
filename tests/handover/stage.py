"""Two organisations: each a database with its own secret, a clock that both share, and what leaves by mail."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from email import policy
from email.message import EmailMessage

import pyrage
from sqlmodel import Session, select

from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.digests.announcements.queueing import queue_announcement, start_announcement
from trialalerts.operations.handover.archive import ArchiveKey
from trialalerts.operations.handover.drafting import drafted_handover
from trialalerts.pipeline import Pipeline
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.tables import Subscriber

IDENTITY = pyrage.x25519.Identity.generate()
LOCK, UNLOCK = ArchiveKey(age_key=str(IDENTITY.to_public())), ArchiveKey(age_key=str(IDENTITY))
GIVER, RECEIVER = "Example Alerts", "Second Society"
IN_FORTY_DAYS = timedelta(days=40)


def settings_of(name: str, **service: object) -> Settings:
    """Return the settings of an organisation."""
    return Settings(
        service=ServiceSettings.model_validate(
            {
                "name": name,
                "secret": f"the secret of {name}, long enough for all",
                "base_url": f"https://{name.split(maxsplit=1)[0].lower()}.example.org",
                **service,
            }
        )
    )


@dataclass(kw_only=True)
class Organisation:
    """A service whose mails stay in memory."""

    db: Database
    clock: FrozenClock
    settings: Settings = field(default_factory=lambda: settings_of(GIVER))
    transport: MemoryTransport = field(default_factory=MemoryTransport)

    @property
    def pipeline(self) -> Pipeline:
        """Its steps."""
        return Pipeline(self.settings, self.db, self.clock, self.transport)

    def round(self) -> dict[str, list[EmailMessage]]:
        """Compose and send all that is due; return the mails by the name before the @."""
        self.transport.sent.clear()
        self.pipeline.compose()
        while self.pipeline.send().sent:
            pass
        found: dict[str, list[EmailMessage]] = {}
        for each in self.transport.sent:
            message = email.message_from_bytes(each.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            found.setdefault(each.recipient.partition("@")[0], []).append(message)
        return found

    def announce(self, *, after: timedelta = IN_FORTY_DAYS, receiver: str = RECEIVER, notice_days: int = 30) -> int:
        """Announce that it changes hands in so many days; return how many mails that queued."""
        now = self.clock.now()
        with self.db.write() as session:
            day: date = (now + after).date()
            new = drafted_handover(session, self.settings, receiver, day=day, notice_days=notice_days, now=now)
            number = start_announcement(session, new, now=now).id or 0
        return queue_announcement(self.db, self.settings, self.clock, number)


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a mail on one line."""
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def link_in(message: EmailMessage, path: str) -> str:
    """Return the link of a mail that leads to a page."""
    found = re.search(rf"https?://\S*?({path}/[^\s)>]+)", text_of(message))
    assert found is not None, text_of(message)
    return found[1]


def called(session: Session, name: str) -> Subscriber:
    """Return the subscriber of that name as stored now."""
    return session.exec(select(Subscriber).where(Subscriber.address == f"{name}@example.org")).one()
