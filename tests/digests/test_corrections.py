"""A correction of an article is told to those whom a digest told the article, and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from tests.catalog.samples import article as sample
from tests.digests.stage import SETTINGS, publish, store_areas, store_article, store_subscriber, subscriber_called
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.changes.comparison import compare_articles
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import Preference, SubscriberState


def test_who_got_the_article_gets_its_correction_and_others_do_not(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        article = store_article(session, 1, clock.now())
        publish(session, article, ChangeKind.PUBLISHED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
        store_subscriber(session, "dora", clock.now(), cursor=0, follows=[{"change_kinds": ["published"]}])
    compose_due(db, SETTINGS, clock)
    clock.advance(timedelta(days=1))
    with db.write() as session:
        store_subscriber(session, "ben", clock.now(), cursor=1)
        publish(session, article, ChangeKind.CORRECTED, clock.now(), on="2026-03-03", sentence="It was 12, not 21.")
    compose_due(db, SETTINGS, clock)
    _, second = digests_of(db, "anna")
    (entry,) = entries_of(db, second)
    assert [(told.kind, told.after["sentence"]) for told in entry.told] == [("corrected", "It was 12, not 21.")]
    assert entry.reasons
    assert digests_of(db, "ben") == []
    assert len(digests_of(db, "dora")) == 1, "who asked for new articles only is not told"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"corrected_on": "2026-03-03", "correction": "So."}, [{"on": "2026-03-03", "sentence": "So."}]),
        ({"corrected_on": "2026-03-03"}, {"corrected_on": "2026-03-04"}, [{"on": "2026-03-04"}]),
        ({"corrected_on": "2026-03-03"}, {"corrected_on": "2026-03-03", "correction": "Otherwise."}, []),
        (
            {"corrected_on": "2026-03-03", "correction": "So."},
            {"corrected_on": "2026-03-04", "correction": "Otherwise."},
            [{"on": "2026-03-04", "sentence": "Otherwise."}],
        ),
        ({"corrected_on": "2026-03-03", "correction": "So."}, {"corrected_on": "2026-03-04", "correction": "So."}, []),
        ({"corrected_on": "2026-03-03"}, {}, []),
        ({}, {"correction": "Without a day."}, []),
    ],
)
def test_only_a_new_day_of_correction_with_something_new_to_say_is_one(
    before: dict[str, str], after: dict[str, str], told: list[dict[str, str]]
) -> None:
    found = compare_articles("A title", "Another title", before, after)
    assert [each.after for each in found if each.kind is ChangeKind.CORRECTED] == told


NOTICE = {"kind": "concern", "id": None, "on": None}


@pytest.mark.parametrize("kind", [ChangeKind.RETRACTED, ChangeKind.CORRECTED, ChangeKind.CONCERN])
def test_who_follows_something_else_by_now_is_told_once_and_who_left_is_not(
    db: Database, clock: FrozenClock, kind: ChangeKind
) -> None:
    with db.write() as session:
        store_areas(session)
        article = store_article(session, 1, clock.now())
        publish(session, article, ChangeKind.PUBLISHED, clock.now())
        for name in ("anna", "left"):
            store_subscriber(session, name, clock.now(), cursor=0)
        store_subscriber(session, "ben", clock.now(), cursor=0, follows=[{"area_id": "D001249"}])
    compose_due(db, SETTINGS, clock)
    with db.write() as session:
        anna = subscriber_called(session, "anna")
        for preference in list_preferences(session, anna):
            session.delete(preference)
        asthma: dict[str, Any] = {"area_id": "D001249", "region_kind": "anywhere", "region_label": "anywhere"}
        asthma |= dict.fromkeys(("created_at", "confirmed_at", "introduced_at"), clock.now())
        session.add(Preference(subscriber_id=anna.id or 0, **asthma))
        subscriber_called(session, "left").state = SubscriberState.UNSUBSCRIBED
        publish(session, article, kind, clock.now())
    for _ in range(3):
        clock.advance(timedelta(days=1))
        compose_due(db, SETTINGS, clock)
    _, second = digests_of(db, "anna")
    (entry,) = entries_of(db, second)
    assert [told.kind for told in entry.told] == [kind.value]
    assert len(digests_of(db, "left")) == 1
    assert digests_of(db, "ben") == []


@pytest.mark.parametrize(
    ("kind", "mails"), [(ChangeKind.RETRACTED, 2), (ChangeKind.CONCERN, 2), (ChangeKind.CORRECTED, 1)]
)
def test_what_is_not_to_be_relied_on_comes_whatever_kinds_of_change_are_wanted(
    db: Database, clock: FrozenClock, kind: ChangeKind, mails: int
) -> None:
    with db.write() as session:
        store_areas(session)
        article = store_article(session, 1, clock.now())
        publish(session, article, ChangeKind.PUBLISHED, clock.now())
        store_subscriber(session, "dora", clock.now(), cursor=0, follows=[{"change_kinds": ["published"]}])
    compose_due(db, SETTINGS, clock)
    with db.write() as session:
        publish(session, article, kind, clock.now())
    clock.advance(timedelta(days=1))
    compose_due(db, SETTINGS, clock)
    assert len(digests_of(db, "dora")) == mails


def test_concern_is_told_to_nobody_who_was_not_told_the_article(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        article = store_article(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
        publish(session, article, ChangeKind.CONCERN, clock.now())
    compose_due(db, SETTINGS, clock)
    assert digests_of(db, "anna") == []


def notice(kind: str, id_: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "id": id_, "on": None}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], [notice("concern")], ["concern"]),
        ([], [notice("retracted", "pmid:1")], ["retracted"]),
        ([], [notice("corrected", "pmid:1"), notice("concern")], ["concern", "corrected"]),
        ([notice("concern")], [notice("concern", "pmid:1")], []),
        ([notice("concern", "pmid:1")], [notice("concern", "pmid:2")], []),
        ([notice("concern")], [notice("concern"), notice("retracted")], ["retracted"]),
        ([notice("corrected")], [notice("corrected", "pmid:1")], []),
        ([notice("corrected", "a")], [notice("corrected", "a"), notice("corrected", "b")], ["corrected"]),
        ([notice("corrected", "pmid:1")], [notice("corrected")], []),
        ([notice("concern")], [], []),
    ],
    ids=[
        "concern", "retracted", "two", "it has an id now", "more concern", "then retracted", "a correction has an id",
        "a further correction", "the id is gone", "the notice is gone",
    ],
)  # fmt: skip
def test_what_a_journal_says_later_is_told_by_its_kind(
    before: list[dict[str, Any]], after: list[dict[str, Any]], told: list[str]
) -> None:
    found = compare_articles("A title", "A title", {"notices": before}, {"notices": after})
    assert [each.kind.value for each in found] == told


def test_a_title_and_a_notice_that_say_retracted_are_one_retraction() -> None:
    after = {"notices": [notice("retracted")]}
    assert len(compare_articles("A title", "RETRACTED: A title", {}, after)) == 1
    assert compare_articles("RETRACTED: A title", "RETRACTED: A title", {}, after) == []


def test_a_notice_that_comes_and_goes_is_told_once(db: Database, clock: FrozenClock) -> None:
    for notices in ([], [NOTICE], [], [NOTICE], []):
        clock.advance(timedelta(days=1))
        with db.write() as session:
            store_items(session, [sample(notices=notices)], baseline=False, now=clock.now())
    with db.read() as session:
        assert [change.kind.value for change in session.exec(select(Change).order_by(col(Change.seq)))] == [
            "published", "concern",
        ]  # fmt: skip
