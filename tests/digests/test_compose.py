"""Composing: who is served, once, with what; and nothing half done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

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
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests import compose
from trialalerts.digests.compose import Composer, compose_due
from trialalerts.digests.due import due_page, due_rows
from trialalerts.digests.entries import Entry
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.storing import ConcurrentUpdate
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.subscribers.tables import NEVER_SERVED, Frequency, RegionKind, SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def digests_of(db: Database, name: str) -> list[Digest]:
    with db.read() as session:
        subscriber = subscriber_called(session, name)
        asked = select(Digest).where(Digest.subscriber_id == subscriber.id).order_by(Digest.from_seq)  # type: ignore[arg-type]  # SQLModel's column
        return list(session.exec(asked))


def rows_due(session: Session, clock: FrozenClock, last_change: int) -> Sequence[Any]:
    page = due_page(session, clock.now(), last_change, 100)
    assert page is not None
    return due_rows(session, last_change, page)


def entries_of(db: Database, digest: Digest) -> list[Entry]:
    with db.read() as session:
        (entries,) = DigestReader().entries(session, [digest])
    return entries


def told_in(db: Database, digest: Digest) -> list[str]:
    return [told.kind for entry in entries_of(db, digest) for told in entry.told]


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
    assert told_in(db, first) == ["recruiting_now"]

    clock.advance(timedelta(days=1))
    with db.write() as session:
        publish(session, store_trial(session, 3, clock.now()), ChangeKind.REGISTERED, clock.now())
        publish(session, store_article(session, 4, clock.now()), ChangeKind.PUBLISHED, clock.now())
    compose_due(db, SETTINGS, clock)
    _, second = digests_of(db, "anna")
    assert second.kind is DigestKind.REGULAR
    assert (second.from_seq, second.to_seq) == (1, 3)
    assert told_in(db, second) == ["registered", "published"]


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
    assert (digest.from_seq, digest.to_seq, len(entries_of(db, digest))) == (0, 7, 7)


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
    assert told_in(db, digest) == ["opened"]


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
    (reason,) = entries_of(db, digest)[0].reasons
    assert (reason.nearest, reason.distance_km) == ("Lyon", 1.9)
    assert digests_of(db, "mark") == []


def test_a_change_that_meets_two_profiles_is_told_once_and_names_both(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        follows = [{"label": "for Tom"}, {"area_id": "D001327", "label": "for me"}]
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=follows)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    (entry,) = entries_of(db, digest)
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


def test_more_subscribers_than_a_page_are_all_served_once(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "BATCH", 100)
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        for number in range(1_203):
            store_subscriber(session, f"subscriber{number}", clock.now(), cursor=0)
    count = compose_due(db, SETTINGS, clock)
    assert (count.subscribers, count.digests) == (1_203, 1_203)
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
        composer.storage.store(session, composer.matches_of(session, rows_due(session, clock, 2)).served)
    assert digests_of(db, "anna") == []
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert told_in(db, digest) == (["registered", "opened"] if cursor == 0 else ["recruiting_now"])


def test_what_a_change_was_before_and_after_is_read_with_it(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        publish(session, trial, ChangeKind.CLOSED, clock.now(), status="COMPLETED")
        publish(session, store_article(session, 2, clock.now()), ChangeKind.PUBLISHED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    (told,) = entries_of(db, digest)[0].told
    assert told.after == {"status": "COMPLETED"}


def test_a_new_preference_is_introduced_by_what_is_open_now_and_only_once(db: Database, clock: FrozenClock) -> None:
    new = {"area_id": "D001249", "introduced_at": None}
    with db.write() as session:
        store_trial(session, 1, clock.now(), area="D001249")
        publish(session, store_trial(session, 2, clock.now()), ChangeKind.OPENED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[{}, new])
        store_subscriber(session, "ben", clock.now(), cursor=1, follows=[{}, new])
    compose_due(db, SETTINGS, clock)
    (of_anna,), (of_ben,) = digests_of(db, "anna"), digests_of(db, "ben")
    assert (of_anna.kind, told_in(db, of_anna)) == (DigestKind.REGULAR, ["opened", "recruiting_now"])
    assert (of_ben.kind, of_ben.from_seq, told_in(db, of_ben)) == (DigestKind.FIRST, -1, ["recruiting_now"])
    clock.advance(timedelta(days=1))
    with db.write() as session:
        publish(session, store_trial(session, 3, clock.now()), ChangeKind.OPENED, clock.now())
    compose_due(db, SETTINGS, clock)
    assert [told_in(db, digest) for digest in digests_of(db, "ben")] == [["recruiting_now"], ["opened"]]


def test_who_is_served_at_once_is_told_at_once_what_is_open_for_a_new_preference(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_subscriber(
            session,
            "anna",
            clock.now(),
            cursor=0,
            frequency=Frequency.IMMEDIATELY,
            follows=[{"introduced_at": None}],
        )
    assert compose_due(db, SETTINGS, clock).digests == 1
    assert compose_due(db, SETTINGS, clock).subscribers == 0


def test_nothing_is_stored_for_who_left_between_reading_and_storing_and_the_others_get_theirs(
    sqlite_db: Database, clock: FrozenClock
) -> None:
    with sqlite_db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        for name in ("anna", "ben", "carl"):
            store_subscriber(session, name, clock.now(), cursor=0)
    with sqlite_db.read() as session:
        composer = Composer.prepare(session, SETTINGS, clock.now())
        assert composer is not None
        answers = composer.matches_of(session, rows_due(session, clock, 1))
    with sqlite_db.write() as session:
        anna = subscriber_called(session, "anna")
        anna.state = SubscriberState.UNSUBSCRIBED
        session.add(anna)
    with pytest.raises(ConcurrentUpdate), sqlite_db.write() as session:
        composer.storage.store(session, answers.served)
    assert digests_of(sqlite_db, "ben") == []
    compose_due(sqlite_db, SETTINGS, clock)
    assert [len(digests_of(sqlite_db, name)) for name in ("anna", "ben", "carl")] == [0, 1, 1]


def test_an_area_that_was_learned_a_moment_ago_is_called_by_its_name(db: Database, clock: FrozenClock) -> None:
    reader = DigestReader()
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
    compose_due(db, SETTINGS, clock)
    with db.read() as session:
        reader.entries(session, digests_of(db, "anna"))
    with db.write() as session:
        session.add(Area(id="D000690", name="Amyotrophic lateral sclerosis", origin=AreaOrigin.TRIAL))
        publish(session, store_trial(session, 2, clock.now(), area="D000690"), ChangeKind.OPENED, clock.now())
        store_subscriber(session, "ben", clock.now(), cursor=1, follows=[{"area_id": "D000690"}])
    compose_due(db, SETTINGS, clock)
    with db.read() as session:
        ((entry,),) = reader.entries(session, digests_of(db, "ben"))
    assert [reason.area_name for reason in entry.reasons] == ["Amyotrophic lateral sclerosis"]
