"""How many mails one core writes a second in a realistic week and in a heavy one, cold and warm.

In ``benchmarks.rendering`` the same readers come again and again. Here each digest is somebody's own, as in a real
week: many areas, a few of them followed by most, four languages, places, labels, one item and a hundred.

``python -m benchmarks.weeks --beside FOLDER [WEEK …]`` measures another checkout too, week by week in the same minutes,
over the same database, and prints how many times as fast this one is.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from benchmarks.figures import Figure, peak_megabytes
from trialalerts.catalog.facts import ArticleFacts, Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database, table_of
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.rendering.renderer import DIGEST, MailRenderer
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin

_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_OUTLINED = "id", "kind", "status", "is_open", "facts", "areas", "topics"
_SLICE = 50
_ROUNDS = 2
_LANGUAGES = ("en", "en", "en", "de", "fr", "es")
_COUNTRIES = ("GB", "GB", "GB", "DE", "FR", "ES")
_TOWNS = [
    ("Leeds", "GB", 53.8, -1.55),
    ("York", "GB", 53.96, -1.08),
    ("Hull", "GB", 53.74, -0.33),
    ("Bath", "GB", 51.38, -2.36),
    ("Kiel", "DE", 54.32, 10.14),
    ("Ulm", "DE", 48.4, 9.99),
    ("Lyon", "FR", 45.76, 4.84),
    ("Vigo", "ES", 42.24, -8.72),
]
_WORDS = "made-up study asks whether examplomab eases invented illness when given once month to people who never were"


@dataclass(frozen=True, kw_only=True)
class Week:
    """So many ``items`` changed; ``median`` of a digest's entries, of which a few people have very many."""

    items: int
    areas: int
    readers: int
    median: float
    spread: float
    target: float


WEEKS = {
    "realistic": Week(items=550, areas=400, readers=3_000, median=8.0, spread=1.3, target=1.6),
    "heavy": Week(items=7_000, areas=900, readers=300, median=110.0, spread=1.0, target=2.5),
}


def run() -> list[Figure]:
    """Measure both weeks."""
    figures: list[Figure] = []
    for name, week in WEEKS.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "week.db"
            _store(file, week)
            figures += _figures(name, _measured(Path.cwd(), file))
    return figures


def _figures(name: str, found: dict[str, float]) -> list[Figure]:
    about = f"{found['entries']:.1f} entries in {found['kilobytes']:.0f} kB; process {found['megabytes']:.0f} MB"
    return [
        Figure(what=f"{name} week, {when}", value=f"{found[when]:,.0f} µs a mail", reference=about)
        for when in ("cold", "warm")
    ]


def _beside(other: Path, names: Sequence[str]) -> None:
    """Print both checkouts' figures and how many times as fast this one is."""
    for name in names or WEEKS:
        week = WEEKS[name]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "week.db"
            _store(file, week)
            pairs = [(_measured(other, file), _measured(Path.cwd(), file)) for _ in range(_ROUNDS)]
        for when in ("cold", "warm"):
            old, new = (min(pair[side][when] for pair in pairs) for side in (0, 1))
            print(f"{name}, {when}: {old:,.0f} : {new:,.0f} µs, {old / new:.2f} × (wanted {week.target} ×)")
        print(f"  there {pairs[0][0]}\n  here  {pairs[0][1]}", flush=True)


def _measured(checkout: Path, file: Path) -> dict[str, float]:
    """Measure one week in a process of its own, with the code of a checkout."""
    command = [sys.executable, "-m", "benchmarks.weeks", "--measure", str(file)]
    env = {"PYTHONPATH": f"{checkout / 'src'}:{checkout}"}
    ran = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _measure(file: Path) -> dict[str, float]:
    """Write the mails of all readers in order: ``cold`` is the first quarter of them, ``warm`` the last, in µs."""
    with open_database(f"sqlite:///{file}") as db, db.read() as session:
        readers = list(session.exec(select(Subscriber).order_by(col(Subscriber.id))))
        entries = _entries(session)
        session.expunge_all()
        service = ServiceSettings(secret="a secret of the benchmarks", base_url="https://alerts.example.org")
        renderer = MailRenderer(Settings(service=service), FrozenClock(_NOW))
        renderer.confirmation(readers[0], [1])  # templates are compiled once in a process
        times: list[float] = []
        size = 0
        for start in range(0, len(readers), _SLICE):
            mails = [(_delivery(reader), reader) for reader in readers[start : start + _SLICE]]
            began = time.process_time()
            for message in renderer(session, mails):
                assert isinstance(message, Message), message
                size += len(to_bytes(message))
            times.append((time.process_time() - began) / len(mails) * 1e6)
    quarter = len(times) // 4
    return {
        "cold": sum(times[:quarter]) / quarter,
        "warm": sum(times[-quarter:]) / quarter,
        "all": sum(times) / len(times),
        "entries": entries,
        "kilobytes": size / len(readers) / 1000,
        "megabytes": peak_megabytes(),
    }


def _entries(session: Session) -> float:
    numbers = {one.id: len(one.numbers) for one in session.exec(select(Selection))}
    digests = list(session.exec(select(Digest)))
    return sum(numbers[number] for digest in digests for _, number in digest.parts) / len(digests)


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


def _store(file: Path, week: Week) -> None:
    dice = random.Random(11)
    about = _about(dice, week)
    preferences, selections, digests = _followed(dice, week, about)
    with open_database(f"sqlite:///{file}") as db:
        upgrade_schema(db)
        with db.write() as session:
            connection = session.connection()
            for model, rows in (
                (Area, [_area(dice, n) for n in range(week.areas)]),
                (Item, [_item(dice, n, about[n]) for n in range(1, week.items + 1)]),
                (Change, [_change(dice, n) for n in range(1, week.items + 1)]),
                (Subscriber, [_subscriber(dice, n) for n in range(1, week.readers + 1)]),
                (Preference, preferences),
                (Selection, selections),
                (Digest, digests),
            ):
                connection.execute(insert(table_of(model)), rows)
            stored = connection.execute(select(*(table_of(Item).c[name] for name in _OUTLINED)))
            items = [Described(*row) for row in stored]
            write_outlines(connection, items)  # as whoever stores items does


def _about(dice: random.Random, week: Week) -> dict[int, list[int]]:
    """Return which areas each item is about; related areas share items."""
    found: dict[int, list[int]] = {n: [] for n in range(1, week.items + 1)}
    for area in range(week.areas):
        size = min(week.items, max(1, round(dice.lognormvariate(0, week.spread) * week.median)))
        begin = dice.randrange(week.items)
        near = [(begin + n) % week.items + 1 for n in range(min(week.items, 3 * size))]
        for item in dice.sample(near, size):
            found[item].append(area)
    return found


def _followed(
    dice: random.Random, week: Week, about: dict[int, list[int]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return preferences, what each brought (the same for the same area and country), and a digest for each reader."""
    of_area: dict[int, list[int]] = {area: [] for area in range(week.areas)}
    for item, areas in about.items():
        for area in areas:
            of_area[area].append(item)
    popular = [1 / (1 + area) ** 0.6 for area in range(week.areas)]
    known: dict[tuple[int, str], int] = {}
    preferences: list[dict[str, Any]] = []
    selections: list[dict[str, Any]] = []
    digests: list[dict[str, Any]] = []
    for reader in range(1, week.readers + 1):
        parts = []
        for area in dict.fromkeys(dice.choices(range(week.areas), popular, k=dice.choice((1, 1, 2)))):
            preference = _preference(dice, len(preferences) + 1, reader, area)
            preferences.append(preference)
            key = (area, preference["country"])
            if key not in known:
                known[key] = len(selections) + 1
                kept = [item for item in of_area[area] if dice.random() < 0.8] or of_area[area]
                selections.append({"id": known[key], "kind": SelectionKind.CHANGES, "numbers": sorted(kept)})
            parts.append([preference["id"], known[key]])
        digests.append(
            {
                "id": reader,
                "subscriber_id": reader,
                "kind": DigestKind.REGULAR,
                "from_seq": 0,
                "to_seq": week.items,
                "created_at": _NOW,
                "parts": parts,
                "added": False,
            }
        )
    return preferences, selections, digests


def _area(dice: random.Random, number: int) -> dict[str, Any]:
    above = [f"X{dice.randrange(number)}"] if number > 20 and dice.random() < 0.5 else []
    return {
        "id": f"X{number}",
        "name": f"Inventitis of the {number}th kind",
        "synonyms": [],
        "acronyms": [],
        "tree_numbers": [],
        "parents": above,
        "therapeutic": False,
        "origin": AreaOrigin.CURATED,
    }


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(_WORDS.split(), k=words)).capitalize() + "."


def _item(dice: random.Random, number: int, areas: list[int]) -> dict[str, Any]:
    is_trial = dice.random() < 0.85
    facts: TrialFacts | ArticleFacts = (
        _trial_facts(dice) if is_trial else ArticleFacts(authors=("A. Nobody", "B. Noone"))
    )
    direct = dice.sample(areas, min(len(areas), 3))
    return {
        "registry": "clinicaltrials_gov" if is_trial else "Example News",
        "external_id": f"NCT9{number:07}",
        "kind": ItemKind.TRIAL if is_trial else ItemKind.ARTICLE,
        "url": f"https://registry.example.org/study/NCT9{number:07}",
        "title": _text(dice, dice.randint(6, 14)),
        "summary": _text(dice, dice.randint(15, 40)),
        "status": facts.status if isinstance(facts, TrialFacts) else None,
        "is_open": is_trial,
        "published_at": None if is_trial else _NOW,
        "facts": facts.model_dump(mode="json", exclude_defaults=True),
        "facts_hash": f"{number}",
        "areas": {"direct": [{"id": f"X{area}", "in_title": n == 0} for n, area in enumerate(direct)], "ancestors": []},
        "source": "benchmarks",
        "first_seen_at": _NOW,
        "last_seen_at": _NOW,
    }


def _trial_facts(dice: random.Random) -> TrialFacts:
    towns = dice.choices(_TOWNS, k=min(40, max(1, round(dice.lognormvariate(0.8, 1.0)))))
    sites = [
        Site(facility=f"Infirmary {n}", city=town, country=country, latitude=latitude, longitude=longitude)
        for n, (town, country, latitude, longitude) in enumerate(towns)
    ]
    return TrialFacts(
        status=dice.choice(["RECRUITING", "RECRUITING", "RECRUITING", "NOT_YET_RECRUITING", "COMPLETED"]),
        phases=dice.choice([("PHASE2",), ("PHASE1", "PHASE2"), ("NA",), ()]),
        study_type="INTERVENTIONAL",
        sex=dice.choice(["all", "all", "female", None]),
        minimum_age=dice.choice(["18 Years", "12 Years", None]),
        maximum_age=dice.choice(["65 Years", None]),
        healthy_volunteers=dice.choice([False, None]),
        sites=tuple(sites),
        contacts=(Contact(name="Trial office", phone="+44 113 496 0000", email="office@example.org"),),
        sponsor="University of Nowhere",
        start=PartialDate(value="2025-11", precision="month", kind="actual"),
        last_verified=PartialDate(value=dice.choice(["2026-01", "2024-01"]), precision="month"),
        criteria=_text(dice, 250),
    )


_SIDES: dict[ChangeKind, tuple[dict[str, Any], dict[str, Any]]] = {
    ChangeKind.OPENED: ({"status": "NOT_YET_RECRUITING"}, {"status": "RECRUITING"}),
    ChangeKind.REGISTERED: ({}, {"status": "RECRUITING"}),
    ChangeKind.SITE_OPENED: ({}, {"sites": [{"facility": "Infirmary 0", "city": "Leeds", "country": "GB"}]}),
    ChangeKind.SITE_CLOSED: ({"sites": [{"facility": "Infirmary 1", "city": "Lyon", "country": "FR"}]}, {}),
    ChangeKind.CLOSED: ({"status": "RECRUITING"}, {"status": "COMPLETED"}),
    ChangeKind.RESULTS_POSTED: ({}, {}),
    ChangeKind.ELIGIBILITY_CHANGED: ({"maximum_age": "55 Years"}, {"maximum_age": "65 Years"}),
}


def _change(dice: random.Random, number: int) -> dict[str, Any]:
    kind = dice.choice(list(_SIDES))
    before, after = _SIDES[kind]
    return {"seq": number, "item_id": number, "kind": kind, "before": before, "after": after, "at": _NOW}


def _subscriber(dice: random.Random, number: int) -> dict[str, Any]:
    return {
        "key": f"{number:022}",
        "address": f"reader{number}@example.org",
        "address_key": f"reader{number}@example.org",
        "state": SubscriberState.ACTIVE,
        "locale": dice.choice(_LANGUAGES),
        "timezone": "Europe/London",
        "frequency": dice.choice(list(Frequency)),
        "created_at": _NOW,
    }


def _preference(dice: random.Random, number: int, reader: int, area: int) -> dict[str, Any]:
    """Return a preference: 15 % follow a place, 15 % have a label."""
    town, _, latitude, longitude = dice.choice(_TOWNS)
    near = dice.random() < 0.15
    return {
        "id": number,
        "subscriber_id": reader,
        "area_id": f"X{area}",
        "label": dice.choice(["Mum", "Tom", "Clinic"]) if dice.random() < 0.15 else None,
        "region_kind": RegionKind.PLACE if near else RegionKind.COUNTRY,
        "region_label": f"{town}, Somewhere" if near else "United Kingdom",
        "country": dice.choice(_COUNTRIES),
        "latitude": latitude + dice.random() if near else None,
        "longitude": longitude if near else None,
        "radius_km": 400.0 if near else None,
        "created_at": _NOW,
        "confirmed_at": _NOW,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--measure", file]:
            print(json.dumps(_measure(Path(file))))
        case ["--beside", other, *names]:
            _beside(Path(other).resolve(), names)
        case _:
            sys.exit("python -m benchmarks weeks, or python -m benchmarks.weeks --beside FOLDER [WEEK …]")
