"""How many mails one core writes a second, from a stored digest to the bytes of its message, and how many it signs."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from benchmarks.figures import Figure
from tests.digests.rendering_samples import EagerWriter
from trialalerts.catalog.facts import Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.items import load_items
from trialalerts.digests.rendering.renderer import DIGEST, MailRenderer
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.settings import DkimSettings, MailSettings, ServiceSettings, Settings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin

_TARGETS = {1: 5_000, 2: 5_000, 10: 2_500}
_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_ITEMS = 500
_READERS = 1_000
_NAIVE = 100
_SLICE = 50
_ROUNDS = 5
_AREAS = 40
_TOWNS = [("Leeds", 53.8, -1.55), ("York", 53.96, -1.08), ("Hull", 53.74, -0.33), ("Bath", 51.38, -2.36)]


def run() -> list[Figure]:
    """Write digests of one, two and ten items out of 500 for 1,000 readers; then sign them."""
    figures: list[Figure] = []
    for number, target in _TARGETS.items():
        with _stored(number) as (db, readers):
            figures += _written(db, readers, number, target)
    return [*figures, *_signed(_sample(figures))]


def _written(db: Database, readers: Sequence[Subscriber], number: int, target: int) -> list[Figure]:
    """Measure the first round of a process and the best of the next ones; beside it, the plain way."""
    with db.read() as session:
        renderer = MailRenderer(_settings(), FrozenClock(_NOW))
        renderer.confirmation(readers[0], [1])  # templates are compiled once in a process
        cold, content = _round(session, renderer, readers)
        warm = min(_round(session, renderer, readers)[0] for _ in range(_ROUNDS))
        entries = min(_read_only(session, readers) for _ in range(_ROUNDS))
        at_once = MailRenderer(_settings(), FrozenClock(_NOW), parts=EagerWriter(renderer.templates))
        naive = min(_naive_round(session, at_once, readers[:_NAIVE]) for _ in range(2))
    size = len(content) / 1000
    beside = f"all for one reader by Jinja and EmailMessage: {_NAIVE / naive:,.0f}/s"
    items = f"{number} item{'s' if number > 1 else ''}"
    return [
        Figure(
            what=f"digest of {items}, {size:.0f} kB, cards known",
            value=f"{_READERS / warm:,.0f} messages/s",
            target=f"≥ {target:,}/s",
            reference=f"{beside}; of the time, {entries / warm:.0%} goes into order and reasons",
            met=_READERS / warm >= target,
        ),
        Figure(
            what=f"digest of {items}, first round of a process",
            value=f"{_READERS / cold:,.0f} messages/s",
            reference=beside,
        ),
    ]


def _round(session: Session, renderer: MailRenderer, readers: Sequence[Subscriber]) -> tuple[float, bytes]:
    """Return how long all mails took, slice by slice as the sender asks for them, and the last one."""
    deliveries = [_delivery(reader) for reader in readers]
    content = b""
    began = time.process_time()
    for start in range(0, len(readers), _SLICE):
        mails = list(zip(deliveries, readers, strict=True))[start : start + _SLICE]
        for message in renderer(session, mails):
            assert isinstance(message, Message)
            content = to_bytes(message)
    return time.process_time() - began, content


def _read_only(session: Session, readers: Sequence[Subscriber]) -> float:
    """Return how long it takes to read the digests' entries, with order and reasons, when all they need is known."""
    reader = DigestReader()
    digests = list(session.exec(select(Digest)))
    reader.entries(session, digests)
    began = time.process_time()
    for start in range(0, len(readers), _SLICE):
        reader.read(session, digests[start : start + _SLICE], most=20)
    return time.process_time() - began


def _naive_round(session: Session, renderer: MailRenderer, readers: Sequence[Subscriber]) -> float:
    """Return how long the same takes where each mail is read and rendered in full and written by the library."""
    reader = DigestReader()
    began = time.process_time()
    for one in readers:
        digest = session.get_one(Digest, one.id)
        (entries,) = reader.entries(session, [digest])
        items = load_items(session, [entry.item_id for entry in entries])
        message = renderer.digest(digest, entries, one, items, since=_NOW)
        assert message is not None
        written = EmailMessage(policy=SMTP)
        written["From"], written["To"], written["Subject"] = message.sender, message.to, message.subject
        for name, value in message.headers:
            written[name] = value
        written.set_content(message.text)
        written.add_alternative(message.html, subtype="html")
        written.as_bytes()
    return time.process_time() - began


def _sample(figures: Sequence[Figure]) -> bytes:
    """Return a message of 40 kB to sign."""
    assert figures
    line = '<p style="margin:0">This made-up study asks whether examplomab eases the invented illness.</p>\n'
    return to_bytes(
        Message(
            sender="Trial Alerts <alerts@example.org>",
            to="pat@example.org",
            subject="Your trial alerts: 10 updates",
            text=line * 80,
            html=line * 330,
            message_id="<0123456789abcdef@example.org>",
            date=_NOW,
            headers=(("List-Id", "Trial alerts <alerts.example.org>"),),
        )
    )


def _signed(content: bytes) -> list[Figure]:
    """Sign with each kind of key; beside it, dkimpy."""
    import dkim
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    rsa, ed25519 = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    raw = ed25519.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def other(key: bytes, algorithm: bytes) -> Callable[[], object]:
        return lambda: dkim.sign(
            content,
            b"s",
            b"example.org",
            key,
            canonicalize=(b"relaxed", b"simple"),
            signature_algorithm=algorithm,
        )

    from base64 import b64encode

    figures = []
    for name, ours, theirs, target in (
        (
            "RSA 2048",
            rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            other(pem, b"rsa-sha256"),
            2_500,
        ),
        (
            "Ed25519",
            ed25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            other(b64encode(raw), b"ed25519-sha256"),
            8_000,
        ),
    ):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "key.pem"
            file.write_bytes(ours)
            key = DkimSettings(domain="example.org", selector="s", key_file=str(file))
            signer = DkimSigner.from_settings(Settings(mail=MailSettings(dkim=(key,))))
        mine, dkimpy = _rate(lambda: signer.sign(content), 400), _rate(theirs, 40)  # noqa: B023 - called at once
        figures.append(
            Figure(
                what=f"DKIM {name}, {len(content) / 1000:.0f} kB",
                value=f"{mine:,.0f} messages/s",
                target=f"≥ {target:,}/s",
                reference=f"dkimpy: {dkimpy:,.0f}/s",
                met=mine >= target,
            )
        )
    return figures


def _rate(sign: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(times):
            sign()
        best = min(best, time.process_time() - began)
    return times / best


def _settings() -> Settings:
    return Settings(service=ServiceSettings(secret="a secret of the benchmarks", base_url="https://alerts.example.org"))


def _delivery(reader: Subscriber) -> Delivery:
    return Delivery(
        kind=DIGEST,
        subscriber_id=reader.id or 0,
        data={"digest_id": reader.id},
        message_id=f"<{reader.id:032}@example.org>",
        state=DeliveryState.SENDING,
        not_before=_NOW,
        created_at=_NOW,
    )


@contextmanager
def _stored(number: int) -> Iterator[tuple[Database, list[Subscriber]]]:
    """Store trials, a change of each, readers, and for each a digest of so many of the changes."""
    dice = random.Random(number)
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/rendering.db") as db:
        upgrade_schema(db)
        with db.write() as session:
            connection = session.connection()
            connection.execute(insert(Area), [_area(n) for n in range(_AREAS)])
            connection.execute(insert(Item), [_trial(dice, n) for n in range(1, _ITEMS + 1)])
            connection.execute(insert(Change), [_change(dice, n) for n in range(1, _ITEMS + 1)])
            connection.execute(insert(Subscriber), [_subscriber(dice, n) for n in range(1, _READERS + 1)])
            connection.execute(insert(Preference), [_preference(dice, n) for n in range(1, _READERS + 1)])
            chosen = [sorted(dice.sample(range(1, _ITEMS + 1), number)) for _ in range(_READERS)]
            session.add_all(
                Selection(id=n, kind=SelectionKind.CHANGES, numbers=numbers) for n, numbers in enumerate(chosen, 1)
            )
            session.add_all(_digest(n) for n in range(1, _READERS + 1))
        with db.read() as session:
            readers = list(session.exec(select(Subscriber).order_by(col(Subscriber.id))))
            session.expunge_all()
        yield db, readers


def _area(number: int) -> dict[str, Any]:
    return {
        "id": f"X{number}",
        "name": f"Inventitis of the {number}th kind",
        "synonyms": [],
        "acronyms": [],
        "tree_numbers": [],
        "parents": [],
        "therapeutic": False,
        "origin": AreaOrigin.CURATED,
    }


def _trial(dice: random.Random, number: int) -> dict[str, Any]:
    sites = [
        Site(facility="Fictional Infirmary", city=town, country="GB", latitude=latitude, longitude=longitude)
        for town, latitude, longitude in dice.choices(_TOWNS, k=dice.randint(1, 9))
    ]
    facts = TrialFacts(
        status="RECRUITING",
        phases=("PHASE2",),
        study_type="INTERVENTIONAL",
        sex=dice.choice(["all", None]),
        minimum_age="18 Years",
        maximum_age="65 Years",
        healthy_volunteers=False,
        sites=tuple(sites),
        contacts=(Contact(name="Trial office", phone="+44 113 496 0000", email="office@example.org"),),
        sponsor="University of Nowhere",
        start=PartialDate(value="2025-11", precision="month", kind="actual"),
        last_verified=PartialDate(value="2026-01", precision="month"),
        criteria="- An invented illness\n" * 40,
    )
    return {
        "registry": "clinicaltrials_gov",
        "external_id": f"NCT9990{number:04}",
        "kind": ItemKind.TRIAL,
        "url": f"https://registry.example.org/study/NCT9990{number:04}",
        "title": f"Examplomab for people with an invented illness, part {number}: a made-up study with a long name",
        "summary": "This made-up study asks whether examplomab, given once a month, eases the invented illness. " * 4,
        "status": facts.status,
        "is_open": True,
        "facts": facts.model_dump(mode="json", exclude_defaults=True),
        "facts_hash": f"{number}",
        "areas": {"direct": [{"id": f"X{dice.randrange(_AREAS)}", "in_title": True}], "ancestors": []},
        "source": "benchmarks",
        "first_seen_at": _NOW,
        "last_seen_at": _NOW,
    }


def _change(dice: random.Random, number: int) -> dict[str, Any]:
    sides: dict[ChangeKind, tuple[dict[str, Any], dict[str, Any]]] = {
        ChangeKind.OPENED: ({"status": "NOT_YET_RECRUITING"}, {"status": "RECRUITING"}),
        ChangeKind.SITE_OPENED: ({}, {"sites": [{"facility": "Infirmary", "city": "Leeds", "country": "GB"}]}),
        ChangeKind.REGISTERED: ({}, {"status": "RECRUITING"}),
    }
    kind = dice.choice(list(sides))
    before, after = sides[kind]
    return {"seq": number, "item_id": number, "kind": kind, "before": before, "after": after, "at": _NOW}


def _subscriber(dice: random.Random, number: int) -> dict[str, Any]:
    return {
        "key": f"{number:022}",
        "address": f"reader{number}@example.org",
        "address_key": f"reader{number}@example.org",
        "state": SubscriberState.ACTIVE,
        "locale": dice.choice(["en", "en", "en", "de"]),
        "timezone": "Europe/London",
        "frequency": dice.choice(list(Frequency)),
        "created_at": _NOW,
    }


def _preference(dice: random.Random, number: int) -> dict[str, Any]:
    town, latitude, longitude = dice.choice(_TOWNS)
    near = dice.random() < 0.3
    return {
        "subscriber_id": number,
        "area_id": f"X{dice.randrange(_AREAS)}",
        "region_kind": RegionKind.PLACE if near else RegionKind.COUNTRY,
        "region_label": f"{town}, England, GB" if near else "United Kingdom",
        "country": "GB",
        "latitude": latitude + dice.random() if near else None,
        "longitude": longitude if near else None,
        "radius_km": 400.0 if near else None,
        "created_at": _NOW,
        "confirmed_at": _NOW,
    }


def _digest(number: int) -> Digest:
    return Digest(
        id=number,
        subscriber_id=number,
        kind=DigestKind.REGULAR,
        from_seq=0,
        to_seq=_ITEMS,
        created_at=_NOW,
        parts=[[number, number]],
    )
