"""Composers that are killed at any moment, and several at once: every matching change is told exactly once."""

from __future__ import annotations

import os
import random
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from tests import programs
from tests.digests.stage import LEEDS, LYON, SETTINGS, publish, store_areas, store_subscriber, store_trial
from tests.matching.worlds import candidates_between, concerns
from tests.programs import Program
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.compose import compose_due
from trialalerts.digests.tables import Digest, Selection
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber
from trialalerts.vocabulary.areas.tree import load_areas

REPOSITORY = Path(__file__).resolve().parent.parent.parent
KILLS = 200 if os.environ.get("TRIALALERTS_TEST_SOAK") else 6
SUBSCRIBERS = 1_000
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def fill(db: Database, dice: random.Random) -> None:
    """Store a thousand subscribers with one or two preferences and sixty changes."""
    with db.write() as session:
        store_areas(session)
        for number in range(30):
            trial = store_trial(
                session,
                number,
                LONG_AGO,
                area=dice.choice(["D009103", "D001327", "D001249"]),
                sites=tuple(dice.sample([LEEDS, LYON], dice.randint(0, 2))),
                sex=dice.choice([None, "all", "female"]),
            )
            for kind in dice.sample([ChangeKind.OPENED, ChangeKind.CLOSED, ChangeKind.RESULTS_POSTED], 2):
                publish(session, trial, kind, LONG_AGO)
        for number in range(SUBSCRIBERS):
            store_subscriber(
                session,
                f"s{number}",
                LONG_AGO,
                cursor=dice.choice([0, 7, 20]),
                frequency=Frequency.MONTHLY,
                follows=[
                    {
                        "area_id": dice.choice(["D009103", "D001327", "D001249"]),
                        "region_kind": RegionKind.COUNTRY,
                        "country": dice.choice(["GB", "FR", "DE"]),
                        "sex": dice.choice([None, "male"]),
                    }
                    for _ in range(dice.randint(1, 2))
                ],
            )


def start(db: Database) -> Program:
    """Start a composing process and wait until it is about to begin."""
    url = db.engine.url.render_as_string(hide_password=False)
    process = programs.start("tests.digests.composing_process", url, folder=REPOSITORY, out="pipe")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def make_all_due_again(db: Database, dice: random.Random) -> None:
    """Publish a few more changes and make everybody due."""
    with db.write() as session:
        trial = store_trial(session, dice.randint(1_000, 10**9), LONG_AGO)
        publish(session, trial, ChangeKind.REGISTERED, LONG_AGO)
        for subscriber in session.exec(select(Subscriber)):
            subscriber.next_due_at = LONG_AGO
            session.add(subscriber)


def assert_everything_was_told_exactly_once(db: Database, cursors: dict[int, int]) -> None:
    """Hold the tables to the specification of matching."""
    with db.read() as session:
        areas = load_areas(session)
        changes = candidates_between(session, 0, 10**9)
        last = max(change.seq for change in changes)
        told: dict[int, list[int]] = {subscriber: [] for subscriber in cursors}
        digests = list(session.exec(select(Digest)))
        selections = {selection.id: selection for selection in session.exec(select(Selection))}
        for digest in digests:
            seqs = {seq for _, selection in digest.parts for seq in selections[selection].numbers}
            assert all(digest.from_seq < seq <= digest.to_seq for seq in seqs)
            told[digest.subscriber_id] += seqs
        wanted: dict[int, set[int]] = {subscriber: set() for subscriber in cursors}
        for preference in session.exec(select(Preference)):
            wanted[preference.subscriber_id] |= {
                change.seq
                for change in changes
                if change.seq > cursors[preference.subscriber_id] and concerns(preference, change, areas)
            }
        assert {who: sorted(seqs) for who, seqs in told.items()} == {who: sorted(seqs) for who, seqs in wanted.items()}
        assert {subscriber.cursor for subscriber in session.exec(select(Subscriber))} == {last}
        queued = [delivery.data["digest_id"] for delivery in session.exec(select(Delivery))]
        assert sorted(queued) == sorted(digest.id or 0 for digest in digests)


def cursors_in(db: Database) -> dict[int, int]:
    with db.read() as session:
        return {subscriber.id or 0: subscriber.cursor for subscriber in session.exec(select(Subscriber))}


@pytest.mark.soak
def test_composers_that_are_killed_lose_nothing_and_tell_nothing_twice(db: Database) -> None:
    dice = random.Random(20260302)
    fill(db, dice)
    cursors = cursors_in(db)
    killed = 0
    while killed < KILLS:
        process = start(db)
        threading.Event().wait(dice.uniform(0.0, 0.9))
        process.kill()
        killed += 1
        output, _ = process.communicate()
        if "done" in output:
            make_all_due_again(db, dice)
    compose_due(db, SETTINGS, SystemClock())
    assert_everything_was_told_exactly_once(db, cursors)


def test_several_composers_at_once_tell_everything_exactly_once(db: Database) -> None:
    fill(db, random.Random(7))
    cursors = cursors_in(db)
    processes = [start(db) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert_everything_was_told_exactly_once(db, cursors)
