"""A small service whose sources are given page by page: for the tests of who is told what is open, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlmodel import col, select

from tests.catalog.samples import article, trial
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.cards.wording import Wording, Wordings
from trialalerts.digests.compose import compose_due
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest
from trialalerts.errors import SourceError
from trialalerts.settings import DigestSettings, ServiceSettings, Settings, SourceSettings
from trialalerts.sources.base import MemorySource
from trialalerts.sources.polling.poll import PollCount, poll_source
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, find_subscriber
from trialalerts.subscribers.preferences import NewPreference, add_preference
from trialalerts.subscribers.tables import Frequency
from trialalerts.vocabulary.places.regions import Region

MS, ASTHMA = "D009103", "D001249"
ANYWHERE = Region(
    kind="anywhere", label="anywhere", country=None, subdivision=None, latitude=None, longitude=None, radius_km=None
)


def study(number: int, *, area: str = MS, status: str = "RECRUITING", **facts: Any) -> ItemDraft:
    """Return a trial that recruits and was registered long ago, unless told otherwise."""
    draft = trial(f"NCT{number:08}", status=status, **{"first_posted": date(2024, 1, 1), **facts})
    return replace(draft, areas=[AreaTag(id=area, in_title=True)], ancestors=())


def news(number: int, published: datetime | None, *, area: str = MS) -> ItemDraft:
    """Return an article."""
    draft = article(f"article {number}", title=f"Article {number}", html=f"<p>This is number {number}.</p>")
    draft = replace(draft, url=f"https://example.org/{number}")
    return replace(draft, published_at=published, areas=[AreaTag(id=area, in_title=True)])


@cache
def _settings(names: tuple[str, ...], patience: timedelta) -> Settings:
    sources = [SourceSettings(name=name, kind="feed", url="https://example.org/feed") for name in names]
    return Settings(
        service=ServiceSettings(name="Example Alerts", secret="a secret of the tests"),
        digests=DigestSettings(wait_for_baseline=patience),
        sources=tuple(sources),
    )


@dataclass
class Service:
    """A service with sources by their names; ``patience`` is how long first digests wait."""

    db: Database
    clock: FrozenClock
    names: tuple[str, ...] = ("registry",)
    patience: timedelta = timedelta(hours=24)
    counts: list[PollCount] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return _settings(self.names, self.patience)

    def poll(self, name: str, *pages: Sequence[ItemDraft], stops_at: int | None = None) -> PollCount:
        """Poll a source from the page where it stands; it fails where it is to stop."""
        broken = {} if stops_at is None else {stops_at: SourceError("cut off")}
        of_name = next(source for source in self.settings.sources if source.name == name)
        source = MemorySource(pages, broken=broken)
        return poll_source(self.db, self.settings, of_name, self.clock, source=source)

    def join(
        self, name: str, *, area: str = MS, frequency: Frequency = Frequency.DAILY, region: Region = ANYWHERE
    ) -> None:
        """Let somebody sign up and confirm, now."""
        with self.db.write() as session:
            new = NewSubscriber(
                address=f"{name}@example.org",
                preferences=(NewPreference(area_id=area, region=region),),
                frequency=frequency,
            )
            add_subscriber(session, new, confirmed=True, how="web", now=self.clock.now())

    def follow(self, name: str, area: str) -> None:
        """Let somebody follow one more area."""
        with self.db.write() as session:
            person = find_subscriber(session, f"{name}@example.org")
            new = NewPreference(area_id=area, region=ANYWHERE)
            add_preference(session, person, new, confirmed=True, how="web", now=self.clock.now())

    def compose(self, *, after: timedelta = timedelta(0)) -> int:
        """Compose what is due after a while; return how many digests that made."""
        self.clock.advance(after)
        return compose_due(self.db, self.settings, self.clock).digests

    def told(self, name: str) -> list[list[str]]:
        """Return for each digest of somebody what it tells: “NCT00000001 recruiting_now”."""
        with self.db.read() as session:
            person = find_subscriber(session, f"{name}@example.org")
            digests = session.exec(
                select(Digest).where(col(Digest.subscriber_id) == person.id).order_by(col(Digest.id))
            ).all()
            names = dict(session.exec(select(col(Item.id), col(Item.external_id))).all())
            found = DigestReader().entries(session, digests)
        return [sorted(f"{names[e.item_id]} {told.kind}" for e in of_one for told in e.told) for of_one in found]

    def times_told(self, name: str) -> Counter[str]:
        """Return how often somebody was told of each item."""
        return Counter(line.rsplit(" ", 1)[0] for digest in self.told(name) for line in digest)

    def mails(self, name: str) -> list[Message]:
        """Return the mails of somebody, as the sender writes them."""
        with self.db.read() as session:
            person = find_subscriber(session, f"{name}@example.org")
            asked = select(Delivery).where(col(Delivery.subscriber_id) == person.id).order_by(col(Delivery.id))
            pairs = [(each, person) for each in session.exec(asked)]
            written = MailRenderer(self.settings, self.clock)(session, pairs)
        assert all(isinstance(mail, Message) for mail in written)
        return [mail for mail in written if isinstance(mail, Message)]

    def renderer_words(self, locale: str) -> Wording:
        """Return the words of a language."""
        return Wordings().of(locale)

    def awaited(self) -> dict[str, str]:
        """Return the findings on sources that are waited for."""
        with self.db.read() as session:
            return {finding.subject: finding.text for finding in open_findings(session, "baseline-awaited")}


def on(day: int, month: int = 3, year: int = 2026) -> datetime:
    """Return a moment of a day."""
    return datetime(year, month, day, 8, tzinfo=UTC)
