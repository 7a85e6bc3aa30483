"""What the sending benchmarks send: made-up trials, people who follow them, and a digest queued for each."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import insert

from tests.digests.rendering_samples import trial
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.database import Database, table_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.settings import MailSettings, ServiceSettings, Settings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState

__all__ = ["SETTINGS", "fill"]

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(
    service=ServiceSettings(
        name="Example Trial Alerts",
        base_url="https://alerts.example.org",
        postal_address="Example Society, 1 Sample Street, Sampletown",
        secret=SecretStr("a secret of the benchmarks, long enough"),
    ),
    mail=MailSettings.model_validate({"from": "Example Trial Alerts <alerts@example.org>", "batch": 500}),
)
_TRIALS = 300
_SELECTIONS = 1_000
_AT_ONCE = 20_000


def fill(db: Database, *, people: int, digests: int, items: int) -> None:
    """Store trials, people, and ``digests`` digests of ``items`` trials each, all queued and due."""
    dice = Random(4)
    with db.write() as session:
        for number in range(1, _TRIALS + 1):
            session.add(trial(number, id=number))
        session.flush()
        _insert(session, Change, [_change(number) for number in range(1, _TRIALS + 1)])
        _insert(session, Selection, [_selection(dice, number, items) for number in range(1, _SELECTIONS + 1)])
    for start in range(1, people + 1, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, people + 1))
        with db.write() as session:
            _insert(session, Subscriber, [_person(number) for number in numbers])
            _insert(session, Preference, [_preference(number) for number in numbers])
    for start in range(1, digests + 1, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, digests + 1))
        with db.write() as session:
            _insert(session, Digest, [_digest(dice, number, (number - 1) % people + 1) for number in numbers])
            _insert(session, Delivery, [_delivery(number, (number - 1) % people + 1) for number in numbers])


def _insert(session: Any, model: Any, rows: list[dict[str, Any]]) -> None:
    session.connection().execute(insert(table_of(model)), rows)


def _change(number: int) -> dict[str, Any]:
    return {
        "seq": number,
        "item_id": number,
        "kind": ChangeKind.OPENED,
        "before": {"status": "NOT_YET_RECRUITING"},
        "after": {"status": "RECRUITING"},
        "at": LONG_AGO,
    }


def _selection(dice: Random, number: int, items: int) -> dict[str, Any]:
    numbers = sorted(dice.sample(range(1, _TRIALS + 1), items))
    return {"id": number, "kind": SelectionKind.CHANGES, "numbers": numbers}


def _person(number: int) -> dict[str, Any]:
    address = f"person-{number}@example.org"
    return {
        "id": number,
        "key": f"{number:016x}",
        "address": address,
        "address_key": address,
        "state": SubscriberState.ACTIVE,
        "locale": "en",
        "timezone": "Europe/London",
        "frequency": Frequency.WEEKLY,
        "hour": 8,
        "weekday": 0,
        "day": 1,
        "cursor": 0,
        "created_at": LONG_AGO,
    }


def _preference(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "subscriber_id": number,
        "area_id": "X1",
        "region_kind": RegionKind.ANYWHERE,
        "region_label": "anywhere",
        "healthy_volunteer": False,
        "phases": [],
        "item_kinds": [],
        "change_kinds": [],
        "excluded_areas": [],
        "created_at": LONG_AGO,
        "confirmed_at": LONG_AGO,
    }


def _digest(dice: Random, number: int, person: int) -> dict[str, Any]:
    return {
        "id": number,
        "subscriber_id": person,
        "kind": DigestKind.REGULAR,
        "from_seq": number,
        "to_seq": number + 1,
        "created_at": LONG_AGO,
        "parts": [[person, dice.randint(1, _SELECTIONS)]],
    }


def _delivery(number: int, person: int) -> dict[str, Any]:
    return {
        "kind": "digest",
        "subscriber_id": person,
        "data": {"digest_id": number},
        "message_id": f"<{secrets.token_hex(16)}@example.org>",
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "not_before": LONG_AGO,
        "created_at": LONG_AGO,
    }
