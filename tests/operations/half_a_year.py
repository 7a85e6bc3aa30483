"""Half a year of a service in an hour or less: people come, move and leave, things break, and nothing may be lost.

The clock is frozen and moved on in rounds of six hours. A registry is asked over HTTP, mail goes through a transport
that accepts, refuses and fails as mail servers do, the operator hears by a way of his own. After each round what was
told is held to a matcher that asks each change in turn.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session, col, func, select

from tests.matching.worlds import candidates_between, concerns
from tests.sources.registry_server import Fault, RegistryServer, respond
from tests.sources.samples import study
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, current_number
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, Suppression
from trialalerts.delivery.sending import breaker
from trialalerts.delivery.transports.smtp.replies import SmtpReply, refusal
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.matching.window import RECRUITING_NOW, Candidate, subject_of
from trialalerts.operations.watch.pulse import Pulse
from trialalerts.operations.watch.words import KINDS
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, unsubscribe
from trialalerts.subscribers.preferences import NewPreference, add_preference, remove_preference
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area, AreaOrigin, Place, PlaceKind

__all__ = ["HalfYear", "Incident", "PostOffice"]

ROUND = timedelta(hours=6)
ROUNDS = 4
"""So many rounds a day, and how long from one to the next."""
_AREAS = {f"D99{number:04}": f"Examplitis type {number}" for number in range(1, 25)}
_SITES = (
    ("Leeds", "United Kingdom", "GB", 53.8, -1.55),
    ("London", "United Kingdom", "GB", 51.5, -0.12),
    ("Boston", "United States", "US", 42.36, -71.06),
    ("Lyon", "France", "FR", 45.76, 4.84),
    ("Berlin", "Germany", "DE", 52.52, 13.4),
)
_DOMAINS = ("bigmail.example",) * 5 + ("other.example",) * 3 + ("small.example", "tiny.example")
_FREQUENCIES = (Frequency.IMMEDIATELY,) + (Frequency.DAILY,) * 3 + (Frequency.WEEKLY,) * 12 + (Frequency.MONTHLY,) * 4
_GONE = SmtpReply(550, b"5.1.1 The email account that you tried to reach does not exist")
_SAYS = {"overdue": "overdue for", "queue-stuck": "that should have left"}
"""What is said of a kind where that is not its own sentence."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_BLOCKED = SmtpReply(550, b"5.7.1 Service unavailable; client host blocked using a blocklist")


@dataclass
class PostOffice:
    """A transport whose mail servers accept, know an address no more, block us, or do not answer at all."""

    name: str = "smtp"
    batch: int = 50
    connections: int = 2
    gone: set[str] = field(default_factory=set)
    blocking: set[str] = field(default_factory=set)
    is_down: bool = False
    accepted: Counter[str] = field(default_factory=Counter)
    recipients: list[str] = field(default_factory=list)

    def open(self) -> PostOffice:
        """Return itself: it keeps no connection."""
        return self

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Answer each as its mail server does just now."""
        return [self._answer(envelope) for envelope in envelopes]

    def _answer(self, envelope: Envelope) -> Outcome:
        if self.is_down:
            return Unsent(reason="connection refused")
        if envelope.recipient.rpartition("@")[2] in self.blocking:
            return refusal(_BLOCKED, "recipient", private=envelope.recipient)
        if envelope.recipient in self.gone:
            return refusal(_GONE, "recipient", private=envelope.recipient)
        self.accepted[envelope.message.message_id] += 1
        self.recipients.append(envelope.recipient)
        return Accepted()


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Something that stands still from ``day`` on for ``days``; the operator is to hear of one of ``kinds``.

    ``begin`` and ``end`` make it so and undo it; ``patience`` is how long after its beginning he may hear of it.
    """

    name: str
    day: int = 0
    days: float
    kinds: tuple[str, ...]
    begin: Callable[[HalfYear], None]
    end: Callable[[HalfYear], None]
    patience: timedelta


@dataclass
class HalfYear:
    """The service and what happens to it.

    Args:
        db: a fresh database.
        clock: stands where the half year begins.
        registry: the server of the registry.
        people: how many there are at the beginning.
        folder: for the operator's own templates.
        seed: what the dice begin with.
    """

    db: Database
    clock: FrozenClock
    registry: RegistryServer
    people: int
    folder: Path
    seed: int = 1
    post: PostOffice = field(default_factory=PostOffice)
    heard: list[tuple[datetime, str]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    studies: list[dict[str, Any]] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Store areas and the first people; let the registry hold its first trials."""
        self.dice = Random(self.seed)
        self.start = self.clock.now()
        self._named = 0
        with self.db.write() as session:
            for number, name in _AREAS.items():
                session.add(Area(id=number, name=name, origin=AreaOrigin.CURATED))
            for country, code in sorted({(site[1], site[2]) for site in _SITES}):
                session.add(Place(id=code, kind=PlaceKind.COUNTRY, name=country, country=code))
        for _ in range(150):
            self._post_trial(self.start - timedelta(days=self.dice.randrange(20, 400)))
        self.pipeline().poll()
        self.join(self.people)

    @property
    def settings(self) -> Settings:
        """The configuration: one registry, an operator with a way of his own."""
        source = {"name": "registry", "kind": "clinicaltrials_gov", "url": self.registry.url, "every": "6h"}
        return Settings.model_validate(
            {
                "service": {"name": "Example Alerts", "secret": "a secret of the soak, long enough for it"},
                "http": {"allow_private_addresses": True},
                "mail": {"url": SecretStr("memory://"), "breaker": {"at_least": 50}},
                "operator": {"apprise": (SecretStr("trialalertssoak://"),)},
                "templates": {"folder": str(self.folder)},
                "sources": (source,),
            }
        )

    def pipeline(self) -> Pipeline:
        """The steps as a new process has them."""
        return Pipeline(self.settings, self.db, self.clock, self.post)

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
        self._measure()

    def _round(self, steps: Pipeline, pulse: Pulse) -> None:
        work: tuple[tuple[str, Callable[[], object]], ...] = (
            ("poll", steps.poll),
            ("compose", lambda: self._composed(steps)),
            ("send", steps.send),
            ("feedback", steps.handle_feedback),
            ("retain", steps.retain),
        )
        for name, step in work:
            if name not in self.stopped:
                with suppress(RuntimeError), pulse.step(name):
                    if name in self.failing:
                        raise RuntimeError
                    step()
        pulse.flush()
        steps.watch()

    def _live(self) -> None:
        """Let a day's people come, move and leave, addresses die, and the registry go on."""
        share = max(1, self.people // 300)
        self.join(self.dice.randrange(share, 2 * share + 1))
        with self.db.write() as session:
            for person in self._some(session, share):
                unsubscribe(session, person, how="web", now=self.clock.now())
                self.left[person.address] = len(self.post.recipients)
            for person in self._some(session, share):
                self._move(session, person)
            for person in self._some(session, self._dying()):
                self.post.gone.add(person.address)
        for _ in range(2):
            self._post_trial(self.clock.now())
        for made in self.dice.sample(self.studies, 3):
            self._update_trial(made)
        self.registry.state.studies = list(self.studies)

    def _dying(self) -> int:
        """Return how many addresses die on a day: one of two thousand, so that few people lose one now and then."""
        whole, rest = divmod(self.people, 2_000)
        return whole + (self.dice.random() * 2_000 < rest)

    def join(self, number: int) -> None:
        """Let people sign up and confirm."""
        with self.db.write() as session:
            for _ in range(number):
                self._named += 1
                address = f"person{self._named}@{self.dice.choice(_DOMAINS)}"
                areas = self.dice.sample(sorted(_AREAS), self.dice.choice((1, 1, 2)))
                new = NewSubscriber(
                    address=address,
                    preferences=tuple(NewPreference(area_id=area, region=self._region()) for area in areas),
                    frequency=self.dice.choice(_FREQUENCIES),
                )
                add_subscriber(session, new, confirmed=True, how="web", now=self.clock.now())

    def _region(self) -> Region:
        city, _, country, latitude, longitude = self.dice.choice(_SITES)
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

    def _post_trial(self, posted: datetime) -> None:
        number = len(self.studies) + 1
        area = self.dice.choice(sorted(_AREAS))
        city, country, _, latitude, longitude = self.dice.choice(_SITES)
        site = {"facility": "Example Hospital", "status": "RECRUITING", "city": city, "country": country,
                "geoPoint": {"lat": latitude, "lon": longitude}}  # fmt: skip
        day = {"date": posted.date().isoformat()}
        made = study(
            number,
            identificationModule__briefTitle=f"Study {number} of {_AREAS[area]}",
            conditionsModule__conditions=[_AREAS[area]],
            conditionsModule__keywords=[],
            contactsLocationsModule__locations=[site],
            statusModule__studyFirstPostDateStruct=day,
            statusModule__lastUpdatePostDateStruct=day,
        )
        made["derivedSection"] = {}
        self.studies.append(made)
        self.registry.state.studies = list(self.studies)

    def _update_trial(self, made: dict[str, Any]) -> None:
        """Let a trial open or close; a new one takes its place, for the server keeps what it rendered of a study."""
        new = copy.deepcopy(made)
        status = new["protocolSection"]["statusModule"]
        status["overallStatus"] = "COMPLETED" if status["overallStatus"] == "RECRUITING" else "RECRUITING"
        status["lastUpdatePostDateStruct"] = {"date": self.clock.now().date().isoformat()}
        for site in new["protocolSection"]["contactsLocationsModule"]["locations"]:
            site["status"] = status["overallStatus"]
        self.studies[self.studies.index(made)] = new

    def _composed(self, steps: Pipeline) -> None:
        """Compose, and hold what was told to the specification."""
        now = self.clock.now()
        with self.db.read() as session:
            due = session.exec(
                select(Subscriber.id, Subscriber.cursor).where(
                    col(Subscriber.state) == SubscriberState.ACTIVE, col(Subscriber.next_due_at) <= now
                )
            ).all()
            last_digest = session.exec(select(func.max(Digest.id))).one() or 0
        steps.compose()
        with self.db.read() as session:
            self._check(session, {who or 0: cursor for who, cursor in due}, last_digest)

    def _check(self, session: Session, due: dict[int, int], last_digest: int) -> None:
        areas = load_areas(session)
        upto = current_number(session, "change")
        told = _told(session, last_digest)
        served = {who: cursor for who, cursor in due.items() if cursor > NEVER_SERVED}
        newcomers = due.keys() - served.keys()
        changes = [
            each for each in candidates_between(session, min(served.values(), default=upto), upto)
            if each.kind != RECRUITING_NOW
        ]  # fmt: skip
        cursors = dict(session.exec(select(Subscriber.id, Subscriber.cursor).where(col(Subscriber.id) > 0)).all())
        shown = _open_now(session) if newcomers else []
        for who, own in _preferences(session, due.keys()):
            if cursors.get(who, upto) < upto and who in served:
                continue  # left for the next round
            if who in newcomers:
                wanted = _items(own, shown, areas)
                assert told[who][SelectionKind.OPEN] == wanted, (who, "a first digest")
                self.checked["first digests"] += 1
                continue
            wanted = {c.seq for c in changes if c.seq > served[who] and any(concerns(p, c, areas) for p in own)}
            given = told[who][SelectionKind.CHANGES]
            extra = {c.seq for c in changes if c.seq > served[who]} & given - wanted
            assert not extra, (who, "told what is not followed", sorted(extra))
            old = [p for p in own if p.introduced_at is None or p.introduced_at < self.clock.now()]
            due_now = {c.seq for c in changes if c.seq > served[who] and any(concerns(p, c, areas) for p in old)}
            assert due_now <= given, (who, "lost", sorted(due_now - given))
            self.checked["subscribers"] += 1
            self.checked["changes told"] += len(given)

    def _measure(self) -> None:
        with self.db.read() as session:
            active = select(func.count()).where(col(Subscriber.state) == SubscriberState.ACTIVE)
            number = session.exec(active).one()
            pages, size = (session.connection().execute(text(f"PRAGMA {each}")).scalar_one()
                           for each in ("page_count", "page_size"))  # fmt: skip
        self.sizes.append((number, pages * size))

    def assert_all_is_well(self) -> None:
        """Hold the end to the promises: nothing lost, nothing twice, nobody who left, nobody for our fault."""
        twice = [name for name, times in self.post.accepted.items() if times > 1]
        assert not twice, len(twice)
        assert self.mailed_after_leaving() == set()
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


def _told(session: Session, after: int) -> defaultdict[int, dict[SelectionKind, set[int]]]:
    """Return what the digests after a number tell each subscriber."""
    digests = session.exec(select(Digest.subscriber_id, Digest.parts).where(col(Digest.id) > after)).all()
    wanted = sorted({selection for _, parts in digests for _, selection in parts})
    found: dict[int, tuple[SelectionKind, list[int]]] = {}
    for start in range(0, len(wanted), 500):
        some = col(Selection.id).in_(wanted[start : start + 500])
        for row in session.exec(select(Selection).where(some)):
            found[row.id or 0] = (row.kind, row.numbers)
    told: defaultdict[int, dict[SelectionKind, set[int]]] = defaultdict(lambda: {kind: set() for kind in SelectionKind})
    for who, parts in digests:
        for _, selection in parts:
            kind, numbers = found[selection]
            told[who][kind] |= set(numbers)
    return told


def _open_now(session: Session) -> list[Candidate]:
    items = session.exec(select(Item).where(col(Item.is_open))).all()
    subjects = [subject_of(item) for item in items]
    return [
        Candidate(subject=each, kind=RECRUITING_NOW, seq=0, at=_NEVER, before={}, after={}, sites=each.open_sites)
        for each in subjects
    ]


def _items(own: Sequence[Preference], shown: Sequence[Candidate], areas: AreaTree) -> set[int]:
    return {each.subject.item_id for each in shown if any(concerns(p, each, areas) for p in own)}


def _preferences(session: Session, people: Any) -> Iterator[tuple[int, list[Preference]]]:
    found: defaultdict[int, list[Preference]] = defaultdict(list)
    ordered = sorted(people)
    for start in range(0, len(ordered), 500):
        some = col(Preference.subscriber_id).in_(ordered[start : start + 500])
        for row in session.exec(select(Preference).where(some)):
            found[row.subscriber_id].append(row)
    yield from found.items()


def switch_on(year: HalfYear) -> None:
    """Start the machine again; its daemon watches at once, while it begins to catch up."""
    year.stopped.discard("machine")
    year.pipeline().watch()


def stop(name: str) -> Callable[[HalfYear], None]:
    """Return what lets a step (or the whole machine) stand still."""
    return lambda year: year.stopped.add(name)


def go_on(name: str) -> Callable[[HalfYear], None]:
    """Return what lets it go on."""
    return lambda year: year.stopped.discard(name)


def fail(name: str) -> Callable[[HalfYear], None]:
    """Return what lets a step fail whenever it is tried."""
    return lambda year: year.failing.add(name)


def mend(name: str) -> Callable[[HalfYear], None]:
    """Return what lets it work again."""
    return lambda year: year.failing.discard(name)


def break_registry(year: HalfYear) -> None:
    """Let the registry answer 500 to everything."""
    year.registry.faults.append(Fault(act=respond(500), times=10**9))


def mend_registry(year: HalfYear) -> None:
    """Let it answer again."""
    year.registry.faults.clear()


def post_down(year: HalfYear) -> None:
    """Let no mail server be reached."""
    year.post.is_down = True


def post_up(year: HalfYear) -> None:
    """Let them be reached again."""
    year.post.is_down = False


def block_us(year: HalfYear) -> None:
    """Let the largest provider block us."""
    year.post.blocking.add("bigmail.example")


def forgive_us(year: HalfYear) -> None:
    """Let it take our mail again."""
    year.post.blocking.clear()


def break_template(year: HalfYear) -> None:
    """Put a template there that fails."""
    (year.folder / "email").mkdir(exist_ok=True)
    (year.folder / "email" / "digest.html.j2").write_text("{{ nothing.of.the.kind }}", "utf-8")


def mend_template(year: HalfYear) -> None:
    """Take it away."""
    (year.folder / "email" / "digest.html.j2").unlink()


def leap(year: HalfYear) -> None:
    """Do one round with the clock 400 days ahead."""
    ahead = timedelta(days=400)
    year.clock.advance(ahead)
    steps = year.pipeline()
    steps.compose()
    steps.send()
    steps.handle_feedback()
    year.clock.advance(-ahead)


def let_many_addresses_die(year: HalfYear) -> None:
    """Let one reader in six of a small provider be unknown there from now on: a list that was not looked after."""
    with year.db.read() as session:
        addresses = session.exec(select(Subscriber.address).where(col(Subscriber.address).endswith("@other.example")))
        year.post.gone |= {each for number, each in enumerate(addresses) if number % 6 == 0}


def resume(year: HalfYear) -> None:
    """Do as the operator would."""
    with year.db.write() as session:
        breaker.resume_sending(session, now=year.clock.now())


def nothing(year: HalfYear) -> None:
    """Need no end."""
    del year
