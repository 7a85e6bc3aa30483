"""Workload W of the matching measurements: subscribers, trials and articles over real MeSH concepts, made by dice.

Subscribers follow one to three of the concepts (Zipf), 60 % in a country, 25 % in a state, 15 % within 50–200 km of a
city; 30 % say age and sex. Trials have about five sites, articles none.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlmodel import Session

from trialalerts.catalog.facts import ArticleFacts, Site, TrialFacts
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.database import Database, table_of, take_numbers
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["DATA", "LONG_AGO", "fill_areas", "fill_changes", "fill_subscribers"]

DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_COUNTRIES = ["US", "GB", "DE", "FR", "ES", "IT", "CA", "AU", "JP", "BR", "NL", "PL", "SE", "IN", "CN"]
_WEIGHTS = [1 / (rank + 1) for rank in range(len(_COUNTRIES))]
_AT_ONCE = 20_000


def fill_areas(db: Database) -> list[str]:
    """Store the MeSH disease descriptors; return their ids, the most followed first."""
    with gzip.open(DATA / "vocab" / "mesh_C_F03_descriptors.tsv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    ui, name, trees = list(rows[0])[:3]
    areas = [
        {
            "id": row[ui],
            "name": row[name],
            "synonyms": [],
            "acronyms": [],
            "tree_numbers": [number for number in row[trees].replace("|", ";").split(";") if number],
            "parents": [],
            "therapeutic": False,
            "origin": AreaOrigin.IMPORT,
        }
        for row in rows
    ]
    with db.write() as session:
        session.connection().execute(insert(Area), areas)
    ids = [row[ui] for row in rows]
    random.Random(1).shuffle(ids)
    return ids


def fill_changes(db: Database, areas: Sequence[str], *, trials: int, articles: int) -> None:
    """Store items with one change each."""
    dice = random.Random(2)
    cumulative = _zipf(len(areas))
    with db.write() as session:
        _store_items(session, [_trial(dice, n, areas, cumulative) for n in range(trials)])
        _store_items(session, [_article(dice, n, areas, cumulative) for n in range(articles)])
        numbers = take_numbers(session, "change", trials + articles)
        session.connection().execute(
            insert(Change),
            [
                {
                    "seq": seq,
                    "item_id": item_id,
                    "kind": dice.choice([ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.RESULTS_POSTED])
                    if item_id <= trials
                    else ChangeKind.PUBLISHED,
                    "before": {},
                    "after": {},
                    "at": LONG_AGO,
                }
                for item_id, seq in enumerate(numbers, start=1)
            ],
        )


def fill_subscribers(db: Database, areas: Sequence[str], *, number: int) -> None:
    """Store subscribers who are due, with their preferences."""
    dice = random.Random(3)
    cumulative = _zipf(len(areas))
    for start in range(0, number, _AT_ONCE):
        ids = range(start + 1, min(start + _AT_ONCE, number) + 1)
        preferences = [p for i in ids for p in _preferences(dice, i, areas, cumulative)]
        with db.write() as session:
            session.connection().execute(insert(Subscriber), [_subscriber(i) for i in ids])
            session.connection().execute(insert(Preference), preferences)


def _zipf(number: int) -> list[float]:
    return list(accumulate(1 / (rank + 1) for rank in range(number)))


def _trial(dice: random.Random, number: int, areas: Sequence[str], cumulative: Sequence[float]) -> dict[str, Any]:
    sites = tuple(_site(dice) for _ in range(dice.randint(1, 9)))
    status = dice.choice(["RECRUITING", "RECRUITING", "NOT_YET_RECRUITING", "COMPLETED"])
    limited = dice.random() < 0.5
    facts = TrialFacts(
        status=status,
        sites=sites,
        sex=dice.choice(["all", "all", "female", None]),
        minimum_age_days=18 * 365 if limited else None,
        maximum_age_days=75 * 365 if limited else None,
        maximum_age="75 Years" if limited else None,
    )
    return _item(ItemKind.TRIAL, f"NCT{number:08}", facts, status, dice.choices(areas, cum_weights=cumulative, k=2))


def _article(dice: random.Random, number: int, areas: Sequence[str], cumulative: Sequence[float]) -> dict[str, Any]:
    direct = dice.choices(areas, cum_weights=cumulative, k=1)
    return _item(ItemKind.ARTICLE, f"article-{number}", ArticleFacts(), None, direct)


def _item(
    kind: ItemKind, name: str, facts: TrialFacts | ArticleFacts, status: str | None, direct: list[str]
) -> dict[str, Any]:
    return {
        "registry": kind.value,
        "external_id": name,
        "kind": kind,
        "url": f"https://example.org/{name}",
        "title": f"Made-up {kind.value} {name}",
        "summary": "",
        "status": status,
        "is_open": status == "RECRUITING",
        "facts": facts.model_dump(mode="json", exclude_defaults=True),
        "facts_hash": "",
        "areas": {"direct": [{"id": area, "in_title": True} for area in dict.fromkeys(direct)], "ancestors": []},
        "source": "workload",
        "first_seen_at": LONG_AGO,
        "last_seen_at": LONG_AGO,
    }


def _site(dice: random.Random) -> Site:
    country = dice.choices(_COUNTRIES, _WEIGHTS)[0]
    return Site(
        city="Town",
        country=country,
        subdivision=f"{country}-{dice.randint(1, 20)}",
        latitude=dice.uniform(-60, 70),
        longitude=dice.uniform(-180, 180),
        status="RECRUITING",
    )


def _store_items(session: Session, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    connection = session.connection()
    connection.execute(insert(Item), rows)
    item = table_of(Item).c
    columns = item.id, item.kind, item.status, item.is_open, item.facts, item.areas, item.topics
    stored = connection.execute(select(*columns).where(item.source == "workload")).all()
    write_outlines(connection, [Described(*row) for row in stored])


def _subscriber(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "key": f"{number:032x}",
        "address": f"s{number}@example.org",
        "address_key": f"s{number}@example.org",
        "state": SubscriberState.ACTIVE,
        "locale": "en",
        "timezone": "Europe/London",
        "frequency": Frequency.WEEKLY,
        "hour": 8,
        "weekday": number % 7,
        "day": 1,
        "next_due_at": LONG_AGO,
        "cursor": 0,
        "created_at": LONG_AGO,
    }


def _preferences(
    dice: random.Random, subscriber_id: int, areas: Sequence[str], cumulative: Sequence[float]
) -> Iterator[dict[str, Any]]:
    where = dice.random()
    country = dice.choices(_COUNTRIES, _WEIGHTS)[0]
    place = where >= 0.85
    person = dice.random() < 0.3
    for area in dict.fromkeys(dice.choices(areas, cum_weights=cumulative, k=dice.randint(1, 3))):
        yield {
            "subscriber_id": subscriber_id,
            "area_id": area,
            "region_kind": RegionKind.COUNTRY if where < 0.6 else RegionKind.PLACE if place else RegionKind.SUBDIVISION,
            "region_label": "somewhere",
            "country": country,
            "subdivision": f"{country}-{dice.randint(1, 20)}" if 0.6 <= where < 0.85 else None,
            "latitude": round(dice.uniform(-60, 70), 1) if place else None,
            "longitude": round(dice.uniform(-180, 180), 1) if place else None,
            "radius_km": float(dice.choice([50, 100, 200])) if place else None,
            "born_on": date(dice.randint(1940, 2015), 1, 1) if person else None,
            "sex": dice.choice(["female", "male"]) if person else None,
            "healthy_volunteer": False,
            "phases": [],
            "item_kinds": [],
            "change_kinds": [],
            "excluded_areas": [],
            "created_at": LONG_AGO,
            "confirmed_at": LONG_AGO,
            "introduced_at": LONG_AGO,
        }
