"""A small stage for the digest tests: areas, trials and subscribers written straight into the tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from trialalerts.catalog.facts import ArticleFacts, Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.database import take_numbers
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    Frequency,
    Preference,
    RegionKind,
    Subscriber,
    SubscriberState,
)
from trialalerts.vocabulary.tables import Area, AreaOrigin

LEEDS = Site(city="Leeds", country="GB", subdivision="GB-ENG", latitude=53.8, longitude=-1.55, status="RECRUITING")
LYON = Site(city="Lyon", country="FR", latitude=45.75, longitude=4.85, status="RECRUITING")
SETTINGS = Settings(service=ServiceSettings(name="Example Alerts", secret="a secret of the tests"))


def store_areas(session: Session) -> None:
    """Store autoimmune diseases with multiple sclerosis below, and asthma."""
    for area_id, name, parents in (
        ("D001327", "Autoimmune diseases", []),
        ("D009103", "Multiple sclerosis", ["D001327"]),
        ("D001249", "Asthma", []),
    ):
        session.add(Area(id=area_id, name=name, parents=parents, origin=AreaOrigin.CURATED))


def store_trial(session: Session, number: int, at: datetime, **facts: Any) -> Item:
    """Store a fictional trial on multiple sclerosis that recruits in Leeds, unless told otherwise."""
    area = facts.pop("area", "D009103")
    told: dict[str, Any] = {"status": "RECRUITING", "sites": (LEEDS,), **facts}
    item = Item(
        registry_name="clinicaltrials.gov",
        external_id=f"NCT{90_000_000 + number}",
        kind=ItemKind.TRIAL,
        url=f"https://example.org/NCT{90_000_000 + number}",
        title=f"Fictional trial {number}",
        status=told["status"],
        is_open=told["status"] == "RECRUITING",
        facts=TrialFacts(**told).model_dump(mode="json"),
        facts_hash="",
        areas={"direct": [{"id": area, "in_title": True}], "ancestors": []},
        source="test",
        first_seen_at=at,
        last_seen_at=at,
    )
    session.add(item)
    session.flush()
    return item


def store_article(session: Session, number: int, at: datetime) -> Item:
    """Store a fictional article on multiple sclerosis."""
    item = Item(
        registry_name="news",
        external_id=f"article-{number}",
        kind=ItemKind.ARTICLE,
        url=f"https://example.org/article-{number}",
        title=f"Fictional article {number}",
        facts=ArticleFacts().model_dump(mode="json"),
        facts_hash="",
        areas={"direct": [{"id": "D009103", "in_title": True}], "ancestors": []},
        source="news",
        first_seen_at=at,
        last_seen_at=at,
    )
    session.add(item)
    session.flush()
    return item


def publish(session: Session, item: Item, kind: ChangeKind, at: datetime, **after: Any) -> int:
    """Append a change of the item; return its number."""
    (seq,) = take_numbers(session, "change", 1)
    session.add(Change(seq=seq, item_id=item.id or 0, kind=kind, after=after, at=at))
    session.flush()
    return seq


def store_subscriber(session: Session, name: str, at: datetime, **values: Any) -> Subscriber:
    """Store an active subscriber who follows multiple sclerosis anywhere, daily at eight, due now, never served."""
    follows = values.pop("follows", [{}])
    told: dict[str, Any] = {
        "state": SubscriberState.ACTIVE,
        "locale": "en",
        "timezone": "Europe/London",
        "frequency": Frequency.DAILY,
        "next_due_at": at,
        "cursor": NEVER_SERVED,
        "created_at": at,
        **values,
    }
    subscriber = Subscriber(
        key=f"key-of-{name}", address=f"{name}@example.org", address_key=f"{name}@example.org", **told
    )
    session.add(subscriber)
    session.flush()
    for preference in follows:
        columns: dict[str, Any] = {
            "area_id": "D009103",
            "region_kind": RegionKind.ANYWHERE,
            "region_label": "anywhere",
            "created_at": at,
            "confirmed_at": at,
            "introduced_at": None if subscriber.cursor == NEVER_SERVED else at,
            **preference,
        }
        session.add(Preference(subscriber_id=subscriber.id or 0, **columns))
    session.flush()
    return subscriber


def subscriber_called(session: Session, name: str) -> Subscriber:
    """Return the subscriber of that name as stored now."""
    return session.exec(select(Subscriber).where(Subscriber.key == f"key-of-{name}")).one()
