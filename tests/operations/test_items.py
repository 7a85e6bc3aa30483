"""Why did he get this: an item, what it is about, and whom it reached."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import (
    LEEDS,
    LYON,
    SETTINGS,
    publish,
    store_areas,
    store_article,
    store_subscriber,
    store_trial,
    subscriber_called,
)
from tests.installation import Installation, Run
from trialalerts.catalog.tables import ChangeKind, ItemNumber
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.compose import compose_due
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.errors import NotFound
from trialalerts.operations.questions.items import find_item, story_of
from trialalerts.operations.questions.reach import digests_telling

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SERVED: dict[str, Any] = {"cursor": 0, "confirmed_at": NOW - timedelta(days=30), "confirmed_seq": 0}


def arrange(db: Database) -> None:
    """Tell a trial to three people as a change and to one as open; each mail has come to something else."""
    with db.write() as session:
        store_areas(session)
        for name in ("anna", "bert", "carl"):
            store_subscriber(session, name, NOW, **SERVED)
        store_subscriber(session, "nina", NOW)
        trial = store_trial(session, 1, NOW, sites=(LEEDS, LYON, LYON.model_copy(update={"status": "COMPLETED"})))
        session.add(ItemNumber(number="NCT90000001", item_id=trial.id or 0))
        session.add(ItemNumber(number="ISRCTN12345678", item_id=trial.id or 0))
        publish(session, trial, ChangeKind.OPENED, NOW)
        publish(session, trial, ChangeKind.SITE_OPENED, NOW, sites=[LEEDS.model_dump(mode="json")])
        publish(session, store_article(session, 1, NOW), ChangeKind.PUBLISHED, NOW)
        store_trial(session, 2, NOW, area="D001249")
    compose_due(db, SETTINGS, FrozenClock(NOW))
    with db.write() as session:
        states = {"anna": DeliveryState.SENT, "bert": DeliveryState.DELIVERED, "carl": DeliveryState.BOUNCED}
        for name, state in states.items():
            who = subscriber_called(session, name).id
            session.exec(select(Delivery).where(Delivery.subscriber_id == who)).one().state = state


def test_an_items_story_counts_whom_each_change_reached(db: Database) -> None:
    arrange(db)
    with db.read() as session:
        story = story_of(session, find_item(session, "nct90000001"))
        told = story.as_json()
        article = story_of(session, find_item(session, "article 2"))
        other = story_of(session, find_item(session, "NCT90000002"))
    assert [change["kind"] for change in story.changes] == ["opened", "site_opened"]
    for change in story.changes:
        assert change["reached"] == {"digests": 3, "sent": 1, "delivered": 1, "failed": 1}
    assert story.shown == {"waiting": 1}
    assert story.sites == {"FR": {"sites": 2, "open": 1}, "GB": {"sites": 1, "open": 1}}
    assert story.areas == ({"id": "D009103", "name": "Multiple sclerosis", "because": "title"},)
    assert told["numbers"] == ["ISRCTN12345678", "NCT90000001"]
    assert (article.changes[0]["reached"]["digests"], other.changes, other.shown) == (3, (), {})
    assert "example.org/" not in json.dumps(told["changes"], default=str)
    assert "@" not in json.dumps(told, default=str), "numbers, no names"


@pytest.mark.parametrize("number", ["NCT90000001", " nct90000001 ", "isrctn12345678", "1"])
def test_an_item_is_found_by_each_of_its_numbers(db: Database, number: str) -> None:
    arrange(db)
    with db.read() as session:
        assert find_item(session, number).external_id == "NCT90000001"


def test_article_1_is_no_trial(db: Database) -> None:
    arrange(db)
    with db.read() as session:
        assert find_item(session, "Article 2").title == find_item(session, "2").title
        with pytest.raises(NotFound, match="“Article 1”"):
            find_item(session, "Article 1")


@pytest.mark.parametrize("number", ["NCT00000000", "", "9" * 30, "²", "article"])
def test_what_is_not_known_is_named(sqlite_db: Database, number: str) -> None:
    with sqlite_db.read() as session, pytest.raises(NotFound, match="Nothing is known here"):
        find_item(session, number)


def test_the_digests_that_told_an_item_are_found_newest_first(db: Database) -> None:
    arrange(db)
    with db.read() as session:
        item = find_item(session, "NCT90000001")
        assert digests_telling(session, item, subscriber_id=None, most=10) == [4, 3, 2, 1]
        assert digests_telling(session, item, subscriber_id=None, most=2) == [4, 3]
        for name in ("anna", "nina"):
            who = subscriber_called(session, name).id
            assert len(digests_telling(session, item, subscriber_id=who, most=10)) == 1
        assert digests_telling(session, find_item(session, "NCT90000002"), subscriber_id=None, most=10) == []


def test_a_digest_that_tells_after_a_rest_what_is_older_than_its_window_is_found(db: Database) -> None:
    arrange(db)
    with db.write() as session:
        item = find_item(session, "NCT90000001")
        story = story_of(session, item)
        who, last = subscriber_called(session, "nina").id or 0, story.changes[0]["seq"]
        rested = Selection(kind=SelectionKind.CHANGES, numbers=[last])
        session.add(rested)
        session.flush()
        window = {"from_seq": last + 5, "to_seq": last + 9, "kind": DigestKind.REGULAR, "created_at": NOW}
        session.add(Digest(subscriber_id=who, parts=[[0, rested.id or 0]], **window))
    with db.read() as session:
        assert digests_telling(session, item, subscriber_id=who, most=10)[0] == 5
        assert story_of(session, item).changes[0]["reached"]["digests"] == 4


def test_the_commands_answer(run: Run, installation: Installation) -> None:
    with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db:
        with db.write() as session:
            store_subscriber(session, "anna", NOW, **SERVED)
            publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        compose_due(db, SETTINGS, FrozenClock(NOW))
    told = run("items", "show", "NCT90000001").done
    assert "1\t2026-03-02 09:30 UTC\topened\t1\t1 waiting" in told
    found = json.loads(run("items", "show", "NCT90000001", "--json").done)
    assert found["changes"][0]["reached"] == {"digests": 1, "waiting": 1}
    told = run("digests", "show", "NCT90000001", "--to", "anna@example.org").done
    assert "1\t1\t2026-03-02 09:30 UTC\topened\tMultiple Sclerosis (anywhere)" in told.replace("sclerosis", "Sclerosis")
    (digest,) = json.loads(run("digests", "show", "nct90000001", "--json").done)
    assert digest["entries"][0]["reasons"][0]["area_id"] == "D009103"
    assert json.loads(run("digests", "show", "1", "--json").done)["id"] == 1
    assert (run("items", "show", "NCT1").code, run("digests", "show", "NCT1").code) == (2, 2)
