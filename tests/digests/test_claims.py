"""Composers take pages of those who are due: everybody stands on one page, whoever else takes pages beside."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial, subscriber_called
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.claims import PageClaims
from trialalerts.digests.compose import compose_due
from trialalerts.digests.due import DuePage, DueRow, due_rows
from trialalerts.digests.due_subscribers import PageMatcher, PageMatches
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.tables import Frequency, SubscriberState


def store_due(db: Database, clock: FrozenClock, *, number: int, moments: int) -> list[int]:
    """Store subscribers who became due at a few different moments; return their ids in the order in which they were."""
    dice = random.Random(number * 100 + moments)
    with db.write() as session:
        people = [
            (clock.now() - timedelta(hours=dice.randrange(moments)), store_subscriber(session, f"s{n}", clock.now()))
            for n in range(number)
        ]
        for due, subscriber in people:
            subscriber.next_due_at = due
            session.add(subscriber)
        return [who for _, who in sorted((due, subscriber.id or 0) for due, subscriber in people)]


def people_on(db: Database, page: DuePage) -> list[int]:
    with db.read() as session:
        return list(dict.fromkeys(row[0] for row in due_rows(session, 0, page)))


def take(db: Database, pages: PageClaims) -> DuePage | None:
    with db.write() as session:
        return pages.claim(session)


def all_of(db: Database, pages: PageClaims) -> list[list[int]]:
    taken = []
    while page := take(db, pages):
        taken.append(people_on(db, page))
    return taken


@pytest.mark.parametrize("size", [1, 3, 7, 20, 100])
@pytest.mark.parametrize("moments", [1, 4, 30])
def test_pages_hold_everybody_once_in_the_order_in_which_they_became_due(
    db: Database, clock: FrozenClock, moments: int, size: int
) -> None:
    people = store_due(db, clock, number=20, moments=moments)
    pages = all_of(db, PageClaims(now=clock.now(), last_change=0, size=size))
    # Who are due stay due here, so that the page after the last one is the end; nobody comes a second time.
    assert [sorted(page) for page in pages] == [sorted(people[n : n + size]) for n in range(0, 20, size)]


def test_a_page_that_one_composer_took_no_other_takes(db: Database, clock: FrozenClock) -> None:
    people = store_due(db, clock, number=20, moments=3)
    ours, theirs = (PageClaims(now=clock.now(), last_change=0, size=4) for _ in range(2))
    taken = [take(db, pages) for pages in (ours, theirs, theirs, ours, theirs)]
    assert sorted(who for page in taken if page for who in people_on(db, page)) == sorted(people)


def test_after_a_round_that_was_broken_off_nobody_is_left_out(db: Database, clock: FrozenClock) -> None:
    people = store_due(db, clock, number=20, moments=3)
    broken_off = PageClaims(now=clock.now(), last_change=0, size=8)
    assert take(db, broken_off)
    pages = all_of(db, PageClaims(now=clock.now(), last_change=0, size=8))
    assert [len(page) for page in pages[:2]] == [8, 4]  # it went on where the other had stopped,
    assert sorted(who for page in pages[2:] for who in page) == sorted(people)  # and began again at the first


def test_whoever_is_served_at_once_and_has_nothing_new_is_on_no_page(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0, frequency=Frequency.IMMEDIATELY)
        ben = store_subscriber(session, "ben", clock.now(), cursor=0).id
    assert all_of(db, PageClaims(now=clock.now(), last_change=0, size=10)) == [[ben]]


def change_while_a_page_is_matched(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, **changes: object
) -> list[int]:
    """Compose for Anna, Ben and Carl; Ben is changed between reading and storing. Return the rows of each asking."""
    with db.write() as session:
        store_areas(session)
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
        for name in ("anna", "ben", "carl"):
            store_subscriber(session, name, clock.now(), cursor=0)
    match = PageMatcher.match
    asked: list[int] = []

    def ben_changes_meanwhile(matcher: PageMatcher, rows: list[DueRow], *rested: Any) -> PageMatches:
        asked.append(len(rows))
        if len(asked) == 1:
            with db.write() as session:
                ben = subscriber_called(session, "ben")
                for name, value in changes.items():
                    setattr(ben, name, value)
                session.add(ben)
        return match(matcher, rows, *rested)

    monkeypatch.setattr(PageMatcher, "match", ben_changes_meanwhile)
    compose_due(db, SETTINGS, clock)
    return asked


def test_who_leaves_while_a_page_is_matched_is_told_nothing_and_the_others_get_theirs(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change_while_a_page_is_matched(db, clock, monkeypatch, state=SubscriberState.UNSUBSCRIBED) == [3, 2]
    with db.read() as session:
        told = {digest.subscriber_id for digest in session.exec(select(Digest))}
        assert told == {subscriber_called(session, name).id for name in ("anna", "carl")}


def test_who_chooses_another_schedule_while_a_page_is_matched_gets_the_next_digest_by_the_new_one(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change_while_a_page_is_matched(db, clock, monkeypatch, frequency=Frequency.MONTHLY) == [3, 3]
    with db.read() as session:
        ben, anna = (subscriber_called(session, name) for name in ("ben", "anna"))
        assert len(list(session.exec(select(Digest)))) == 3
        assert ben.next_due_at is not None
        assert anna.next_due_at is not None
        assert ben.next_due_at - anna.next_due_at > timedelta(days=20)
