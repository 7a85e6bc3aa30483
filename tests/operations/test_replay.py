"""Replay a week: what it would have brought, nothing sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import publish, store_areas, store_subscriber, store_trial, subscriber_called
from tests.installation import Run
from trialalerts.catalog.tables import ChangeKind
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.tables import Digest
from trialalerts.operations.questions.replay import replay
from trialalerts.subscribers.tables import Frequency, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
SERVED: dict[str, Any] = {"cursor": 99, "confirmed_at": NOW - 30 * DAY, "confirmed_seq": 0}


def arrange(db: Database) -> None:
    """Let one trial a day change for ten days, up to an hour ago; one of asthma among them."""
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "daily", NOW, **SERVED)
        store_subscriber(session, "weekly", NOW, frequency=Frequency.WEEKLY, **SERVED)
        store_subscriber(session, "at_once", NOW, frequency=Frequency.IMMEDIATELY, **SERVED)
        store_subscriber(session, "picky", NOW, follows=[{"sex": "male"}, {"change_kinds": ["closed"]}], **SERVED)
        store_subscriber(session, "paused", NOW, **{**SERVED, "state": SubscriberState.PAUSED})
        for ago in range(10, 0, -1):
            at = NOW - ago * DAY + timedelta(hours=23)
            facts = {"area": "D001249"} if ago == 2 else {"sex": "female"}
            publish(session, store_trial(session, ago, at, **facts), ChangeKind.OPENED, at)


def told(db: Database, since: datetime, name: str | None = None) -> dict[str, list[tuple[datetime, tuple[str, ...]]]]:
    found: dict[str, list[tuple[datetime, tuple[str, ...]]]] = {}
    with db.read() as session:
        who = subscriber_called(session, name) if name else None
        for each in replay(session, since, NOW, subscriber=who):
            found.setdefault(each.address.partition("@")[0], []).append((each.at, each.numbers))
    return found


def test_each_change_stands_in_the_digest_of_its_hour(db: Database) -> None:
    arrange(db)
    found = told(db, NOW - 4 * DAY)
    trial = {ago: f"NCT{90_000_000 + ago}" for ago in range(1, 11)}
    assert found["daily"] == [
        (datetime(2026, 2, 28, 8, tzinfo=UTC), (trial[4],)),
        (datetime(2026, 3, 1, 8, tzinfo=UTC), (trial[3],)),
        (datetime(2026, 3, 3, 8, tzinfo=UTC), (trial[1],)),
    ]
    assert found["weekly"] == [
        (datetime(2026, 3, 2, 8, tzinfo=UTC), (trial[4], trial[3])),
        (datetime(2026, 3, 9, 8, tzinfo=UTC), (trial[1],)),
    ]
    assert [at for at, _ in found["at_once"]] == [NOW - ago * DAY + timedelta(hours=23) for ago in (4, 3, 1)]
    assert "picky" not in found, "of women only, and none closed"
    assert "paused" not in found


def test_one_person_is_asked_in_whatever_state(db: Database) -> None:
    arrange(db)
    found = told(db, NOW - 30 * DAY, "paused")
    assert [len(numbers) for _, numbers in found["paused"]] == [1] * 9
    assert told(db, NOW, "paused") == {}


def test_all_together_are_told_what_each_is_told_alone(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialalerts.operations.questions.replay._AT_ONCE", 2)
    arrange(db)
    names = ("daily", "weekly", "at_once", "picky")
    alone = [told(db, NOW - 30 * DAY, name) for name in names]
    assert told(db, NOW - 30 * DAY) == {who: digests for one in alone for who, digests in one.items()}


def test_a_wish_that_goes_on_after_a_rest_counts(db: Database) -> None:
    arrange(db)
    with db.write() as session:
        store_subscriber(session, "rested", NOW, follows=[{"paused_seq": 1}], **SERVED)
    assert told(db, NOW - 4 * DAY)["rested"] == told(db, NOW - 4 * DAY)["daily"]


def test_nothing_is_stored_or_sent(db: Database) -> None:
    arrange(db)
    told(db, NOW - 30 * DAY)
    with db.read() as session:
        assert session.exec(select(Digest)).all() == []
        assert session.exec(select(Delivery)).all() == []
        assert subscriber_called(session, "daily").cursor == 99


def test_the_command_answers(run: Run) -> None:
    run("subscribers", "add", "anna@example.org", "--area", "MS", "--confirmed")
    assert "0 digests to 0 people; nothing was sent" in run("digests", "replay", "--since", "7d").done
    answer = run("digests", "replay", "--since", "monday", "--email", "anna@example.org", "--json").done
    assert json.loads(answer)["digests"] == []
    assert run("digests", "replay", "--since", "soon").code == 2
    assert run("digests", "replay", "--since", "7d", "--email", "nobody@example.org").code == 2
