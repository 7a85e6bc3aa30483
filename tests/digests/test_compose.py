"""Composing: who is served, once, with what; and nothing half done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.tables import Delivery, DeliveryState
from trialalerts.digests.compose import ComposeCount, Composer, compose_due
from trialalerts.digests.entries import Entry
from trialalerts.digests.render_items import with_changes
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, RegionKind, SubscriberState


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def digests_of(db: Database, name: str) -> list[Digest]:
    with db.read() as session:
        subscriber = subscriber_called(session, name)
        asked = select(Digest).where(Digest.subscriber_id == subscriber.id).order_by(Digest.from_seq)  # type: ignore[arg-type]  # SQLModel's column
        return list(session.exec(asked))


def told_in(digest: Digest) -> list[str]:
    return [told.kind for entry in digest.entries for told in Entry.model_validate(entry).told]


def test_the_first_digest_shows_what_recruits_now_and_the_next_only_what_changed(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        old = store_trial(session, 1, clock.now())
        publish(session, old, ChangeKind.OPENED, clock.now())
        store_trial(session, 2, clock.now(), status="COMPLETED")
        store_subscriber(session, "anna", clock.now())
    compose_due(db, SETTINGS, clock)
    (first,) = digests_of(db, "anna")
    assert first.kind is DigestKind.FIRST
    assert told_in(first) == ["recruiting_now"]

    clock.advance(timedelta(days=1))
    with db.write() as session:
        publish(session, store_trial(session, 3, clock.now()), ChangeKind.REGISTERED, clock.now())
        publish(session, store_article(session, 4, clock.now()), ChangeKind.PUBLISHED, clock.now())
    compose_due(db, SETTINGS, clock)
    _, second = digests_of(db, "anna")
    assert second.kind is DigestKind.REGULAR
    assert (second.from_seq, second.to_seq) == (1, 3)
    assert told_in(second) == ["registered", "published"]


def test_each_digest_queues_one_mail(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        for name in ("anna", "ben"):
            store_subscriber(session, name, clock.now())
    count = compose_due(db, SETTINGS, clock)
    assert (count.subscribers, count.digests, count.failed) == (2, 2, [])
    with db.read() as session:
        deliveries = list(session.exec(select(Delivery)))
        digests = list(session.exec(select(Digest)))
    assert {delivery.data["digest_id"] for delivery in deliveries} == {digest.id for digest in digests}
    assert {delivery.state for delivery in deliveries} == {DeliveryState.QUEUED}
    assert len({delivery.message_id for delivery in deliveries}) == 2


def test_where_nothing_is_new_no_mail_goes_out_and_the_next_day_is_awaited(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now(), area="D001249"), ChangeKind.OPENED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
    compose_due(db, SETTINGS, clock)
    assert digests_of(db, "anna") == []
    with db.read() as session:
        anna = subscriber_called(session, "anna")
    assert anna.cursor == 1
    assert anna.next_due_at == datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    assert compose_due(db, SETTINGS, clock).subscribers == 0


def test_a_week_of_downtime_is_caught_up_with_one_digest(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0)
    for number in range(7):
        clock.advance(timedelta(days=1))
        with db.write() as session:
            publish(session, store_trial(session, number, clock.now()), ChangeKind.REGISTERED, clock.now())
    compose_due(db, SETTINGS, clock)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert (digest.from_seq, digest.to_seq, len(digest.entries)) == (0, 7, 7)


def test_who_is_served_at_once_gets_what_is_new_in_the_next_round_and_is_left_alone_else(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0, frequency=Frequency.IMMEDIATELY)
    assert compose_due(db, SETTINGS, clock).subscribers == 0
    for number in (1, 2):
        clock.advance(timedelta(minutes=1))
        with db.write() as session:
            publish(session, store_trial(session, number, clock.now()), ChangeKind.REGISTERED, clock.now())
        compose_due(db, SETTINGS, clock)
    assert [(digest.from_seq, digest.to_seq) for digest in digests_of(db, "anna")] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("state", [state for state in SubscriberState if state is not SubscriberState.ACTIVE])
def test_only_active_subscribers_are_served(db: Database, clock: FrozenClock, state: SubscriberState) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now(), state=state)
    assert compose_due(db, SETTINGS, clock).subscribers == 0
    assert digests_of(db, "anna") == []


def test_a_pause_that_ends_is_followed_by_one_digest_of_what_was_missed(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(
            session,
            "anna",
            clock.now(),
            cursor=0,
            state=SubscriberState.PAUSED,
            paused_until=clock.now() + timedelta(days=3),
        )
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
    assert compose_due(db, SETTINGS, clock).digests == 0
    clock.advance(timedelta(days=4))
    assert compose_due(db, SETTINGS, clock).woken == 1
    clock.advance(timedelta(days=1))
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert told_in(digest) == ["opened"]


def test_a_preference_that_is_not_confirmed_is_not_served(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now(), follows=[{"confirmed_at": None}])
    assert compose_due(db, SETTINGS, clock).digests == 0


def test_a_site_that_opens_is_news_around_that_site_only(db: Database, clock: FrozenClock) -> None:
    near = {"region_kind": RegionKind.PLACE, "country": "FR", "latitude": 45.76, "longitude": 4.83, "radius_km": 30.0}
    with db.write() as session:
        trial = store_trial(session, 1, clock.now(), sites=(LEEDS, LYON))
        site = LYON.model_dump(mode="json")
        publish(session, trial, ChangeKind.SITE_OPENED, clock.now(), sites=[site])
        store_subscriber(session, "louise", clock.now(), cursor=0, follows=[near])
        store_subscriber(
            session, "mark", clock.now(), cursor=0, follows=[{"region_kind": RegionKind.COUNTRY, "country": "GB"}]
        )
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "louise")
    (reason,) = Entry.model_validate(digest.entries[0]).reasons
    assert (reason.nearest, reason.distance_km) == ("Lyon", 1.9)
    assert digests_of(db, "mark") == []


def test_a_change_that_meets_two_profiles_is_told_once_and_names_both(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        follows = [{"label": "for Tom"}, {"area_id": "D001327", "label": "for me"}]
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=follows)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    (entry,) = [Entry.model_validate(entry) for entry in digest.entries]
    assert [(r.label, r.area_name, r.through_name) for r in entry.reasons] == [
        ("for Tom", "Multiple sclerosis", None),
        ("for me", "Autoimmune diseases", "Multiple sclerosis"),
    ]


def test_one_broken_preference_harms_only_its_subscriber(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now(), follows=[{"sex": "unheard of"}])
        store_subscriber(session, "ben", clock.now())
    count = compose_due(db, SETTINGS, clock)
    assert (count.digests, len(count.failed)) == (1, 1)
    assert len(digests_of(db, "ben")) == 1
    with db.read() as session:
        assert subscriber_called(session, "anna").cursor == NEVER_SERVED, "nothing is lost: they stay due"


def test_who_left_and_comes_back_gets_a_first_digest_again(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now())
    compose_due(db, SETTINGS, clock)
    with db.write() as session:
        anna = subscriber_called(session, "anna")
        anna.cursor, anna.next_due_at = NEVER_SERVED, clock.now()
        session.add(anna)
    compose_due(db, SETTINGS, clock)
    assert [digest.from_seq for digest in digests_of(db, "anna")] == [-2, -1]
    with db.read() as session:
        assert len(list(session.exec(select(Delivery)))) == 2


def test_more_subscribers_than_a_batch_are_all_served_once(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        for number in range(1_203):
            store_subscriber(session, f"subscriber{number}", clock.now(), cursor=0)
    count = compose_due(db, SETTINGS, clock)
    assert (count.subscribers, count.digests, count.entries) == (1_203, 1_203, 1_203)
    assert compose_due(db, SETTINGS, clock).subscribers == 0


def test_a_round_that_is_stopped_leaves_the_rest_due(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now())
    assert compose_due(db, SETTINGS, clock, stop=lambda: True).digests == 0
    assert compose_due(db, SETTINGS, clock).digests == 1


@pytest.mark.parametrize("cursor", [0, NEVER_SERVED])
def test_who_becomes_due_with_an_older_cursor_while_a_window_is_served_loses_nothing(
    db: Database, clock: FrozenClock, cursor: int
) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        publish(session, trial, ChangeKind.REGISTERED, clock.now())
        publish(session, trial, ChangeKind.OPENED, clock.now())
        store_subscriber(session, "ben", clock.now(), cursor=1)
    with db.read() as session:
        composer = Composer.prepare(session, SETTINGS, clock.now())
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=cursor)
    assert composer is not None
    with db.write() as session:
        composer.serve_batch(session, ComposeCount())
    assert digests_of(db, "anna") == []
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert told_in(digest) == (["registered", "opened"] if cursor == 0 else ["recruiting_now"])


def test_a_stored_entry_is_what_an_entry_writes_and_its_changes_are_read_with_it(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        publish(session, trial, ChangeKind.CLOSED, clock.now(), status="COMPLETED")
        publish(session, store_article(session, 2, clock.now()), ChangeKind.PUBLISHED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert [Entry.model_validate(entry).as_json() for entry in digest.entries] == digest.entries
    with db.read() as session:
        shown = with_changes(session, digest, most=10)
        assert shown.id == digest.id
        assert shown not in session
    (told,) = Entry.model_validate(shown.entries[0]).told
    assert told.after == {"status": "COMPLETED"}
