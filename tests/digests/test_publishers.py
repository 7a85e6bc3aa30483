"""Publishers at work at once, each as slow as it likes: a composer that follows them skips no change."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

from sqlmodel import col, select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.tables import Frequency

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PUBLISHERS, ROUNDS = 4, 12


def test_no_change_is_skipped_or_told_twice_while_publishers_commit_out_of_step(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", LONG_AGO, cursor=0, frequency=Frequency.IMMEDIATELY)
        trials = [store_trial(session, number, LONG_AGO) for number in range(PUBLISHERS)]

    def publisher(number: int) -> None:
        dice = random.Random(number)
        for _ in range(ROUNDS):
            with db.write() as session:
                threading.Event().wait(dice.uniform(0, 0.01))
                for _ in range(dice.randint(1, 3)):
                    publish(session, trials[number], ChangeKind.OPENED, LONG_AGO)
                threading.Event().wait(dice.uniform(0, 0.01))

    threads = [threading.Thread(target=publisher, args=(number,)) for number in range(PUBLISHERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        compose_due(db, SETTINGS, SystemClock())
    compose_due(db, SETTINGS, SystemClock())
    with db.read() as session:
        published = list(session.exec(select(Change.seq).order_by(col(Change.seq))))
        digests = list(session.exec(select(Digest)))
        entries = DigestReader().entries(session, digests)
    told = [t.seq for of_one in entries for entry in of_one for t in entry.told]
    assert published == list(range(1, len(published) + 1)), "numbers have no gap"
    assert sorted(seq or 0 for seq in told) == published
