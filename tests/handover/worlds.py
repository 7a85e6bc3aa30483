"""Random people for a handover, and what of them is to arrive, worked out without the archive."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from tests.digests.stage import store_subscriber
from trialalerts.catalog.tables import Change, Item
from trialalerts.catalog.trials.lookup import numbers_of_trials
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.settings import Settings
from trialalerts.subscribers.account.objecting import object_to_handover
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.files.csv_rows import csv_cells
from trialalerts.subscribers.follows.silence import silence_trial, silenced_trials
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    ONE_TRIAL,
    Consent,
    ConsentAction,
    Frequency,
    Preference,
    RegionKind,
    Subscriber,
    SubscriberState,
)
from trialalerts.vocabulary.areas.tree import load_areas

STATES = [*[SubscriberState.ACTIVE] * 5, SubscriberState.PAUSED, *SubscriberState]
LEEDS: dict[str, Any] = {
    "region_kind": RegionKind.PLACE, "region_label": "Leeds, England, GB", "country": "GB", "subdivision": "GB-ENG",
    "latitude": 53.8, "longitude": -1.55, "radius_km": 80.0,
}  # fmt: skip
BRITAIN: dict[str, Any] = {"region_kind": RegionKind.COUNTRY, "region_label": "United Kingdom", "country": "GB"}


def store_world(session: Session, settings: Settings, chance: random.Random, number: int, now: datetime) -> list[str]:
    """Store so many people of whom some objected or are suppressed; return the names of all."""
    trials = [item.id for item in session.exec(select(Item))]
    names = [f"person{place}" for place in range(number)]
    for name in names:
        state = chance.choice(STATES)
        before = now - timedelta(days=chance.randrange(1, 300), seconds=chance.randrange(80_000))
        active = state is SubscriberState.ACTIVE
        person = store_subscriber(
            session,
            name,
            before,
            state=state,
            cursor=chance.choice([0, NEVER_SERVED]),
            confirmed_seq=0,
            confirmed_at=None if state is SubscriberState.PENDING else before,
            locale=chance.choice(["en", "de-AT", "fr", "es"]),
            timezone=chance.choice(["Europe/London", "America/New_York"]),
            frequency=chance.choice([*Frequency]),
            hour=chance.randrange(24),
            weekday=chance.randrange(7),
            day=chance.randrange(1, 29),
            next_due_at=now + timedelta(days=chance.randrange(200, 230)) if active else None,
            discreet=chance.random() < 0.2,
            announcements=chance.random() < 0.7,
            unit=chance.choice([None, "km", "miles"]),
            came_by=chance.choice([None, "clinic-leeds"]),
            paused_until=now + timedelta(days=300) if state is SubscriberState.PAUSED else None,
            follows=_wishes(chance, name, trials, before),
        )
        record_consent(session, person, ConsentAction.SIGNED_UP, how="web", now=before)
        what = f"preference {chance.randrange(900)}"
        line = record_consent(session, person, ConsentAction.CONFIRMED, how="link", what=what, now=before)
        line.locale, line.version = person.locale, f"version of {name}"
        if chance.random() < 0.3:
            silence_trial(session, person, chance.choice(trials) or 0, how="web", now=before)
        if chance.random() < 0.2:
            object_to_handover(session, person, how="web", now=now)
        if chance.random() < 0.1:
            suppress(session, settings.service.secrets[0], person.address, reason="operator", now=now)
    session.flush()
    return names


def _wishes(chance: random.Random, name: str, trials: list[int | None], at: datetime) -> list[dict[str, Any]]:
    """Return up to three different wishes: nobody has the same one twice."""
    found: dict[str, dict[str, Any]] = {}
    for place in range(chance.randrange(4)):
        wish = _wish(chance, f"{name} label {place}", trials, at)
        same = {key: value for key, value in wish.items() if key not in {"label", "confirmed_at", "introduced_at"}}
        found.setdefault(repr({**same, "paused_until": None}), wish)
    return [*found.values()]


def _wish(chance: random.Random, label: str, trials: list[int | None], at: datetime) -> dict[str, Any]:
    if chance.random() < 0.2:
        return {"area_id": ONE_TRIAL, "item_id": chance.choice(trials), "introduced_at": at}
    regions: list[dict[str, Any]] = [{}, LEEDS, BRITAIN]
    region = chance.choice(regions)
    return {
        **region,
        "area_id": chance.choice(["D009103", "D001249", "D001327"]),
        "label": label,
        "born_on": chance.choice([None, date(1980, 2, 29)]),
        "sex": chance.choice([None, "female"]),
        "phases": chance.choice([[], ["PHASE1", "PHASE2"]]),
        "change_kinds": chance.choice([[], ["opened", "results_posted"]]),
        "paused_until": chance.choice([None, None, at + timedelta(days=700)]),
        "confirmed_at": chance.choice([at, at, at, None]),
        "introduced_at": chance.choice([at, None]),
    }


def cells_of(session: Session, subscriber: Subscriber) -> list[tuple[str, ...]]:
    """Return what somebody confirmed and how they want their mails, as the cells of a list."""
    asked = select(Preference).where(
        Preference.subscriber_id == subscriber.id, col(Preference.confirmed_at).is_not(None)
    )
    wishes = session.exec(asked).all()
    numbers = numbers_of_trials(session, {wish.item_id for wish in wishes if wish.item_id is not None})
    name = load_areas(session).name
    rows = [csv_cells(subscriber, wish, name, numbers) for wish in wishes] or [csv_cells(subscriber, None, name)]
    return sorted({tuple(row.values()) for row in rows})


def beside_of(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Return what of somebody stands in no list, and is to arrive as it was."""
    asked = select(Consent).where(Consent.subscriber_id == subscriber.id).order_by(col(Consent.id))
    return {
        "created_at": subscriber.created_at,
        "confirmed_at": subscriber.confirmed_at,
        "came_by": subscriber.came_by,
        "served": subscriber.cursor != NEVER_SERVED,
        "due_at": subscriber.next_due_at,
        "silenced": sorted(
            session.get_one(Item, each.item_id).external_id for each in silenced_trials(session, subscriber)
        ),
        "consents": [
            (line.at, line.action, line.how, re.sub(r"(preference|silence) \d+", r"a \1", line.what), line.version)
            for line in session.exec(asked)
        ],
    }


def told_of(session: Session, subscriber: Subscriber, *, since: int = 0) -> list[tuple[str, str]]:
    """Return which trial somebody was told, and as what, by the digests after the one of this id."""
    asked = select(Digest).where(Digest.subscriber_id == subscriber.id, col(Digest.id) > since)
    told = []
    for digest in session.exec(asked):
        for _, number in digest.parts:
            selection = session.get_one(Selection, number)
            told += _told(session, selection.kind, selection.numbers)
    return told


def _told(session: Session, kind: SelectionKind, numbers: Collection[int]) -> list[tuple[str, str]]:
    if kind is SelectionKind.CHANGES:
        changes = [session.get_one(Change, number) for number in numbers]
        return [(session.get_one(Item, each.item_id).external_id, each.kind.value) for each in changes]
    return [(session.get_one(Item, number).external_id, kind.value) for number in numbers]
