"""A wish that rests: what happens meanwhile is told once it goes on, all of it and once only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial, subscriber_called
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due, compose_for
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.account.resting import rest_preference, wake_preference
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import Frequency, Preference

MS, ASTHMA, WIDER = ({"area_id": area} for area in ("D009103", "D001249", "D001327"))


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def wishes(session: Session) -> list[Preference]:
    return list_preferences(session, subscriber_called(session, "anna"))


def rest(db: Database, clock: FrozenClock, number: int, *, days: int = 10) -> None:
    with db.write() as session:
        until = (clock.now() + timedelta(days=days)).date()
        which = wishes(session)[number].id or 0
        rest_preference(session, subscriber_called(session, "anna"), which, until=until, how="web", now=clock.now())


def wake(db: Database, clock: FrozenClock, number: int) -> None:
    with db.write() as session:
        which = wishes(session)[number].id or 0
        wake_preference(session, subscriber_called(session, "anna"), which, how="web", now=clock.now())


def open_trial(db: Database, clock: FrozenClock, number: int, area: str = "D009103") -> None:
    with db.write() as session:
        publish(session, store_trial(session, number, clock.now(), area=area), ChangeKind.OPENED, clock.now())


def told(db: Database) -> list[list[int]]:
    """Return by the digest, in their order, which trials each told."""
    with db.read() as session:
        digests = session.exec(select(Digest).order_by(Digest.id)).all()  # type: ignore[arg-type]  # SQLModel's column
        entries = DigestReader().entries(session, digests)
    return [sorted(entry.item_id for entry in each) for each in entries]


def tomorrow(db: Database, clock: FrozenClock) -> None:
    clock.advance(timedelta(days=1))
    compose_due(db, SETTINGS, clock)


@pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.IMMEDIATELY])
@pytest.mark.parametrize("early", [True, False], ids=["ended by hand", "over"])
def test_what_happened_in_a_rest_is_told_once_after_it(
    db: Database, clock: FrozenClock, frequency: Frequency, early: bool
) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[MS, ASTHMA], frequency=frequency)
    open_trial(db, clock, 1)
    tomorrow(db, clock)
    rest(db, clock, 0)
    open_trial(db, clock, 2)
    tomorrow(db, clock)
    open_trial(db, clock, 3, "D001249")
    tomorrow(db, clock)
    assert told(db) == [[1], [3]]
    if early:
        wake(db, clock, 0)
    else:
        clock.advance(timedelta(days=10))
    tomorrow(db, clock)
    tomorrow(db, clock)
    assert told(db) == [[1], [3], [2]]
    open_trial(db, clock, 4)
    tomorrow(db, clock)
    assert told(db) == [[1], [3], [2], [4]]
    with db.read() as session:
        assert [each.paused_seq for each in wishes(session)] == [None, None]


def test_what_another_wish_told_meanwhile_is_not_told_again(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[WIDER, MS])
    rest(db, clock, 0)
    open_trial(db, clock, 1)
    open_trial(db, clock, 2, "D001327")  # which only the wish that rests brings
    tomorrow(db, clock)
    assert told(db) == [[1]]
    wake(db, clock, 0)
    tomorrow(db, clock)
    assert told(db) == [[1], [2]]


def test_a_rest_that_begins_anew_before_it_was_caught_up_loses_nothing(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[MS, ASTHMA])
    rest(db, clock, 0)
    open_trial(db, clock, 1)
    tomorrow(db, clock)
    wake(db, clock, 0)
    rest(db, clock, 0)
    open_trial(db, clock, 2)
    tomorrow(db, clock)
    wake(db, clock, 0)
    tomorrow(db, clock)
    assert told(db) == [[1, 2]]


def test_a_wish_that_rests_before_the_first_digest_is_introduced_after_it(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_trial(session, 1, clock.now())
        store_trial(session, 2, clock.now(), area="D001249")
        store_subscriber(session, "anna", clock.now(), follows=[MS, ASTHMA])
    rest(db, clock, 0)
    compose_due(db, SETTINGS, clock)
    assert told(db) == [[2]]
    clock.advance(timedelta(days=11))
    tomorrow(db, clock)
    assert told(db) == [[2], [1]]


def test_one_subscriber_served_by_hand_gets_what_waited(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        number = store_subscriber(session, "anna", clock.now(), cursor=0).id or 0
    rest(db, clock, 0)
    open_trial(db, clock, 1)
    tomorrow(db, clock)
    wake(db, clock, 0)
    assert compose_for(db, SETTINGS, clock, number)
    assert not compose_for(db, SETTINGS, clock, number)
    assert told(db) == [[1]]
