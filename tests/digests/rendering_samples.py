"""Made-up trials, articles and people for the tests of the mails. Nobody and nothing here is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from markupsafe import Markup
from pydantic import SecretStr
from sqlmodel import Session
from structlog.testing import capture_logs

from trialalerts.catalog.facts import ArticleFacts, Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.mail.quoted_printable import encode
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.entries import Entry, EntryChange, Reason
from trialalerts.digests.rendering.fill import Encoded, Part
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.rendering.templates import Templates
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.matching.reasons import Nearby, Scope
from trialalerts.settings import DigestSettings, ServiceSettings, Settings, TemplateSettings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SINCE = datetime(2026, 2, 23, 8, 0, tzinfo=UTC)

STATUSES = (
    "NOT_YET_RECRUITING",
    "RECRUITING",
    "ENROLLING_BY_INVITATION",
    "ACTIVE_NOT_RECRUITING",
    "SUSPENDED",
    "COMPLETED",
    "TERMINATED",
    "WITHDRAWN",
    "AVAILABLE",
    "TEMPORARILY_NOT_AVAILABLE",
    "NO_LONGER_AVAILABLE",
    "APPROVED_FOR_MARKETING",
    "WITHHELD",
    "UNKNOWN",
)

LEEDS = Site(facility="Fictional Infirmary", city="Leeds", country="GB", latitude=53.8, longitude=-1.55)
LYON = Site(facility="Clinique Imaginaire", city="Lyon", country="FR", latitude=45.76, longitude=4.84)


def settings(**changes: Any) -> Settings:
    """Return settings of a fictional service."""
    service = ServiceSettings(
        name=changes.pop("name", "Example Trial Alerts"),
        base_url="https://alerts.example.org",
        postal_address="Example Society, 1 Sample Street, Sampletown",
        contact="help@example.org",
        secret=SecretStr("a secret of thirty-two signs or more"),
    )
    digests = DigestSettings(**changes.pop("digests", {}))
    templates = TemplateSettings(folder=str(changes.pop("folder", "")))
    return Settings(service=service, digests=digests, templates=templates, **changes)


def subscriber(locale: str = "en", timezone: str = "Europe/London") -> Subscriber:
    """Return a fictional subscriber."""
    return Subscriber(
        id=7,
        key="0123456789abcdef",
        address="pat@example.org",
        address_key="pat@example.org",
        state=SubscriberState.ACTIVE,
        locale=locale,
        timezone=timezone,
        frequency=Frequency.WEEKLY,
        created_at=NOW,
    )


def facts(**changes: Any) -> TrialFacts:
    """Return the facts of a fictional trial that recruits."""
    return TrialFacts(
        status="RECRUITING",
        phases=("PHASE2",),
        study_type="INTERVENTIONAL",
        sex="all",
        minimum_age="18 Years",
        maximum_age="65 Years",
        healthy_volunteers=False,
        sites=(LEEDS, LYON),
        contacts=(Contact(name="Trial office", phone="+44 113 496 0000", email="office@example.org"),),
        sponsor="University of Nowhere",
        start=PartialDate(value="2025-11", precision="month", kind="actual"),
        last_verified=PartialDate(value="2026-01", precision="month"),
    ).model_copy(update=changes)


def trial(number: int = 1, *, told: TrialFacts | None = None, **changes: Any) -> Item:
    """Return a fictional trial as it stands in the catalog."""
    known = told or facts()
    values: dict[str, Any] = {
        "id": number,
        "registry_name": "clinicaltrials_gov",
        "external_id": f"NCT9990{number:04}",
        "kind": ItemKind.TRIAL,
        "url": f"https://registry.example.org/study/NCT9990{number:04}",
        "title": f"Examplomab for people with an invented illness, part {number}",
        "summary": "This made-up study asks whether examplomab, given once a month, eases the invented illness.",
        "status": known.status,
        "facts": known.model_dump(mode="json", exclude_defaults=True),
        "areas": {},
        "source": "sample",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    told_of = values | changes
    return Item(**{"facts_hash": sha256(repr(told_of).encode()).hexdigest()} | told_of)


def article(number: int = 50, *, told: ArticleFacts | None = None, **changes: Any) -> Item:
    """Return a fictional article as it stands in the catalog."""
    known = told or ArticleFacts(authors=("A. Nobody", "B. Noone"))
    values: dict[str, Any] = {
        "registry_name": "Example News",
        "kind": ItemKind.ARTICLE,
        "url": f"https://news.example.org/{number}",
        "title": f"What an invented illness teaches, part {number}",
        "summary": "A made-up article about nothing in particular.",
        "published_at": datetime(2026, 2, 26, 12, 0, tzinfo=UTC),
        "status": None,
        "facts": known.model_dump(mode="json", exclude_defaults=True),
    }
    return trial(number, **values | changes)


def wish(**changes: Any) -> Scope:
    """Return what somebody near Leeds asks for beside the area."""
    values: dict[str, Any] = {
        "kind": RegionKind.PLACE,
        "place": "Leeds, England, GB",
        "country": "GB",
        "radius_km": 50.0,
    }
    return Scope(**values | changes)


def reason(**changes: Any) -> Reason:
    """Return a reason: somebody near Leeds follows an invented area; the nearest site goes with ``nearest``."""
    values: dict[str, Any] = {
        "preference_id": 1,
        "area_id": "X1",
        "area_name": "Inventitis",
        "region_label": "Leeds, England, GB",
        "distance_km": 12.3,
        "nearest": "Leeds",
        "wish": wish(),
    }
    said = values | changes
    if said["distance_km"] is not None:
        site = LEEDS.model_copy(update={"city": said["nearest"]})
        said = {"near": Nearby(site=site, distance_km=said["distance_km"], sites=1)} | said
    return Reason(**said)


def told(kind: str = "opened", **changes: Any) -> EntryChange:
    """Return something that happened; the sides of each kind of change as the catalog writes them."""
    before, after = SIDES.get(kind, ({}, {}))
    values: dict[str, Any] = {"kind": kind, "seq": 1, "before": before, "after": after}
    return EntryChange(**values | changes)


SIDES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    ChangeKind.REGISTERED: ({}, {"status": "NOT_YET_RECRUITING"}),
    ChangeKind.OPENED: ({"status": "NOT_YET_RECRUITING"}, {"status": "RECRUITING"}),
    ChangeKind.REOPENED: ({"status": "SUSPENDED"}, {"status": "RECRUITING"}),
    ChangeKind.PAUSED: ({"status": "RECRUITING"}, {"status": "SUSPENDED", "why_stopped": "Waiting for supplies"}),
    ChangeKind.CLOSED: ({"status": "RECRUITING"}, {"status": "TERMINATED", "why_stopped": "Too few people took part"}),
    ChangeKind.WITHDRAWN: ({"status": "NOT_YET_RECRUITING"}, {"status": "WITHDRAWN", "why_stopped": "No funding"}),
    ChangeKind.SITE_OPENED: (
        {},
        {"sites": [{"facility": "Fictional Infirmary", "city": "Leeds", "country": "GB"}]},
    ),
    ChangeKind.SITE_CLOSED: (
        {"sites": [{"facility": "Clinique Imaginaire", "city": "Lyon", "country": "FR"}]},
        {},
    ),
    ChangeKind.ELIGIBILITY_CHANGED: (
        {"maximum_age": "55 Years", "sex": "female", "criteria": "- No earlier treatment"},
        {"maximum_age": "65 Years", "sex": "all", "criteria": "- At most one earlier treatment"},
    ),
}
EVERY_KIND = (*(kind.value for kind in ChangeKind), "recruiting_now")


def entry(item: Item, *happened: EntryChange, reasons: Sequence[Reason] | None = None) -> Entry:
    """Return an entry on an item; by default it opened near Leeds."""
    default = told("published") if item.kind is ItemKind.ARTICLE else told()
    return Entry(
        item_id=item.id or 0,
        kind=item.kind.value,
        told=happened or (default,),
        reasons=tuple(reasons) if reasons is not None else (reason(),),
    )


def digest(kind: DigestKind = DigestKind.REGULAR, **changes: Any) -> Digest:
    """Return a digest as it would be stored; what it tells is handed over beside it."""
    values: dict[str, Any] = {"id": 17, "subscriber_id": 7, "from_seq": 3, "to_seq": 9, "created_at": NOW}
    return Digest(**values | changes, kind=kind)


def store_digest(session: Session, items: Sequence[Item], *gone: int) -> Digest:
    """Store people, items and a digest that tells of each item's change; ``gone`` are changes that are no more."""
    session.add(subscriber())
    session.add_all(items)
    session.flush()
    kinds = {ItemKind.TRIAL: ChangeKind.OPENED, ItemKind.ARTICLE: ChangeKind.PUBLISHED}
    for item in items:
        before, after = SIDES.get(kinds[item.kind], ({}, {}))
        number = item.id or 0
        session.add(Change(seq=number, item_id=number, kind=kinds[item.kind], before=before, after=after, at=NOW))
    follows = Preference(
        id=1, subscriber_id=7, area_id="X1", region_kind=RegionKind.ANYWHERE, region_label="anywhere", created_at=NOW
    )
    numbers = sorted([*(item.id or 0 for item in items), *gone])
    session.add_all([follows, Selection(id=5, kind=SelectionKind.CHANGES, numbers=numbers)])
    stored = digest(parts=[[1, 5]])
    session.add(stored)
    return stored


@dataclass(frozen=True, kw_only=True, slots=True)
class _Uncut(Part):
    """A part that is written when it is filled."""

    name: str
    shared: Mapping[str, Any]


NOTHING: Mapping[str, Encoded] = {}


class EagerWriter:
    """Writes each part at once for its one reader: what the shared way is measured by."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def cut(self, name: str, words: Mapping[str, Any], shared: Mapping[str, Any]) -> Part:
        """Return the part, yet to be written."""
        nothing = encode("")
        return _Uncut(steps=(), tail=nothing, weight=0, words=words, name=name, shared=shared)

    def fill(self, part: Part, values: Mapping[str, Any], inside: Mapping[str, Encoded] = NOTHING) -> Encoded:
        """Write the part with all that is known of the reader."""
        part = cast("_Uncut", part)
        texts = {name: found.text for name, found in inside.items()}
        is_html = part.name.endswith(".html.j2")
        finished = {n: Markup(text) if is_html else text for n, text in texts.items()}  # noqa: S704 - by a template that escapes
        text = self._templates.at_once(part.name, {**part.words, **part.shared, **values, **finished})
        return Encoded([encode(text)], len(text.encode()))


def mail(
    items: Sequence[Item],
    entries: Sequence[Entry] | None = None,
    *,
    locale: str = "en",
    kind: DigestKind = DigestKind.REGULAR,
    of: Settings | None = None,
) -> Message:
    """Return the mail of a digest on these items; by default with one plain entry on each."""
    renderer = MailRenderer(of, FrozenClock(NOW)) if of else _plain_renderer()
    written = entries if entries is not None else [entry(item) for item in items]
    return both_ways(renderer, digest(kind=kind), written, subscriber(locale), items)


def both_ways(
    renderer: MailRenderer,
    stored: Digest,
    entries: Sequence[Entry],
    reader: Subscriber,
    items: Sequence[Item],
    *,
    since: datetime | None = SINCE,
) -> Message:
    """Return a mail, once it is proven that it is the same when all of it is written at once for its one reader."""
    shared = shared_mail(renderer, stored, entries, reader, items, since=since)
    at_once = MailRenderer(renderer._settings, renderer._clock, parts=EagerWriter(renderer.templates))
    with capture_logs():  # what is wrong has been told already
        assert shared_mail(at_once, stored, entries, reader, items, since=since) == shared
    return shared


def shared_mail(
    renderer: MailRenderer,
    stored: Digest,
    entries: Sequence[Entry],
    reader: Subscriber,
    items: Sequence[Item] | Mapping[int, Item],
    *,
    since: datetime | None = SINCE,
) -> Message:
    """Return a mail as the renderer writes it."""
    known = items if isinstance(items, Mapping) else {item.id or 0: item for item in items}
    told = [numbered(each) for each in entries]
    message = renderer.digest(stored, told, reader, known, since=since, message_id="<1@example.org>")
    assert message is not None
    return message


def as_read(maker: CardMaker, told: Entry, item: Item) -> SimpleNamespace:
    """Return a card as its reader reads it: their own words in their places."""
    card = maker.card(told, item)
    own = maker.personal(told.reasons, card.near, card.places, card.key)
    common = {each.name: getattr(card, each.name) for each in fields(card)}
    chip = replace(card.chip, text=own.chip) if card.chip and card.near else card.chip
    return SimpleNamespace(
        **common | {"chip": chip, "spot": own.spot, "sentence": own.sentence, "place": own.place, "others": own.others}
    )


def numbered(entry: Entry) -> Entry:
    """Give different changes different numbers, as they have where they are stored: cards are kept by these."""
    told = [one if one.seq is None else one._replace(seq=_number(repr(one))) for one in entry.told]
    return entry._replace(told=tuple(told))


@cache
def _number(change: str) -> int:
    del change
    return next(_NUMBERS)


_NUMBERS = count(1)


@cache
def _plain_renderer() -> MailRenderer:
    """Templates are compiled once; most tests need no more than that."""
    return MailRenderer(settings(), FrozenClock(NOW))
