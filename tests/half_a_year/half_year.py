"""Half a year of a service in minutes: people come, move and leave, things break, and nothing may be lost.

The clock is frozen and moved on in rounds of six hours. A registry and a feed are asked over HTTP, editors write into a
folder, mail goes through a transport that accepts, refuses and fails as mail servers do, the operator hears by a way of
his own. A second process sends as well. After each round what was told is held to a matcher that asks each change in
turn.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session, col, func, select

from tests.half_a_year.post_office import PostOffice
from tests.half_a_year.publishers import SITES, Publishers, areas
from tests.half_a_year.second_process import SHARES, SecondProcess
from tests.half_a_year.specification import Due
from tests.sources.registry_server import RegistryServer
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, Suppression
from trialalerts.operations.watch.pulse import Pulse
from trialalerts.operations.watch.words import KINDS
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.subscribers.files.bulk_import import import_csv
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, unsubscribe
from trialalerts.subscribers.preferences import NewPreference, add_preference, remove_preference
from trialalerts.subscribers.tables import Frequency, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind, PlaceName

__all__ = ["ROUND", "HalfYear", "Incident"]

ROUND = timedelta(hours=6)
ROUNDS = 4
"""So many rounds a day, and how long from one to the next."""
_SENT_WHILE_COMPOSING = 70
"""The second process sends a mail for so many people while the first polls and composes; the rest both send."""
_FEW, _MANY = 24, 72
"""So many diseases are followed by few people, and by thousands: no change concerns all of them."""
_SIGN_UPS = 5
"""So many of those who come on a day sign up themselves; a society brings the others by a file."""
_DOMAINS = ("bigmail.example",) * 5 + ("other.example",) * 3 + ("small.example", "tiny.example")
_FREQUENCIES = (Frequency.IMMEDIATELY,) + (Frequency.DAILY,) * 3 + (Frequency.WEEKLY,) * 12 + (Frequency.MONTHLY,) * 4
_SAYS = {"overdue": "overdue for", "queue-stuck": "that should have left"}
"""What is said of a kind where that is not its own sentence."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Something that stands still from ``day`` on for ``days``; the operator is to hear of one of ``kinds``.

    ``begin`` and ``end`` make it so and undo it; ``patience`` is how long after its beginning he may hear of it. It
    takes at least so many ``people``: the breaker judges no day on which fewer than fifty mails were answered.
    """

    name: str
    day: int = 0
    days: float
    kinds: tuple[str, ...]
    begin: Callable[[HalfYear], None]
    end: Callable[[HalfYear], None]
    patience: timedelta
    people: int = 0


@dataclass
class HalfYear:
    """The service and what happens to it.

    Args:
        db: a fresh database.
        clock: stands where the half year begins.
        registry: the server of the registry and the feed.
        second: sends too, and holds each round to the specification.
        people: how many there are at the beginning.
        folder: for the operator's own templates and the editors' articles.
        seed: what the dice begin with.
    """

    db: Database
    clock: FrozenClock
    registry: RegistryServer
    second: SecondProcess
    people: int
    folder: Path
    seed: int = 1
    post: PostOffice = field(default_factory=PostOffice)
    heard: list[tuple[datetime, str]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    left: dict[str, int] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Store areas and the first people; let the publishers have what was there before."""
        self.dice = Random(self.seed)
        self.start = self.clock.now()
        self._named = self._day = 0
        for name in ("templates", "articles"):
            (self.folder / name).mkdir()
        self.areas = areas(_FEW if self.people < 1_000 else _MANY)
        self.publishers = Publishers(self.registry, self.folder / "articles", self.dice, self.areas)
        with self.db.write() as session:
            for number, name in self.areas.items():
                session.add(Area(id=number, name=name, origin=AreaOrigin.CURATED))
            for country, code in sorted({(site[1], site[2]) for site in SITES}):
                session.add(Place(id=code, kind=PlaceKind.COUNTRY, name=country, country=code))
                session.flush()
                session.add(PlaceName(key=code.lower(), place_id=code))
        self.publishers.begin(self.start)
        self.pipeline().poll()
        self._articles_before = self._articles(), self.publishers.articles
        self.bring(self.people)

    @property
    def settings(self) -> Settings:
        """The configuration: a registry, a feed and a folder; an operator with a way of his own."""
        return Settings.model_validate(
            {
                "service": {"name": "Example Alerts", "secret": "a secret of the soak, long enough for it"},
                "http": {"allow_private_addresses": True},
                "mail": {"url": SecretStr("memory://"), "breaker": {"at_least": 50}},
                "operator": {"apprise": (SecretStr("trialalertssoak://"),)},
                "templates": {"folder": str(self.folder / "templates")},
                "sources": self.publishers.sources,
            }
        )

    def pipeline(self) -> Pipeline:
        """The steps as a new process has them."""
        return Pipeline(self.settings, self.db, self.clock, self.post, share=SHARES[0])

    def hear(self, body: str) -> None:
        """Take what the operator is told."""
        self.heard.append((self.clock.now(), body))

    def run(self, days: int, incidents: Sequence[Incident]) -> None:
        """Live through so many days; incidents begin and end at their hours."""
        steps, pulse = self.pipeline(), Pulse(self.db, self.clock, process="machine:1")
        events = sorted(
            [(each.day * 24.0, each.begin) for each in incidents]
            + [((each.day + each.days) * 24.0, each.end) for each in incidents],
            key=lambda event: event[0],
        )
        for number in range(days * ROUNDS):
            self.clock.advance(ROUND)
            while events and events[0][0] <= number * 24 / ROUNDS:
                events.pop(0)[1](self)
            if number % ROUNDS == 1:
                self._live()
            if "machine" in self.stopped:
                continue
            self._round(steps, pulse)
            if number % (ROUNDS * 30) == 0:
                self._measure()
        self._sent_by_both(steps)
        self.second.settle()
        self._measure()

    def _round(self, steps: Pipeline, pulse: Pulse) -> None:
        """Do the first process's steps while the second sends what the round before composed, and then checks.

        Both see the same time: with clocks hours apart each would find that the other's is wrong, and say so.
        """
        queued = self._queued()
        own = max(0, queued - self.people // _SENT_WHILE_COMPOSING) // 2
        if queued and "send" not in self.stopped:
            self.second.begin_to_send(self.settings, self.post, self.clock.now(), limit=queued - own)
        self._step(pulse, "poll", steps.poll)
        self._step(pulse, "feedback", steps.handle_feedback)
        self._step(pulse, "retain", steps.retain)
        self._step(pulse, "compose", lambda: self._composed(steps))
        if own:
            self._step(pulse, "send", lambda: steps.send(limit=own))
        self.second.end_sending(self.post)
        self.second.check()
        pulse.flush()
        steps.watch()

    def _queued(self) -> int:
        """Return how many mails wait to be sent now."""
        waits = col(Delivery.state) == DeliveryState.QUEUED, col(Delivery.not_before) <= self.clock.now()
        with self.db.read() as session:
            return session.exec(select(func.count()).select_from(Delivery).where(*waits)).one()

    def _step(self, pulse: Pulse, name: str, step: Callable[[], object]) -> None:
        """Do a step, unless it stands still; it may fail."""
        if name in self.stopped:
            return
        with suppress(RuntimeError), pulse.step(name):
            if name in self.failing:
                raise RuntimeError
            step()

    def _live(self) -> None:
        """Let a day's people come, move and leave, addresses die, and the sources go on."""
        share = max(1, self.people // 300)
        come = self.dice.randrange(share, 2 * share + 1)
        self.sign_up(min(come, _SIGN_UPS))
        self.bring(max(0, come - _SIGN_UPS))
        with self.db.write() as session:
            for person in self._some(session, share):
                unsubscribe(session, person, how="web", now=self.clock.now())
                self.left[person.address] = len(self.post.recipients)
            for person in self._some(session, max(1, share // 2)):
                self._move(session, person)
            for person in self._some(session, self._dying()):
                self.post.gone.add(person.address)
        self._day += 1
        self.publishers.go_on(self.clock.now(), self._day)

    def _dying(self) -> int:
        """Return how many addresses die on a day: one of two thousand, so that few people lose one now and then."""
        whole, rest = divmod(self.people, 2_000)
        return whole + (self.dice.random() * 2_000 < rest)

    def sign_up(self, number: int) -> None:
        """Let people sign up and confirm."""
        with self.db.write() as session:
            for _ in range(number):
                address, frequency, followed = self._somebody()
                new = NewSubscriber(
                    address=address,
                    preferences=tuple(NewPreference(area_id=area, region=self._region()) for area in followed),
                    frequency=frequency,
                )
                add_subscriber(session, new, confirmed=True, how="web", now=self.clock.now())

    def bring(self, number: int) -> None:
        """Import people from a file: an object for each row takes twenty times as long."""
        file = io.StringIO(newline="")
        lines = csv.writer(file)
        lines.writerow(("address", "frequency", "area", "region", "country", "latitude", "longitude", "radius_km"))
        for _ in range(number):
            address, frequency, followed = self._somebody()
            for area in followed:
                place = self._region()
                where = (place.country, place.latitude, place.longitude, place.radius_km)
                label = place.country if place.latitude is None else place.label
                lines.writerow((address, frequency.value, area, label, *where))
        file.seek(0)
        with self.db.write() as session:
            import_csv(session, file, locale="en", timezone="UTC", confirmed=True, now=self.clock.now())

    def _somebody(self) -> tuple[str, Frequency, list[str]]:
        """Return an address, how often mail is wanted, and areas."""
        self._named += 1
        address = f"person{self._named}@{self.dice.choice(_DOMAINS)}"
        followed = self.dice.sample(sorted(self.areas), self.dice.choice((1, 1, 2)))
        return address, self.dice.choice(_FREQUENCIES), followed

    def _region(self) -> Region:
        city, _, country, latitude, longitude = self.dice.choice(SITES)
        if self.dice.random() < 0.5:
            return Region(kind="country", label=country, country=country, subdivision=None, latitude=None,
                          longitude=None, radius_km=None)  # fmt: skip
        return Region(kind="place", label=city, country=country, subdivision=None, latitude=latitude,
                      longitude=longitude, radius_km=80.0)  # fmt: skip

    def _some(self, session: Session, number: int) -> list[Subscriber]:
        last = session.exec(select(func.max(Subscriber.id))).one() or 1
        ids = self.dice.sample(range(1, last + 1), min(number, last))
        active = col(Subscriber.state) == SubscriberState.ACTIVE
        return list(session.exec(select(Subscriber).where(col(Subscriber.id).in_(ids), active)))

    def _move(self, session: Session, person: Subscriber) -> None:
        """Let somebody follow the same from elsewhere."""
        own = session.exec(select(Preference).where(col(Preference.subscriber_id) == person.id)).all()
        old = self.dice.choice(own)
        new = NewPreference(area_id=old.area_id, region=self._region())
        added = add_preference(session, person, new, confirmed=True, how="web", now=self.clock.now())
        if added.new:
            remove_preference(session, person, old.id or 0, how="web", now=self.clock.now())

    def _composed(self, steps: Pipeline) -> None:
        """Compose, and have it looked at as it is then."""
        now = self.clock.now()
        with self.db.read() as session:
            due = Due.now(session, now)
        steps.compose()
        self.second.composed(due, now)

    def _sent_by_both(self, steps: Pipeline) -> None:
        """Let both processes send at the same time."""
        self.second.begin_to_send(self.settings, self.post, self.clock.now())
        try:
            steps.send()
        finally:
            self.second.end_sending(self.post)

    def _measure(self) -> None:
        with self.db.read() as session:
            active = select(func.count()).where(col(Subscriber.state) == SubscriberState.ACTIVE)
            number = session.exec(active).one()
            pages, size = (session.connection().execute(text(f"PRAGMA {each}")).scalar_one()
                           for each in ("page_count", "page_size"))  # fmt: skip
        self.sizes.append((number, pages * size))

    def _articles(self) -> int:
        """Return how many articles were told to be news."""
        with self.db.read() as session:
            published = select(func.count()).where(col(Change.kind) == ChangeKind.PUBLISHED)
            return session.exec(published).one()

    def assert_all_is_well(self) -> None:
        """Hold the end to the promises: nothing lost, nothing twice, nobody who left, nobody for our fault."""
        twice = [name for name, times in self.post.accepted.items() if times > 1]
        assert not twice, len(twice)
        assert self.mailed_after_leaving() == set()
        told, written = self._articles_before
        assert self._articles() - told == self.publishers.articles - written, "each article is news once"
        with self.db.read() as session:
            unsent = session.exec(
                select(Delivery.state, Delivery.last_error, Subscriber.address)
                .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id))
                .where(col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.FAILED]))
            ).all()
            suppressed = session.exec(select(func.count()).select_from(Suppression)).one()
            bounced = session.exec(select(Subscriber.address).where(col(Subscriber.state) == "bounced")).all()
        lost = Counter((str(state), why) for state, why, address in unsent if address not in self.post.gone)
        assert not lost, lost
        assert set(bounced) <= self.post.gone
        assert suppressed <= len(self.post.gone)

    def mailed_after_leaving(self) -> set[str]:
        """Return who got a mail after having left."""
        return {who for nth, who in enumerate(self.post.recipients) if nth >= self.left.get(who, nth + 1)}

    def told_of(self, incident: Incident) -> Counter[str]:
        """Return how often the operator heard of each kind of an incident's, while it lasted or soon after."""
        begin = self.start + timedelta(days=incident.day)
        end = begin + timedelta(days=incident.days) + incident.patience
        heard = [body.partition("This is over")[0].lower() for at, body in self.heard if begin <= at <= end]
        return Counter(kind for body in heard for kind in incident.kinds if _SAYS.get(kind, KINDS[kind].says) in body)
